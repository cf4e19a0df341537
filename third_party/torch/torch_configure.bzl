"""@local_torch: the LibTorch of an installed PyTorch, or an empty stand-in without one."""

_DEFS = """TORCH_CONFIGURED = {configured}

# The interpreter that can import it, where it is known; "" otherwise.
TORCH_PYTHON = "{python}"
"""

def _python_of(ctx, root):
    prefix = root.rpartition("/lib/python")[0]
    python = prefix + "/bin/python"
    return python if prefix and ctx.path(python).exists else ""

def _impl(ctx):
    ctx.path(Label("//third_party/torch:requirements.txt"))
    ctx.path(Label("//third_party/torch:python_env.sh"))
    found = ctx.execute([ctx.path(Label("//third_party/torch:find_torch.sh"))])
    if found.return_code != 0:
        fail("@%s: find_torch.sh failed: %s" % (ctx.name, found.stderr))
    root = found.stdout.strip()
    if not root:
        if ctx.os.environ.get("TORCH_PATH", ""):
            fail("@%s: TORCH_PATH is %s, which has no include/ATen and lib/libtorch_cpu.so" %
                 (ctx.name, ctx.os.environ["TORCH_PATH"]))
        ctx.template("BUILD.bazel", Label("//third_party/torch:absent.BUILD"))
        ctx.file("defs.bzl", _DEFS.format(configured = False, python = ""))
        return
    ctx.symlink(root + "/include", "include")
    ctx.template(
        "BUILD.bazel",
        Label("//third_party/torch:present.BUILD"),
        substitutions = {"{root}": root},
    )
    ctx.file("defs.bzl", _DEFS.format(configured = True, python = _python_of(ctx, root)))

torch_configure = repository_rule(
    implementation = _impl,
    environ = ["TORCH_PATH", "HOIST_PYTHON", "XDG_CACHE_HOME", "HOME", "PATH"],
    configure = True,
    local = True,
)

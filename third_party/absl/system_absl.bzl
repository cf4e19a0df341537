"""@com_google_absl from the system's -dev package, with upstream's labels."""

# Upstream package -> target -> pkg-config module. Add a line when a label is first used.
_TARGETS = {
    "base": {
        "core_headers": "absl_core_headers",
    },
    "cleanup": {
        "cleanup": "absl_cleanup",
    },
    "container": {
        "flat_hash_map": "absl_flat_hash_map",
        "flat_hash_set": "absl_flat_hash_set",
        "inlined_vector": "absl_inlined_vector",
    },
    "functional": {
        "any_invocable": "absl_any_invocable",
        "function_ref": "absl_function_ref",
    },
    "numeric": {
        "int128": "absl_int128",
    },
    "status": {
        "status": "absl_status",
        "statusor": "absl_statusor",
    },
    "strings": {
        "cord": "absl_cord",
        "str_format": "absl_str_format",
        "strings": "absl_strings",
    },
    "types": {
        "span": "absl_span",
    },
}

_LIBRARY = """
cc_library(
    name = "{name}",
    linkopts = {linkopts},
)
"""

def _linkopts(ctx, module):
    result = ctx.execute(["pkg-config", "--libs-only-l", module])
    if result.return_code != 0:
        fail("@%s: pkg-config has no %s; install libabsl-dev, or declare @%s before hoist_dependencies(): %s" %
             (ctx.name, module, ctx.name, result.stderr))

    # Every library that a label needs is named: gold drops, under --as-needed,
    # those that only a shared library of ours refers to.
    return [flag.strip() for flag in result.stdout.split(" ") if flag.strip()]

def _impl(ctx):
    ctx.file("BUILD.bazel", "")
    for package, targets in _TARGETS.items():
        text = "load(\"@rules_cc//cc:defs.bzl\", \"cc_library\")\n\npackage(default_visibility = [\"//visibility:public\"])\n"
        for name, module in targets.items():
            text += _LIBRARY.format(name = name, linkopts = _linkopts(ctx, module))
        ctx.file("absl/%s/BUILD.bazel" % package, text)

system_absl = repository_rule(implementation = _impl, local = True)

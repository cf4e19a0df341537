"""torch_cc_library, torch_cc_test, torch_cc_binary: C++ rules for what links LibTorch."""

load("@local_torch//:defs.bzl", "TORCH_CONFIGURED")
load("//tools/build_defs:cc.bzl", "hoist_cc_binary", "hoist_cc_library", "hoist_cc_test")

_TORCH = str(Label("//third_party/torch"))

# Without a LibTorch, `bazel test //...` skips these targets in place of failing.
_COMPATIBLE = [] if TORCH_CONFIGURED else [str(Label("//third_party/torch:libtorch_installed"))]

def torch_cc_library(name, deps = [], **kwargs):
    hoist_cc_library(name = name, deps = deps + [_TORCH], target_compatible_with = _COMPATIBLE, **kwargs)

def torch_cc_binary(name, deps = [], **kwargs):
    hoist_cc_binary(name = name, deps = deps + [_TORCH], target_compatible_with = _COMPATIBLE, **kwargs)

def torch_cc_test(name, deps = [], tags = [], **kwargs):
    # LibTorch is not instrumented, so ThreadSanitizer takes its own threads for races.
    hoist_cc_test(
        name = name,
        tags = tags + ["no-tsan"],
        deps = deps + [_TORCH],
        target_compatible_with = _COMPATIBLE,
        **kwargs
    )

def torch_sh_test(name, size = "small", tags = [], **kwargs):
    native.sh_test(
        name = name,
        size = size,
        tags = tags + ["no-tsan"],
        target_compatible_with = _COMPATIBLE,
        **kwargs
    )

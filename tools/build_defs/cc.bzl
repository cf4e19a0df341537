"""The project's C++ rules: rules_cc with the project's include prefix and warnings."""

load("@rules_cc//cc:defs.bzl", "cc_binary", "cc_library", "cc_test")

# Headers are included as "hoist/core/…", so that a larger build with a core/ or
# tools/ folder of its own never finds its header in place of ours.
_INCLUDE_PREFIX = "hoist"

_COPTS = [
    "-Wall",
    "-Wextra",
    "-Wno-missing-field-initializers",
]

def hoist_cc_library(name, hdrs = [], copts = [], **kwargs):
    cc_library(
        name = name,
        hdrs = hdrs,
        copts = _COPTS + copts,
        include_prefix = _INCLUDE_PREFIX + "/" + native.package_name(),
        **kwargs
    )

# Half of all that is compiled are tests, each once and to run for a moment. What
# they test is optimised in full.
_TEST_COPTS = select({
    str(Label("//tools/build_defs:optimized")): ["-O1"],
    "//conditions:default": [],
})

def hoist_cc_test(name, size = "small", copts = [], **kwargs):
    cc_test(name = name, size = size, copts = _COPTS + _TEST_COPTS + copts, **kwargs)

def hoist_cc_binary(name, copts = [], **kwargs):
    cc_binary(name = name, copts = _COPTS + copts, **kwargs)

"""Loops compiled once for each CpuLevel."""

load("//tools/build_defs:cc.bzl", "hoist_cc_library")

_X86_64 = "@platforms//cpu:x86_64"

_LEVELS = {
    "Baseline": [],
    "Avx2": ["-mavx2"],
    "Avx512": [
        "-mavx2",
        "-mavx512f",
        "-mavx512bw",
        "-mavx512dq",
        "-mavx512vl",
        "-mprefer-vector-width=512",
    ],
}

# Comparisons without a trap can be vectorised; products and sums are not fused,
# so that every level gives the same bits.
_COPTS = ["-O3", "-fno-trapping-math", "-ffp-contract=off"]

def cpu_level_library(name, srcs, hdrs, deps = []):
    """A library private to its package, compiled once for each CpuLevel.

    `srcs` define a specialization for CpuLevel::HOIST_CPU_LEVEL of what `hdrs`
    declare. All else in them is in an unnamed namespace or HOIST_HOST_DEVICE:
    a function that the linker could share would be that of any level.
    """
    for level, copts in _LEVELS.items():
        hoist_cc_library(
            name = name + "_" + level.lower(),
            srcs = srcs,
            copts = _COPTS + ["-DHOIST_CPU_LEVEL=k" + level] + select({
                _X86_64: copts,
                "//conditions:default": [],
            }),
            deps = deps + [name + "_headers"],
            visibility = ["//visibility:private"],
        )
    hoist_cc_library(
        name = name + "_headers",
        hdrs = hdrs,
        deps = deps,
        visibility = ["//visibility:private"],
    )
    hoist_cc_library(
        name = name,
        deps = [name + "_headers"] + [name + "_" + level.lower() for level in _LEVELS],
        visibility = ["//visibility:private"],
    )

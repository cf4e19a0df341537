"""Declares every repository that Hoist needs, unless the importer already did."""

load("@bazel_tools//tools/build_defs/repo:utils.bzl", "maybe")
load("//third_party:system_repository.bzl", "system_repository")
load("//third_party/absl:system_absl.bzl", "system_absl")
load("//third_party/cuda:cuda_configure.bzl", "cuda_configure")
load("//third_party/rules_cc:rules_cc_shim.bzl", "rules_cc_shim")
load("//third_party/torch:torch_configure.bzl", "torch_configure")

# Repository -> (folder of its system.BUILD, a file of its -dev package).
_SYSTEM_LIBRARIES = {
    "cli11": ("cli11", "/usr/include/CLI/CLI.hpp"),
    "com_github_google_benchmark": ("benchmark", "/usr/include/benchmark/benchmark.h"),
    "com_google_googletest": ("googletest", "/usr/include/gtest/gtest.h"),
    "com_googlesource_code_re2": ("re2", "/usr/include/re2/re2.h"),
    "dlpack": ("dlpack", "/usr/include/dlpack/dlpack.h"),
    "isal": ("isal", "/usr/include/isa-l.h"),
    "liburing": ("liburing", "/usr/include/liburing.h"),
    "net_zstd": ("zstd", "/usr/include/zstd.h"),
    "nlohmann_json": ("nlohmann_json", "/usr/include/nlohmann/json.hpp"),
    "openssl": ("openssl", "/usr/include/openssl/evp.h"),
    "simdjson": ("simdjson", "/usr/include/simdjson.h"),
    "zlib": ("zlib", "/usr/include/zlib.h"),
}

def hoist_dependencies():
    """Declares dependencies, each only if no repository of that name exists yet.

    Call it after your own repositories, so that yours win.
    """
    maybe(rules_cc_shim, name = "rules_cc")
    maybe(native.local_repository, name = "rules_java", path = "/usr/share/bazel/rules/java")
    maybe(native.local_repository, name = "rules_proto", path = "/usr/share/bazel/rules/proto")
    maybe(native.local_repository, name = "platforms", path = "/usr/share/bazel/platforms")
    maybe(native.local_repository, name = "bazel_skylib", path = "/usr/share/bazel/tools/skylib")
    maybe(system_absl, name = "com_google_absl")
    for name, (folder, probe) in _SYSTEM_LIBRARIES.items():
        maybe(
            system_repository,
            name = name,
            build_files = {Label("//third_party/%s:system.BUILD" % folder): "BUILD.bazel"},
            probe = [probe],
        )
    maybe(
        system_repository,
        name = "remote_coverage_tools",
        build_files = {
            Label("//third_party/coverage_tools:system.BUILD"): "BUILD.bazel",
            Label("//third_party/coverage_tools:unavailable.sh"): "unavailable.sh",
        },
    )
    maybe(cuda_configure, name = "local_cuda")
    maybe(torch_configure, name = "local_torch")

"""hoist_fuzz_test: a libFuzzer target that is also a test over its corpus."""

load("//tools/build_defs:cc.bzl", "hoist_cc_binary", "hoist_cc_test")

def hoist_fuzz_test(name, srcs, corpus, deps = [], **kwargs):
    """Defines NAME_fuzz, a test, and NAME_fuzzer, a program that searches.

    Args:
      name: ends with "_fuzz", as in "zip_directory_fuzz". That is the test: it
        gives each file of `corpus` to the target once, with any compiler.
        "zip_directory_fuzzer" is libFuzzer's, and builds with --config=fuzz.
      srcs: define LLVMFuzzerTestOneInput().
      corpus: files, one input each.
      deps: of `srcs`.
      **kwargs: of the test.
    """
    if not name.endswith("_fuzz"):
        fail("%s: the name of a fuzz test ends with _fuzz" % name)
    if not corpus:
        fail("%s has no corpus" % name)
    hoist_cc_test(
        name = name,
        srcs = srcs,
        args = ["$(location %s)" % file for file in corpus],
        data = corpus,
        deps = deps + [str(Label("//tools/fuzz:replay_main"))],
        **kwargs
    )
    hoist_cc_binary(
        name = name + "er",
        testonly = True,
        srcs = srcs,
        linkopts = ["-fsanitize=fuzzer"],
        tags = ["manual"],
        deps = deps,
    )

"""Each case is what Bazel 4.2.3 writes for it, less the fields that are not read."""

import contextlib
import io
import json
import os
import tempfile
import unittest

from tools.dev import count_results

FINISHED = {"id": {"buildFinished": {}}, "finished": {}}
FAILED = {"id": {"buildFinished": {}}, "finished": {"exitCode": {"name": "BUILD_FAILURE", "code": 1}}}


def configured(label, size="SMALL"):
    return {"id": {"targetConfigured": {"label": label}}, "configured": {"testSize": size}}


def built(label, runs=True):
    children = [{"testSummary": {"label": label}}] if runs else []
    return {"id": {"targetCompleted": {"label": label}}, "children": children, "completed": {"success": True}}


def summary(label, status, **fields):
    return {"id": {"testSummary": {"label": label}}, "testSummary": dict(overallStatus=status, **fields)}


def ran(label, status, **fields):
    return [configured(label), built(label), summary(label, status, **fields)]


class CountResultsTest(unittest.TestCase):
    def count(self, *events, tail=""):
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "events.json")
            with open(path, "w", encoding="utf-8") as file:
                file.write("".join(json.dumps(event) + "\n" for event in events) + tail)
            with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
                return count_results.Invocation(path).counts()

    def test_passed_cached_and_flaky_tests_pass(self):
        events = ran("//a", "PASSED") + ran("//b", "PASSED", totalNumCached=1) + ran("//c", "FLAKY")
        self.assertEqual(self.count(*events, FINISHED), (3, 0))

    def test_failed_and_timed_out_tests_fail(self):
        events = ran("//a", "FAILED") + ran("//b", "TIMEOUT") + ran("//c", "PASSED")
        self.assertEqual(self.count(*events, FAILED), (1, 2))

    def test_a_test_that_does_not_build_has_no_summary_and_fails(self):
        broken = {"id": {"targetCompleted": {"label": "//a"}}, "completed": {"failureDetail": {}}}
        self.assertEqual(self.count(configured("//a"), broken, FAILED), (0, 1))

    def test_a_test_that_was_built_and_never_ran_fails(self):
        aborted = {"id": {"testSummary": {"label": "//a"}}, "aborted": {}}
        self.assertEqual(self.count(configured("//a"), built("//a"), aborted, FAILED), (0, 1))

    def test_incompatible_and_filtered_tests_count_as_neither(self):
        skipped = {"id": {"targetCompleted": {"label": "//a"}}, "aborted": {"reason": "SKIPPED"}}
        filtered = built("//b", runs=False)
        self.assertEqual(self.count(configured("//a"), skipped, configured("//b"), filtered, FINISHED), (0, 0))

    def test_a_failed_build_without_failed_tests_fails(self):
        self.assertEqual(self.count(*ran("//a", "PASSED"), FAILED), (1, 1))

    def test_a_bazel_that_died_fails(self):
        self.assertEqual(self.count(*ran("//a", "PASSED"), tail='{"id": {"buildFin'), (1, 1))
        self.assertEqual(self.count(), (0, 1))


if __name__ == "__main__":
    unittest.main()

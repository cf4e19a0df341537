#!/usr/bin/env python3
"""Counts test targets in the files of bazel's --build_event_json_file.

Prints what failed, and as its last line "N passed, N failed". Exits with 1
where something failed or nothing passed.
"""

import argparse
import collections
import json
import sys


class Invocation:
    """The tests of one `bazel test`, by what became of them."""

    def __init__(self, path):
        self.path = path
        self.outcome = {}  # label -> PASSED, FLAKY, FAILED, TIMEOUT, SKIPPED, FILTERED, ...
        self.cached = 0
        self.exit_code = None
        try:
            with open(path, encoding="utf-8") as lines:
                for line in lines:
                    self._add(json.loads(line))
        except (OSError, ValueError) as error:
            # A Bazel that died leaves no file, or half a line; exit_code stays None.
            print(f"count_results: {path}: {error}", file=sys.stderr)

    def _add(self, event):
        kind, key = next(iter(event["id"].items()))
        if kind == "buildFinished":
            # Proto3 JSON leaves zeros out.
            self.exit_code = event["finished"].get("exitCode", {}).get("code", 0)
        elif kind == "targetConfigured" and event.get("configured", {}).get("testSize"):
            # Until a summary says better: a test that does not build gets none.
            self.outcome[key["label"]] = "FAILED_TO_BUILD"
        elif kind == "targetCompleted" and key["label"] in self.outcome:
            if event.get("aborted", {}).get("reason") == "SKIPPED":
                self.outcome[key["label"]] = "SKIPPED"
            elif event.get("completed", {}).get("success"):
                # Built; --test_tag_filters decides whether it also runs.
                runs = any("testSummary" in child for child in event.get("children", []))
                self.outcome[key["label"]] = "NO_STATUS" if runs else "FILTERED"
        elif kind == "testSummary" and "testSummary" in event:
            summary = event["testSummary"]
            self.outcome[key["label"]] = summary["overallStatus"]
            self.cached += summary.get("totalNumCached", 0) > 0

    def counts(self):
        """Returns how many passed and failed; prints the rest."""
        tally = collections.Counter(self.outcome.values())
        passed = tally["PASSED"] + tally["FLAKY"]
        failed = sum(tally.values()) - passed - tally["SKIPPED"] - tally["FILTERED"]
        print(f"{self.path}: {passed} passed ({self.cached} from the cache), {failed} failed, "
              f"{tally['SKIPPED']} skipped, {tally['FILTERED']} not asked for")
        for label, outcome in sorted(self.outcome.items()):
            if outcome not in ("PASSED", "FILTERED"):
                print(f"  {outcome} {label}")
        if self.exit_code != 0 and failed == 0:
            print(f"  Bazel itself failed, with exit code {self.exit_code}")
            failed = 1
        return passed, failed


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("events", nargs="*", help="file of --build_event_json_file")
    parser.add_argument("--passed", type=int, default=0, help="checks beside Bazel's that passed")
    parser.add_argument("--failed", type=int, default=0, help="checks beside Bazel's that failed")
    arguments = parser.parse_args()
    passed, failed = arguments.passed, arguments.failed
    for path in arguments.events:
        more_passed, more_failed = Invocation(path).counts()
        passed += more_passed
        failed += more_failed
    print(f"{passed} passed, {failed} failed")
    return 1 if failed or not passed else 0


if __name__ == "__main__":
    sys.exit(main())

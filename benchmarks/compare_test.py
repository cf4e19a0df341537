import contextlib
import io
import json
import os
import tempfile
import unittest

from benchmarks import compare


def peers(**ratios):
    """A document of run.py: contestant -> share of the ceiling."""
    return {
        "schema": "hoist.peers/1",
        "results": [
            {"scenario": "large", "state": "warm", "dialect": "pt", "contestant": name, "ratio_to_ceiling": ratio}
            for name, ratio in ratios.items()
        ],
    }


class CompareTest(unittest.TestCase):
    def compare(self, base, new, *arguments):
        """The exit code, and what was printed."""
        with tempfile.TemporaryDirectory() as folder:
            paths = []
            for name, document in (("base", base), ("new", new)):
                paths.append(os.path.join(folder, name))
                with open(paths[-1], "w", encoding="utf-8") as file:
                    json.dump(document, file)
            output = io.StringIO()
            with contextlib.redirect_stdout(output), contextlib.redirect_stderr(output):
                return compare.main([*paths, *arguments]), output.getvalue()

    def test_a_share_that_fell_too_far_fails(self):
        code, output = self.compare(peers(hoist=0.9), peers(hoist=0.8))
        self.assertEqual(code, 1)
        self.assertIn("large / warm / pt / hoist  FELL to 0.89", output)

    def test_a_smaller_fall_and_a_rise_pass(self):
        self.assertEqual(self.compare(peers(hoist=0.9), peers(hoist=0.82))[0], 0)
        self.assertEqual(self.compare(peers(hoist=0.5), peers(hoist=0.9))[0], 0)

    def test_the_threshold_is_what_is_asked_for(self):
        self.assertEqual(self.compare(peers(hoist=0.9), peers(hoist=0.82), "--threshold=0.95")[0], 1)

    def test_peers_may_fall(self):
        code, output = self.compare(peers(hoist=0.9, DCP=0.9), peers(hoist=0.9, DCP=0.1))
        self.assertEqual(code, 0)
        self.assertNotIn("DCP", output)

    def test_what_is_new_or_gone_is_shown(self):
        code, output = self.compare(peers(hoist=0.9), peers(**{"hoist, not verified": 0.9}))
        self.assertEqual(code, 0)
        self.assertIn("gone  large / warm / pt / hoist\n", output)
        self.assertIn("new  large / warm / pt / hoist, not verified\n", output)

    def test_a_measurement_without_a_ceiling_is_not_compared(self):
        code, output = self.compare(peers(hoist=0.9, **{"hoist, tiny": None}), peers(hoist=0.9, **{"hoist, tiny": 0.1}))
        self.assertEqual(code, 0)
        self.assertIn("new", output)

    def test_nothing_to_compare_is_an_error(self):
        self.assertEqual(self.compare(peers(hoist=0.9), peers())[0], 2)

    def test_google_benchmarks_medians_are_compared_and_their_repetitions_not(self):
        def document(median, other):
            return {"benchmarks": [
                {"name": "load", "run_name": "load", "percent_of_ceiling": other},
                {"name": "load_median", "run_name": "load", "aggregate_name": "median", "percent_of_ceiling": median},
                {"name": "load_stddev", "run_name": "load", "aggregate_name": "stddev", "percent_of_ceiling": other},
            ]}
        self.assertEqual(self.compare(document(90, 90), document(90, 10))[0], 0)
        self.assertEqual(self.compare(document(90, 90), document(70, 90))[0], 1)

    def test_google_benchmarks_single_runs_are_compared(self):
        def document(share):
            return {"benchmarks": [{"name": "load", "percent_of_ceiling": share}, {"name": "other"}]}
        self.assertEqual(self.compare(document(90), document(70))[0], 1)
        self.assertEqual(self.compare(document(90), document(90))[0], 0)


if __name__ == "__main__":
    unittest.main()

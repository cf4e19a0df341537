import unittest

from benchmarks.peers import results


def runs(*seconds, size=100, **fields):
    return [{"seconds": value, "bytes": size, **fields} for value in seconds]


MACHINE = {"cpu": "CPU", "cpus": 2, "memory_bytes": 2**34, "kernel": "6", "load_average": 0.5}


class ResultsTest(unittest.TestCase):
    def summarise(self, measured):
        """{(contestant, dialect): entry}."""
        entries = results.summarise("large", "warm", measured)
        return {(entry["contestant"], entry["dialect"]): entry for entry in entries}

    def test_ratios_are_medians_of_those_within_a_round(self):
        # The machine is half as fast in the second round, and Hoist is not to blame.
        entry = self.summarise({("ceiling", "pt"): runs(1, 2, 1), ("hoist", "pt"): runs(2, 4, 8)})[("hoist", "pt")]
        self.assertEqual(entry["ratio_to_ceiling"], 0.5)
        self.assertEqual(entry["seconds"], 4)

    def test_rates_are_compared_where_files_differ_in_size(self):
        found = self.summarise({("ceiling", "pt"): runs(1, size=200), ("hoist", "safetensors"): runs(1, size=100)})
        self.assertEqual(found[("hoist", "safetensors")]["ratio_to_ceiling"], 0.5)

    def test_peers_are_held_against_hoist_on_the_same_dialect_or_on_pt(self):
        found = self.summarise({
            ("hoist", "pt"): runs(1), ("hoist", "safetensors"): runs(2),
            ("peer", "safetensors"): runs(4), ("DCP", "dcp"): runs(4),
        })
        self.assertEqual(found[("peer", "safetensors")]["ratio_to_hoist"], 0.5)
        self.assertEqual(found[("DCP", "dcp")]["ratio_to_hoist"], 0.25)
        self.assertIsNone(found[("hoist", "pt")]["ratio_to_ceiling"])

    def test_a_problem_is_no_time(self):
        found = self.summarise({
            ("ceiling", "pt"): runs(1, 1), ("hoist", "pt"): [{"problem": "died"}] + runs(2),
            ("peer", "pt"): [{"problem": "died"}, {"problem": "died"}],
        })
        self.assertEqual(found[("hoist", "pt")]["seconds_runs"], [2])
        self.assertEqual(found[("hoist", "pt")]["ratio_to_ceiling"], 0.5)
        self.assertEqual(found[("hoist", "pt")]["problems"], ["died"])
        self.assertIsNone(found[("peer", "pt")]["seconds"])

    def test_the_table_has_a_row_for_each_the_fastest_first(self):
        entries = results.summarise("large", "cold", {
            ("ceiling", "pt"): runs(1), ("peer", "pt"): runs(4, peak_beyond_tensors_bytes=3 << 20),
            ("broken", "pt"): [{"problem": "died"}], ("hoist", "pt"): runs(2),
        })
        table = results.to_markdown({"commit": "c", "machine": MACHINE, "rounds": 1, "results": entries})
        self.assertIn("### large, cold", table)
        rows = [line.split(" | ") for line in table.splitlines() if "| pt |" in line]
        self.assertEqual([row[0].strip("| ") for row in rows], ["ceiling", "hoist", "peer", "broken"])
        self.assertEqual(rows[1][4:6], ["50 %", "1.00"])
        self.assertEqual(rows[2][5:7], ["2.00", "3 |"])
        self.assertEqual(rows[3][2], "died")
        # Nothing is known of faults here.
        self.assertNotIn("faults", table)

    def test_of_several_ceilings_the_best_median_is_the_ceiling(self):
        found = self.summarise({
            ("ceiling, 2 threads", "plain"): runs(4, 1, 4), ("ceiling, 4 threads", "plain"): runs(2, 2, 2),
            ("hoist", "native"): runs(4, 4, 4),
        })
        self.assertEqual(found[("hoist", "native")]["ratio_to_ceiling"], 0.5)

    def test_goals_are_reached_missed_or_not_measured(self):
        goals = [{"goal": "fast", "wanted": 0.95, "measured": 0.96}, {"goal": "small", "wanted": 1.48, "measured": 1.2},
                 {"goal": "both", "wanted": 1, "measured": None}]
        table = results.to_markdown({"commit": "c", "machine": MACHINE, "rounds": 1, "results": [], "goals": goals})
        self.assertIn("| fast | 0.95 | 0.96 | yes |", table)
        self.assertIn("| small | 1.48 | 1.20 | **no** |", table)
        self.assertIn("| both | 1.00 | not measured | **no** |", table)

    def test_what_is_compressed_says_by_how_much(self):
        entries = results.summarise("write", "synced", {
            ("hoist, compressed", "native"): runs(1, size=300, file_bytes=200),
            ("hoist", "native"): runs(1, size=300, file_bytes=301),
        })
        table = results.to_markdown({"commit": "c", "machine": MACHINE, "rounds": 1, "results": entries})
        self.assertIn("1.500×", table)
        self.assertNotIn("0.99", table)

    def test_hoist_without_checks_is_hoist_too(self):
        self.assertTrue(results.is_hoist({"contestant": "hoist, not verified"}))
        self.assertFalse(results.is_hoist({"contestant": "ceiling"}))


if __name__ == "__main__":
    unittest.main()

#!/usr/bin/env python3
"""Compares two results of the benchmarks, by shares of a ceiling and never by rates.

    benchmarks/compare.py BASE.json NEW.json [--threshold=0.9]

Reads what benchmarks/peers/run.py writes, and Google Benchmark's JSON with a counter "percent_of_ceiling".
A rate changes with the machine and with what else runs there; the share of the ceiling that was measured
beside it does less so. Exits with 1 if a share of Hoist's is below the threshold times what it was.
"""

import argparse
import json
import sys


def shares(document):
    """{name of a measurement: share of its ceiling, from 0 to about 1}, of Hoist alone."""
    found = {}
    for entry in document.get("results", []):
        if entry["contestant"].startswith("hoist") and entry["ratio_to_ceiling"] is not None:
            name = " / ".join(entry[field] for field in ("scenario", "state", "dialect", "contestant"))
            found[name] = entry["ratio_to_ceiling"]
    benchmarks = document.get("benchmarks", [])
    # Of repeated measurements the median, and nothing else of them.
    has_medians = any(entry.get("aggregate_name") == "median" for entry in benchmarks)
    for entry in benchmarks:
        if "percent_of_ceiling" in entry and (not has_medians or entry.get("aggregate_name") == "median"):
            found[entry.get("run_name", entry["name"])] = entry["percent_of_ceiling"] / 100
    return found


def compare(base, new, threshold):
    """Lines to print, and the names of the shares that fell too far."""
    lines = []
    fell = []
    for name in sorted(base.keys() | new.keys()):
        if name not in base or name not in new:
            lines.append(f"{'new' if name in new else 'gone':>9}  {name}")
            continue
        change = new[name] / base[name]
        lines.append(f"{100 * base[name]:5.1f} % -> {100 * new[name]:5.1f} %  {name}")
        if change < threshold:
            lines[-1] += f"  FELL to {change:.2f} of what it was"
            fell.append(name)
    return lines, fell


def read(path):
    with open(path, encoding="utf-8") as file:
        return shares(json.load(file))


def main(argv):
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("base")
    parser.add_argument("new")
    parser.add_argument("--threshold", type=float, default=0.9)
    arguments = parser.parse_args(argv)
    new = read(arguments.new)
    if not new:
        print(f"{arguments.new} holds no share of a ceiling", file=sys.stderr)
        return 2
    lines, fell = compare(read(arguments.base), new, arguments.threshold)
    print("\n".join(lines))
    return 1 if fell else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

"""What becomes of measurements: medians, ratios, a table."""

import statistics

CEILING = "ceiling"
HOIST = "hoist"


def is_hoist(entry):
    return entry["contestant"].split(",")[0] == HOIST


def _rate(run):
    return run["bytes"] / run["seconds"]


def _ratios(runs, others):
    """Each rate over the other's of the same round, where both are there."""
    return [_rate(run) / _rate(other) for run, other in zip(runs, others) if "seconds" in run and "seconds" in other]


def _median(values):
    return statistics.median(values) if values else None


def summarise(scenario, state, runs):
    """One entry for each contestant, of {(contestant, dialect): [run of each round]}.

    A run has seconds and bytes, or a problem. Ratios are medians of those within each round, so that a
    machine whose speed changes changes both sides: to the ceiling, and to Hoist with checks on the same
    dialect, or on "pt" where Hoist does not read the contestant's.
    """
    ceiling = next((found for (name, _), found in runs.items() if name == CEILING), [])
    entries = []
    for (name, dialect), found in runs.items():
        good = [run for run in found if "seconds" in run]
        hoist = runs.get((HOIST, dialect)) or runs.get((HOIST, "pt"), [])
        entry = {
            "scenario": scenario,
            "state": state,
            "dialect": dialect,
            "contestant": name,
            "problems": sorted({run["problem"] for run in found if "problem" in run}),
            "seconds": _median([run["seconds"] for run in good]),
            "seconds_runs": [run["seconds"] for run in good],
            "bytes_per_second": _median([_rate(run) for run in good]),
            "ratio_to_ceiling": _median(_ratios(found, ceiling)),
            "ratio_to_hoist": _median(_ratios(found, hoist)),
        }
        for field in ("import_seconds", "peak_beyond_tensors_bytes", "minor_faults", "major_faults"):
            entry[field] = _median([run[field] for run in good if field in run])
        for field in ("io", "io_reason", "verified", "setting"):
            if good and field in good[-1]:
                entry[field] = good[-1][field]
        entries.append(entry)
    return entries


def _cell(value, text):
    return "" if value is None else text(value)


def _row(entry):
    runs = entry["seconds_runs"]
    if not runs:
        return [entry["contestant"], entry["dialect"], "; ".join(entry["problems"])] + [""] * 7
    times_hoist = entry["ratio_to_hoist"] and 1 / entry["ratio_to_hoist"]
    return [
        entry["contestant"],
        entry["dialect"],
        f"{entry['seconds']:.3f} ({min(runs):.3f} – {max(runs):.3f})",
        f"{entry['bytes_per_second'] / 1e9:.2f}",
        _cell(entry["ratio_to_ceiling"], lambda value: f"{100 * value:.0f} %"),
        _cell(times_hoist, lambda value: f"{value:.2f}"),
        _cell(entry["peak_beyond_tensors_bytes"], lambda value: f"{value / 2**20:.0f}"),
        _cell(entry["minor_faults"], lambda value: f"{value:,.0f}"),
        _cell(entry["major_faults"], lambda value: f"{value:,.0f}"),
        _cell(entry["import_seconds"], lambda value: f"{value:.1f}"),
    ]


def to_markdown(document):
    """A table for each scenario and state, the fastest first."""
    machine = document["machine"]
    lines = [
        f"Commit {document['commit']}; {machine['cpu']}, {machine['cpus']} CPUs, "
        f"{machine['memory_bytes'] / 2**30:.0f} GiB, Linux {machine['kernel']}; load average at the end "
        f"{machine['load_average']:.1f}. Medians of {document['rounds']} interleaved rounds.",
    ]
    groups = {}
    for entry in document["results"]:
        groups.setdefault((entry["scenario"], entry["state"]), []).append(entry)
    for (scenario, state), entries in groups.items():
        lines += ["", f"### {scenario}, {state}", "",
                  "| | file | seconds (range) | GB/s | of the ceiling | × Hoist's time | peak beyond tensors, MiB "
                  "| minor faults | major | imports, s |",
                  "|---|---|---|---|---|---|---|---|---|---|"]
        entries = sorted(entries, key=lambda entry: -(entry["bytes_per_second"] or 0))
        lines += ["| " + " | ".join(_row(entry)) + " |" for entry in entries]
    return "\n".join(lines) + "\n"

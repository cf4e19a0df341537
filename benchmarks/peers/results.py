"""What becomes of measurements: medians, ratios, a table."""

import statistics

CEILING = "ceiling"
HOIST = "hoist"


def is_hoist(entry):
    return entry["contestant"].split(",")[0] == HOIST


def _is_ceiling(name):
    return name.split(",")[0] == CEILING


def _rate(run):
    return run["bytes"] / run["seconds"]


def _ratios(runs, others):
    """Each rate over the other's of the same round, where both are there."""
    return [_rate(run) / _rate(other) for run, other in zip(runs, others) if "seconds" in run and "seconds" in other]


def _median(values):
    return statistics.median(values) if values else None


def median_ratio(seconds_runs, other_seconds_runs):
    """How many times as fast the first is, by the median of the rounds; None without any."""
    return _median([other / seconds for seconds, other in zip(seconds_runs, other_seconds_runs)])


def _median_rate(runs):
    return _median([_rate(run) for run in runs if "seconds" in run]) or 0


def summarise(scenario, state, runs):
    """One entry for each contestant, of {(contestant, dialect): [run of each round]}.

    A run has seconds and bytes, or a problem. Ratios are medians of those within each round, so that a
    machine whose speed changes changes both sides: to the ceiling, and to Hoist with checks on the same
    dialect, or on "pt" where Hoist does not read the contestant's. Of several ceilings ("ceiling, SETTING")
    the one with the highest median is meant.
    """
    ceilings = [found for (name, _), found in runs.items() if _is_ceiling(name)]
    ceiling = max(ceilings, key=_median_rate, default=[])
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
        for field in ("import_seconds", "peak_beyond_tensors_bytes", "minor_faults", "major_faults", "cpu_seconds",
                      "file_bytes", "bytes"):
            entry[field] = _median([run[field] for run in good if field in run])
        for field in ("io", "io_reason", "verified", "setting"):
            if good and field in good[-1]:
                entry[field] = good[-1][field]
        entries.append(entry)
    return entries


def _cell(value, text):
    return "" if value is None else text(value)


def _smaller(entry):
    """How many times smaller the file is than what is in it, where that is more than headers."""
    ratio = entry["bytes"] / entry["file_bytes"] if entry["file_bytes"] else 1
    return ratio if ratio > 1.01 else None


# What each column says of an entry that was measured. Those that say nothing of a whole table are left out.
COLUMNS = {
    "seconds (range)": lambda entry: (
        f"{entry['seconds']:.3f} ({min(entry['seconds_runs']):.3f} – {max(entry['seconds_runs']):.3f})"),
    "GB/s": lambda entry: f"{entry['bytes_per_second'] / 1e9:.2f}",
    "of the ceiling": lambda entry: _cell(entry["ratio_to_ceiling"], lambda value: f"{100 * value:.0f} %"),
    "× Hoist's time": lambda entry: _cell(entry["ratio_to_hoist"] and 1 / entry["ratio_to_hoist"],
                                          lambda value: f"{value:.2f}"),
    "smaller": lambda entry: _cell(_smaller(entry), lambda value: f"{value:.3f}×"),
    "CPU, s": lambda entry: _cell(entry["cpu_seconds"], lambda value: f"{value:.2f}"),
    "peak beyond tensors, MiB": lambda entry: _cell(entry["peak_beyond_tensors_bytes"],
                                                    lambda value: f"{value / 2**20:.0f}"),
    "minor faults": lambda entry: _cell(entry["minor_faults"], lambda value: f"{value:,.0f}"),
    "major": lambda entry: _cell(entry["major_faults"], lambda value: f"{value:,.0f}"),
    "imports, s": lambda entry: _cell(entry["import_seconds"], lambda value: f"{value:.1f}"),
}


def _table(entries):
    """The fastest first."""
    entries = sorted(entries, key=lambda entry: -(entry["bytes_per_second"] or 0))
    rows = []
    for entry in entries:
        if entry["seconds_runs"]:
            cells = [text(entry) for text in COLUMNS.values()]
        else:
            cells = ["; ".join(entry["problems"])] + [""] * (len(COLUMNS) - 1)
        rows.append([entry["contestant"], entry["dialect"]] + cells)
    titles = ["", "file"] + list(COLUMNS)
    kept = [i for i in range(len(titles)) if i < 2 or any(row[i] for row in rows)]
    lines = [[titles[i] for i in kept], ["---"] * len(kept)] + [[row[i] for i in kept] for row in rows]
    return ["|" + "|".join(f" {cell} " if cell != "---" else cell for cell in line) + "|" for line in lines]


def to_markdown(document):
    """A table for each scenario and state, and one of what was to be reached, if anything."""
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
        lines += ["", f"### {scenario}, {state}", ""] + _table(entries)
    if document.get("goals"):
        lines += ["", "### goals", "", "| | wanted | measured | |", "|---|---|---|---|"]
        for goal in document["goals"]:
            measured = f"{goal['measured']:.2f}" if goal["measured"] is not None else "not measured"
            reached = goal["measured"] is not None and goal["measured"] >= goal["wanted"]
            lines.append(f"| {goal['goal']} | {goal['wanted']:.2f} | {measured} | {'yes' if reached else '**no**'} |")
    return "\n".join(lines) + "\n"

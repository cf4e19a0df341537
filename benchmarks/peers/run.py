#!/usr/bin/env python3
"""Holds Hoist against the loaders of others, on the same files, in the same run.

    ./bazelw build //benchmarks:ceilings //benchmarks:load_once //benchmarks:page_cache //tools:hoist
    benchmarks/peers/run.py --json=peers.json --markdown=peers.md

Every measurement is a process of its own, and all contestants take turns, --rounds times; medians are
shown. ../README.md says what is measured. Exits with 1 where Hoist failed or loaded other bytes than were
saved; a peer that does is shown as such.
"""

import argparse
import json
import os
import pathlib
import re
import subprocess
import sys

import results
from contestants import CONTESTANTS
from rounds import HERE, ROOT, Failure, publish, run_json, take_turns, wall_seconds

MIB = 1 << 20

# Scenario -> how many bytes of tensors, and in which states of the page cache.
SCENARIOS = {
    "large": (2048 * MIB, ("warm", "cold")),
    "small": (300 * MIB, ("warm",)),
    "training": (600 * MIB, ("warm", "cold")),
    "tiny": (1 * MIB, ("warm",)),
}
HOIST_DIALECTS = ("pt", "legacy", "safetensors")


class Bench:
    """Where the programs and the files are."""

    def __init__(self, arguments):
        self.bin = arguments.bin
        self.work = arguments.work.resolve()
        self.threads = str(arguments.threads)
        self.python = str(pathlib.Path(
            subprocess.check_output(["sh", HERE / "environment.sh", "create"], text=True).strip()) / "bin/python")
        sizes = {name: arguments.large_bytes if name == "large" else size for name, (size, _) in SCENARIOS.items()}
        subprocess.run(
            [self.python, HERE / "make_checkpoints.py", arguments.work]
            + [f"{name}={sizes[name]}" for name in arguments.scenarios], check=True)
        self.manifest = json.loads((arguments.work / "manifest.json").read_text())

    def program(self, name):
        return str(self.bin / name)

    def files(self, scenario):
        """{dialect: what make_checkpoints.py wrote of the file, and its path}."""
        return {
            dialect: {**file, "path": str(self.work / file["name"])}
            for dialect, file in self.manifest[scenario]["files"].items()
        }

    def measurements(self, scenario, state):
        """The contestants of a scenario: [((name, dialect), function that measures once)]."""
        if scenario == "tiny":
            return self._whole_processes()
        files = self.files(scenario)
        largest = max(file["file_bytes"] for file in files.values())
        # A cold read through the page cache takes memory for that as well.
        ballast = str(largest * (2 if state == "cold" else 1))
        found = [((results.CEILING, "pt"), lambda: self._ceiling(files["pt"], state))]
        for dialect, file in files.items():
            if dialect in HOIST_DIALECTS:
                for name, flag in (("hoist", "--verify"), ("hoist, not verified", "--no-verify")):
                    command = [
                        self.program("benchmarks/load_once"), f"--state={state}", f"--ballast-bytes={ballast}",
                        f"--threads={self.threads}", flag, file["path"]]
                    found.append(((name, dialect), lambda command=command, file=file: self._load(command, file)))
            for name, contestant in CONTESTANTS.items():
                if dialect in contestant.dialects:
                    command = [
                        self.python, HERE / "child.py", name, file["path"], f"--state={state}",
                        f"--ballast-bytes={ballast}", f"--page-cache={self.program('benchmarks/page_cache')}"]
                    found.append(((name, dialect), lambda command=command, file=file, contestant=contestant:
                                  self._load(command, file, contestant.environment)))
        return found

    def _ceiling(self, file, state):
        name = "read_huge" if state == "warm" else "read_direct"
        measured = run_json([
            self.program("benchmarks/ceilings"), "--json", "--repetitions=1", f"--only={name}",
            f"--threads={self.threads}", f"--file={file['path']}"])
        best = measured["ceilings"].get(name)
        if best is None:
            raise Failure(measured["rates"][0]["problem"])
        return {"seconds": file["file_bytes"] / best["bytes_per_second"], "bytes": file["file_bytes"], "setting": best}

    def _load(self, command, file, environment=None):
        measured = run_json(command, environment)
        if measured["tensors"] != file["tensors"] or measured["digest"] != file["digest"]:
            raise Failure("loaded other tensors than were saved")
        if not measured.get("private", True):
            raise Failure("its tensors lie in the mapped file")
        return measured

    def _whole_processes(self):
        """From fork to exit, which for Python is mostly imports."""
        loads = {
            ("torch.load", "pt"): "import sys, torch; torch.load(sys.argv[1], weights_only=True)",
            ("safetensors", "safetensors"): "import sys, safetensors.torch as s; s.load_file(sys.argv[1])",
        }
        files = self.files("tiny")
        found = []
        for dialect in ("pt", "safetensors"):
            command = [self.program("tools/hoist"), "load", "--device=cpu", files[dialect]["path"]]
            found.append((("hoist", dialect), lambda command=command, file=files[dialect]:
                          {"seconds": wall_seconds(command), "bytes": file["bytes"]}))
        for (name, dialect), script in loads.items():
            command = [self.python, "-c", script, files[dialect]["path"]]
            found.append(((name, dialect), lambda command=command, file=files[dialect]:
                          {"seconds": wall_seconds(command), "bytes": file["bytes"]}))
        return found


def measure(bench, scenario, state, rounds, wanted):
    """{(name, dialect): [run]} of those that are wanted, and of the ceiling."""
    contestants = [
        (key, once) for key, once in bench.measurements(scenario, state)
        if key[0] == results.CEILING or wanted.search(" ".join(key))]
    return take_turns(contestants, rounds, f"{scenario} {state}")


def parse_arguments():
    cache = pathlib.Path(os.environ.get("XDG_CACHE_HOME") or pathlib.Path.home() / ".cache")
    names = lambda text: text.split(",")
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--work", type=pathlib.Path, default=cache / "hoist/peers-files",
                        help="a folder on a disk, for 9 GB of checkpoints, which stay")
    parser.add_argument("--bin", type=pathlib.Path, default=ROOT / "bazel-bin", help="what Bazel built")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--threads", type=int, default=len(os.sched_getaffinity(0)), help="Hoist's, and the ceilings'")
    parser.add_argument("--scenarios", type=names, default=list(SCENARIOS), help=",".join(SCENARIOS))
    parser.add_argument("--states", type=names, default=["warm", "cold"], help="warm,cold")
    parser.add_argument("--contestants", type=re.compile, default=re.compile(""),
                        help="only those whose name and dialect have this regular expression")
    parser.add_argument("--large-bytes", type=int, default=SCENARIOS["large"][0])
    parser.add_argument("--json", type=pathlib.Path, help="where to write the results; compare.py reads them")
    parser.add_argument("--markdown", type=pathlib.Path, help="where to write the table, which is printed too")
    arguments = parser.parse_args()
    for name in arguments.scenarios:
        if name not in SCENARIOS:
            parser.error(f"there is no scenario {name}")
    return arguments


def main():
    arguments = parse_arguments()
    bench = Bench(arguments)
    entries = []
    for scenario in arguments.scenarios:
        for state in SCENARIOS[scenario][1]:
            if state in arguments.states:
                entries += results.summarise(
                    scenario, state, measure(bench, scenario, state, arguments.rounds, arguments.contestants))
    return publish(arguments, entries)


if __name__ == "__main__":
    sys.exit(main())

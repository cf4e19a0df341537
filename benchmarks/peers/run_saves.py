#!/usr/bin/env python3
"""Holds Hoist's writing, verifying and compressing against the machine and against others, in the same run.

    ./bazelw build //benchmarks:all //tools:hoist
    benchmarks/peers/run_saves.py --json=saves.json --markdown=saves.md

Every measurement is a process of its own, and all contestants take turns, --rounds times; medians are
shown, and what was to be reached. ../README.md says what is measured. Exits with 1 where Hoist failed.
"""

import argparse
import os
import pathlib
import re
import shutil
import subprocess
import sys

import results
from rounds import HERE, ROOT, Failure, publish, run_json, take_turns, wall_seconds
from savers import SAVERS

KIB = 1 << 10
MIB = 1 << 20
DEFAULT_BYTES = 2048 * MIB

# Settings that keep disks busy; the best of them is the ceiling. (threads, what a call takes, --cached)
WRITE_CEILINGS = [(1, 8 * MIB, False), (2, 4 * MIB, False), (2, 8 * MIB, False), (4, 4 * MIB, False),
                  (2, 4 * MIB, True)]
COLD_CEILINGS = [(8, 512 * KIB, False), (4, 1 * MIB, False), (8, 1 * MIB, False), (4, 4 * MIB, False)]
# What a call reads from the page cache.
WARM_BLOCKS = [256 * KIB, 1 * MIB]

READS_KEPT_NOWHERE = "plain reads that keep nothing"

HOIST_WRITES = {
    ("hoist", "native"): ["--format=native"],
    ("hoist, compressed", "native"): ["--format=native", "--compress"],
    ("hoist", "safetensors"): ["--format=safetensors"],
    ("hoist", "pt"): ["--format=torch"],
}


def setting_name(threads, block_bytes, is_cached):
    size = f"{block_bytes // MIB} MiB" if block_bytes >= MIB else f"{block_bytes // KIB} KiB"
    return f"{results.CEILING}, {'page cache' if is_cached else 'O_DIRECT'}, {threads} × {size}"


class Bench:
    """Where the programs and the files are."""

    def __init__(self, arguments):
        self.bin = arguments.bin
        self.work = arguments.work.resolve()
        self.bytes = arguments.bytes
        self.threads = arguments.threads or len(os.sched_getaffinity(0))
        # Unless told, as many as hoist takes of itself.
        self.threads_option = [f"--threads={arguments.threads}"] if arguments.threads else []
        self.work.mkdir(parents=True, exist_ok=True)
        self.scratch = self.work / "written"
        self.python = str(pathlib.Path(
            subprocess.check_output(["sh", HERE / "environment.sh", "create"], text=True).strip()) / "bin/python")

    def program(self, name):
        return str(self.bin / name)

    def plain_io(self, verb, path, setting, *options):
        threads, block_bytes, is_cached = setting
        command = [self.program("benchmarks/plain_io"), verb, str(path), f"--threads={threads}",
                   f"--block-bytes={block_bytes}", *options] + (["--cached"] if is_cached else [])
        return lambda: run_json(command)

    def write(self, command):
        """What an interrupted run has left is no matter."""
        def once():
            self.clean()
            return run_json(command)
        return once

    def clean(self):
        if self.scratch.is_dir():
            shutil.rmtree(self.scratch)
        else:
            self.scratch.unlink(missing_ok=True)

    # The scenarios: [((name, dialect), function that measures once)] of each.

    def writes(self):
        ballast = f"--ballast-bytes={self.bytes}"
        found = [
            ((setting_name(*setting), "plain"),
             self.plain_io("write", self.scratch, setting, f"--bytes={self.bytes}", ballast))
            for setting in WRITE_CEILINGS]
        for key, options in HOIST_WRITES.items():
            found.append((key, self.write([
                self.program("benchmarks/write_once"), str(self.scratch), *options, f"--bytes={self.bytes}", ballast,
                *self.threads_option])))
        for name, saver in SAVERS.items():
            found.append(((name, saver.dialect), self.write([
                self.python, str(HERE / "save_child.py"), name, str(self.scratch), f"--bytes={self.bytes}", ballast])))
        return found

    def checkpoints(self):
        """{dialect: path}, written once: native by Hoist, pt by torch.save."""
        paths = {"native": self.work / f"verify-{self.bytes}.hoist", "pt": self.work / f"verify-{self.bytes}.pt"}
        commands = {
            "native": [self.program("benchmarks/write_once"), str(paths["native"]), "--format=native",
                       f"--bytes={self.bytes}", "--keep"],
            "pt": [self.python, str(HERE / "save_child.py"), "torch.save, fsync", str(paths["pt"]),
                   f"--bytes={self.bytes}", "--ballast-bytes=4096", "--keep"],
        }
        for dialect, path in paths.items():
            if not path.exists():
                run_json(commands[dialect])
        return paths

    def verifications(self, state):
        paths = self.checkpoints()
        is_warm = state == "warm"
        settings = [(self.threads, block, True) for block in WARM_BLOCKS] if is_warm else COLD_CEILINGS
        # From the page cache, what keeps nothing is faster than what a load can reach: both are shown.
        keep = ["--keep", f"--ballast-bytes={self.bytes}"] if is_warm else []
        found = [((setting_name(*setting), "plain"), self.plain_io("read", paths["native"], setting, *keep))
                 for setting in settings]
        if is_warm:
            found += [((READS_KEPT_NOWHERE, "plain"),
                       self.plain_io("read", paths["native"], (self.threads, WARM_BLOCKS[0], True)))]
        for dialect, path in paths.items():
            found.append(((results.HOIST, dialect), lambda path=path: self.verify(path, is_warm)))
        found.append((("sha256sum", "native"), lambda: self.other_check(["sha256sum", paths["native"]], is_warm)))
        found.append((("Python's zipfile", "pt"),
                      lambda: self.other_check([sys.executable, "-m", "zipfile", "-t", paths["pt"]], is_warm)))
        return found

    def place(self, path, is_warm):
        subprocess.run([self.program("benchmarks/page_cache"), "warm" if is_warm else "evict", path], check=True,
                       stdout=subprocess.DEVNULL)

    def verify(self, path, is_warm):
        self.place(path, is_warm)
        report = run_json([self.program("tools/hoist"), "verify", "--level=checksum", "--json", "--quiet",
                           *self.threads_option, str(path)])
        if report["read_bytes"] < self.bytes:
            raise Failure(f"read {report['read_bytes']} bytes of {self.bytes}")
        return {"seconds": report["seconds"], "bytes": path.stat().st_size}

    def other_check(self, command, is_warm):
        """A whole process, whose start does not matter beside what it takes."""
        path = pathlib.Path(command[-1])
        self.place(path, is_warm)
        program = shutil.which(command[0])
        return {"seconds": wall_seconds([program, *map(str, command[1:])]), "bytes": path.stat().st_size}

    def codecs(self, verb):
        """On one thread, from memory to memory."""
        def of_benchmark(name):
            document = run_json([
                self.program("benchmarks/codec_benchmark"), f"--benchmark_filter=^{verb}/bfloat16/{name}$",
                "--benchmark_format=json", "--benchmark_min_time=0.5"])
            measured = document["benchmarks"][0]
            size = 64 * MIB
            run = {"seconds": size / measured["bytes_per_second"], "bytes": size}
            if "ratio" in measured:
                run["file_bytes"] = size / measured["ratio"]
            return run

        def of_zipnn():
            measured = run_json([self.python, str(HERE / "zipnn_rates.py"), "--json", "bfloat16"])["bfloat16"]
            return {"seconds": measured[f"{verb}_seconds"], "bytes": measured["bytes"],
                    "file_bytes": measured["bytes"] / measured["ratio"]}

        found = [((name, "bfloat16"), lambda name=name: of_benchmark(name))
                 for name in (results.HOIST, "zstd-1", "zstd-1_byte_planes")]
        return found + [(("ZipNN", "bfloat16"), of_zipnn)]

    def scenarios(self, names):
        """[(scenario, state, contestants)] of those that are named."""
        every = {
            "write": [("synced", self.writes)],
            "verify": [("warm", lambda: self.verifications("warm")), ("cold", lambda: self.verifications("cold"))],
            "codec": [("decode", lambda: self.codecs("decode")), ("encode", lambda: self.codecs("encode"))],
        }
        return [(name, state, make()) for name in names for state, make in every[name]]


SCENARIOS = ["write", "verify", "codec"]


def goals(entries):
    """What is to be reached, as ratios, and what was."""
    by_key = {(e["scenario"], e["state"], e["contestant"], e["dialect"]): e for e in entries}

    def of(key, field):
        return by_key.get(key, {}).get(field)

    def times(key):
        """How many times faster Hoist is, on that dialect or on pt."""
        ratio = of(key, "ratio_to_hoist")
        return ratio and 1 / ratio

    compressed = by_key.get(("write", "synced", "hoist, compressed", "native"), {})
    found = [("write", "writing native: share of the ceiling", 0.95,
              of(("write", "synced", "hoist", "native"), "ratio_to_ceiling")),
             ("write", "writing safetensors: share of the ceiling", 0.95,
              of(("write", "synced", "hoist", "safetensors"), "ratio_to_ceiling"))]
    for name, saver in SAVERS.items():
        found.append(("write", f"writing {'pt' if saver.dialect == 'dcp' else saver.dialect}: times as fast as {name}",
                      1.0, times(("write", "synced", name, saver.dialect))))
    found.append(("write", "native, compressed: times smaller", 1.48,
                  compressed["bytes"] / compressed["file_bytes"] if compressed.get("file_bytes") else None))
    for state in ("warm", "cold"):
        for dialect in ("native", "pt"):
            found.append(("verify", f"verifying {dialect}, {state}: share of the ceiling", 0.90,
                          of(("verify", state, "hoist", dialect), "ratio_to_ceiling")))
    found.append(("codec", "decoding bfloat16 on one thread: times as fast as ZipNN", 1.3,
                  times(("codec", "decode", "ZipNN", "bfloat16"))))
    kept_nowhere = by_key.get(("verify", "warm", READS_KEPT_NOWHERE, "plain"), {}).get("seconds_runs", [])
    for dialect in ("native", "pt"):
        entry = by_key.get(("verify", "warm", "hoist", dialect), {})
        found.append(("verify", f"verifying {dialect}, warm: share of reads that keep nothing", 0.90,
                      results.median_ratio(entry.get("seconds_runs", []), kept_nowhere)))
    measured = {entry["scenario"] for entry in entries}
    return [{"goal": text, "wanted": wanted, "measured": value}
            for scenario, text, wanted, value in found if scenario in measured]


def parse_arguments():
    cache = pathlib.Path(os.environ.get("XDG_CACHE_HOME") or pathlib.Path.home() / ".cache")
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--work", type=pathlib.Path, default=cache / "hoist/saves",
                        help="a folder on the disk that is measured; two checkpoints stay there")
    parser.add_argument("--bin", type=pathlib.Path, default=ROOT / "bazel-bin", help="what Bazel built")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--threads", type=int, help="Hoist's; unless given, as many as it takes itself")
    parser.add_argument("--bytes", type=int, default=DEFAULT_BYTES, help="of tensors, a multiple of 64 MiB")
    parser.add_argument("--scenarios", type=lambda text: text.split(","), default=SCENARIOS, help=",".join(SCENARIOS))
    parser.add_argument("--contestants", type=re.compile, default=re.compile(""),
                        help="only those whose name and dialect have this regular expression, and the ceilings")
    parser.add_argument("--json", type=pathlib.Path, help="where to write the results; compare.py reads them")
    parser.add_argument("--markdown", type=pathlib.Path, help="where to write the tables, which are printed too")
    arguments = parser.parse_args()
    for name in arguments.scenarios:
        if name not in SCENARIOS:
            parser.error(f"there is no scenario {name}")
    if arguments.bytes <= 0 or arguments.bytes % (64 * MIB):
        parser.error("--bytes is a multiple of 64 MiB")
    return arguments


def main():
    arguments = parse_arguments()
    bench = Bench(arguments)
    entries = []
    for scenario, state, contestants in bench.scenarios(arguments.scenarios):
        wanted = [(key, once) for key, once in contestants
                  if key[0].startswith(results.CEILING) or arguments.contestants.search(" ".join(key))]
        entries += results.summarise(
            scenario, state, take_turns(wanted, arguments.rounds, f"{scenario} {state}"))
    bench.clean()
    return publish(arguments, entries, goals=goals(entries))


if __name__ == "__main__":
    sys.exit(main())

#!/usr/bin/env python3
"""Stops `hoist convert` at random moments, and looks at what it leaves.

  kill_loop.py HOIST [--stops=500] [--mib=64] [--seed=1] [--work=FOLDER]

Two checkpoints take turns at one path, in every format. A run is stopped by
SIGKILL, SIGINT or SIGTERM after a random part of the time that it takes. Then
the checkpoint there has to be one of the two, byte for byte; after SIGINT and
SIGTERM nothing else may be there, and after SIGKILL one temporary file or
directory, which the next run removes. Exits 1, with everything left as it is,
at the first that is not so; prints counts.
"""

import argparse
import collections
import hashlib
import json
import os
import pathlib
import random
import shutil
import signal
import struct
import subprocess
import sys
import tempfile
import time

FORMATS = {
    "native": ["--to=native"],
    "native compressed": ["--to=native", "--compress"],
    "native shards": ["--to=native", "--max-shard-size=20MiB"],
    "torch": ["--to=torch"],
    "safetensors": ["--to=safetensors"],
    "safetensors shards": ["--to=safetensors", "--max-shard-size=20MiB"],
}
STOPS = [signal.SIGKILL] * 3 + [signal.SIGINT, signal.SIGTERM]


class Loss(Exception):
    """What must never be."""


def write_safetensors(path, mib, seed):
    """A checkpoint of `mib` MiB in tensors of 8 MiB, and a small one."""
    sizes = [8 << 20] * (mib // 8) + [1002]
    header, end = {}, 0
    for i, size in enumerate(sizes):
        header[f"layers.{i}.weight"] = {
            "dtype": "BF16",
            "shape": [size // 2],
            "data_offsets": [end, end + size],
        }
        end += size
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    numbers = random.Random(seed)
    with open(path, "wb") as out:
        out.write(struct.pack("<Q", len(text)) + text)
        for size in sizes:
            out.write(numbers.randbytes(size))


def digest(path):
    """Of a file, or of all names and files in a directory."""
    if not path.exists():
        return None
    files = sorted(path.rglob("*")) if path.is_dir() else [path]
    result = hashlib.sha256()
    for file in files:
        content = hashlib.sha256(file.read_bytes()).hexdigest()
        result.update(f"{file.relative_to(path)}\0{content}\n".encode())
    return result.hexdigest()


class Place:
    """A path at which checkpoints of one format replace each other."""

    def __init__(self, hoist, sources, folder, options):
        self.hoist = hoist
        self.sources = sources
        self.folder = folder
        self.options = options
        self.path = folder / "checkpoint"
        folder.mkdir()
        self.digests = []
        self.seconds = 0.0
        for source in range(2):
            self.run(source)
            self.digests.append(digest(self.path))
            self.check_loads()
        if self.digests[0] == self.digests[1]:
            raise Loss("both checkpoints are the same")
        self.there = 1

    def start(self, source):
        return subprocess.Popen(
            [self.hoist, "convert", self.sources[source], self.path, "--force"]
            + self.options,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
        )

    def run(self, source):
        """Undisturbed, which cleans up."""
        begin = time.monotonic()
        process = self.start(source)
        _, errors = process.communicate()
        if process.returncode != 0:
            raise Loss(f"exit {process.returncode}: {errors.decode()}")
        self.seconds = time.monotonic() - begin
        self.there = source
        if self.others():
            raise Loss(f"left behind: {self.others()}")

    def check_loads(self):
        subprocess.run(
            [self.hoist, "load", "--device=cpu", self.path],
            check=True,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )

    def others(self):
        return sorted(set(os.listdir(self.folder)) - {self.path.name})

    def stop_once(self, numbers):
        """Returns what came of it, for counting."""
        source = 1 - self.there
        # Where files are renamed is what matters most.
        part = numbers.uniform(0, 1.1) if numbers.random() < 0.5 else (
            numbers.uniform(0.7, 1.2))
        process = self.start(source)
        time.sleep(part * self.seconds)
        stop = numbers.choice(STOPS)
        process.send_signal(stop)
        _, errors = process.communicate()
        code = process.returncode
        # -N: before the program had begun to handle it.
        if code not in (0, -stop, 128 + stop):
            raise Loss(f"exit {code} after {stop.name}: {errors.decode()}")
        found = digest(self.path)
        if found not in self.digests:
            raise Loss(f"after {stop.name} a checkpoint is neither of the two"
                       if found else f"after {stop.name} there is none")
        if code == 0 and found != self.digests[source]:
            raise Loss("exit 0, and the old checkpoint is there")
        others = self.others()
        if len(others) > (1 if stop == signal.SIGKILL and code != 0 else 0):
            raise Loss(f"left behind after {stop.name}: {others}")
        self.there = self.digests.index(found)
        if code == 0:
            return "too late to stop"
        kept = "the new one is there" if self.there == source else (
            "the old one is there")
        return f"{stop.name}: {kept}" + (", and a leftover" if others else "")


def loop(arguments, folder):
    sources = [folder / "a.safetensors", folder / "b.safetensors"]
    for seed, source in enumerate(sources):
        write_safetensors(source, arguments.mib, seed)
    numbers = random.Random(arguments.seed)
    places = {
        name: Place(arguments.hoist, sources, folder / name.replace(" ", "_"),
                    options)
        for name, options in FORMATS.items()
    }
    counts = collections.Counter()
    for i in range(arguments.stops):
        name = list(places)[i % len(places)]
        try:
            counts[places[name].stop_once(numbers)] += 1
            if numbers.random() < 0.1:
                places[name].run(1 - places[name].there)
                counts["not stopped, and cleaned up"] += 1
        except Loss as loss:
            raise Loss(f"{name}, stop {i}: {loss}") from None
    for name, place in places.items():
        place.run(1 - place.there)
        if digest(place.path) != place.digests[place.there]:
            raise Loss(f"{name}: the last one is another")
    return counts


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("hoist", type=os.path.abspath)
    parser.add_argument("--stops", type=int, default=500)
    parser.add_argument("--mib", type=int, default=64)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--work", help="a folder on the disk to be tried")
    arguments = parser.parse_args()
    folder = pathlib.Path(tempfile.mkdtemp(prefix="kill_loop_",
                                           dir=arguments.work))
    try:
        counts = loop(arguments, folder)
    except Loss as loss:
        print(f"LOSS: {loss}; see {folder}")
        return 1
    shutil.rmtree(folder)
    for what, count in sorted(counts.items()):
        print(f"{count:6}  {what}")
    print(f"{arguments.stops:6}  stops, 0 losses")
    return 0


if __name__ == "__main__":
    sys.exit(main())

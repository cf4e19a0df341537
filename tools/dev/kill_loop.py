#!/usr/bin/env python3
"""Kills what writes checkpoints at random moments, and looks at what it leaves.

  kill_loop.py HOIST [SAVE_STEPS] [--kills=500] [--mib=64] [--seed=1]
      [--work=FOLDER]

`hoist convert`: two checkpoints take turns at one path, in every format; now
and then there is none before. A run is ended by SIGKILL, SIGINT or SIGTERM
after a random part of the time that it takes. Then the checkpoint there has to
be one of the two, byte for byte, or none if none was there; after SIGINT and
SIGTERM nothing else may be there, and after SIGKILL one temporary file or
directory, which no reader takes for a checkpoint and the next run removes.

`save_steps`, if it is named: a training saves steps into a store, and removes
old ones. After SIGKILL every step that is listed is whole, none is lost that
was to be kept, and `hoist checkpoints latest` leads to the last step that the
training knew was saved, or to the one that it was saving.

Exits 1, with everything left as it is, at the first that is not so; prints
counts. --seed decides what is killed when, but machines are never equally fast.
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


def run_hoist(hoist, *arguments):
    """Returns what it prints."""
    done = subprocess.run([hoist, *arguments], capture_output=True, text=True,
                          check=False)
    if done.returncode != 0:
        command = " ".join(map(str, arguments))
        raise Loss(f"hoist {command}: exit {done.returncode}: {done.stdout}"
                   f"{done.stderr}")
    return done.stdout


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

    def rewrite(self):
        """Undisturbed, which cleans up."""
        self.run(1 if self.there is None else 1 - self.there)
        if digest(self.path) != self.digests[self.there]:
            raise Loss("the one that was written now is another")

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
        run_hoist(self.hoist, "load", "--device=cpu", self.path)

    def others(self):
        return sorted(set(os.listdir(self.folder)) - {self.path.name})

    def remove(self):
        """So that the next run writes where nothing is."""
        if self.path.is_dir():
            shutil.rmtree(self.path)
        else:
            self.path.unlink(missing_ok=True)
        self.there = None

    def check_others(self, before, may_be_new):
        """Returns whether something is left behind."""
        others = self.others()
        # What one has left, the next removes before it leaves anything itself.
        if len(others) > 1 or not (may_be_new or set(others) <= set(before)):
            raise Loss(f"left behind: {others}, and before that {before}")
        for name in others:
            if not name.startswith(".") or not name.endswith(".tmp"):
                raise Loss(f"left behind as if it were something: {name}")
        listed = run_hoist(self.hoist, "checkpoints", "list", "--json",
                           self.folder)
        if any(other in listed for other in others):
            raise Loss(f"taken for a checkpoint: {others}")
        return bool(others)

    def kill_once(self, numbers):
        """Returns what came of it, for counting."""
        if numbers.random() < 0.15:
            self.remove()
        source = 1 if self.there is None else 1 - self.there
        # Where files are renamed is what matters most.
        part = numbers.uniform(0, 1.1) if numbers.random() < 0.5 else (
            numbers.uniform(0.7, 1.2))
        others = self.others()
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
        if found is None and (self.there is not None or code == 0):
            raise Loss(f"after {stop.name} there is none")
        if found is not None and found not in self.digests:
            raise Loss(f"after {stop.name} a checkpoint is neither of the two")
        if code == 0 and found != self.digests[source]:
            raise Loss("exit 0, and it is not there")
        is_left = self.check_others(
            [] if code == 0 else others, may_be_new=code == -signal.SIGKILL)
        before = self.there
        self.there = None if found is None else self.digests.index(found)
        # Machines are not always equally fast.
        self.seconds *= 0.75 if code == 0 else 1.1
        if code == 0:
            return "too late to kill"
        kept = ("the new one is there" if self.there == source else
                "none is there, as before" if before is None else
                "the old one is there")
        return f"{stop.name}: {kept}" + (", and a leftover" if is_left else "")


class Store:
    """A training that saves steps, keeps the last ones, and is killed."""

    KEPT = 3

    def __init__(self, hoist, save_steps, folder):
        self.hoist = hoist
        self.save_steps = save_steps
        self.folder = folder
        self.last = 0  # that was said to be saved
        folder.mkdir()
        self.train(steps=self.KEPT)
        self.check()

    def start(self, steps):
        return subprocess.Popen(
            [self.save_steps, self.folder, str(self.last + 1), str(steps),
             str(self.KEPT)],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def follow(self, process):
        """To its end."""
        output, errors = process.communicate()
        # Each line is whole: it is less than a pipe takes at once.
        for line in output.splitlines():
            self.last = max(self.last, int(line))
        return errors

    def train(self, steps):
        begin = time.monotonic()
        process = self.start(steps)
        errors = self.follow(process)
        if process.returncode != 0:
            raise Loss(f"exit {process.returncode}: {errors}")
        self.seconds = (time.monotonic() - begin) / steps

    def rewrite(self):
        self.train(steps=1)
        if self.check():
            raise Loss("a leftover is left after the next save")

    def check(self):
        """Returns whether something is left behind."""
        listing = json.loads(run_hoist(
            self.hoist, "checkpoints", "list", "--json", self.folder))
        steps = [step["step"] for step in listing["checkpoints"]]
        latest = listing["latest"] and listing["latest"]["step"]
        if latest not in (self.last, self.last + 1):
            raise Loss(f"step {self.last} was saved, the latest is {latest}")
        kept = range(max(1, latest + 1 - self.KEPT), latest + 1)
        missing = set(kept) - set(steps)
        if missing:
            raise Loss(f"steps {sorted(missing)} are not there")
        # Also says that each is whole.
        run_hoist(self.hoist, "checkpoints", "verify", self.folder)
        self.last = latest
        known = {"latest.json", ".hoist-lock"}
        for step in listing["checkpoints"]:
            name = os.path.basename(step["path"])
            known |= {name, name + ".json"}
        return bool(set(os.listdir(self.folder)) - known)

    def kill_once(self, numbers):
        before = self.last
        process = self.start(steps=1000)
        time.sleep(numbers.uniform(0, 4) * self.seconds)
        process.kill()
        errors = self.follow(process)
        if process.returncode != -signal.SIGKILL:
            raise Loss(f"exit {process.returncode}: {errors}")
        said = self.last
        is_left = self.check()
        kept = ("a step that it was saving is there" if self.last > said else
                "the last step is there" if said > before else
                "the steps are there")
        return "store: " + kept + (", and a leftover" if is_left else "")


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
    if arguments.save_steps:
        places["store"] = Store(arguments.hoist, arguments.save_steps,
                                folder / "store")
    counts = collections.Counter()
    for i in range(arguments.kills):
        name = list(places)[i % len(places)]
        try:
            counts[places[name].kill_once(numbers)] += 1
            if numbers.random() < 0.1:
                places[name].rewrite()
                counts["not killed, and cleaned up"] += 1
        except Loss as loss:
            raise Loss(f"{name}, kill {i}: {loss}") from None
    for name, place in places.items():
        try:
            place.rewrite()
        except Loss as loss:
            raise Loss(f"{name}, at the end: {loss}") from None
    return counts


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("hoist", type=os.path.abspath)
    parser.add_argument("save_steps", type=os.path.abspath, nargs="?")
    parser.add_argument("--kills", type=int, default=500)
    parser.add_argument("--mib", type=int, default=64)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--work", help="a folder on the disk to be tried")
    arguments = parser.parse_args()
    print(f"--kills={arguments.kills} --mib={arguments.mib} "
          f"--seed={arguments.seed}", flush=True)
    folder = pathlib.Path(tempfile.mkdtemp(prefix="kill_loop_",
                                           dir=arguments.work))
    begin = time.monotonic()
    try:
        counts = loop(arguments, folder)
    except Loss as loss:
        print(f"LOSS: {loss}\nWhat is left is in {folder}")
        return 1
    shutil.rmtree(folder)
    for what, count in sorted(counts.items()):
        print(f"{count:6}  {what}")
    print(f"{arguments.kills:6}  kills in {time.monotonic() - begin:.0f} s, "
          "0 losses")
    return 0


if __name__ == "__main__":
    sys.exit(main())

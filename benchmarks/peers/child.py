"""One load by one contestant, in a process of its own. Prints JSON; run.py starts it.

The clock starts after the imports and ends when every byte lies in private memory.
"""

import argparse
import json
import mmap
import os
import resource
import subprocess
import time

from contestants import CONTESTANTS


def files_of(path):
    if os.path.isfile(path):
        return [path]
    return [os.path.join(folder, name) for folder, _, names in os.walk(path) for name in names]


def touch_and_free_ballast(size_bytes):
    """See TouchAndFreeBallast() in fresh_memory.h."""
    import numpy

    with mmap.mmap(-1, size_bytes, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS) as ballast:
        ballast.madvise(mmap.MADV_HUGEPAGE)
        pages = numpy.frombuffer(ballast, dtype=numpy.uint8)
        pages[::mmap.PAGESIZE] = 1
        del pages


def reset_peak():
    """The peak of the resident memory is from now on."""
    with open("/proc/self/clear_refs", "w", encoding="ascii") as file:
        file.write("5")


def memory():
    """The resident memory, and its peak, in bytes."""
    with open("/proc/self/status", encoding="ascii") as status:
        fields = dict(line.split(":", 1) for line in status)
    return tuple(int(fields[name].split()[0]) * 1024 for name in ("VmRSS", "VmHWM"))


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("contestant", choices=list(CONTESTANTS))
    parser.add_argument("path")
    parser.add_argument("--state", choices=["warm", "cold"], required=True)
    parser.add_argument("--ballast-bytes", type=int, required=True)
    parser.add_argument("--page-cache", required=True, help="the program page_cache")
    arguments = parser.parse_args()

    start = time.perf_counter()
    load = CONTESTANTS[arguments.contestant].prepare()
    from tensors import are_private, digest, each_tensor  # imports torch, as every contestant does sooner or later

    import_seconds = time.perf_counter() - start
    for file in files_of(arguments.path):
        verb = "evict" if arguments.state == "cold" else "warm"
        subprocess.run([arguments.page_cache, verb, file], check=True, stdout=subprocess.DEVNULL)
    touch_and_free_ballast(arguments.ballast_bytes)
    reset_peak()
    resident, _ = memory()
    before = resource.getrusage(resource.RUSAGE_SELF)
    start = time.perf_counter()
    loaded = load(arguments.path)
    seconds = time.perf_counter() - start
    after = resource.getrusage(resource.RUSAGE_SELF)
    _, peak = memory()

    tensors = list(each_tensor(loaded))
    size_bytes = sum(tensor.nbytes for tensor in tensors)
    print(json.dumps({
        "seconds": seconds,
        "import_seconds": import_seconds,
        "bytes": size_bytes,
        "tensors": len(tensors),
        "peak_beyond_tensors_bytes": peak - resident - size_bytes,
        "minor_faults": after.ru_minflt - before.ru_minflt,
        "major_faults": after.ru_majflt - before.ru_majflt,
        "private": are_private(tensors, arguments.path),
        "digest": digest(tensors),
    }))


if __name__ == "__main__":
    main()

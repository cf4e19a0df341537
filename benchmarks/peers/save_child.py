"""One save by one of the savers, in a process of its own. Prints JSON; run_saves.py starts it.

The clock starts after the imports, with the tensors in memory, and ends when all is on the disk. What was
written is removed, unless it is to be kept.
"""

import argparse
import json
import os
import pathlib
import resource
import shutil
import time

from child import memory, reset_peak, touch_and_free_ballast
from savers import SAVERS

SIDE = 4096


def normal_weights(size_bytes):
    """Matrices of 32 MiB in bfloat16, of the same numbers, each turned by another odd number of them."""
    import torch

    torch.manual_seed(1)
    weights = (torch.randn(SIDE * SIDE) * 0.02).to(torch.bfloat16)
    return {
        f"layers.{i}.weight": weights.roll(-1009 * i).reshape(SIDE, SIDE)
        for i in range(max(1, size_bytes // weights.nbytes))
    }


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("saver", choices=list(SAVERS))
    parser.add_argument("path", type=pathlib.Path)
    parser.add_argument("--bytes", type=int, required=True)
    parser.add_argument("--ballast-bytes", type=int, required=True)
    parser.add_argument("--keep", action="store_true")
    arguments = parser.parse_args()

    start = time.perf_counter()
    save = SAVERS[arguments.saver].prepare()
    import_seconds = time.perf_counter() - start
    state = normal_weights(arguments.bytes)
    os.sync()
    touch_and_free_ballast(arguments.ballast_bytes)
    reset_peak()
    resident, _ = memory()
    before = resource.getrusage(resource.RUSAGE_SELF)
    start = time.perf_counter()
    save(state, str(arguments.path))
    seconds = time.perf_counter() - start
    after = resource.getrusage(resource.RUSAGE_SELF)
    _, peak = memory()

    files = [file for file in arguments.path.rglob("*") if file.is_file()] or [arguments.path]
    file_bytes = sum(file.stat().st_size for file in files)
    size_bytes = sum(tensor.nbytes for tensor in state.values())
    if file_bytes < size_bytes:
        raise SystemExit(f"wrote {file_bytes} bytes of {size_bytes}")
    if not arguments.keep:
        shutil.rmtree(arguments.path) if arguments.path.is_dir() else arguments.path.unlink()
    print(json.dumps({
        "seconds": seconds,
        "import_seconds": import_seconds,
        "bytes": size_bytes,
        "file_bytes": file_bytes,
        "cpu_seconds": after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime,
        "peak_beyond_tensors_bytes": peak - resident,
        "minor_faults": after.ru_minflt - before.ru_minflt,
        "major_faults": after.ru_majflt - before.ru_majflt,
    }))


if __name__ == "__main__":
    main()

#!/usr/bin/env python3
"""What ZipNN saves and how fast it is, on one thread, on the weights of codec_benchmark.

    python -m venv ENV && ENV/bin/pip install zipnn && ENV/bin/python benchmarks/peers/zipnn_rates.py

ZipNN is no part of the peers' environment: it brings a PyTorch of its own. Prints, for each dtype, the ratio and the best
rate of several runs, in GB/s of weights.
"""

import time

import numpy as np
import zipnn

BYTES = 64 << 20
RUNS = 8


def normal_weights(dtype: str) -> bytes:
    width = 4 if dtype == "float32" else 2
    floats = np.random.default_rng(1).normal(0, 0.02, BYTES // width).astype(np.float32)
    if dtype == "float32":
        return floats.tobytes()
    if dtype == "float16":
        return floats.astype(np.float16).tobytes()
    bits = floats.view(np.uint32)
    # To the nearest, ties to even.
    return ((bits + 0x7FFF + (bits >> 16 & 1)) >> 16).astype(np.uint16).tobytes()


def best_rate(function, make_argument):
    best = float("inf")
    for _ in range(RUNS):
        argument = make_argument()  # ZipNN reorders bytes in place
        start = time.perf_counter()
        result = function(argument)
        best = min(best, time.perf_counter() - start)
    return BYTES / best / 1e9, result


def main() -> None:
    for dtype in ("bfloat16", "float16", "float32"):
        weights = normal_weights(dtype)
        codec = zipnn.ZipNN(bytearray_dtype=dtype, threads=1)
        encode, stored = best_rate(codec.compress, lambda: bytearray(weights))
        stored = bytes(stored)
        decode, decoded = best_rate(codec.decompress, lambda: bytearray(stored))
        assert bytes(decoded) == weights
        print(f"{dtype}: ratio {len(weights) / len(stored):.3f}, encode {encode:.2f}, decode {decode:.2f} GB/s")


if __name__ == "__main__":
    main()

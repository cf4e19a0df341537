#!/usr/bin/env python3
"""What ZipNN saves and how fast it is, on one thread, on the weights of codec_benchmark.

    $(benchmarks/peers/environment.sh create)/bin/python benchmarks/peers/zipnn_rates.py [--json] [DTYPE...]

Prints, for each dtype, the ratio and the best rate of several runs, in GB/s of weights.
"""

import argparse
import json
import time

import numpy as np
import zipnn

BYTES = 64 << 20
RUNS = 8
DTYPES = ["bfloat16", "float16", "float32"]


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


def best_seconds(function, make_argument):
    best = float("inf")
    for _ in range(RUNS):
        argument = make_argument()  # ZipNN reorders bytes in place
        start = time.perf_counter()
        result = function(argument)
        best = min(best, time.perf_counter() - start)
    return best, result


def measure(dtype: str) -> dict:
    weights = normal_weights(dtype)
    codec = zipnn.ZipNN(bytearray_dtype=dtype, threads=1)
    encode_seconds, stored = best_seconds(codec.compress, lambda: bytearray(weights))
    stored = bytes(stored)
    decode_seconds, decoded = best_seconds(codec.decompress, lambda: bytearray(stored))
    if bytes(decoded) != weights:
        raise SystemExit(f"{dtype}: ZipNN has decoded other bytes than it has encoded")
    return {"bytes": len(weights), "ratio": len(weights) / len(stored),
            "encode_seconds": encode_seconds, "decode_seconds": decode_seconds}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("dtypes", nargs="*", default=DTYPES, metavar="DTYPE", help=",".join(DTYPES))
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    measured = {dtype: measure(dtype) for dtype in arguments.dtypes}
    if arguments.json:
        print(json.dumps(measured))
        return
    for dtype, of in measured.items():
        encode, decode = (of["bytes"] / of[name] / 1e9 for name in ("encode_seconds", "decode_seconds"))
        print(f"{dtype}: ratio {of['ratio']:.3f}, encode {encode:.2f}, decode {decode:.2f} GB/s")


if __name__ == "__main__":
    main()

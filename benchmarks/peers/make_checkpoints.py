"""Writes the checkpoints that loaders are compared on, with the libraries whose formats they are.

Run by run.py with the peers' Python. What is there already with the same parameters stays.
"""

import argparse
import json
import os
import pathlib
import shutil
import sys

import torch
import torch.distributed.checkpoint as dcp
from safetensors.torch import save_file

from tensors import digest, each_tensor

MIB = 1 << 20


def large(size_bytes):
    """Matrices of 32 MiB in bfloat16, each with bytes of its own."""
    side = 4096
    base = torch.randint(-(1 << 15), 1 << 15, (side, side), dtype=torch.int16)
    count = max(1, size_bytes // (base.nbytes))
    return {f"layers.{i}.weight": (base + i).view(torch.bfloat16) for i in range(count)}


def small(size_bytes, count=20_000):
    """Vectors of float32, from half the mean size to one and a half times that."""
    mean = size_bytes // count // 4
    return {
        f"model.layers.{i // 10}.parts.{i % 10}.weight": torch.rand(mean // 2 + i * 7919 % (mean + 1))
        for i in range(count)
    }


def training(size_bytes):
    """A model, Adam's state after a step, and counters."""
    side = 2048
    layers = max(1, size_bytes // 3 // (side * side * 4))
    model = torch.nn.Sequential(*[torch.nn.Linear(side, side) for _ in range(layers)])
    optimizer = torch.optim.Adam(model.parameters())
    model(torch.rand(1, side)).sum().backward()
    optimizer.step()
    return {"model": model.state_dict(), "optimizer": optimizer.state_dict(), "epoch": 3, "step": 12_000}


def save_pt(state, path):
    torch.save(state, path)


def save_legacy(state, path):
    torch.save(state, path, _use_new_zipfile_serialization=False)


def save_dcp(state, path):
    shutil.rmtree(path, ignore_errors=True)
    dcp.save(state, checkpoint_id=path)


# Dialect -> how to write it, and the ending of its files.
WRITERS = {
    "pt": (save_pt, ".pt"),
    "legacy": (save_legacy, ".legacy.pt"),
    "safetensors": (save_file, ".safetensors"),
    "dcp": (save_dcp, ".dcp"),
}

# Scenario -> its contents, and the dialects it is written in. Safetensors has no place for Adam's state.
SCENARIOS = {
    "large": (large, ["pt", "safetensors", "dcp"]),
    "small": (small, ["pt", "safetensors", "legacy", "dcp"]),
    "training": (training, ["pt", "legacy", "dcp"]),
    "tiny": (large, ["pt", "safetensors"]),
}


def file_bytes(path):
    path = pathlib.Path(path)
    return sum(file.stat().st_size for file in (path.rglob("*") if path.is_dir() else [path]))


def sync(path):
    """What is written can be evicted only when it is on the device."""
    for file in [path] if path.is_file() else [file for file in path.rglob("*") if file.is_file()]:
        with open(file, "rb") as opened:
            os.fsync(opened.fileno())


def write_scenario(folder, name, size_bytes):
    """Returns what is known of each file: {dialect: {name, file_bytes, bytes, tensors, digest}}."""
    make, dialects = SCENARIOS[name]
    torch.manual_seed(0)
    state = small(size_bytes, count=8) if name == "tiny" else make(size_bytes)
    tensors = list(each_tensor(state))
    files = {}
    for dialect in dialects:
        save, ending = WRITERS[dialect]
        path = folder / (name + ending)
        save(state, str(path))
        sync(path)
        files[dialect] = {
            "name": path.name,
            "file_bytes": file_bytes(path),
            "bytes": sum(tensor.nbytes for tensor in tensors),
            "tensors": len(tensors),
            "digest": digest(tensors),
        }
    return files


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=pathlib.Path)
    parser.add_argument("sizes", nargs="+", help="SCENARIO=BYTES")
    arguments = parser.parse_args()
    arguments.folder.mkdir(parents=True, exist_ok=True)
    manifest_path = arguments.folder / "manifest.json"
    manifest = json.loads(manifest_path.read_text()) if manifest_path.exists() else {}
    for size in arguments.sizes:
        name, size_bytes = size.split("=")
        parameters = {"size": int(size_bytes), "torch": torch.__version__}
        if manifest.get(name, {}).get("parameters") != parameters:
            print(f"writing {name}: {int(size_bytes) / MIB:.0f} MiB in each dialect", file=sys.stderr)
            files = write_scenario(arguments.folder, name, int(size_bytes))
            manifest[name] = {"parameters": parameters, "files": files}
            manifest_path.write_text(json.dumps(manifest, indent=1))


if __name__ == "__main__":
    main()

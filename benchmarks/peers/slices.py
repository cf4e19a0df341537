"""One rank's slices of a cold checkpoint, by Hoist, safetensors' get_slice and torch DCP, in turn.

  python benchmarks/peers/slices.py --hoist=bazel-bin/tools/hoist --folder=FOLDER [--gib=2] [--rounds=3]

Writes a model of --gib GiB into FOLDER once, as safetensors and by torch.distributed.checkpoint, and loads 1/8 of every
tensor, of rows (dimension 0) and of columns (dimension 1), with nothing of the files in the page cache. Of each load: seconds
from before the file is opened until every byte is in memory, imports and the start of the process not counted; what the
process had read from storage by then (read_bytes of /proc/self/io); and that in parts of what it needed. DCP is asked for
slices by a DTensor-less plan: tensors of the full shape's local part are what it loads, sharded on one dimension.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import time

RANK, WORLD = 3, 8


def write_model(folder, gib):
    import torch
    import torch.distributed.checkpoint as dcp
    from safetensors.torch import save_file

    path = os.path.join(folder, "model.safetensors")
    if os.path.exists(path) and os.path.exists(os.path.join(folder, "dcp", ".metadata")):
        return
    tensors = {}
    left = gib * 2**30
    layer = 0
    while left > 0:
        for name, shape in (("q", (4096, 4096)), ("up", (11008, 4096)), ("down", (4096, 11008)), ("norm", (4096, 1))):
            tensors[f"layers.{layer}.{name}.weight"] = torch.randn(shape).to(torch.float32)
            left -= shape[0] * shape[1] * 4
        layer += 1
    save_file(tensors, path)
    dcp.save(tensors, checkpoint_id=os.path.join(folder, "dcp"))
    os.sync()


def evict(path):
    files = [path] if os.path.isfile(path) else [os.path.join(at, name) for at, _, names in os.walk(path) for name in names]
    for name in files:
        with open(name, "rb") as file:
            os.fsync(file.fileno())
            os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)


def read_bytes(process="self"):
    with open(f"/proc/{process}/io", encoding="ascii") as file:
        return int(dict(line.split(": ") for line in file.read().splitlines())["read_bytes"])


def part_of(size):
    each = -(-size // WORLD)
    first = min(RANK * each, size)
    return first, min(first + each, size)


def child(peer, path, dim):
    """In a process of its own: prints seconds, bytes read and needed."""
    import torch

    if peer == "safetensors":
        from safetensors import safe_open

        evict(path)
        before, start = read_bytes(), time.perf_counter()
        with safe_open(path, framework="pt") as file:
            held = {}
            for name in file.keys():
                view = file.get_slice(name)
                first, end = part_of(view.get_shape()[dim])
                held[name] = (view[first:end] if dim == 0 else view[:, first:end]).clone()
    else:
        import torch.distributed.checkpoint as dcp
        from torch.distributed.checkpoint.default_planner import DefaultLoadPlanner
        from torch.distributed.checkpoint.metadata import MetadataIndex
        from torch.distributed.checkpoint.planner import LoadPlan
        from torch.distributed.checkpoint.planner_helpers import create_read_items_for_chunk_list
        from torch.distributed.checkpoint.metadata import ChunkStorageMetadata

        class SlicePlanner(DefaultLoadPlanner):
            def create_local_plan(self):
                items = []
                for name, tensor in self.state_dict.items():
                    stored = self.metadata.state_dict_metadata[name]
                    offsets = [0] * tensor.dim()
                    offsets[dim] = part_of(stored.size[dim])[0]
                    chunk = ChunkStorageMetadata(offsets=torch.Size(offsets), sizes=tensor.size())
                    items += create_read_items_for_chunk_list(name, stored, [chunk])
                return LoadPlan(items)

            def lookup_tensor(self, index: MetadataIndex):
                return self.state_dict[index.fqn]

        evict(path)
        before, start = read_bytes(), time.perf_counter()
        reader = dcp.FileSystemReader(path)
        held = {}
        for name, stored in reader.read_metadata().state_dict_metadata.items():
            shape = list(stored.size)
            first, end = part_of(shape[dim])
            shape[dim] = end - first
            held[name] = torch.empty(shape, dtype=stored.properties.dtype)
        dcp.load(held, storage_reader=reader, planner=SlicePlanner())
    seconds = time.perf_counter() - start
    needed = sum(tensor.numel() * tensor.element_size() for tensor in held.values())
    print(json.dumps({"seconds": seconds, "read": read_bytes() - before, "needed": needed}))


def run_hoist(hoist, path, dim):
    evict(path)
    command = [hoist, "load", path, "--device=cpu", "--json", "-q", f"--shard-dim={dim}", f"--rank={RANK}",
               f"--world-size={WORLD}"]
    # The binary is in the page cache: what it reads is the checkpoint.
    subprocess.run([hoist, "--version"], check=True, stdout=subprocess.DEVNULL)
    before = children_read_bytes()
    out = subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout
    report = json.loads(out)
    return {"seconds": report["seconds"], "read": children_read_bytes() - before,
            "needed": report["rank"]["needed_bytes"], "notes": report["rank"]["notes"]}


def children_read_bytes():
    """Of processes that have ended: /proc/self/io has theirs, once they are waited for."""
    return read_bytes()


def run_peer(peer, path, dim):
    out = subprocess.run([sys.executable, __file__, "--child", peer, "--path", path, "--dim", str(dim)], check=True,
                         stdout=subprocess.PIPE).stdout
    return json.loads(out.splitlines()[-1])


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--hoist")
    parser.add_argument("--folder")
    parser.add_argument("--gib", type=float, default=2)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--child")
    parser.add_argument("--path")
    parser.add_argument("--dim", type=int)
    arguments = parser.parse_args()
    if arguments.child:
        child(arguments.child, arguments.path, arguments.dim)
        return
    os.makedirs(arguments.folder, exist_ok=True)
    write_model(arguments.folder, arguments.gib)
    model = os.path.join(arguments.folder, "model.safetensors")
    for dim, what in ((0, "rows"), (1, "columns")):
        runs = {"hoist": [], "safetensors": [], "dcp": []}
        for _ in range(arguments.rounds):
            runs["hoist"].append(run_hoist(arguments.hoist, model, dim))
            for peer, path in (("safetensors", model), ("dcp", os.path.join(arguments.folder, "dcp"))):
                try:
                    runs[peer].append(run_peer(peer, path, dim))
                except subprocess.CalledProcessError as error:
                    print(f"{peer} failed: {error}", file=sys.stderr)
        for peer, results in runs.items():
            if results:
                seconds = statistics.median(result["seconds"] for result in results)
                factor = statistics.median(result["read"] / result["needed"] for result in results)
                print(f"{what:8} {peer:12} {seconds:7.3f} s  needed {results[0]['needed'] / 2**20:7.1f} MiB  read {factor:5.2f} x")
        for note in runs["hoist"][0]["notes"]:
            print(f"{what:8} hoist's note: {note}")


if __name__ == "__main__":
    main()

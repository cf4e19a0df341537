#!/usr/bin/env python3
"""Writes the golden folders of torch.distributed.checkpoint, and what PyTorch reads from them.

  generate.py           writes the cases whose folders are not there yet
  generate.py --check   writes all of them to a temporary folder and compares
                        their NAME.expected.json with the committed ones

One function per folder, named as the folder: what each rank of so many does.
Ranks are processes that talk by gloo. See ../README.md.
"""

import os
import pathlib
import sys
import warnings

import torch
import torch.distributed as dist
import torch.distributed.checkpoint as dcp
import torch.multiprocessing
from torch import nn
from torch.distributed.checkpoint.format_utils import dcp_to_torch_save
from torch.distributed.checkpoint.hf_storage import HuggingFaceStorageReader, HuggingFaceStorageWriter
from torch.distributed.device_mesh import init_device_mesh
from torch.distributed.tensor import Replicate, Shard, distribute_tensor

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))
sys.dont_write_bytecode = True

import generate as files  # noqa: E402
import golden_folders  # noqa: E402

TORCH_FOLDER = files.TORCH_FOLDER
PORT = 29533

CASES = {}  # name: (ranks, function, format)


def case(ranks, format="dcp"):
    return lambda function: CASES.update({function.__name__: (ranks, function, format)}) or function


def numbers(*shape, dtype=torch.float32, start=0):
    """Different at every place."""
    count = 1
    for size in shape:
        count *= size
    return (torch.arange(count) + start).to(dtype).reshape(shape)


def split(tensor, mesh, *placements):
    return distribute_tensor(tensor, mesh, placements)


def line_of(ranks):
    return init_device_mesh("cpu", (ranks,))


# ---------------------------------------------------------------- one rank


@case(1)
def one_rank(path):
    """Every tensor in one piece, and values of all kinds."""
    dcp.save(
        {
            "model": {"fc.weight": numbers(3, 4), "fc.bias": numbers(3, dtype=torch.bfloat16)},
            "scalar": torch.tensor(7),
            "empty": torch.zeros(0, 3),
            "transposed": numbers(4, 3).t(),
            "part_of_more": numbers(10, 10)[2:4, 3:5],
            "complex": torch.tensor([1 + 2j, -3j]),
            "flags": torch.tensor([True, False, True]),
            "epoch": 3,
            "rate": 0.125,
            "name": "run one",
            "nothing": None,
            "betas": (0.9, 0.999),
            "numbers": [1, 2, 3],
            "with_tensor": (torch.tensor([1.5, 2.5]), "in a tuple"),
            "list": [torch.tensor([1, 2]), {"in": "a dict"}, 5],
            "size": torch.Size([2, 3]),
            3: {"int": torch.tensor([3.0])},
        },
        checkpoint_id=path,
    )


@case(1)
def many_files(path):
    """Each item in a file of its own."""
    writer = dcp.FileSystemWriter(path, single_file_per_rank=False)
    dcp.save({f"layer.{i}": numbers(2, 3, start=i) for i in range(4)} | {"step": 7}, storage_writer=writer)


@case(1)
def threads_2(path):
    """Two files by one rank."""
    writer = dcp.FileSystemWriter(path, thread_count=2)
    dcp.save({f"layer.{i}": numbers(4, i + 1, start=i) for i in range(4)} | {"step": 7}, storage_writer=writer)


# ---------------------------------------------------------------- several ranks


def shards_of_dimension(path, ranks):
    mesh = line_of(ranks)
    dcp.save(
        {
            "rows.even": split(numbers(8, 3), mesh, Shard(0)),
            "rows.uneven": split(numbers(7, 3), mesh, Shard(0)),
            "rows.few": split(numbers(2, 5), mesh, Shard(0)),
            "rows.vector": split(numbers(9, dtype=torch.float16), mesh, Shard(0)),
            "columns.even": split(numbers(3, 8, dtype=torch.bfloat16), mesh, Shard(1)),
            "columns.uneven": split(numbers(5, 7, dtype=torch.int64), mesh, Shard(1)),
            "columns.few": split(numbers(2, 2, dtype=torch.uint8), mesh, Shard(1)),
            "middle": split(numbers(2, 6, 3), mesh, Shard(1)),
            "last": split(numbers(2, 3, 5, dtype=torch.float64), mesh, Shard(2)),
            "replicated": split(numbers(3, 3), mesh, Replicate()),
            "plain": numbers(4),
            "step": 11,
        },
        checkpoint_id=path,
    )


@case(2)
def dimensions_2(path):
    shards_of_dimension(path, 2)


@case(4)
def dimensions_4(path):
    shards_of_dimension(path, 4)


@case(4)
def mesh_2x2(path):
    mesh = init_device_mesh("cpu", (2, 2), mesh_dim_names=("data", "model"))
    dcp.save(
        {
            "grid": split(numbers(6, 8), mesh, Shard(0), Shard(1)),
            "grid_uneven": split(numbers(5, 7), mesh, Shard(0), Shard(1)),
            "grid_turned": split(numbers(6, 5), mesh, Shard(1), Shard(0)),
            "rows_twice": split(numbers(9, 2), mesh, Shard(0), Shard(0)),
            "hybrid": split(numbers(4, 3), mesh, Replicate(), Shard(0)),
            "deep": split(numbers(3, 4, 2, 5), mesh, Shard(3), Shard(1)),
            "replicated": split(numbers(3), mesh, Replicate(), Replicate()),
        },
        checkpoint_id=path,
    )


@case(2)
def pieces_transposed(path):
    """The part of each rank lies column by column in its file."""
    from torch.distributed.tensor import DTensor

    mesh = line_of(2)
    whole = numbers(6, 5)
    local = whole[dist.get_rank() * 3 :][:3].t().contiguous().t()
    dcp.save({"weight": DTensor.from_local(local, mesh, [Shard(0)])}, checkpoint_id=path)


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.up = nn.Linear(4, 7)
        self.norm = nn.BatchNorm1d(7)
        self.down = nn.Linear(7, 3, bias=False)

    def forward(self, x):
        return self.down(self.norm(self.up(x)))


@case(2)
def fsdp_training(path):
    """Model and optimizer as torchtitan and the tutorials save them."""
    from torch.distributed.checkpoint.state_dict import get_state_dict
    from torch.distributed.fsdp import fully_shard

    mesh = line_of(2)
    model = Net()
    fully_shard(model, mesh=mesh)
    optimizer = torch.optim.AdamW(model.parameters(), lr=0.01)
    for _ in range(2):
        optimizer.zero_grad()
        model(torch.randn(6, 4)).pow(2).mean().backward()
        optimizer.step()
    model_state, optimizer_state = get_state_dict(model, optimizer)
    state = {"model": model_state, "optim": optimizer_state, "train": {"step": 2, "tokens": 2**40}}
    dcp.save(state, checkpoint_id=path)


# ---------------------------------------------------------------- safetensors


def safetensors_state(mesh):
    return {
        "a.weight": split(numbers(7, 4), mesh, Shard(0)),
        "a.bias": split(numbers(7, dtype=torch.bfloat16), mesh, Shard(0)),
        "b.weight": split(numbers(5, 6), mesh, Shard(1)),
        "b.bias": split(numbers(5), mesh, Replicate()),
    }


FILE_OF = {"a.weight": 1, "a.bias": 1, "b.weight": 2, "b.bias": 2}


@case(2)
def safetensors_sharded(path):
    writer = HuggingFaceStorageWriter(path, fqn_to_index_mapping=FILE_OF, save_distributed=True)
    dcp.save(safetensors_state(line_of(2)), storage_writer=writer)


@case(2)
def safetensors_sharded_one_file(path):
    writer = HuggingFaceStorageWriter(path, save_distributed=True)
    dcp.save(safetensors_state(line_of(2)), storage_writer=writer)


@case(2, format="safetensors_index")
def safetensors_consolidated(path):
    """Whole tensors and their index; the pieces stay in a folder "sharded"."""
    writer = HuggingFaceStorageWriter(
        path, fqn_to_index_mapping=FILE_OF, save_distributed=True, enable_consolidation=True
    )
    dcp.save(safetensors_state(line_of(2)), storage_writer=writer)


@case(1, format="safetensors_index")
def safetensors_one_rank(path):
    writer = HuggingFaceStorageWriter(path, fqn_to_index_mapping=FILE_OF)
    dcp.save({"a.weight": numbers(3, 2), "a.bias": numbers(3), "b.weight": numbers(2), "b.bias": numbers(1)},
             storage_writer=writer)  # fmt: skip


# ---------------------------------------------------------------- the files


def run_rank(rank, ranks, name, path):
    warnings.simplefilter("ignore")
    os.environ.update(MASTER_ADDR="127.0.0.1", MASTER_PORT=str(PORT))
    torch.set_num_threads(1)
    dist.init_process_group("gloo", rank=rank, world_size=ranks)
    torch.manual_seed(20240607)
    CASES[name][1](path)
    dist.barrier()
    dist.destroy_process_group()


def as_one_file(path, one_file):
    """PyTorch's own way to read such a folder whole."""
    if (path / ".metadata").exists():
        dcp_to_torch_save(path, one_file)
        return
    reader = HuggingFaceStorageReader(str(path))
    tensors = {}
    for name, tensor in reader.read_metadata().state_dict_metadata.items():
        tensors[name] = torch.zeros(tensor.size, dtype=tensor.properties.dtype)
    dcp.load(tensors, storage_reader=reader, no_dist=True)
    torch.save(tensors, one_file)


def write_case(name, path):
    ranks, _, format = CASES[name]
    path.mkdir(parents=True)
    torch.multiprocessing.spawn(run_rank, (ranks, name, str(path)), nprocs=ranks)
    one_file = path.with_suffix(".pt")
    as_one_file(path, one_file)
    expected = files.expected_json(one_file, objects=True, printed=False, parts=True)
    one_file.unlink()
    path.with_suffix(".expected.json").write_text(expected.replace('"torch_zip"', f'"{format}"', 1))


if __name__ == "__main__":
    folders = {name: HERE / TORCH_FOLDER for name in CASES}
    sys.exit(golden_folders.main(__doc__.splitlines()[0], folders, write_case))

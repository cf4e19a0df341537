"""The loaders that Hoist is held against, each as its users would call it.

Of each: the dialects it reads, the environment it is started with, and a function that imports what it
needs and returns another, load(path), whose result holds every tensor in private memory.
"""

import dataclasses
import typing

# The variable with which PyTorch asks for huge pages below its allocations on the CPU of 2 MiB and more.
HUGE_PAGES = {"THP_MEM_ALLOC_ENABLE": "1"}


@dataclasses.dataclass(frozen=True)
class Contestant:
    prepare: typing.Callable
    dialects: tuple
    environment: dict = dataclasses.field(default_factory=dict)


def torch_load():
    import torch

    return lambda path: torch.load(path, map_location="cpu", weights_only=True)


def torch_load_mapped():
    import torch

    from tensors import clone_tensors

    return lambda path: clone_tensors(torch.load(path, map_location="cpu", weights_only=True, mmap=True))


def safetensors_mapped():
    from safetensors.torch import load_file

    from tensors import clone_tensors

    return lambda path: clone_tensors(load_file(path))


def safetensors_pread():
    from safetensors.torch import load_file

    return lambda path: load_file(path, backend="pread")


def runai():
    from runai_model_streamer import SafetensorsStreamer

    def load(path):
        with SafetensorsStreamer() as streamer:
            streamer.stream_file(path)
            return dict(streamer.get_tensors())

    return load


def fastsafetensors():
    from fastsafetensors import SafeTensorsFileLoader
    from fastsafetensors.frameworks import get_framework_op

    get_framework_op("pytorch")  # imports more

    def load(path):
        loader = SafeTensorsFileLoader(None, device="cpu", nogds=True)
        loader.add_filenames({0: [path]})
        buffers = loader.copy_files_to_device()
        tensors = {name: buffers.get_tensor(name) for name in loader.get_keys()}
        loader.close()
        return tensors

    return load


def dcp():
    import torch
    import torch.distributed.checkpoint
    from torch.distributed.checkpoint.metadata import TensorStorageMetadata

    def load(path):
        reader = torch.distributed.checkpoint.FileSystemReader(path)
        state = {
            name: torch.empty(item.size, dtype=item.properties.dtype)
            for name, item in reader.read_metadata().state_dict_metadata.items()
            if isinstance(item, TensorStorageMetadata)
        }
        torch.distributed.checkpoint.load(state, storage_reader=reader)
        return state

    return load


CONTESTANTS = {
    "torch.load": Contestant(torch_load, ("pt", "legacy")),
    "torch.load, huge pages": Contestant(torch_load, ("pt", "legacy"), HUGE_PAGES),
    "torch.load mmap, cloned": Contestant(torch_load_mapped, ("pt",)),
    "torch.load mmap, cloned, huge pages": Contestant(torch_load_mapped, ("pt",), HUGE_PAGES),
    "safetensors, cloned": Contestant(safetensors_mapped, ("safetensors",)),
    "safetensors, cloned, huge pages": Contestant(safetensors_mapped, ("safetensors",), HUGE_PAGES),
    "safetensors pread": Contestant(safetensors_pread, ("safetensors",)),
    "safetensors pread, huge pages": Contestant(safetensors_pread, ("safetensors",), HUGE_PAGES),
    "Run:ai streamer": Contestant(runai, ("safetensors",)),
    "Run:ai streamer, io_uring buffered": Contestant(
        runai, ("safetensors",), {"RUNAI_STREAMER_FS_STRATEGY": "io_uring_buffered,sync_buffered"}),
    "Run:ai streamer, threads buffered": Contestant(
        runai, ("safetensors",), {"RUNAI_STREAMER_FS_STRATEGY": "sync_buffered"}),
    "fastsafetensors": Contestant(fastsafetensors, ("safetensors",)),
    "fastsafetensors, buffered": Contestant(fastsafetensors, ("safetensors",), {"FASTSAFETENSORS_ODIRECT": "0"}),
    "DCP": Contestant(dcp, ("dcp",)),
    "DCP, huge pages": Contestant(dcp, ("dcp",), HUGE_PAGES),
}

"""The writers that Hoist is held against, each as its users would call it, until all is on the disk.

Of each: the dialect it writes, and a function that imports what it needs and returns another,
save(state, path). Whoever does not bring the file to the disk itself is followed by fsync() of the file and
of its directory, as part of its time, for that is what Hoist does before it says that it has saved.
"""

import dataclasses
import os
import typing


@dataclasses.dataclass(frozen=True)
class Saver:
    prepare: typing.Callable
    dialect: str


def sync(path):
    for name in (path, os.path.dirname(path)):
        descriptor = os.open(name, os.O_RDONLY)
        os.fsync(descriptor)
        os.close(descriptor)


def torch_save(with_crc32):
    import torch

    torch.serialization.set_crc32_options(with_crc32)

    def save(state, path):
        torch.save(state, path)
        sync(path)

    return save


def safetensors():
    from safetensors.torch import save_file

    def save(state, path):
        save_file(state, path)
        sync(path)

    return save


def dcp():
    import torch.distributed.checkpoint

    # Syncs its files itself, unless told otherwise.
    return lambda state, path: torch.distributed.checkpoint.save(state, checkpoint_id=path)


SAVERS = {
    "torch.save, fsync": Saver(lambda: torch_save(True), "pt"),
    "torch.save without CRC, fsync": Saver(lambda: torch_save(False), "pt"),
    "safetensors save_file, fsync": Saver(safetensors, "safetensors"),
    "DCP": Saver(dcp, "dcp"),
}

"""What is asked of loaded tensors, whoever loaded them."""

import os
import zlib

import torch


def each_tensor(value):
    """The tensors in dicts, lists and tuples inside each other."""
    if isinstance(value, torch.Tensor):
        yield value
    elif isinstance(value, dict):
        for item in value.values():
            yield from each_tensor(item)
    elif isinstance(value, (list, tuple)):
        for item in value:
            yield from each_tensor(item)


def clone_tensors(value):
    """The same with every tensor in memory of its own."""
    if isinstance(value, torch.Tensor):
        return value.clone()
    if isinstance(value, dict):
        return {key: clone_tensors(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [clone_tensors(item) for item in value]
    return value


def digest(tensors):
    """The sum of the CRC-32 of each tensor's elements, modulo 2^64; load_once makes the same."""
    total = 0
    for tensor in tensors:
        flat = tensor.detach().contiguous().reshape(-1).view(torch.uint8)
        total += zlib.crc32(memoryview(flat.numpy()))
    return total % (1 << 64)


def are_private(tensors, path):
    """Whether no tensor lies in a mapping of the file, or of a file in the folder, at `path`."""
    prefix = os.path.realpath(path)
    mapped = []
    with open("/proc/self/maps", encoding="utf-8") as maps:
        for line in maps:
            fields = line.split(maxsplit=5)
            if len(fields) == 6 and fields[5].startswith(prefix):
                begin, end = (int(address, 16) for address in fields[0].split("-"))
                mapped.append((begin, end))
    return not any(begin <= tensor.data_ptr() < end for tensor in tensors for begin, end in mapped)

#!/usr/bin/env python3
"""Writes the golden folders of checkpoints in several files, and what PyTorch reads from them.

  generate.py           writes the cases whose folders are not there yet
  generate.py --check   writes all of them to a temporary folder and compares
                        their NAME.expected.json with the committed ones

One function per folder, named as the folder, which returns what is in each
file. Files are torch.save's and safetensors' own; they and the index are named
and written as Hugging Face's save_pretrained() does. See ../README.md.
"""

import json
import pathlib
import sys

import safetensors.torch
import torch

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))
sys.dont_write_bytecode = True

import generate as files  # noqa: E402
import golden_folders  # noqa: E402

FOLDERS = {"safetensors": files.SAFETENSORS_FOLDER, "bin": files.TORCH_FOLDER}

CASES = {}  # name: (kind, whether there is an index, function, keywords of torch.save)


def case(kind, index=True, **keywords):
    return lambda function: CASES.update({function.__name__: (kind, index, function, keywords)}) or function


def numbers(*shape, dtype=torch.float32, start=0):
    """Different at every place, as far as the dtype has so many."""
    count = 1
    for size in shape:
        count *= size
    return (torch.arange(count) + start).to(dtype).reshape(shape)


def decoder():
    """A small model's tensors, file by file: even and uneven sizes, all ranks of shapes."""
    half = torch.bfloat16
    return [
        {
            "model.embed_tokens.weight": numbers(11, 8, dtype=half),
            "model.layers.0.self_attn.qkv_proj.weight": numbers(24, 8, start=3),
            "model.layers.0.self_attn.o_proj.weight": numbers(8, 8, dtype=torch.float16, start=1),
        },
        {
            "model.layers.0.mlp.up_proj.weight": numbers(13, 8, start=5),
            "model.layers.0.mlp.down_proj.weight": numbers(8, 13, dtype=half, start=7),
            "model.layers.0.conv.weight": numbers(6, 5, 3, dtype=torch.float64),
            "model.layers.0.norm.weight": numbers(8, start=9),
        },
        {
            "model.norm.weight": numbers(7, dtype=half, start=2),
            "model.norm.steps": torch.tensor(1234),
            "model.empty": torch.zeros(0, 4),
            "lm_head.weight": numbers(11, 8, dtype=torch.int8, start=-40),
        },
    ]


# ---------------------------------------------------------------- the cases


@case("safetensors")
def safetensors_index():
    return decoder()


@case("safetensors", index=False)
def safetensors_numbered():
    return decoder()[:2]


@case("bin")
def bin_index():
    """With views and ties, which torch.save keeps inside of a file."""
    shards = decoder()
    shards[1]["model.layers.0.mlp.turned.weight"] = numbers(5, 9).t()
    shards[1]["model.layers.0.mlp.part.weight"] = numbers(10, 12)[2:9, 1:8]
    shards[2]["lm_head.tied"] = shards[2]["lm_head.weight"]
    return shards


@case("bin", index=False)
def bin_numbered():
    return decoder()[:2]


@case("bin", _use_new_zipfile_serialization=False)
def bin_index_legacy():
    """As most of them were written: before PyTorch 1.6."""
    return decoder()


# ---------------------------------------------------------------- the files


def write_folder(name, path):
    kind, has_index, function, keywords = CASES[name]
    stem, end = ("model", ".safetensors") if kind == "safetensors" else ("pytorch_model", ".bin")
    shards = function()
    path.mkdir(parents=True)
    weight_map = {}
    total_size = 0
    for number, tensors in enumerate(shards, 1):
        file = f"{stem}-{number:05d}-of-{len(shards):05d}{end}"
        if kind == "safetensors":
            safetensors.torch.save_file(tensors, path / file, metadata={"format": "pt"})
        else:
            torch.save(tensors, path / file, **keywords)
        weight_map.update({tensor: file for tensor in tensors})
        total_size += sum(tensor.nbytes for tensor in tensors.values())
    if has_index:
        index = {"metadata": {"total_size": total_size}, "weight_map": weight_map}
        (path / f"{stem}{end}.index.json").write_text(json.dumps(index, indent=2, sort_keys=True) + "\n")


def read_folder(path):
    """As Hugging Face's loader does: file by file."""
    tensors = {}
    for file in sorted(path.iterdir()):
        if file.suffix == ".safetensors":
            # Its tensors share memory, which torch.save() would keep.
            tensors.update({name: tensor.clone() for name, tensor in safetensors.torch.load_file(file).items()})
        elif file.suffix == ".bin":
            tensors.update(torch.load(file, weights_only=True))
    return tensors


def write_case(name, path):
    write_folder(name, path)
    one_file = path.with_suffix(".pt")
    torch.save(read_folder(path), one_file)
    expected = files.expected_json(one_file, objects=False, printed=False, parts=True)
    one_file.unlink()
    format = "safetensors_index" if CASES[name][0] == "safetensors" else "torch_index"
    path.with_suffix(".expected.json").write_text(expected.replace('"torch_zip"', f'"{format}"', 1))


if __name__ == "__main__":
    folders = {name: HERE / FOLDERS[kind] for name, (kind, *_) in CASES.items()}
    sys.exit(golden_folders.main(__doc__.splitlines()[0], folders, write_case))

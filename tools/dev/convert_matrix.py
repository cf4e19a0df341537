#!/usr/bin/env python3
"""Converts checkpoints with `hoist convert`, and holds what real PyTorch and safetensors read of the result against
what they read of the source.

  convert_matrix.py HOIST                   files of every kind that PyTorch writes (torch_matrix.py)
  convert_matrix.py HOIST --only SUBSTRING  those whose label has it: DIALECT/KIND/NAME
  convert_matrix.py HOIST --part 1/2        half of them
  convert_matrix.py HOIST PATH...           these files, or those in these folders; and the folders
                                            of several files of which FOLDER.expected.json speaks

To torch_zip, directly and by way of Hoist's own format in both of its versions
in turn: the same objects, value by value: types, order, text, numbers,
what is shared and what contains itself; tensors by dtype, shape, strides, bits,
requires_grad, attributes, and which share storages (a parameter of several
tensors, a sparse one, becomes a tensor). With weights_only=True
where hoist has no warning that it would be refused, and refused where it has.
To safetensors: the tensors of the source by name, bit for bit; all in one file,
and in shards.

Exit status: 0 all agree, 1 one differs, 2 nothing was compared or it could not
be. Run it with $(sh third_party/torch/python_env.sh path)/bin/python.
"""

import argparse
import collections
import importlib.util
import json
import logging
import pathlib
import pickle
import re
import subprocess
import sys
import tempfile
import types
import warnings
import weakref

sys.dont_write_bytecode = True

import compare_with_torch  # noqa: E402
import numpy  # noqa: E402
import safetensors.torch  # noqa: E402
import torch  # noqa: E402
import torch_matrix  # noqa: E402
import torch_matrix_contents as contents  # noqa: E402
import torch_walk  # noqa: E402
from torch.nested._internal.nested_int import NestedIntNode  # noqa: E402

TIMEOUT_S = 120
SHARD_BYTES = 4096
SHOWN_DIFFERENCES = 4
REFUSED = "weights_only=True) refuses it"
# Of these, hoist writes the tensors by name: there is no pickle to write again.
PROGRAMS = ("torch_script", "torch_pt2")
SAFETENSORS_NAMES = {
    "bool": "BOOL", "uint8": "U8", "int8": "I8", "int16": "I16", "uint16": "U16", "int32": "I32", "uint32": "U32",
    "int64": "I64", "uint64": "U64", "float16": "F16", "bfloat16": "BF16", "float32": "F32", "float64": "F64",
    "complex64": "C64", "float8_e4m3fn": "F8_E4M3", "float8_e5m2": "F8_E5M2", "float8_e8m0fnu": "F8_E8M0",
    "float8_e4m3fnuz": "F8_E4M3FNUZ", "float8_e5m2fnuz": "F8_E5M2FNUZ", "float4_e2m1fn_x2": "F4",
}  # fmt: skip


def convert(hoist, source, target, *options):
    """(exit status, what it said)"""
    command = [hoist, "convert", str(source), str(target), *options]
    done = subprocess.run(command, capture_output=True, timeout=TIMEOUT_S, check=False)
    return done.returncode, (done.stdout + done.stderr).decode(errors="replace")


class Skipped(Exception):
    """It is not compared; the text says why."""


# ---------------------------------------------------------------- two graphs of objects


class Comparison:
    """Walks two graphs side by side, without recursion. Each object of one is one of the other's."""

    def __init__(self):
        self.found = []
        self._twins = ({}, {})  # by id: the other's
        self._kept = []
        self._storages = ({}, {})  # by address: the other's, and the difference of the offsets
        self._pending = []

    def run(self, wanted, got):
        self._add("root", wanted, got)
        while self._pending and len(self.found) < SHOWN_DIFFERENCES:
            self._compare(*self._pending.pop())
        return self.found

    def _add(self, name, wanted, got):
        self._pending.append((name, wanted, got))

    def _differ(self, name, text):
        self.found.append(f"{name}: {text}")

    def _compare(self, name, wanted, got):
        if is_composite_parameter(wanted):
            wanted = wanted.detach()
        if type(wanted) is not type(got):
            return self._differ(name, f"a {type(wanted)} has become a {type(got)}")
        if self._is_known(name, wanted, got):
            return None
        if torch.nn.parameter.is_lazy(wanted):
            return self._expect(name, wanted.requires_grad, got.requires_grad)
        if isinstance(wanted, torch.ScriptObject):
            return self._add(name, wanted.__getstate__(), got.__getstate__())
        if isinstance(wanted, torch.Tensor):
            return self._compare_tensors(name, wanted, got)
        if isinstance(wanted, torch.storage.TypedStorage):
            return self._compare_storages(name, wanted._untyped_storage, got._untyped_storage)
        if isinstance(wanted, torch.UntypedStorage):
            return self._compare_storages(name, wanted, got)
        if isinstance(wanted, numpy.ndarray):
            return self._compare_arrays(name, wanted, got)
        if isinstance(wanted, float):
            return self._expect(name, numpy.float64(wanted).tobytes(), numpy.float64(got).tobytes())
        if isinstance(wanted, complex):
            return self._expect(name, numpy.complex128(wanted).tobytes(), numpy.complex128(got).tobytes())
        if isinstance(wanted, (set, frozenset)):
            return self._expect(name, sorted(map(shown, wanted)), sorted(map(shown, got)))
        if isinstance(wanted, dict):
            self._compare_dicts(name, wanted, got)
        elif isinstance(wanted, (list, tuple, collections.deque)):
            self._expect(name, len(wanted), len(got))
            for i, (a, b) in enumerate(zip(wanted, got)):
                self._add(f"{name}[{i}]", a, b)
            if isinstance(wanted, collections.deque):
                self._expect(name, wanted.maxlen, got.maxlen)
        elif isinstance(wanted, types.FunctionType):
            return self._expect(name, wanted.__qualname__, got.__qualname__)
        elif isinstance(wanted, NestedIntNode):
            return self._expect(name, wanted.coeff, got.coeff)  # Others are numbered as they are made.
        elif isinstance(wanted, weakref.ref):
            self._add(f"{name}()", wanted(), got())
        elif isinstance(wanted, (type, types.BuiltinFunctionType)):
            return None if wanted is got or is_stand_in(wanted) else self._expect(name, wanted, got)
        elif type(wanted).__module__ == "golden_example" and "__slots__" in vars(type(wanted)):
            for slot in type(wanted).__slots__:
                self._add(f"{name}.{slot}", getattr(wanted, slot, None), getattr(got, slot, None))
        elif not hasattr(wanted, "__dict__") or isinstance(wanted, (int, str, bytes)):
            return self._expect_reduced(name, wanted, got)
        elif not is_stand_in(wanted):
            return self._add(f"{name}.__dict__", dict(vars(wanted)), dict(vars(got)))
        if not is_stand_in(wanted) and getattr(wanted, "__dict__", None):
            self._add(f"{name}.__dict__", wanted.__dict__, got.__dict__)
        return None

    def _is_known(self, name, wanted, got):
        """Whether both were seen; they are each other's only ones."""
        is_value = isinstance(wanted, (type(None), bool, int, float, complex, str, bytes, type, torch.dtype))
        if is_value or (isinstance(wanted, tuple) and not wanted):
            return False
        twin = self._twins[0].get(id(wanted))
        if twin is None and id(got) not in self._twins[1]:
            self._twins[0][id(wanted)] = got
            self._twins[1][id(got)] = wanted
            self._kept.append((wanted, got))
            return False
        if twin is not got:
            self._differ(name, "is another object than elsewhere")
        return True

    def _expect(self, name, wanted, got):
        if wanted != got:
            self._differ(name, f"{str(wanted)[:100]!r} has become {str(got)[:100]!r}")

    def _expect_reduced(self, name, wanted, got):
        try:
            is_same = bool(wanted == got)
        except Exception:  # Whatever its class makes of it.
            is_same = False
        if not is_same:
            try:
                self._expect(name, pickle.dumps(wanted), pickle.dumps(got))
            except Exception as error:
                self._differ(name, f"not compared: {error}")

    def _compare_dicts(self, name, wanted, got):
        self._expect(name, [shown(key) for key in wanted], [shown(key) for key in got])
        for (key, a), b in zip(wanted.items(), got.values()):
            self._add(f"{name}[{key!r}]", a, b)
        if isinstance(wanted, collections.defaultdict):
            self._add(f"{name}.default_factory", wanted.default_factory, got.default_factory)

    def _compare_arrays(self, name, wanted, got):
        if not wanted.dtype.hasobject and type(wanted) is numpy.ndarray:
            # Numbers in the machine's byte order, C's or Fortran's order of elements: what numpy makes of protocol 2.
            wanted = pickle.loads(pickle.dumps(wanted, 2))
        self._expect(name, (wanted.dtype, wanted.shape, wanted.strides), (got.dtype, got.shape, got.strides))
        if wanted.dtype.hasobject:
            self._add(f"{name}[...]", wanted.tolist(), got.tolist())
        else:
            self._expect(name, wanted.tobytes(), got.tobytes())

    def _compare_tensors(self, name, wanted, got):
        fields = ["dtype", "layout", "device", "requires_grad", "is_nested", "is_quantized"]
        if not wanted.is_nested:
            fields.append("shape")
        for field in fields:
            self._expect(f"{name}.{field}", getattr(wanted, field), getattr(got, field))
        if self.found:
            return
        self._add(f"{name} attributes", *(torch._utils._get_obj_state(tensor) for tensor in (wanted, got)))
        if torch_walk.is_wrapper(wanted):
            return
        if wanted.is_quantized:
            self._expect(f"{name}.qscheme", wanted.qscheme(), got.qscheme())
            if wanted.qscheme() == torch.per_tensor_affine:
                self._expect(name, (wanted.q_scale(), wanted.q_zero_point()), (got.q_scale(), got.q_zero_point()))
        parts = torch_walk.parts_of(wanted), torch_walk.parts_of(got)
        self._expect(f"{name} parts", [part for part, _ in parts[0]], [part for part, _ in parts[1]])
        for (part, a), (_, b) in zip(*parts):
            if part != "" or a is not wanted:
                self._compare_strided(f"{name}.{part}", a, b)
            else:
                self._compare_strided(name, a, b)
        if wanted.layout == torch.sparse_coo:
            self._expect(f"{name}.is_coalesced", wanted.is_coalesced(), got.is_coalesced())

    def _compare_strided(self, name, wanted, got):
        for field in ("stride", "is_conj", "is_neg"):
            self._expect(f"{name}.{field}", getattr(wanted, field)(), getattr(got, field)())
        if wanted.is_meta or self.found:
            return
        self._expect(f"{name} bytes", torch_walk.logical_bytes(wanted), torch_walk.logical_bytes(got))
        if wanted.numel() == 0:
            return
        # Tensors share a storage, at the same distance, where they did.
        shift = wanted.storage_offset() * wanted.element_size() - got.storage_offset() * got.element_size()
        addresses = [tensor.untyped_storage().data_ptr() for tensor in (wanted, got)]
        self._kept.append((wanted, got))
        for mine, other, table in ((0, 1, self._storages[0]), (1, 0, self._storages[1])):
            if table.setdefault(addresses[mine], (addresses[other], shift)) != (addresses[other], shift):
                self._differ(name, "shares its storage with others than it did")

    def _compare_storages(self, name, wanted, got):
        self._expect(name, bytes(wanted), bytes(got))


def is_composite_parameter(value) -> bool:
    """Of several tensors: hoist keeps these, and not that they are a parameter."""
    return isinstance(value, torch.nn.Parameter) and (value.layout != torch.strided or value.is_nested)


def quantizer_of(tensor) -> list:
    if not tensor.is_quantized:
        return []
    if tensor.qscheme() == torch.per_tensor_affine:
        return [tensor.qscheme(), tensor.q_scale(), tensor.q_zero_point()]
    zeros, scales = tensor.q_per_channel_zero_points(), tensor.q_per_channel_scales()
    return [tensor.qscheme(), scales.tolist(), zeros.tolist(), scales.dtype, zeros.dtype, tensor.q_per_channel_axis()]


def shown(value) -> str:
    """Without addresses."""
    return re.sub(r" at 0x[0-9a-f]+", "", repr(value))


def is_stand_in(value) -> bool:
    classes = value.__mro__ if isinstance(value, type) else type(value).__mro__
    return any(c.__name__ == "_StandIn" for c in classes)


# ---------------------------------------------------------------- what libraries read


class Pickles:
    """A pickle_module for torch.load; classes that are not there are made, one for each name."""

    def __init__(self):
        self.missing = {}

    def module(self):
        missing = self.missing

        class Unpickler(pickle.Unpickler):
            def find_class(self, module, name):
                try:
                    return super().find_class(module, name)
                except (ImportError, AttributeError):
                    return missing.setdefault((module, name), stand_in(module, name))

        module = types.ModuleType("pickles")
        module.Unpickler = Unpickler
        module.load = lambda file, **options: Unpickler(file, **options).load()
        return module


def stand_in(module, name):
    """Keeps what it is made of and given."""

    def __new__(cls, *arguments, **keywords):
        made = object.__new__(cls)
        made.arguments = arguments
        made.keywords = keywords
        made.items = []
        return made

    def __setstate__(self, state):
        self.state = state

    def append(self, item):
        self.items.append(item)

    def extend(self, items):
        self.items.extend(items)

    def __setitem__(self, key, value):
        self.items.append((key, value))

    def __init__(self, *arguments, **keywords):
        pass

    members = dict(locals())
    members.pop("module"), members.pop("name")
    return type(name, (), {**members, "__module__": module, "__qualname__": name})


def read_source(path, pickles):
    format_name = torch_walk.detect_format(path)
    if format_name == "safetensors":
        tensors = safetensors.torch.load_file(path)
        # In the order of the data: its own differs each time where several are empty.
        header = header_of(path)
        header.pop("__metadata__", None)
        return {name: tensors[name] for name in sorted(header, key=lambda name: header[name]["data_offsets"])}
    return torch_walk.Loaded(path, pickles.module(), bare=format_name == "pickle").root


def read_torch_zip(path, pickles, weights_only):
    if weights_only:
        return torch.load(path, map_location="cpu", weights_only=True)
    return torch_walk.Loaded(path, pickles.module()).root


def read_by_torch(read, *arguments):
    try:
        return read(*arguments)
    except Exception as error:  # Of old files, and of what it writes and does not read.
        raise Skipped(f"PyTorch cannot read it: {compare_with_torch.one_line(error)}") from error


def tensors_of(path) -> list:
    """What PyTorch says of the tensors of a state dict, or of what else a file has, by name."""
    try:
        reference, walk = torch_walk.describe(path, trusted=True)
    except ModuleNotFoundError:  # Of a golden file's own classes.
        reference, walk = torch_walk.describe(path)
    tensors = reference["tensors"]
    if reference["format"] == "torch_pt2":
        states = torch_walk._load_pt2_tensors(path)
        names = {name for state, _ in states.values() for name in state}
        tensors = [tensor for tensor in tensors if len(states) > 1 or tensor["name"] in names]
    return tensors


# ---------------------------------------------------------------- checks


def names_made_safe() -> list:
    """By the parts of PyTorch that are imported here."""
    functions = [entry[0] if isinstance(entry, tuple) else entry for entry in torch.serialization.get_safe_globals()]
    return [f"{function.__module__}.{function.__qualname__}" for function in functions]


# What hoist says where safetensors has no place for a tensor.
NOT_HELD = (
    "safetensors has no dtype", "is that of two tensors", "is not UTF-8", "counts two numbers in each byte",
    "lazily, which PyTorch cannot carry out",
)  # fmt: skip


# What PyTorch can negate, of those that safetensors has.
NEGATED_DTYPES = {
    "uint8", "int8", "int16", "int32", "int64", "float16", "bfloat16", "float32", "float64", "complex64",
}  # fmt: skip


class CaseForSafetensors(torch_matrix.Case):
    """Only with dtypes that safetensors has, and has for such a tensor."""

    @property
    def dtypes(self):
        names = set(SAFETENSORS_NAMES) if self.kind == "layout" else set(contents.ARRAY_DTYPES) - {"D", "G"}
        if self.name == "negative":
            names &= NEGATED_DTYPES
        if "scalar" in self.name:
            names -= {"float4_e2m1fn_x2"}  # Two in each byte of the last dimension.
        return {name: dtype for name, dtype in super().dtypes.items() if name in names}


class Checks:
    def __init__(self, hoist, folder):
        self.hoist, self.folder = hoist, folder
        self.counts = collections.Counter()
        self.natives = 0

    def check(self, label, path, formats=("torch_zip", "safetensors"), readable=None):
        """readable: what PyTorch reads in place of `path`, which it would read wrong."""
        runs = [("torch_zip", self._to_torch_zip), ("safetensors", self._to_safetensors)]
        if torch_walk.detect_format(path) not in PROGRAMS:  # Of which that keeps the objects, of unknown classes.
            runs.insert(1, ("native", self._by_native))
        for name, run in runs:
            if name != "native" and name not in formats or name == "native" and "torch_zip" not in formats:
                continue
            try:
                found = run(path, readable or path)
            except Skipped as reason:
                self.counts[f"{name} skipped"] += 1
                print(f"skipped  {label} to {name}: {reason}")
                continue
            except Exception as error:
                found = [f"{type(error).__name__}: {str(error)[:300]}"]
            self.counts[f"{name} {'differ' if found else 'ok'}"] += 1
            if found:
                print(f"DIFFERS  {label} to {name}: {'; '.join(found)}", flush=True)

    def check_folder(self, folder, expected):
        """Several files that are one checkpoint: tensors by name, as PyTorch has said of them."""
        tensors = json.loads(expected.read_text())["tensors"]
        for name in ("torch_zip", "safetensors", "native"):
            try:
                found = self._convert_folder(folder, tensors, name)
            except Exception as error:
                found = [f"{type(error).__name__}: {str(error)[:300]}"]
            self.counts[f"folder to {name} {'differ' if found else 'ok'}"] += 1
            if found:
                print(f"DIFFERS  {folder} to {name}: {'; '.join(found)}", flush=True)

    def _convert_folder(self, folder, tensors, name):
        source = folder
        if name == "native":
            source = self.folder / "converted.hoist"
            status, said = convert(self.hoist, folder, source, "--to=native", "--force")
            if status != 0:
                return [f"hoist ended with {status}: {said[-300:]}"]
        target = self.folder / f"converted.{name}"
        to = "safetensors" if name == "safetensors" else "torch"
        status, said = convert(self.hoist, source, target, f"--to={to}", "--force")
        if status != 0:
            return [f"hoist ended with {status}: {said[-300:]}"]
        if name == "safetensors":
            return self._compare_safetensors(tensors, safetensors_of(target))
        got = dict(torch_walk.Walk(torch.load(target, map_location="cpu", weights_only=True)).tensors)
        # The pieces of a tensor say nothing of its strides.
        return self._differences(tensors, got, fields=("dtype", "shape", "sha256"))

    def _by_native(self, path, readable):
        self.natives += 1
        native = self.folder / "converted.hoist"
        status, said = convert(
            self.hoist, path, native, "--to=native", "--force", f"--format-version={1 + self.natives % 2}"
        )
        if status != 0:
            return [f"hoist ended with {status}: {said[-300:]}"]
        return self._to_torch_zip(native, readable)

    def _to_torch_zip(self, path, readable):
        target = self.folder / "converted.pt"
        status, said = convert(self.hoist, path, target, "--to=torch", "--force")
        if status != 0:
            return [f"hoist ended with {status}: {said[-300:]}"]
        pickles = Pickles()
        is_refused = REFUSED in said
        loads_safely = True
        try:
            got = read_torch_zip(target, pickles, weights_only=True)
        except pickle.UnpicklingError as error:
            loads_safely = False
            if not is_refused:
                return [f"weights_only: {str(error)[:300]}"]
        if is_refused and loads_safely and not any(name in said for name in names_made_safe()):
            return ["weights_only does not refuse it"]
        if torch_walk.detect_format(readable) in PROGRAMS:
            return self._compare_names(readable, got)
        wanted = read_by_torch(read_source, readable, pickles)
        if is_refused:
            got = read_torch_zip(target, pickles, weights_only=False)
        return Comparison().run(wanted, got)

    def _compare_names(self, path, got):
        found = self._differences(read_by_torch(tensors_of, path), dict(torch_walk.Walk(got).tensors))
        if torch_walk.detect_format(path) == "torch_script":
            state = torch.jit.load(path, map_location="cpu").state_dict()
            found += [f"{name} is not there" for name in state if name not in got]
            found += [f"{name} is too much" for name in got if name not in state]
            for name, tensor in state.items():
                if tensor.is_quantized and quantizer_of(tensor) != quantizer_of(got[name]):
                    found.append(f"{name}: {quantizer_of(tensor)} has become {quantizer_of(got[name])}")
        return found

    def _differences(self, tensors, by_name, fields=("dtype", "shape", "strides", "sha256")):
        found = []
        for tensor in tensors:
            if tensor["name"] not in by_name:
                found.append(f"{tensor['name']} is not there")
                continue
            have = torch_walk.describe_tensor(tensor["name"], by_name[tensor["name"]], tensor["location"])
            for field in fields:
                if have[field] != tensor[field]:
                    found.append(f"{tensor['name']} {field}: {tensor[field]} has become {have[field]}")
        return found[:SHOWN_DIFFERENCES]

    def _to_safetensors(self, path, readable):
        target = self.folder / "converted.safetensors"
        tensors = read_by_torch(tensors_of, readable)
        status, said = convert(self.hoist, path, target, "--to=safetensors", "--force")
        if status != 0:
            if any(reason in said for reason in NOT_HELD):
                raise Skipped(said.strip().splitlines()[0][:160])
            return [f"hoist ended with {status}: {said[-300:]}"]
        found = self._compare_safetensors(tensors, safetensors_of(target))
        shards = self.folder / "shards"
        status, said = convert(
            self.hoist, path, shards, "--to=safetensors", "--force", f"--max-shard-size={SHARD_BYTES}"
        )
        if status != 0:
            return found + [f"in shards, hoist ended with {status}: {said[-300:]}"]
        if shards.is_dir():
            found += self._compare_safetensors(tensors, shards_of(shards))
            for file in shards.iterdir():
                file.unlink()
            shards.rmdir()
        else:
            shards.unlink()
        return found

    def _compare_safetensors(self, tensors, got):
        header, metadata, read = got
        found = []
        for tensor in tensors:
            name = tensor["name"]
            if tensor["sha256"] is None:
                continue  # Without data.
            name = name if name in header else metadata.get(name, name)
            if name not in header:
                found.append(f"{name!r} is not there")
                continue
            if header[name]["dtype"] != SAFETENSORS_NAMES.get(tensor["dtype"]):
                found.append(f"{name!r}: {tensor['dtype']} has become {header[name]['dtype']}")
                continue
            have = torch_walk.describe_tensor(name, read(name), "cpu")
            for field in ("dtype", "shape", "sha256"):
                if have[field] != tensor[field]:
                    found.append(f"{name!r} {field}: {tensor[field]} has become {have[field]}")
        return found[:SHOWN_DIFFERENCES]


def header_of(path):
    with open(path, "rb") as file:
        return json.loads(file.read(int.from_bytes(file.read(8), "little")))


def safetensors_of(path):
    """(header, metadata, a function that reads a tensor)"""
    header = header_of(path)
    metadata = header.pop("__metadata__", {})
    file = safetensors.safe_open(path, framework="pt")
    return header, metadata, file.get_tensor


def shards_of(folder):
    index = json.loads((folder / "model.safetensors.index.json").read_text())
    headers, metadata, readers = {}, {}, {}
    total = 0
    for name in sorted(set(index["weight_map"].values())):
        header, own, read = safetensors_of(folder / name)
        total += sum(entry["data_offsets"][1] - entry["data_offsets"][0] for entry in header.values())
        assert set(header) == {key for key, file in index["weight_map"].items() if file == name}
        assert sum(entry["data_offsets"][1] for entry in header.values()) <= SHARD_BYTES or len(header) == 1 or (
            max(entry["data_offsets"][1] for entry in header.values()) <= SHARD_BYTES
        )
        headers.update(header)
        metadata.update(own)
        readers.update({key: read for key in header})
    assert total == index["metadata"]["total_size"]
    return headers, metadata, lambda name: readers[name](name)


def import_examples(paths):
    """The classes of golden files, which the script beside them has."""
    for script in {folder / "generate.py" for path in paths for folder in (path, *path.resolve().parents[:2])}:
        if script.is_file():
            spec = importlib.util.spec_from_file_location("generate", script)
            generate = importlib.util.module_from_spec(spec)
            spec.loader.exec_module(generate)
            classes = generate.example_classes()
            sys.modules[classes.__name__] = classes


def folders_under(paths) -> dict:
    """Folders that are checkpoints, with what is said of each."""
    said = [file for path in paths if path.is_dir() for file in sorted(path.rglob("*.expected.json"))]
    folders = {file.with_name(file.name.removesuffix(".expected.json")): file for file in said}
    return {folder: file for folder, file in folders.items() if folder.is_dir()}


def part(text: str) -> tuple:
    """(1, 4) of 1/4"""
    index, count = map(int, text.split("/"))
    if not 1 <= index <= count:
        raise ValueError
    return index, count


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", default="", metavar="SUBSTRING", help="files whose label has this in it")
    parser.add_argument("--part", type=part, default=(1, 1), metavar="I/N",
                        help="every N-th of the files that PyTorch writes, from the I-th on: parts can run side by side")
    parser.add_argument("hoist", help="the binary")
    parser.add_argument("paths", nargs="*", type=pathlib.Path, metavar="PATH", help="files or folders")
    options = parser.parse_args()
    warnings.simplefilter("ignore")  # PyTorch's, about its own deprecated parts.
    logging.disable()
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as scratch:
        folder = pathlib.Path(scratch)
        checks = Checks(options.hoist, folder)
        if options.paths:
            import_examples(options.paths)
            folders = folders_under(options.paths)
            for path, expected in folders.items():
                checks.check_folder(path, expected)
            for path in compare_with_torch.files_under(options.paths):
                if folders.keys().isdisjoint(path.parents) and torch_walk.detect_format(path):
                    checks.check(str(path), path)
        else:
            writer = torch_matrix.Writer(folder)
            first, count = options.part
            for case in torch_matrix.all_cases()[first - 1::count]:
                if options.only not in case.label:
                    continue
                is_held = case.dtypes is None
                for file in writer.write(case):
                    formats = ("torch_zip", "safetensors") if is_held else ("torch_zip",)
                    checks.check(file.label, file.path, formats, file.readable)
                    file.unlink()
                for file in [] if is_held else writer.write(CaseForSafetensors(case.dialect, case.kind, case.name)):
                    checks.check(file.label, file.path, ("safetensors",), file.readable)
                    file.unlink()
    print(", ".join(f"{count} {what}" for what, count in sorted(checks.counts.items())))
    compared = sum(count for what, count in checks.counts.items() if not what.endswith("skipped"))
    if compared == 0:
        return 2
    return 1 if any(what.endswith("differ") for what in checks.counts) else 0


if __name__ == "__main__":
    sys.exit(main())

#!/usr/bin/env python3
"""Holds `hoist inspect --json --digests` against real PyTorch on files of every kind that PyTorch writes.

  torch_matrix.py HOIST                   all of them; takes minutes
  torch_matrix.py HOIST --only SUBSTRING  those whose label has it: DIALECT/KIND/NAME
  torch_matrix.py --list                  the labels

A dialect is a format and how it is written: zip-p2 is torch.save's default,
zip-p3 to zip-p5 and legacy-p2 to -p5 other pickle protocols, pickle-p0 to -p5
without torch.save, and so on (DIALECTS). In each of them are

  layout/NAME   one tensor of each dtype: contiguous, transposed, sparse, ...
  array/NAME    one numpy array of each dtype
  content/NAME  a state dict, a training checkpoint, a whole module, ...

The files are written to a temporary folder. What is compared is what
compare_with_torch.py compares, and which tensors share a storage. What torch
refuses to write, or to read, is left out and counted by its reason.

Exit status: 0 all files agree, 1 a file differs, 2 nothing was compared or it
could not be. Run it with $(sh third_party/torch/python_env.sh path)/bin/python.
"""

import argparse
import collections
import concurrent.futures
import dataclasses
import hashlib
import inspect
import io
import itertools
import logging
import pathlib
import pickle
import pickletools
import re
import struct
import sys
import tarfile
import tempfile
import warnings
import zipfile

sys.dont_write_bytecode = True

import compare_with_torch  # noqa: E402
import safetensors.torch  # noqa: E402
import torch  # noqa: E402
import torch.utils.serialization.config as serialization_config  # noqa: E402
import torch_matrix_contents as contents  # noqa: E402
import torch_walk  # noqa: E402
from torch import nn  # noqa: E402

SEED = 7
SHOWN_DIFFERENCES = 3
HOISTS_AT_ONCE = 3
# In torch's reasons, what is particular to one tensor.
PARTICULAR = re.compile(
    r"`[^`]*`|<[^>]*>|'[^']*'|\"[^\"]*\"|torch\.[\w.]+|(u?int|bits|float|[a-z]+_)?\d[\w.]*"
)  # fmt: skip


class NotWritten(Exception):
    """This dialect has no place for it; the text says why."""


# ---------------------------------------------------------------- dialects
#
# Functions of (root, path) that write the file. One that returns a path says
# that torch is to read that file instead.


def with_torch_save(**options):
    return lambda root, path: torch.save(root, path, **options)


def zip_to_buffer(root, path):
    """The prefix of its records is "archive"."""
    buffer = io.BytesIO()
    torch.save(root, buffer)
    path.write_bytes(buffer.getvalue())


def zip_named(name):
    """The prefix of its records is of another file's name."""

    def write(root, path):
        other = path.with_name(name)
        torch.save(root, other)
        other.rename(path)

    return write


def zip_without_checksums(root, path):
    torch.serialization.set_crc32_options(False)
    try:
        torch.save(root, path)
    finally:
        torch.serialization.set_crc32_options(True)


def zip_aligned(alignment):
    def write(root, path):
        with serialization_config.patch("save.storage_alignment", alignment):
            torch.save(root, path)

    return write


def zip_without_byteorder(root, path):
    torch.save(root, path, _disable_byteorder_record=True)


def zip_without_data(root, path):
    """Room for the storages, with nothing in it."""
    with torch.serialization.skip_data():
        torch.save(root, path)


def zip_with_junk(root, path):
    torch.save(root, path)
    with open(path, "ab") as file:
        file.write(b"junk" * 100)


def rewrite(path, method=zipfile.ZIP_STORED, records=lambda records: records):
    """The same records by Python's zipfile. records: changes (name below the prefix, data) pairs."""
    with zipfile.ZipFile(path) as old:
        prefix = old.namelist()[0].partition("/")[0]
        pairs = [(name.partition("/")[2], old.read(name)) for name in old.namelist()]
    with zipfile.ZipFile(path, "w", method) as new:
        for name, data in records(pairs):
            new.writestr(zipfile.ZipInfo(f"{prefix}/{name}"), data, method)


def zip_rewritten(**options):
    def write(root, path):
        torch.save(root, path)
        rewrite(path, **options)

    return write


def as_before_2_1(records):
    """Only the records that there were, storages in the order of their names as text."""
    storages = sorted(record for record in records if record[0].startswith("data/"))
    wanted = dict(records)
    return [("data.pkl", wanted["data.pkl"]), *storages, ("version", wanted["version"])]


def with_newer_version(records):
    """Since version 6 it has another name."""
    return [(".data/version" if name == "version" else name, data) for name, data in records]


def with_folders(records):
    return [("", b""), ("data/", b""), *records]


class _StorageUnits(pickle.Unpickler):
    """The bytes that a big-endian machine would have the other way around, by storage."""

    def __init__(self, file):
        super().__init__(file)
        self.units = {}

    def persistent_load(self, saved_id):
        _, storage_class, key, *_ = saved_id
        dtype = getattr(storage_class, "dtype", torch.uint8)
        if dtype != torch.uint8:
            self.note(key, dtype)
        return key

    def note(self, key, dtype):
        self.units[key] = dtype.itemsize // (2 if dtype.is_complex else 1)

    def find_class(self, module, name):
        if name == "_rebuild_tensor_v3":
            return lambda key, offset, size, stride, requires_grad, hooks, dtype, *_: self.note(key, dtype)
        if name == "_rebuild_from_type_v2":
            return lambda rebuild, cls, args, state: rebuild(*args)
        if name.endswith("Storage"):
            return getattr(torch, name, torch.storage.UntypedStorage)
        if module in ("torch", "torch.serialization") and hasattr(torch, name):
            return getattr(torch, name)
        return type(name, (torch_walk._StandIn,), {})


def zip_big_endian(root, path):
    """torch swaps by the dtypes of storages, which some tensors have no part in: it reads the file before."""
    before = path.with_suffix(".little")
    torch.save(root, before)
    path.write_bytes(before.read_bytes())

    def swap(records):
        reader = _StorageUnits(io.BytesIO(dict(records)["data.pkl"]))
        try:
            reader.load()
        except Exception as error:
            raise NotWritten(f"the dtypes of the storages are not found: {error}") from error
        for name, data in records:
            unit = reader.units.get(name.removeprefix("data/"), 1)
            if name == "byteorder":
                data = b"big"
            elif name.startswith("data/"):
                data = b"".join(data[at : at + unit][::-1] for at in range(0, len(data), unit))
            yield name, data

    rewrite(path, records=swap)
    return before


def legacy_with_junk(root, path):
    torch.save(root, path, _use_new_zipfile_serialization=False)
    with open(path, "ab") as file:
        file.write(b"junk")


def bare_pickle(protocol):
    def write(root, path):
        parts = root.modules() if isinstance(root, nn.Module) else root.values() if isinstance(root, dict) else []
        if protocol < 2 and any(re.search(r"quantized|distributed", type(part).__module__) for part in parts):
            raise NotWritten("objects of C++ in protocols 0 and 1 are the end of the process")
        with open(path, "wb") as file:
            pickle.dump(root, file, protocol=protocol)

    return write


def as_python_2(data, with_bytes):
    """A pickle of protocol 2 as Python 2 wrote it: str, which is bytes, for ASCII text, and for bytes if with_bytes."""
    opcodes = [(opcode.name, value, at) for opcode, value, at in pickletools.genops(data)]
    ends = [at for _, _, at in opcodes[1:]] + [len(data)]
    result, stacked, encoders = [], [], set()
    for (name, value, at), end in zip(opcodes, ends):
        if name == "BINUNICODE" and value.isascii():
            size = struct.pack("<i", len(value)) if len(value) > 255 else bytes([len(value)])
            result.append((b"T" if len(value) > 255 else b"U") + size + value.encode())
        else:
            result.append(data[at:end])
        if "PUT" in name:
            if stacked[-1:] == [("GLOBAL", "_codecs encode")]:
                encoders.add(value)
            continue
        if name == "REDUCE" and with_bytes and len(stacked) > 3 and stacked[-1][0] == "TUPLE2":
            function, text = stacked[-4], stacked[-3]
            is_encoder = function == ("GLOBAL", "_codecs encode") or ("GET" in function[0] and function[1] in encoders)
            if is_encoder and text[0] == "BINUNICODE":
                encoded = text[1].encode("latin1")
                result.append(b"0T" + struct.pack("<i", len(encoded)) + encoded)  # In place of what encode() gave.
        stacked.append((name, value))
    return b"".join(result)


def zip_of_python_2(records):
    return [(name, as_python_2(data, False) if name == "data.pkl" else data) for name, data in records]


def legacy_of_python_2(root, path):
    torch.save(root, path, _use_new_zipfile_serialization=False)
    rest, pickles = path.read_bytes(), []
    for _ in range(5):
        end = max(at for _, _, at in pickletools.genops(rest)) + 1
        pickles.append(as_python_2(rest[:end], False))
        rest = rest[end:]
    path.write_bytes(b"".join(pickles) + rest)


def pickle_of_python_2(root, path):
    path.write_bytes(as_python_2(pickle.dumps(root, 2), True))


class _TarPickler(pickle.Pickler):
    """Tensors and the classes of modules by persistent ids, as before 0.1.11."""

    def __init__(self, file):
        super().__init__(file, protocol=2)
        self.tensors = {}
        self._classes = set()

    def persistent_id(self, value):
        if type(value) is torch.Tensor:
            if value.layout != torch.strided or value.is_nested or value.is_meta or value.is_quantized:
                raise NotWritten("a tar has strided tensors with data")
            if value.requires_grad or value.is_conj() or value.is_neg() or torch_walk.attributes_of(value):
                raise NotWritten("tensors in a tar have no attributes")
            self.tensors[id(value)] = value
            return str(id(value))
        if isinstance(value, type) and issubclass(value, nn.Module) and value not in self._classes:
            self._classes.add(value)
            try:
                return (value, "models.py", inspect.getsource(value))
            except (OSError, TypeError):
                return (value, None, None)
        return None

    def reducer_override(self, value):
        if type(value) is nn.Parameter and not torch_walk.attributes_of(value):
            return nn.Parameter, (value.data,), (value.requires_grad, False, collections.OrderedDict())
        if isinstance(value, torch.Tensor):
            raise NotWritten("a tar has tensors and parameters")
        return NotImplemented


def storage_class(dtype):
    name = next((name for name, known in _storage_dtypes() if known == dtype), None)
    if name is None:
        raise NotWritten(f"no storage class of {dtype}")
    return getattr(torch, name)


def _storage_dtypes():
    names = [name for name in dir(torch) if name.endswith("Storage") and name not in ("UntypedStorage", "TypedStorage")]
    return [(name, getattr(torch, name).dtype) for name in names]


def tar(views):
    """By hand: nothing writes them any more. views: each storage is a part of a larger one."""

    def write(root, path):
        pickled = io.BytesIO()
        pickler = _TarPickler(pickled)
        pickler.dump(root)
        storages, parts, tensors = io.BytesIO(), [], io.BytesIO()
        by_address = {tensor.untyped_storage()._cdata: tensor for tensor in pickler.tensors.values()}
        pickle.dump(len(by_address), storages, protocol=2)
        for key, tensor in by_address.items():
            # The key of what is written; that of the part of it is what tensors name.
            written = key + 1 if views else key
            around = bytes(3 * tensor.element_size()) if views else b""
            pickle.dump((written, "cpu", storage_class(tensor.dtype)), storages, protocol=2)
            data = around + bytes(tensor.untyped_storage().tolist()) + around
            count = len(data) // tensor.element_size()
            storages.write(struct.pack("<q", count) + data)
            if views:
                parts.append((key, written, 3, count - 6))
        pickle.dump(parts, storages, protocol=2)
        pickle.dump(len(pickler.tensors), tensors, protocol=2)
        for key, tensor in pickler.tensors.items():
            pickle.dump((key, tensor.untyped_storage()._cdata, torch.Tensor), tensors, protocol=2)
            sizes = struct.pack(f"<{2 * tensor.dim()}q", *tensor.size(), *tensor.stride())
            tensors.write(struct.pack("<i", tensor.dim()) + b"\xaa" * 4 + sizes)
            tensors.write(struct.pack("<q", tensor.storage_offset()))
        info = {"protocol_version": 1000, "little_endian": True, "type_sizes": {"short": 2, "int": 4, "long": 8}}
        members = {"sys_info": pickle.dumps(info, 2), "pickle": pickled.getvalue()}
        members.update(tensors=tensors.getvalue(), storages=storages.getvalue())
        with tarfile.open(path, "w:", format=tarfile.PAX_FORMAT) as archive:
            for name, data in members.items():
                entry = tarfile.TarInfo(name)
                entry.size = len(data)
                archive.addfile(entry, io.BytesIO(data))

    return write


class Bag(nn.Module):
    """Tensors by name, for formats that have only modules."""

    def __init__(self, tensors):
        super().__init__()
        for name, tensor in tensors.items():
            if isinstance(tensor, nn.Parameter):
                self.register_parameter(name, tensor)
            else:
                self.register_buffer(name, tensor)

    def forward(self, x):
        return x + 1


def as_module(root):
    if isinstance(root, nn.Module):
        return root
    if isinstance(root, dict) and root and all(isinstance(value, torch.Tensor) for value in root.values()):
        return Bag({"of_" + re.sub(r"\W", "_", str(name)): value for name, value in root.items()})
    raise NotWritten("only modules are written so")


def script(save):
    return lambda root, path: save(torch.jit.script(as_module(root)), path)


def script_traced(root, path):
    module = as_module(root)
    torch.jit.save(torch.jit.trace(module, example_of(module)), path)


def script_frozen(root, path):
    torch.jit.save(torch.jit.freeze(torch.jit.script(as_module(root).eval())), path)


def script_with_files(module, path):
    torch.jit.save(module, path, _extra_files={"notes.txt": b"some text", "data/0": b"no storage"})


def save_mobile(module, path):
    module._save_for_lite_interpreter(str(path))


def example_of(root):
    width = next((module.in_features for module in root.modules() if isinstance(module, nn.Linear)), 1)
    return torch.ones(2, width)


def exported(root, path):
    module = as_module(root).eval()
    torch.export.save(torch.export.export(module, (example_of(module),)), path)


def write_safetensors(root, path):
    if isinstance(root, nn.Module):
        safetensors.torch.save_model(root, str(path))
    else:
        safetensors.torch.save_file(root, path, metadata={"format": "pt"})


@dataclasses.dataclass
class Dialect:
    name: str
    write: object
    extension: str = ".pt"
    kinds: tuple = ("layout", "array", "content")
    is_slow: bool = False  # Then layouts are of a few dtypes, but for the first.


DIALECTS = [
    *(Dialect(f"zip-p{p}", with_torch_save(pickle_protocol=p)) for p in (2, 3, 4, 5)),
    Dialect("zip-buffer", zip_to_buffer, ".bin"),
    Dialect("zip-dots", zip_named("model.v1.2.best.pth.tar"), ".pth.tar"),
    Dialect("zip-unicode", zip_named("modèle 重み.pt")),
    Dialect("zip-no-crc", zip_without_checksums),
    Dialect("zip-align-4096", zip_aligned(4096)),
    Dialect("zip-align-1", zip_aligned(1)),
    Dialect("zip-no-byteorder", zip_without_byteorder),
    Dialect("zip-no-data", zip_without_data),
    Dialect("zip-junk", zip_with_junk),
    Dialect("zip-stored", zip_rewritten()),
    Dialect("zip-deflated", zip_rewritten(method=zipfile.ZIP_DEFLATED)),
    Dialect("zip-1.6", zip_rewritten(records=as_before_2_1)),
    Dialect("zip-version-6", zip_rewritten(records=with_newer_version)),
    Dialect("zip-folders", zip_rewritten(records=with_folders)),
    Dialect("zip-python-2", zip_rewritten(records=zip_of_python_2)),
    Dialect("zip-big-endian", zip_big_endian),
    *(
        Dialect(f"legacy-p{p}", with_torch_save(pickle_protocol=p, _use_new_zipfile_serialization=False))
        for p in (2, 3, 4, 5)
    ),
    Dialect("legacy-junk", legacy_with_junk),
    Dialect("legacy-python-2", legacy_of_python_2),
    *(Dialect(f"pickle-p{p}", bare_pickle(p), ".pkl") for p in range(6)),
    Dialect("pickle-python-2", pickle_of_python_2, ".pkl"),
    Dialect("tar", tar(views=False), ".pt"),
    Dialect("tar-views", tar(views=True), ".pt"),
    Dialect("script", script(torch.jit.save), kinds=("layout", "content", "script")),
    Dialect("script-mobile", script(save_mobile), ".ptl", ("layout", "script")),
    Dialect("script-files", script(script_with_files), kinds=("content", "script")),
    Dialect("script-traced", script_traced, kinds=("content", "script")),
    Dialect("script-frozen", script_frozen, kinds=("content", "script")),
    Dialect("pt2", exported, ".pt2", ("layout", "content", "script"), is_slow=True),
    Dialect("safetensors", write_safetensors, ".safetensors", ("layout", "content")),
]  # fmt: skip
KINDS = {
    "layout": contents.LAYOUTS,
    "array": contents.ARRAYS,
    "content": contents.CONTENTS,
    "script": contents.SCRIPT_CONTENTS,
}


@dataclasses.dataclass
class Case:
    dialect: Dialect
    kind: str
    name: str

    @property
    def label(self) -> str:
        return f"{self.dialect.name}/{self.kind}/{self.name}"

    @property
    def make(self):
        return KINDS[self.kind][self.name]

    @property
    def dtypes(self) -> dict | None:
        """Those that the file has one item of each of."""
        if self.kind == "array":
            return {name: name for name in contents.ARRAY_DTYPES}
        if self.kind != "layout":
            return None
        names = contents.FEW_DTYPES if self.dialect.is_slow else contents.DTYPES
        if self.name == "contiguous":
            names = contents.DTYPES + contents.SMALL_DTYPES
        return {name: getattr(torch, name) for name in names}


def all_cases() -> list:
    return [Case(dialect, kind, name) for dialect in DIALECTS for kind in dialect.kinds for name in KINDS[kind]]


# ---------------------------------------------------------------- writing


@dataclasses.dataclass
class Written:
    """A file, and what torch says is in it."""

    label: str
    path: pathlib.Path
    reference: dict
    items: int = 0
    # What torch reads as it was: `path`, or a file with the same in it.
    readable: pathlib.Path | None = None

    def unlink(self):
        for path in {self.path, self.readable or self.path}:
            path.unlink()


def storage_count(walk) -> int:
    """How many storages with anything in them torch read, and arrays."""
    storages = {storage._cdata for storage in walk.loaded.storages if storage.nbytes()}
    arrays = {id(value) for _, value in walk.tensors if not isinstance(value, torch.Tensor) and value.nbytes}
    return len(storages) + len(arrays)


def sharing(walk) -> dict:
    """By name: a number that is equal for tensors over one storage."""
    result = {}
    for name, tensor in walk.tensors:
        if isinstance(tensor, torch.Tensor) and not tensor.is_meta and tensor.numel():
            result[name] = tensor.untyped_storage()._cdata
    return result


class Writer:
    def __init__(self, folder):
        self.folder = folder
        self.reasons = collections.Counter()
        self._next = itertools.count()

    def write(self, case) -> list:
        """The files of a case; none, or more than one, where torch refuses a part of it."""
        torch.manual_seed(SEED)
        if case.dtypes is None:
            return self._try(case, case.label, case.make, 1)
        items = {}
        for name, dtype in case.dtypes.items():
            try:
                items[name] = case.make(dtype)
            except Exception as error:
                self._refused(case, error)
        return self._write_items(case, items)

    def write_each(self, case) -> list:
        """Files of one item each."""
        torch.manual_seed(SEED)
        files = []
        for name, dtype in case.dtypes.items():
            try:
                item = case.make(dtype)
                files.append(self._file(case, f"{case.label}[{name}]", {name: item}, 1))
            except Exception:
                continue  # Counted before.
        return files

    def _write_items(self, case, items) -> list:
        try:
            return [self._file(case, case.label, items, len(items))] if items else []
        except Exception:
            if len(items) == 1:
                return self._try(case, case.label, lambda: items, 1)
        good = {}
        for name, item in items.items():
            for file in self._try(case, case.label, lambda: {name: item}, 1):
                file.unlink()
                good[name] = item
        return self._try(case, case.label, lambda: good, len(good)) if good else []

    def _try(self, case, label, make, count) -> list:
        try:
            return [self._file(case, label, make(), count)]
        except Exception as error:
            self._refused(case, error)
            return []

    def _file(self, case, label, root, count) -> Written:
        path = self.folder / f"{next(self._next)}-{re.sub(r'[^a-z0-9-]+', '_', label)}{case.dialect.extension}"
        source = path
        try:
            source = case.dialect.write(root, path) or path
            reference, walk = self._described(source, root)
        except Exception:
            for written in {path, source}:
                written.unlink(missing_ok=True)
            raise
        is_bare = reference["format"] == "pickle"  # Each tensor has a file of its own there.
        reference["sharing"] = sharing(walk) if walk and not is_bare else {}
        reference["storages"] = storage_count(walk) if walk else 0
        if case.kind == "script" and reference["format"] == "torch_script":
            reference["attributes"] = script_attributes(path, root)
        return Written(label, path, reference, count, self._readable(case, root, source))

    def _readable(self, case, root, source):
        # Beside zip, torch unpacks packed weights before it has read their storages.
        if case.dialect.name.startswith("legacy") and case.name.startswith("module_quantized"):
            twin = source.with_suffix(".twin")
            torch.save(root, twin)
            return twin
        return source

    def _described(self, source, root):
        try:
            return torch_walk.describe(source, trusted=True)
        except AttributeError as error:
            # Before 1.6, and beside zip, torch writes storages without a dtype, which it cannot read: the same as a zip.
            if "UntypedStorage" not in str(error):
                raise
        twin = source.with_suffix(".twin")
        try:
            torch.save(root, twin)
            reference, walk = torch_walk.describe(twin, trusted=True)
        finally:
            twin.unlink(missing_ok=True)
        reference["format"] = torch_walk.detect_format(source)
        return reference, walk

    def _refused(self, case, error):
        text = PARTICULAR.sub("_", f"{type(error).__name__}: {' '.join(str(error).split())}")[:90]
        self.reasons[f"{case.dialect.name.split('-')[0]}: {text}"] += 1


def script_attributes(path, original) -> list:
    """Tensors that are no part of the state dict."""
    loaded = torch.jit.load(path)
    modules = dict(loaded.named_modules())
    found = {}
    for prefix, module in original.named_modules():
        for name in [*vars(module), *module.__annotations__] if prefix in modules else []:
            if not name.startswith("_") and modules[prefix]._c.hasattr(name):
                found[".".join(filter(None, (prefix, name)))] = getattr(modules[prefix], name)
    tensors = torch_walk.Walk(found).tensors
    return [torch_walk.describe_tensor(name, tensor, "cpu") for name, tensor in tensors]


# ---------------------------------------------------------------- comparing


def differences(file, actual) -> list:
    found = compare_with_torch.differences(file.reference, actual)
    if found:
        return found
    by_name = {tensor["name"]: tensor for tensor in actual["tensors"]}
    groups = collections.defaultdict(set)
    for name, address in file.reference["sharing"].items():
        groups[address].add(by_name[name]["storage"])
    storages = [group.pop() for group in groups.values() if len(group) == 1]
    if len(storages) != len(groups):
        found.append("tensors that share a storage have several in hoist")
    elif len(set(storages)) != len(storages):
        found.append("tensors that share no storage share one in hoist")
    used = {tensor["storage"] for tensor in actual["tensors"]}
    if len(used) < file.reference["storages"]:
        found.append(f"hoist's tensors are of {len(used)} storages, the file has {file.reference['storages']}")
    for want in file.reference.get("attributes", []):
        have = by_name.get(want["name"])
        if have is None:
            found.append(f"hoist lacks the attribute {want['name']!r}")
            continue
        for field in ("dtype", "shape", "strides", "sha256"):
            if want[field] != have[field]:
                found.append(f"attribute {want['name']!r} {field}: expected {want[field]}, hoist has {have[field]}")
    return found


class Comparison:
    def __init__(self, hoist, writer, keep):
        self._hoist, self._writer, self._keep = hoist, writer, keep
        self.files, self.items, self.different = 0, 0, 0

    def run(self, cases):
        with concurrent.futures.ThreadPoolExecutor(HOISTS_AT_ONCE) as pool:
            pending = collections.deque()
            for case in cases:
                for file in self._writer.write(case):
                    pending.append((case, file, pool.submit(compare_with_torch.view_of_hoist, file.path, self._hoist)))
                while len(pending) > HOISTS_AT_ONCE:
                    self._judge(*pending.popleft())
            for item in pending:
                self._judge(*item)

    def _judge(self, case, file, view):
        view = view.result()
        self.files += 1
        self.items += file.items
        found = differences(file, view)
        if not self._keep:
            file.unlink()
        if not found:
            return
        self.different += 1
        print(f"DIFFERS  {line_of(file, found)}", flush=True)
        if "error" in view and file.items > 1 and case.dtypes:
            self._narrow(case)

    def _narrow(self, case):
        """Says which items make hoist refuse a file."""
        errors = collections.defaultdict(list)
        for file in self._writer.write_each(case):
            found = differences(file, compare_with_torch.view_of_hoist(file.path, self._hoist))
            file.unlink()
            if found:
                text = found[0].replace(str(file.path), "FILE")
                errors[text].append(re.search(r"\[(.*)\]$", file.label)[1])
        for text, names in errors.items():
            print(f"         of these {' '.join(names)}: {text[:200]}", flush=True)


def line_of(file, found) -> str:
    more = f"; and {len(found) - SHOWN_DIFFERENCES} more" if len(found) > SHOWN_DIFFERENCES else ""
    shown = "; ".join(found[:SHOWN_DIFFERENCES]).replace(str(file.path), "FILE")
    return f"{file.label} ({file.path.name}): {shown[:600]}{more}"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--keep", type=pathlib.Path, metavar="FOLDER", help="write the files there, and leave them")
    parser.add_argument("--only", default="", metavar="SUBSTRING", help="files whose label has this in it")
    parser.add_argument("--list", action="store_true", help="print the labels, write nothing")
    parser.add_argument("hoist", nargs="?", help="the binary")
    options = parser.parse_args()
    cases = [case for case in all_cases() if options.only in case.label]
    if options.list:
        print("\n".join(case.label for case in cases))
        return 0
    if not options.hoist or not pathlib.Path(options.hoist).is_file():
        parser.error("HOIST is no program")
    warnings.simplefilter("ignore")  # PyTorch's, about its own deprecated parts.
    logging.disable()  # And what torch.export says of what it refuses.
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as scratch:
        folder = options.keep or pathlib.Path(scratch)
        folder.mkdir(parents=True, exist_ok=True)
        writer = Writer(folder)
        comparison = Comparison(options.hoist, writer, options.keep is not None)
        comparison.run(cases)
    for reason, count in writer.reasons.most_common():
        print(f"not written by torch  {count:5}  {reason}")
    files, different = comparison.files, comparison.different
    print(
        f"{files} files written, {files} compared: {files - different} ok, {different} differ; "
        f"{comparison.items} items in them, {writer.reasons.total()} not written by torch"
    )
    if files == 0:
        return 2
    return 1 if different else 0


if __name__ == "__main__":
    sys.exit(main())

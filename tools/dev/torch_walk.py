"""What real torch and safetensors say is in a checkpoint, as plain data.

Shared by compare_with_torch.py (any file), torch_matrix.py (files it makes) and
checkpoint/testdata/generate.py (the golden files), so that all mean the same by
a tensor's name and digest: see describe().
"""

import _compat_pickle
import collections
import hashlib
import importlib
import io
import json
import logging
import pickle
import pickletools
import re
import zipfile
from unittest import mock

import numpy
import safetensors
import torch

LEGACY_MAGIC = (0x1950A86A20F9469CFC6C).to_bytes(10, "little")

# Containers that are looked into. A subclass that is not named here may mean
# something else by its items: it is opaque.
DICTS = (dict, collections.OrderedDict, collections.defaultdict, collections.Counter)
SEQUENCES = (list, tuple)
# Known values in which no tensor is looked for.
LEAVES = (
    type(None), bool, int, float, complex, str, bytes, bytearray, slice, range, type(Ellipsis),
    set, frozenset, collections.deque, torch.Size, torch.device, torch.dtype, torch.layout,
    torch.memory_format, numpy.ndarray,
)  # fmt: skip


# A PT2 archive of PyTorch before 2.8.
OLD_PROGRAM = "serialized_exported_program.json"
MAX_OLD_PICKLE_BYTES = 1 << 26


def detect_format(path) -> str:
    """torch_zip, torch_script, torch_pt2, torch_legacy, torch_tar, safetensors, pickle, or "" for anything else."""
    with open(path, "rb") as file:
        head = file.read(4096)
    if head.startswith(b"PK\x03\x04"):
        return _detect_zip(path)
    if LEGACY_MAGIC in head[:32] or head.startswith(f"L{int.from_bytes(LEGACY_MAGIC, 'little')}L\n.".encode()):
        return "torch_legacy"
    if head[257:262] == b"ustar":
        return "torch_tar"
    if len(head) > 8 and int.from_bytes(head[:8], "little") < 100_000_000 and head[8:].lstrip().startswith(b"{"):
        return "safetensors"
    return "pickle" if re.match(rb"\x80[\x02-\x05]", head) or _is_old_pickle(path) else ""


def _is_old_pickle(path) -> bool:
    """Whether it is a whole pickle of protocol 0 or 1, which start with no signature."""
    with open(path, "rb") as file:
        data = file.read(MAX_OLD_PICKLE_BYTES)
    try:
        opcodes = list(pickletools.genops(data))
    except Exception:  # Whatever else this may be.
        return False
    return len(opcodes) > 2 and opcodes[-1][2] == len(data) - 1


def _detect_zip(path) -> str:
    try:
        with zipfile.ZipFile(path) as archive:
            names = archive.namelist()
            records = {name.partition("/")[2]: name for name in names}
            archive_format = archive.read(records["archive_format"]) if "archive_format" in records else b""
    except (zipfile.BadZipFile, OSError, NotImplementedError, RuntimeError):
        return ""
    if "constants.pkl" in records:
        return "torch_script"
    if archive_format == b"pt2" or OLD_PROGRAM in names:
        return "torch_pt2"
    return "torch_zip" if "data.pkl" in records else ""


# ---------------------------------------------------------------- reading


class _StandIn:
    """Stands in for a class that is not in the allow-list: keeps nothing, runs nothing."""

    def __new__(cls, *args, **kwargs):
        return object.__new__(cls)

    def __init__(self, *args, **kwargs):
        pass

    def __setstate__(self, state):
        pass

    def __setitem__(self, key, value):
        pass

    def append(self, item):
        pass

    def extend(self, items):
        pass


class _Shell:
    """Stands in for a tensor of a class that is not in the allow-list and has no data of its own."""


def _rebuild_wrapper(cls, *args):
    if issubclass(cls, _StandIn):
        return _Shell()
    return torch._utils._rebuild_wrapper_subclass(cls, *args)


def _rebuild_from_type(rebuild, cls, args, state):
    """torch._tensor's, where the class may be missing: its tensor is a plain one, with the same attributes."""
    value = rebuild(*args)
    if not isinstance(value, (torch.Tensor, _Shell)):
        return value
    if not issubclass(cls, _StandIn) and type(value) is not cls:
        value = value.as_subclass(cls)
    return torch._utils._set_obj_state(value, state) if isinstance(state, (dict, tuple)) else value


_STAND_INS = {
    ("torch._tensor", "_rebuild_from_type"): _rebuild_from_type,
    ("torch._tensor", "_rebuild_from_type_v2"): _rebuild_from_type,
    ("torch._utils", "_rebuild_wrapper_subclass"): _rebuild_wrapper,
}
_HARMLESS = {
    "_codecs": {"encode"},
    "builtins": {
        "set", "frozenset", "complex", "bytes", "bytearray", "slice", "range", "Ellipsis",
        "int", "float", "str", "bool", "list", "dict", "tuple", "object",
    },
    "collections": {"OrderedDict", "defaultdict", "Counter", "deque"},
    "numpy": {"dtype", "ndarray"},
    "numpy.core.multiarray": {"_reconstruct", "scalar"},
    "numpy._core.multiarray": {"_reconstruct", "scalar"},
    "numpy._core.numeric": {"_frombuffer"},
    "torch": {"Size", "device", "Tensor"},
    "torch._utils": {
        "_rebuild_tensor", "_rebuild_tensor_v2", "_rebuild_tensor_v3", "_rebuild_parameter",
        "_rebuild_parameter_with_state", "_rebuild_qtensor", "_rebuild_meta_tensor_no_storage",
        "_rebuild_sparse_tensor", "_rebuild_sparse_csr_tensor", "_rebuild_nested_tensor",
    },
    "torch.nn.parameter": {"Parameter", "Buffer"},
    "torch.serialization": {"_get_layout"},
    "torch.storage": {"UntypedStorage", "TypedStorage"},
}  # fmt: skip


def _is_harmless(module: str, name: str) -> bool:
    if not re.fullmatch(r"\w+", name):
        return False  # Protocol 4 resolves dotted names: torch + "hub.load".
    if name in _HARMLESS.get(module, ()):
        return True
    if module == "torch":
        value = getattr(torch, name, None)
        if isinstance(value, type):
            return issubclass(value, torch.storage.TypedStorage)  # A tar names the classes of its storages.
        return isinstance(value, (torch.dtype, torch.layout, torch.memory_format, torch.qscheme))
    if re.fullmatch(r"torch\.nn\.modules\.\w+", module) and name[0].isupper():
        module_class = getattr(getattr(torch.nn.modules, module.rpartition(".")[2], None), name, None)
        return isinstance(module_class, type) and issubclass(module_class, torch.nn.Module)
    return False


class DataOnlyPickle:
    """A pickle_module for torch.load that resolves only names known to be harmless.

    Every other name becomes an inert class, so the files of strangers can be
    read: nothing in them is imported or called.
    """

    class Unpickler(pickle.Unpickler):
        def find_class(self, module, name):
            # Protocols 0 to 2 use Python 2's names.
            module, name = _compat_pickle.NAME_MAPPING.get((module, name), (module, name))
            module = _compat_pickle.IMPORT_MAPPING.get(module, module)
            if (module, name) in _STAND_INS:
                return _STAND_INS[module, name]
            if _is_harmless(module, name):
                return getattr(importlib.import_module(module), name)
            return type(name, (_StandIn,), {"__module__": module, "__qualname__": name})

    @classmethod
    def load(cls, file, **options):
        return cls.Unpickler(file, **options).load()

    @classmethod
    def loads(cls, data, **options):
        return cls.load(io.BytesIO(data), **options)


class Loaded:
    """A loaded checkpoint and the device tag each of its storages was saved with.

    bare: the file is a pickle that torch.save did not write; a tensor in one is
    a file of torch.save's before 1.6.
    """

    def __init__(self, path, pickle_module, bare=False):
        self._locations = {}
        self.storages = []  # Kept alive: the keys above are their addresses.
        self._pickle_module = pickle_module
        if bare:
            self.root = self._load_bare(path)
        else:
            self.root = self._load(path)

    def _load(self, file):
        options = {"map_location": self._on_cpu, "pickle_module": self._pickle_module, "weights_only": False}
        # Tensors without data of their own refuse a map_location that is a function.
        with mock.patch.object(torch._utils, "_get_restore_location", lambda device: "cpu"):
            try:
                return torch.load(file, **options)
            except UnicodeDecodeError:  # Python 2's strings, which are bytes.
                if hasattr(file, "seek"):
                    file.seek(0)
                return torch.load(file, **options, encoding="latin1")

    def _load_bare(self, path):
        def load_from_bytes(data):
            return self._load(io.BytesIO(data.encode("latin1") if isinstance(data, str) else data))

        class Unpickler(self._pickle_module.Unpickler):
            def find_class(self, module, name):
                if (module, name) == ("torch.storage", "_load_from_bytes"):
                    return load_from_bytes
                return super().find_class(module, name)

        try:
            with open(path, "rb") as file:
                return Unpickler(file, encoding="utf-8").load()
        except UnicodeDecodeError:
            with open(path, "rb") as file:
                return Unpickler(file, encoding="latin1").load()

    def _on_cpu(self, storage, location):
        self.storages.append(storage)
        self._locations[storage._cdata] = location
        return storage

    def location(self, tensor) -> str:
        if isinstance(tensor, numpy.ndarray):
            return "cpu"
        if tensor.device.type == "meta":
            return "meta"
        return self._locations.get(tensor.untyped_storage()._cdata, "cpu")


# ---------------------------------------------------------------- walking


COMPRESSED = {
    torch.sparse_csr: ("crow_indices", "col_indices"),
    torch.sparse_bsr: ("crow_indices", "col_indices"),
    torch.sparse_csc: ("ccol_indices", "row_indices"),
    torch.sparse_bsc: ("ccol_indices", "row_indices"),
}


def is_wrapper(tensor) -> bool:
    """Whether it is a tensor without data of its own, by torch's own rule: others are in its attributes."""
    return (
        isinstance(tensor, torch.Tensor)
        and type(tensor).__torch_dispatch__ is not torch.Tensor.__torch_dispatch__
        and tensor.data_ptr() == 0
    )


def parts_of(tensor) -> list:
    """(name below the tensor's, strided tensor) of what a tensor is stored as; "" is the tensor itself."""
    if isinstance(tensor, _Shell) or torch.nn.parameter.is_lazy(tensor) or is_wrapper(tensor):
        return []
    if isinstance(tensor, torch.nn.Parameter) and (tensor.layout != torch.strided or tensor.is_nested):
        tensor = tensor.detach()  # The parameter requires a gradient, its parts in the file do not.
    if tensor.layout == torch.sparse_coo:
        return [("indices", tensor._indices()), ("values", tensor._values())]
    if tensor.layout in COMPRESSED:
        return [(name, getattr(tensor, name)()) for name in (*COMPRESSED[tensor.layout], "values")]
    if tensor.is_nested:
        return [
            ("buffer", tensor.values()),
            ("sizes", tensor._nested_tensor_size()),
            ("strides", tensor._nested_tensor_strides()),
            ("storage_offsets", tensor._nested_tensor_storage_offsets()),
        ]
    if tensor.is_quantized and tensor.qscheme() in (torch.per_channel_affine, torch.per_channel_affine_float_qparams):
        return [
            ("", tensor),
            ("scales", tensor.q_per_channel_scales()),
            ("zero_points", tensor.q_per_channel_zero_points()),
        ]
    return [("", tensor)]


def attributes_of(tensor) -> dict:
    """What Python code hung onto a tensor."""
    state = torch._utils._get_obj_state(tensor)
    parts = state if isinstance(state, tuple) else (state,)
    return {name: value for part in parts if isinstance(part, dict) for name, value in part.items()}


def module_tensors(module, prefix: str = "") -> dict:
    """A module's tensors under their state-dict names. What its class's code puts into a state dict is in no pickle."""
    state = {f"{prefix}{name}": value for name, value in module._parameters.items()}
    for name, value in module._buffers.items():
        if name not in module._non_persistent_buffers_set:
            state[f"{prefix}{name}"] = value
    state = {name: value for name, value in state.items() if value is not None}
    for name, inner in module._modules.items():
        if inner is not None:
            state.update(module_tensors(inner, f"{prefix}{name}."))
    return state


def is_tensor_array(value) -> bool:
    return type(value) is numpy.ndarray and not value.dtype.hasobject


class Walk:
    """Everything reachable from `root` through dicts, lists and tuples, in file order.

    A name is the keys from the root joined with "."; positions in decimal.
    tensors: (name, strided tensor or numpy array). values: (name, object) for
    all else, containers and arrays included. opaque: (name, object) for what was
    not looked into.

    parts: whether parts and attributes of tensors, and arrays, are tensors too.
    """

    def __init__(self, root, modules: bool = True, parts: bool = True):
        self.tensors, self.values, self.opaque = [], [], []
        self._modules = modules
        self._parts = parts
        self._visit((), root, ())

    def _visit(self, keys, node, ancestors):
        name = ".".join(keys)
        if isinstance(node, (torch.Tensor, _Shell)):
            self._visit_tensor(keys, node, ancestors)
            return
        self.values.append((name, node))
        if id(node) in ancestors:
            return  # A container that holds itself.
        if is_tensor_array(node) and self._parts:
            self.tensors.append((name, node))
            return
        if type(node) in DICTS:
            items = node.items()
        elif type(node) in SEQUENCES:
            items = enumerate(node)
        elif isinstance(node, torch.nn.Module) and self._modules:
            items = module_tensors(node).items()
        else:
            is_leaf = type(node) in LEAVES or isinstance(node, (numpy.generic, numpy.dtype))
            if not is_leaf or (self._parts and isinstance(node, numpy.ndarray)):
                self.opaque.append((name, node))
            return
        for key, value in items:
            self._visit((*keys, str(key)), value, (*ancestors, id(node)))

    def _visit_tensor(self, keys, tensor, ancestors):
        if not self._parts:
            self.tensors.append((".".join(keys), tensor))
            return
        if id(tensor) in ancestors:
            return  # An attribute of its own.
        for part, inner in parts_of(tensor):
            self.tensors.append((".".join((*keys, part) if part else keys), inner))
        for attribute, value in attributes_of(tensor).items():
            self._visit((*keys, attribute), value, (*ancestors, id(tensor)))


# ---------------------------------------------------------------- describing


# Kinds and sizes of numpy's dtypes that torch has too; those of time are counts in it.
ARRAY_DTYPES = {
    ("b", 1), *((kind, size) for kind in "iu" for size in (1, 2, 4, 8)),
    ("f", 2), ("f", 4), ("f", 8), ("c", 8), ("c", 16), ("m", 8), ("M", 8),
}  # fmt: skip


def dtype_name(dtype) -> str:
    return str(dtype).removeprefix("torch.")


def logical_bytes(tensor) -> bytes:
    """The elements in row-major order, conjugation and negation carried out."""
    if tensor.numel() == 0:
        return b""
    # Some dtypes cannot be copied by torch (bits, float4): one of their size can.
    twin = {1: torch.uint8, 2: torch.int16, 4: torch.int32, 8: torch.int64, 16: torch.complex128}[tensor.element_size()]
    view = torch.empty(0, dtype=twin).set_(
        tensor.untyped_storage(), tensor.storage_offset(), tensor.size(), tensor.stride()
    )
    flat = torch.empty(tensor.size(), dtype=twin).copy_(view)
    data = flat.reshape(-1).view(torch.uint8).numpy()
    if tensor.is_conj() or tensor.is_neg():
        _resolve(data, tensor)
    return data.tobytes()


def _resolve(data, tensor):
    """By the signs, also of zeros: torch's own kernels turn some of those around and some not."""
    dtype = tensor.dtype
    if tensor.is_neg() and dtype in (torch.uint8, torch.int8, torch.int16, torch.int32, torch.int64):
        numbers = data.view(dtype_name(dtype))
        numpy.negative(numbers, out=numbers)
        return
    if not (dtype.is_complex or dtype in (torch.float16, torch.bfloat16, torch.float32, torch.float64)):
        raise NotImplementedError(f"torch negates no {dtype_name(dtype)}")
    component_bytes = dtype.itemsize // (2 if dtype.is_complex else 1)
    signs = data.reshape(-1, component_bytes)[:, -1]
    if tensor.is_neg():
        signs ^= 0x80
    if tensor.is_conj():
        signs[1::2] ^= 0x80


def _describe_array(name: str, array) -> dict:
    """Bytes with one more dimension where torch has no such dtype: text, structures, long doubles."""
    element = array.dtype
    dtype = "int64" if element.kind in "mM" else element.name
    shape, strides = array.shape, array.strides
    if (element.kind, element.itemsize) in ARRAY_DTYPES:
        strides = [stride // element.itemsize for stride in strides]
        data = array.astype(element.newbyteorder("<")).tobytes()
    else:
        dtype, shape, strides, data = "uint8", (*shape, element.itemsize), (*strides, 1), array.tobytes()
    return {
        "name": name,
        "dtype": dtype,
        "shape": list(shape),
        "strides": list(strides),
        "nbytes": array.nbytes,
        "storage_offset": 0,
        "requires_grad": False,
        "location": "cpu",
        "sha256": hashlib.sha256(data).hexdigest(),
    }


def describe_tensor(name: str, tensor, location: str) -> dict:
    if isinstance(tensor, numpy.ndarray):
        return _describe_array(name, tensor)
    return {
        "name": name,
        "dtype": dtype_name(tensor.dtype),
        "shape": list(tensor.shape),
        "strides": list(tensor.stride()),
        "nbytes": tensor.numel() * tensor.element_size(),
        "storage_offset": tensor.storage_offset(),
        "requires_grad": tensor.requires_grad,
        "location": location,
        "sha256": None if tensor.is_meta else hashlib.sha256(logical_bytes(tensor)).hexdigest(),
    }


class NotDescribed(Exception):
    """This file was not given to torch; the text says why."""


def describe_torch(path, modules: bool, pickle_module=DataOnlyPickle, bare=False, parts=True) -> tuple[list, Walk]:
    """(tensors, the walk) of a torch.save file, or of a bare pickle."""
    loaded = Loaded(path, pickle_module, bare)
    walk = Walk(loaded.root, modules, parts)
    walk.loaded = loaded
    return [describe_tensor(name, tensor, loaded.location(tensor)) for name, tensor in walk.tensors], walk


def describe_torch_script(path, trusted: bool) -> list:
    """The state dict. Classes with __setstate__ run it when they are loaded."""
    if not trusted:
        with zipfile.ZipFile(path) as archive:
            sources = [archive.read(name) for name in archive.namelist() if name.endswith(".py")]
        if any(b"__setstate__" in source for source in sources):
            raise NotDescribed("its code would be run by loading it, which needs --trusted")
    state = torch.jit.load(path, map_location="cpu").state_dict(keep_vars=True)
    return [describe_tensor(name, tensor, "cpu") for name, tensor in Walk(dict(state)).tensors]


def describe_torch_pt2(path, trusted: bool) -> tuple[list, list]:
    """The state dict, and then the tensors among the constants, of each program; and what is opaque in those.

    torch.export.load resolves every name in its pickles and evaluates text from
    the program: the parts of it that read tensors do for files of strangers.
    """
    programs = _load_pt2(path) if trusted else _load_pt2_tensors(path)
    several = len(programs) > 1
    tensors, opaque = [], []
    for part in range(2):
        for model, state_and_constants in programs.items():
            for name, value in state_and_constants[part].items():
                if isinstance(value, torch.Tensor):
                    walk = Walk({f"{model}.{name}" if several else name: value})
                    tensors += [describe_tensor(part, tensor, str(tensor.device)) for part, tensor in walk.tensors]
                    opaque += walk.opaque
    return tensors, opaque


def _load_pt2(path) -> dict:
    """(state dict, constants) by model, all in it executed."""
    from torch.export.pt2_archive import _package

    logging.getLogger("torch.export").setLevel(logging.ERROR)
    with zipfile.ZipFile(path) as archive:
        is_old = OLD_PROGRAM in archive.namelist()
    programs = {"model": torch.export.load(path)} if is_old else _package.load_pt2(path).exported_programs
    return {model: (program.state_dict, program.constants) for model, program in programs.items()}


def _load_pt2_tensors(path) -> dict:
    """The same; nothing in the file is executed."""
    from torch.export.pt2_archive import _package

    torch_load = torch.load  # which is another below

    def load(data):
        return torch_load(io.BytesIO(data), map_location="cpu", pickle_module=DataOnlyPickle, weights_only=False)

    with zipfile.ZipFile(path) as archive:
        if OLD_PROGRAM in archive.namelist():
            pair = (load(archive.read(f"serialized_{part}.pt")) for part in ("state_dict", "constants"))
            return {"model": tuple(pair)}
    programs = {}
    with (
        mock.patch.object(torch, "load", lambda file, **_: load(file.read())),
        mock.patch.object(torch._C, "_pickle_load_obj", lambda data: None),
        _package.PT2ArchiveReader(str(path)) as reader,
    ):
        for name in reader.get_file_names():
            match = re.fullmatch(r"models/(.*)\.json", name)
            if match:
                both = (read(reader, match[1]) for read in (_package._load_state_dict, _package._load_constants))
                programs[match[1]] = tuple(load(part) if isinstance(part, bytes) else part for part in both)
    return programs


def describe_safetensors(path) -> list:
    """In order of the data; tensors of no bytes at one offset in order of the header.

    safetensors' own offset_keys() lists those in a different order each time.
    """
    with open(path, "rb") as file:
        header = json.loads(file.read(int.from_bytes(file.read(8), "little")))
    header.pop("__metadata__", None)
    names = sorted(header, key=lambda name: header[name]["data_offsets"])
    tensors = []
    with safetensors.safe_open(path, framework="pt", device="cpu") as reader:
        assert sorted(reader.keys()) == sorted(names)
        for name in names:
            tensors.append(describe_tensor(name, reader.get_tensor(name), "cpu"))
    for tensor in tensors:
        # How safetensors' loader lays its memory out says nothing of the file.
        tensor["storage_offset"] = 0
    return tensors


def describe(path, modules: bool = True, trusted: bool = False, parts: bool = True) -> tuple[dict, Walk | None]:
    """The file in the form of an expected.json, and the walk through it if it is a pickle.

    trusted: whether code in the file, and what its pickles name, may run.
    parts: see Walk.
    """
    format_name = detect_format(path)
    walk, opaque = None, []
    if format_name == "safetensors":
        tensors = describe_safetensors(path)
    elif format_name == "torch_script":
        tensors = describe_torch_script(path, trusted)
    elif format_name == "torch_pt2":
        tensors, opaque = describe_torch_pt2(path, trusted)
    elif format_name in ("torch_zip", "torch_legacy", "torch_tar", "pickle"):
        pickle_module = pickle if trusted else DataOnlyPickle
        tensors, walk = describe_torch(path, modules, pickle_module, format_name == "pickle", parts)
    else:
        raise NotDescribed("of no format that torch or safetensors reads")
    opaque = [{"path": name} for name, _ in (walk.opaque if walk else opaque)]
    return {"format": format_name, "tensors": tensors, "opaque": opaque}, walk

"""What real torch and safetensors say is in a checkpoint, as plain data.

Shared by compare_with_torch.py (any file) and checkpoint/testdata/generate.py
(the golden files), so that both mean the same by a tensor's name and digest.
"""

import _compat_pickle
import collections
import hashlib
import importlib
import io
import json
import pickle
import re
import zipfile

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


def detect_format(path) -> str:
    """One of torch_zip, torch_script, torch_legacy, safetensors, or "" for anything else."""
    with open(path, "rb") as file:
        head = file.read(4096)
    if head.startswith(b"PK\x03\x04"):
        try:
            with zipfile.ZipFile(path) as archive:
                records = {name.partition("/")[2] for name in archive.namelist()}
        except (zipfile.BadZipFile, OSError, NotImplementedError):
            return ""
        if "constants.pkl" in records:
            return "torch_script"
        return "torch_zip" if "data.pkl" in records else ""
    if head.startswith(b"\x80") and LEGACY_MAGIC in head[:32]:
        return "torch_legacy"
    if len(head) > 8 and int.from_bytes(head[:8], "little") < 100_000_000 and head[8:].lstrip().startswith(b"{"):
        return "safetensors"
    return ""


# ---------------------------------------------------------------- reading


class _Stub:
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
    "torch._tensor": {"_rebuild_from_type_v2", "_rebuild_from_type"},
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
        return isinstance(getattr(torch, name, None), (torch.dtype, torch.layout, torch.memory_format, torch.qscheme))
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
            if _is_harmless(module, name):
                return getattr(importlib.import_module(module), name)
            return type(name, (_Stub,), {"__module__": module, "__qualname__": name})

    @classmethod
    def load(cls, file, **options):
        return cls.Unpickler(file, **options).load()

    @classmethod
    def loads(cls, data, **options):
        return cls.load(io.BytesIO(data), **options)


class Loaded:
    """A loaded checkpoint and the device tag each of its storages was saved with."""

    def __init__(self, path, pickle_module):
        self._locations = {}
        self._storages = []  # Kept alive: the keys above are their addresses.
        self.root = torch.load(path, map_location=self._on_cpu, pickle_module=pickle_module, weights_only=False)

    def _on_cpu(self, storage, location):
        self._storages.append(storage)
        self._locations[storage._cdata] = location
        return storage

    def location(self, tensor) -> str:
        if tensor.device.type == "meta":
            return "meta"
        return self._locations.get(tensor.untyped_storage()._cdata, "cpu")


# ---------------------------------------------------------------- walking


class Walk:
    """Everything reachable from `root` through dicts, lists and tuples, in file order.

    A name is the keys from the root joined with "."; positions in decimal.
    tensors: (name, tensor). values: (name, object) for all else, containers
    included. opaque: (name, object) for what was not looked into.
    """

    def __init__(self, root, modules: bool = True):
        self.tensors, self.values, self.opaque = [], [], []
        self._modules = modules
        self._visit((), root, ())

    def _visit(self, keys, node, ancestors):
        name = ".".join(keys)
        if isinstance(node, torch.Tensor):
            self.tensors.append((name, node))
            return
        self.values.append((name, node))
        if id(node) in ancestors:
            return  # A container that holds itself.
        if type(node) in DICTS:
            items = node.items()
        elif type(node) in SEQUENCES:
            items = enumerate(node)
        elif isinstance(node, torch.nn.Module) and self._modules:
            items = node.state_dict(keep_vars=True).items()
        else:
            if type(node) not in LEAVES and not isinstance(node, (numpy.generic, numpy.dtype)):
                self.opaque.append((name, node))
            return
        for key, value in items:
            self._visit((*keys, str(key)), value, (*ancestors, id(node)))


# ---------------------------------------------------------------- describing


def dtype_name(dtype) -> str:
    return str(dtype).removeprefix("torch.")


def logical_bytes(tensor) -> bytes:
    """The elements in row-major order, conjugation and negation carried out."""
    tensor = tensor.detach().resolve_conj().resolve_neg()
    if tensor.numel() == 0:
        return b""
    # Some dtypes cannot be copied by torch (bits, float4): one of their size can.
    twin = {1: torch.uint8, 2: torch.int16, 4: torch.int32, 8: torch.int64, 16: torch.complex128}[tensor.element_size()]
    view = torch.empty(0, dtype=twin).set_(
        tensor.untyped_storage(), tensor.storage_offset(), tensor.size(), tensor.stride()
    )
    flat = torch.empty(tensor.size(), dtype=twin).copy_(view)
    return flat.reshape(-1).view(torch.uint8).numpy().tobytes()


def describe_tensor(name: str, tensor, location: str) -> dict:
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


def describe_torch(path, modules: bool, pickle_module=DataOnlyPickle) -> tuple[list, Walk]:
    """(tensors, the walk) of a torch.save file."""
    loaded = Loaded(path, pickle_module)
    walk = Walk(loaded.root, modules)
    for name, tensor in walk.tensors:
        if tensor.layout != torch.strided or tensor.is_nested:
            raise NotImplementedError(f"{name!r} is not a strided tensor")
    return [describe_tensor(name, tensor, loaded.location(tensor)) for name, tensor in walk.tensors], walk


def describe_torch_script(path) -> list:
    state = torch.jit.load(path, map_location="cpu").state_dict(keep_vars=True)
    return [describe_tensor(name, tensor, "cpu") for name, tensor in state.items()]


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

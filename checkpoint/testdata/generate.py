#!/usr/bin/env python3
"""Writes the golden checkpoints and what PyTorch says is in them.

  generate.py           writes the cases whose files are not there yet
  generate.py --check   writes all of them to a temporary folder and compares
                        their NAME.expected.json with the committed ones

One function per file, named as the file. See README.md.
"""

import argparse
import collections
import contextlib
import datetime
import decimal
import enum
import fractions
import io
import json
import pathlib
import pickle
import shutil
import sys
import tempfile
import types
import uuid
import warnings
import zipfile

import numpy
import safetensors
import safetensors.torch
import torch
from torch import nn

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent.parent / "tools" / "dev"))
sys.dont_write_bytecode = True

import torch_matrix  # noqa: E402
import torch_walk  # noqa: E402

TORCH_FOLDER = "torch-" + ".".join(torch.__version__.split(".")[:2])
SAFETENSORS_FOLDER = "safetensors-" + ".".join(safetensors.__version__.split(".")[:2])

CASES = []  # (folder, extension, function, keywords)


def torch_case(extension=".pt", **keywords):
    """A function of (path) that writes the file. Keywords: see write_case."""
    return lambda function: CASES.append((TORCH_FOLDER, extension, function, keywords)) or function


def safetensors_case(**keywords):
    return lambda function: CASES.append((SAFETENSORS_FOLDER, ".safetensors", function, keywords)) or function


# ------------------------------------------------------------ torch.save: structure


def small_state_dict():
    return {"fc.weight": torch.randn(3, 4), "fc.bias": torch.randn(3), "step": torch.tensor(5)}


class SmallCnn(nn.Module):
    def __init__(self):
        super().__init__()
        self.features = nn.Sequential(
            nn.Conv2d(3, 8, 3, padding=1, bias=False), nn.BatchNorm2d(8), nn.ReLU(), nn.Conv2d(8, 4, 1)
        )
        self.classifier = nn.Linear(4, 10)


@torch_case()
def dict_plain(path):
    torch.save(small_state_dict(), path)


@torch_case()
def dict_one_entry(path):
    torch.save({"weight": torch.arange(6.0).reshape(2, 3)}, path)


@torch_case(objects=True)
def dict_empty(path):
    torch.save({}, path)


@torch_case()
def state_dict_cnn(path):
    torch.save(SmallCnn().state_dict(), path)


@torch_case()
def root_tensor(path):
    torch.save(torch.arange(12, dtype=torch.float32).reshape(3, 4), path)


@torch_case()
def root_list(path):
    torch.save([torch.tensor([1, 2]), torch.tensor(3.5), (torch.tensor([True, False]),)], path)


@torch_case(objects=True)
def nested_containers(path):
    shared = {"x": torch.arange(3), "note": "the same dict twice"}
    torch.save(
        {
            "list": [torch.ones(2), [torch.zeros(1), []], ()],
            "tuple": (torch.full((2,), 2.0), (torch.full((1,), 3.0), (torch.full((1,), 4.0), None))),
            "four": (1, 2.5, torch.tensor([4]), "x"),
            "dicts": {"a": {"b": {"c": torch.tensor([1.5])}}, "empty": {}},
            "ordered": collections.OrderedDict([("z", torch.tensor([26])), ("a", torch.tensor([1]))]),
            "first": shared,
            "second": shared,
        },
        path,
    )


@torch_case(objects=True)
def keys_unusual(path):
    names = [0, -7, 2**40, True, None, 0.5, 1e100, (1, "a"), (), "", ".", "a.b", "a..b.", " ", "tab\tnew\nline"]
    names += ["nul\0in", "grüße", "重み", "🔥", 'quote"back\\slash', "a/b", "../c", "0"]
    tensors = {name: torch.tensor([index], dtype=torch.int32) for index, name in enumerate(names)}
    tensors["inner"] = {"": torch.tensor([100], dtype=torch.int32), 3: [torch.tensor([101], dtype=torch.int32)]}
    torch.save(tensors, path)


@torch_case()
def entries_1010(path):
    """Two batches of SETITEMS, memo numbers over 255, storage keys of two digits."""
    base = torch.arange(200, dtype=torch.int16)
    entries = {}
    for index in range(1010):
        if index % 8 == 0:
            entries[f"layer.{index}"] = base[index // 8 : index // 8 + 2]
        elif index % 80 == 1:
            entries[f"own.{index}"] = torch.tensor([index], dtype=torch.int16)
        else:
            entries[f"n{index}"] = index
    torch.save(entries, path)


@torch_case(objects=True)
def training_checkpoint(path):
    model = nn.Sequential(nn.Linear(6, 5), nn.ReLU(), nn.Linear(5, 2))
    optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
    for _ in range(3):
        optimizer.zero_grad()
        model(torch.randn(4, 6)).pow(2).mean().backward()
        optimizer.step()
    torch.save(
        {
            "model_state_dict": model.state_dict(),
            "optimizer_state_dict": optimizer.state_dict(),
            "epoch": 7,
            "loss": 0.25,
            "args": {"lr": 0.01, "layers": [6, 5, 2], "name": "run one", "resume": None, "amp": False},
            "rng_state": torch.arange(16, dtype=torch.uint8),
        },
        path,
    )


# ------------------------------------------------------------ torch.save: parameters, views, dtypes


@torch_case()
def parameters(path):
    with_attributes = nn.Parameter(torch.randn(2, 2))
    with_attributes.tied_to = "head.weight"
    tensor_with_attributes = torch.randn(2)
    tensor_with_attributes.note = "a plain tensor with an attribute"
    leaf = torch.randn(3)
    leaf.requires_grad_(True)
    torch.save(
        {
            "trainable": nn.Parameter(torch.randn(2, 3)),
            "frozen": nn.Parameter(torch.randn(2, 3), requires_grad=False),
            "buffer": nn.Buffer(torch.randn(2)),
            "with_attributes": with_attributes,
            "tensor_with_attributes": tensor_with_attributes,
            "leaf": leaf,
            "plain": torch.randn(1),
        },
        path,
    )


@torch_case()
def tied_weights(path):
    embedding = torch.randn(5, 4)
    torch.save(
        {
            "embedding": embedding,
            "same_object": embedding,
            "same_view": embedding[:],
            "transposed": embedding.t(),
            "row_2": embedding[2],
            "detached_parameter": nn.Parameter(embedding),
        },
        path,
    )


@torch_case()
def views(path):
    base = torch.arange(60, dtype=torch.float32)
    grid = base.reshape(3, 4, 5)
    torch.save(
        {
            "transposed": grid.transpose(0, 2),
            "sliced": grid[1:, 1:3, 2:],
            "step_2": base[1:40:2],
            "expanded": torch.tensor([1.0, 2.0, 3.0]).reshape(3, 1).expand(3, 4),
            "expanded_scalar": torch.tensor(7, dtype=torch.int8).expand(2, 3),
            "channels_last": torch.arange(48, dtype=torch.float16).reshape(1, 3, 4, 4).to(memory_format=torch.channels_last),
            "scalar": torch.tensor(2.5, dtype=torch.float64),
            "scalar_view": base[17],
            "zero_size": torch.empty(0),
            "zero_size_strided": torch.as_strided(base, (2, 0, 3), (7, 5, 2), 11),
            "zero_size_in_big": grid[:, 4:, :],
            "size_one_odd_stride": torch.as_strided(base, (1, 3), (99, 2), 4),
            "overlapping": torch.as_strided(base, (4, 3), (1, 1), 5),
            "small_of_big": torch.arange(1000, dtype=torch.uint8)[990:994],
            "diagonal": torch.arange(16, dtype=torch.int64).reshape(4, 4).diagonal(),
        },
        path,
    )


@torch_case()
def conjugate_and_negative(path):
    z = torch.tensor([[1 + 2j, 3 - 4j], [0 - 0j, -5 + 0.5j]], dtype=torch.complex64)
    wide = torch.tensor([1 - 1j, 2 + 3j], dtype=torch.complex128)
    torch.save(
        {
            "plain": z,
            "conj": z.conj(),
            "conj_transposed": z.mH,
            "conj_of_conj": z.conj().conj(),
            "neg_imag": z.clone().conj().imag,
            "neg_float": torch._neg_view(torch.tensor([0.0, 1.0, float("inf")])),
            "conj_neg": torch._neg_view(wide.conj()),
            "imag": z.clone().imag,
        },
        path,
    )


@torch_case()
def negative_numbers(path):
    """Negated lazily, of every dtype that PyTorch can negate; integers wrap around."""
    names = "uint8 int8 int16 int32 int64 float16 bfloat16 float32 float64 complex64".split()
    kinds = {name: getattr(torch, name) for name in names}
    torch.save({name: torch._neg_view(torch.arange(6).reshape(2, 3).to(kind)) for name, kind in kinds.items()}, path)


STORAGE_DTYPES = "float64 float32 float16 bfloat16 int64 int32 int16 int8 uint8 bool complex128 complex64".split()
V3_DTYPES = (
    "float8_e4m3fn float8_e5m2 float8_e4m3fnuz float8_e5m2fnuz float8_e8m0fnu float4_e2m1fn_x2 "
    "uint16 uint32 uint64 complex32 bits8 bits16 bits1x8 bits2x4 bits4x2"
).split()


def every_byte(dtype_name: str, count: int):
    """`count` elements of the bytes 1, 2, 3, ... (bool: 0 and 1)."""
    dtype = getattr(torch, dtype_name)
    data = torch.arange(1, 1 + count * dtype.itemsize, dtype=torch.int64).to(torch.uint8)
    if dtype == torch.bool:
        data = data % 2
    return torch.empty(0, dtype=dtype).set_(data.untyped_storage(), 0, (count,), (1,))


@torch_case()
def dtypes_storage_classes(path):
    torch.save({name: every_byte(name, 4) for name in STORAGE_DTYPES}, path)


@torch_case()
def dtypes_rebuild_v3(path):
    """Dtypes without a storage class; the storage is untyped. `.tail` has an offset in elements."""
    tensors = {name: every_byte(name, 5) for name in V3_DTYPES}
    torch.save({**tensors, **{f"{name}.tail": tensor[2:] for name, tensor in tensors.items()}}, path)


@torch_case()
def float_special_values(path):
    inf, nan = float("inf"), float("nan")
    values = torch.tensor([0.0, -0.0, inf, -inf, nan, 1e-45, 3.4028235e38, -1.5], dtype=torch.float64)
    kinds = (torch.float64, torch.float32, torch.float16, torch.bfloat16, torch.float8_e5m2, torch.float8_e4m3fn)
    torch.save({torch_walk.dtype_name(kind): values.to(kind) for kind in kinds}, path)


@torch_case(parts=False)
def quantized(path):
    values = torch.linspace(-2, 2, 6).reshape(2, 3)
    scales, zeros = torch.tensor([0.1, 0.2]), torch.tensor([0, 1])
    torch.save(
        {
            "quint8": torch.quantize_per_tensor(values, 0.05, 30, torch.quint8),
            "qint8": torch.quantize_per_tensor(values, 0.05, 0, torch.qint8),
            "qint32": torch.quantize_per_tensor(values, 0.001, 0, torch.qint32),
            "per_channel": torch.quantize_per_channel(values, scales, zeros, 0, torch.qint8),
            "float_qparams": torch.quantize_per_channel(values, scales, zeros.float(), 0, torch.quint8),
        },
        path,
    )


@torch_case()
def quantized_per_channel(path):
    """The scales and zero points are tensors of the file's; one has its elements in another order."""
    values = torch.linspace(-2, 2, 12).reshape(4, 3)
    scales, zeros = torch.tensor([0.1, 0.2, 0.4], dtype=torch.float64), torch.tensor([0, 1, -2])
    by_column = torch.quantize_per_channel(values, scales, zeros, 1, torch.qint8)
    torch.save(
        {
            "by_row": torch.quantize_per_channel(values, torch.full((4,), 0.1), torch.arange(4), 0, torch.quint8),
            "by_column": by_column,
            "transposed": torch.quantize_per_channel(values.t(), scales, zeros, 0, torch.qint32),
            "float_qparams": torch.quantize_per_channel(values, scales.float(), zeros.float(), 1, torch.quint8),
            "after": torch.ones(1),
        },
        path,
    )


def sparse_layouts() -> dict:
    dense = torch.tensor([[0.0, 1.5, 0.0, 0.0], [-2.0, 0.0, 0.0, 3.0]])
    unsorted = torch.sparse_coo_tensor(torch.tensor([[1, 0, 1], [0, 3, 0]]), torch.tensor([1, 2, 3]), (2, 4))
    with_attributes = dense.to_sparse()
    with_attributes.scale = torch.tensor(0.5)
    return {
        "before": torch.tensor([1.0]),
        "coo": dense.to_sparse(),
        "coo_uncoalesced": unsorted,
        "coo_hybrid": torch.arange(12, dtype=torch.float16).reshape(3, 2, 2).to_sparse(1),
        "coo_empty": torch.zeros(2, 3).to_sparse(),
        "csr": dense.to_sparse_csr(),
        "csr_int32": torch.sparse_csr_tensor(
            torch.tensor([0, 1, 2], dtype=torch.int32), torch.tensor([1, 0], dtype=torch.int32), torch.tensor([5, 6]), (2, 2)
        ),
        "csc": dense.to_sparse_csc(),
        "bsr": dense.to_sparse_bsr((2, 2)),
        "bsc": dense.to_sparse_bsc((1, 2)),
        "parameter": nn.Parameter(dense.to_sparse(), requires_grad=False),
        "attributes": with_attributes,
        "in_list": [dense.double().to_sparse_csr()],
        "after": torch.tensor([2.0]),
    }


@torch_case()
def sparse(path):
    torch.save(sparse_layouts(), path)


@torch_case()
def legacy_sparse(path):
    torch.save(sparse_layouts(), path, _use_new_zipfile_serialization=False)


@torch_case()
def nested(path):
    parts = [torch.arange(6.0).reshape(2, 3), torch.arange(12.0).reshape(4, 3), torch.empty(0, 3)]
    torch.save(
        {
            "nested": torch.nested.nested_tensor(parts),
            "transposed": torch.nested.nested_tensor(parts).transpose(1, 2),
            "half": torch.nested.nested_tensor([torch.ones(2).half(), torch.zeros(3).half()]),
            "after": torch.ones(1),
        },
        path,
    )


@torch_case()
def tensor_attributes(path):
    """Tensors that hang on tensors, also in containers; in a subclass, in its slots."""
    example = sys.modules["golden_example"]

    def with_attributes(tensor):
        tensor.note = "no tensor"
        tensor.scale = torch.tensor([0.5, 0.25])
        tensor.history = [torch.tensor(1), {"step": torch.tensor([2])}, "text"]
        return tensor

    weight = torch.arange(6.0)
    slots = weight[2:4].as_subclass(example.SlotsTensor)
    slots.left, slots.right, slots.other = torch.tensor([1]), 2, torch.tensor([3])
    torch.save(
        {
            "tensor": with_attributes(weight.clone()),
            "parameter": with_attributes(nn.Parameter(torch.randn(2, 2))),
            "subclass": with_attributes(weight.reshape(2, 3).t().as_subclass(example.PlainTensor)),
            "slots": slots,
            "subclass_parameter": nn.Parameter(with_attributes(torch.ones(2).as_subclass(example.PlainTensor))),
            "after": torch.ones(1),
        },
        path,
    )


@torch_case()
def wrapper_subclass(path):
    """Tensors that have no data but other tensors."""
    example = sys.modules["golden_example"]
    wrapper = example.Wrapper(torch.randn(2, 3), {"low": torch.tensor([1, 2]), "high": [torch.tensor(3)]})
    torch.save({"before": torch.ones(1), "wrapper": wrapper, "parameter": nn.Parameter(wrapper), "after": torch.ones(2)}, path)


@torch_case()
def meta_tensors(path):
    torch.save({"meta": torch.empty(2, 3, device="meta"), "real": torch.ones(2)}, path)


@torch_case()
def saved_on_devices(path):
    """Device tags of machines this file was never on; only the tag is not the CPU's."""
    tags = iter(["cuda:0", "cuda:1", "mps", "cpu"])
    real_tag = torch.serialization.location_tag
    torch.serialization.location_tag = lambda storage: next(tags)
    try:
        torch.save({name: torch.randn(2) for name in ("cuda_0", "cuda_1", "mps", "cpu")}, path)
    finally:
        torch.serialization.location_tag = real_tag


# ------------------------------------------------------------ torch.save: everything that is not a tensor


@torch_case(objects=True)
def python_values(path):
    integers = [0, 1, -1, 255, 256, 65535, 65536, 2**31 - 1, 2**31, -(2**31), -(2**31) - 1, 2**53 + 1]
    integers += [2**63 - 1, 2**63, -(2**63), -(2**63) - 1, 2**64 - 1, 2**64, 10**30, -(10**30), 2**3000 + 1]
    floats = [0.0, -0.0, 0.1, -2.5, 1e308, 5e-324, float("inf"), float("-inf"), float("nan")]
    torch.save(
        {
            "integers": integers,
            "floats": floats,
            "none": None,
            "bools": [True, False],
            "strings": ["", "ascii", "grüße 重み 🔥", "nul\0inside", "line\nbreak", "x" * 300],
            "bytes": [b"", b"abc", bytes(range(256))],
            "bytearrays": [bytearray(), bytearray(b"\x00\xff")],
            "complex": [1 + 2j, complex(float("inf"), -0.0)],
            "tuples": [(), (1,), (1, 2), (1, 2, 3), (1, 2, 3, 4)],
            "empty": {"list": [], "tuple": (), "dict": {}, "set": set(), "ordered": collections.OrderedDict()},
            "nested_empty": [[[]], ((),), {"a": {"b": {}}}],
            "sets": [{3, 1, 2}, frozenset({7})],
            "ranges": [slice(1, None, 2), range(0, 10, 3), ...],
            "repeated": ["same", "same", (5, 6), (5, 6)],
        },
        path,
    )


@torch_case(objects=True)
def lone_surrogate(path):
    """Python writes half a surrogate pair as three bytes that are not UTF-8."""
    torch.save({"string": "lone \ud800 surrogate", "after": torch.tensor([1])}, path)


@torch_case(objects=True)
def torch_values(path):
    torch.save(
        {
            "size": torch.Size([2, 3]),
            "empty_size": torch.Size([]),
            "dtypes": [torch.float32, torch.bfloat16, torch.float8_e4m3fn, torch.uint16],
            "devices": [torch.device("cpu"), torch.device("cuda", 1)],
            "layouts": [torch.strided, torch.sparse_coo],
            "counter": collections.Counter({"a": 2, "b": 1}),
            "deques": [collections.deque([1, 2]), collections.deque([3], maxlen=4)],
            "weight": torch.ones(1),
        },
        path,
    )


def example_classes():
    """The module golden_example, which no reader of the files can import."""
    module = types.ModuleType("golden_example")

    class Trainer:
        def __init__(self, weight):
            self.weight = weight
            self.history = [0.5, 0.25]

    class Phase(enum.Enum):
        WARMUP = 1
        DECAY = "decay"

    class Slots:
        __slots__ = ("left", "right")

    class PlainTensor(torch.Tensor):
        pass

    class SlotsTensor(torch.Tensor):
        __slots__ = ("left", "right")

    class Wrapper(torch.Tensor):
        @staticmethod
        def __new__(cls, inner, more):
            return torch.Tensor._make_wrapper_subclass(cls, inner.shape, dtype=inner.dtype, requires_grad=inner.requires_grad)

        def __init__(self, inner, more):
            self.inner, self.more = inner, more

        @classmethod
        def __torch_dispatch__(cls, function, types, args=(), keywords=None):
            if function is torch.ops.aten.detach.default:
                return cls(args[0].inner, args[0].more)
            raise NotImplementedError(function)

    class Outer:
        class Inner:
            def __init__(self):
                self.depth = 2

    class Keyworded:
        def __new__(cls, *arguments, scale=1):
            made = object.__new__(cls)
            made.arguments, made.scale = arguments, scale
            return made

        def __getnewargs_ex__(self):
            return self.arguments, {"scale": self.scale}

    class Labelled(list):
        def __new__(cls, *labels):
            made = list.__new__(cls)
            made.labels = labels
            return made

        def __init__(self, *labels):
            pass

        def __getnewargs__(self):
            return self.labels

    class Grouped(collections.defaultdict):
        pass

    Settings = collections.namedtuple("Settings", "depth width")
    for cls in (
        Trainer, Phase, Slots, PlainTensor, SlotsTensor, Wrapper, Settings, Outer, Keyworded, Labelled, Grouped
    ):  # fmt: skip
        cls.__module__, cls.__qualname__ = module.__name__, cls.__name__
        setattr(module, cls.__name__, cls)
    Outer.Inner.__module__, Outer.Inner.__qualname__ = module.__name__, "Outer.Inner"
    return module


@contextlib.contextmanager
def importable(module):
    sys.modules[module.__name__] = module
    try:
        yield
    finally:
        del sys.modules[module.__name__]


@torch_case(objects=True)
def classes_unknown(path):
    example = sys.modules["golden_example"]
    slots = example.Slots()
    slots.left, slots.right = 1, torch.tensor([2.0])
    torch.save(
        {
            "before": torch.tensor([1, 2, 3]),
            "args": argparse.Namespace(lr=0.1, layers=[2, 3], data=pathlib.PurePosixPath("data/train")),
            "trainer": example.Trainer(torch.randn(2, 2)),
            "phases": [example.Phase.WARMUP, example.Phase.DECAY],
            "slots": slots,
            "settings": example.Settings(4, 16),
            "path": pathlib.PurePosixPath("runs/one"),
            "when": datetime.datetime(2024, 2, 29, 12, 30, 15, 250, tzinfo=datetime.timezone.utc),
            "duration": datetime.timedelta(days=1, seconds=2),
            "a_class": collections.OrderedDict,
            "a_function": torch.nn.functional.relu,
            "default": collections.defaultdict(list, {"weights": [torch.tensor([4.0])]}),
            "set": {1, 2},
            "after": torch.tensor([9.0]),
        },
        path,
    )


@torch_case(objects=True, parts=False)
def classes_numpy(path):
    torch.save(
        {
            "before": torch.tensor([1]),
            "float64_scalar": numpy.float64(0.125),
            "int64_scalar": numpy.int64(-3),
            "bool_scalar": numpy.bool_(True),
            "array": numpy.arange(6, dtype=numpy.float32).reshape(2, 3),
            "fortran_array": numpy.asfortranarray(numpy.arange(6, dtype=numpy.int16).reshape(2, 3)),
            "big_endian_array": numpy.arange(3, dtype=">i4"),
            "empty_array": numpy.zeros((0, 2)),
            "string_array": numpy.array(["ab", "c"]),
            "dtype": numpy.dtype("<f4"),
            "after": torch.tensor([2]),
        },
        path,
    )


@torch_case(objects=True)
def values_of_programs(path):
    """What scripts put beside their weights: times, paths, enums, options, results."""
    example = sys.modules["golden_example"]
    torch.save(
        {
            "when": [
                datetime.datetime(2024, 2, 29, 12, 30, 15, 250), datetime.date(1999, 12, 31), datetime.time(1, 2, 3),
                datetime.timedelta(days=1, seconds=2), datetime.timezone(datetime.timedelta(hours=5)),
            ],
            "paths": [pathlib.PurePosixPath("runs/one"), pathlib.PureWindowsPath("C:\\runs"), pathlib.PosixPath("/tmp/x")],
            "phases": {example.Phase.WARMUP: 1, "now": example.Phase.DECAY},
            "options": argparse.Namespace(lr=0.1, layers=[2, 3], inner=argparse.Namespace(weight=torch.ones(2))),
            "simple": types.SimpleNamespace(a=1, b=torch.zeros(1)),
            "numbers": [decimal.Decimal("1.50"), fractions.Fraction(1, 3), uuid.UUID(int=5)],
            "after": torch.tensor([9.0]),
        },
        path,
    )  # fmt: skip


@torch_case()
def arrays(path):
    """numpy's arrays of every kind, the same one twice, one inside of another's class."""
    again = numpy.arange(4, dtype=numpy.int16)
    torch.save(
        {
            "kinds": {
                name: numpy.arange(4).astype(name)
                for name in "? i1 u1 i2 u2 i4 u4 i8 u8 f2 f4 f8 c8 c16 >i4 >f8 >c16".split()
            },
            "fortran": numpy.asfortranarray(numpy.arange(24).reshape(2, 3, 4)),
            "scalar": numpy.array(2.5),
            "again": again,
            "twice": [again, (again,)],
            "tensor": torch.from_numpy(again),
            "number": numpy.float32(0.5),
            "after": torch.tensor([2]),
        },
        path,
    )  # fmt: skip


@torch_case()
def arrays_of_no_dtype(path):
    """What torch has no dtype for is bytes: text, structures, long doubles. Times are counts."""
    torch.save(
        {
            "seconds": numpy.array([0, -5, 2**40], dtype="M8[s]"),
            "nanoseconds": numpy.array([[1], [2]], dtype="m8[ns]"),
            "big_endian_days": numpy.array([1, 2], dtype=">M8[D]"),
            "bytes": numpy.array([b"ab", b"c"]),
            "text": numpy.array([["ab", "c"], ["", "def"]]),
            "structure": numpy.array([(1, 0.5), (2, 0.25)], dtype=[("n", "<i4"), ("x", "<f8")]),
            "void": numpy.frombuffer(b"0123456789", dtype="V5"),
            "long_double": numpy.frombuffer(bytes(range(32)), dtype="g"),
            "fortran_text": numpy.asfortranarray(numpy.array([["a", "b"], ["c", "d"]])),
            "objects": numpy.array([1, "x", None], dtype=object),
            "after": torch.tensor([2]),
        },
        path,
    )


@torch_case()
def whole_module(path):
    """torch.save(model): tensors under their state-dict names."""
    inner = nn.Sequential(nn.Linear(4, 4), nn.BatchNorm1d(4))
    inner.register_buffer("not_in_state_dict", torch.ones(2), persistent=False)
    torch.save(nn.Sequential(nn.Linear(3, 4), nn.ReLU(), inner, nn.Linear(4, 2, bias=False)), path)


@torch_case()
def whole_module_in_dict(path):
    model = nn.Sequential(collections.OrderedDict(embed=nn.Embedding(5, 3), head=nn.Linear(3, 5, bias=False)))
    model.head.weight = model.embed.weight
    torch.save({"epoch": 3, "model": model, "ema": torch.ones(2)}, path)


@torch_case(printed=True)
def modules_printed(path):
    """One of each torch.nn class whose print() shows how it was made."""
    zoo = [
        nn.Linear(10, 5), nn.Linear(3, 2, bias=False), nn.Bilinear(2, 3, 4),
        nn.Conv2d(3, 8, 3, padding=1, bias=False), nn.Conv1d(2, 4, 5, stride=2, dilation=2, groups=2),
        nn.Conv2d(3, 8, (3, 5), padding="same", padding_mode="reflect"),
        nn.ConvTranspose2d(4, 4, 2, stride=2, output_padding=1, dilation=2),
        nn.BatchNorm2d(8), nn.BatchNorm1d(8, affine=False, momentum=None, track_running_stats=False),
        nn.InstanceNorm2d(3), nn.LayerNorm(8), nn.LayerNorm((2, 3), elementwise_affine=False), nn.GroupNorm(2, 4),
        nn.RMSNorm(8), nn.LocalResponseNorm(2),
        nn.Embedding(10, 3), nn.Embedding(10, 3, padding_idx=0, max_norm=1.0), nn.EmbeddingBag(4, 3),
        nn.ReLU(), nn.ReLU(inplace=True), nn.GELU(), nn.GELU("tanh"), nn.SiLU(), nn.Sigmoid(), nn.Tanh(), nn.LeakyReLU(0.1),
        nn.ELU(), nn.Softmax(dim=1), nn.LogSoftmax(1), nn.Softplus(), nn.Hardtanh(), nn.PReLU(), nn.Softshrink(),
        nn.GLU(), nn.Threshold(0.1, 20),
        nn.Dropout(0.5), nn.Dropout2d(0.1, inplace=True), nn.AlphaDropout(0.2),
        nn.MaxPool2d(2), nn.MaxPool2d(3, stride=2, padding=1, ceil_mode=True), nn.AvgPool2d(2), nn.AvgPool1d(3),
        nn.AdaptiveAvgPool2d((1, 1)), nn.AdaptiveAvgPool2d(1), nn.AdaptiveMaxPool1d(2), nn.LPPool2d(2, 3),
        nn.Flatten(), nn.Unflatten(1, (2, 3)), nn.Identity(), nn.LSTM(4, 2),
        nn.LSTM(4, 2, num_layers=2, batch_first=True, bidirectional=True, dropout=0.1, bias=False), nn.GRU(4, 2), nn.RNN(4, 2),
        nn.LSTMCell(4, 2), nn.RNNCell(4, 2), nn.Upsample(scale_factor=2), nn.Upsample(size=(4, 4), mode="bilinear"),
        nn.ZeroPad2d(1), nn.ReflectionPad2d((1, 2, 3, 4)), nn.ConstantPad2d(1, 0.5), nn.PixelShuffle(2),
        nn.Fold((4, 5), 2), nn.Unfold(2), nn.MultiheadAttention(4, 2), nn.CrossEntropyLoss(),
        nn.TransformerEncoderLayer(4, 2, dim_feedforward=4), nn.Sequential(), nn.Sequential(nn.Linear(1, 1), nn.Linear(1, 1)),
        nn.ModuleList([nn.Linear(1, 1), nn.Linear(1, 1), nn.ReLU(), nn.Linear(1, 2)]),
        nn.ModuleDict({"a": nn.Linear(1, 1), "b": nn.Identity()}),
    ]  # fmt: skip
    torch.save(nn.ModuleList(zoo), path)


# ------------------------------------------------------------ torch.save: protocols and containers


def with_protocol(protocol):
    def write(path):
        state = {**small_state_dict(), "set": {1}, "bytes": b"\x00\x01", "big": 2**70, "long": "y" * 300}
        state["opaque"] = sys.modules["golden_example"].Settings(1, 2)
        torch.save(state, path, pickle_protocol=protocol)

    write.__name__ = f"pickle_protocol_{protocol}"
    return write


for number in (2, 3, 4, 5):
    torch_case(objects=True)(with_protocol(number))


@torch_case()
def prefix_archive(path):
    buffer = io.BytesIO()
    torch.save(small_state_dict(), buffer)
    path.write_bytes(buffer.getvalue())


@torch_case()
def prefix_with_dots(path):
    dotted = path.with_name("model.v1.2.best.pt")
    torch.save(small_state_dict(), dotted)
    dotted.rename(path)


@torch_case()
def crc_off(path):
    torch.serialization.set_crc32_options(False)
    try:
        torch.save(small_state_dict(), path)
    finally:
        torch.serialization.set_crc32_options(True)


def rezip(source, target, method, last=(), change=lambda name, data: data):
    """Writes the records of one zip to another with Python's zipfile, as a user might."""
    with zipfile.ZipFile(source) as old, zipfile.ZipFile(target, "w", method) as new:
        for name in old.namelist():
            new.writestr(zipfile.ZipInfo(name), change(name, old.read(name)), method)
        for name, data in last:
            new.writestr(zipfile.ZipInfo(name), data, method)


@torch_case()
def deflated(path):
    with tempfile.TemporaryDirectory() as folder:
        original = pathlib.Path(folder) / path.name
        torch.save({"zeros": torch.zeros(64, 64), "noise": torch.randn(40)}, original)
        rezip(original, path, zipfile.ZIP_DEFLATED)


@torch_case(expect_from=lambda path: path.with_suffix(".original"))
def macosx_entry(path):
    """torch itself refuses the extra entry: what is expected comes from before it was there."""
    original = path.with_suffix(".original")
    torch.save(small_state_dict(), original)
    rezip(original, path, zipfile.ZIP_STORED, last=[("__MACOSX/._macosx_entry", b"\x00\x05\x16\x07")])


@torch_case()
def big_endian(path):
    """As a big-endian machine would write it: data and the byteorder record swapped."""
    tensors = {
        "float32": torch.randn(2, 3),
        "int64": torch.tensor([1, -2, 2**40]),
        "float16": torch.tensor([0.5, -1.5], dtype=torch.float16),
        "bfloat16": torch.tensor([0.5, -1.5], dtype=torch.bfloat16),
        "complex64": torch.tensor([1 + 2j]),
        "complex128": torch.tensor([3 - 4j], dtype=torch.complex128),
        "uint8": torch.arange(5, dtype=torch.uint8),
        "bool": torch.tensor([True, False]),
        "transposed": torch.arange(6, dtype=torch.int32).reshape(2, 3).t(),
    }
    original = path.with_suffix(".original")
    torch.save(tensors, original)
    # A component of a complex number is swapped on its own.
    units = [tensor.element_size() // (2 if tensor.is_complex() else 1) for tensor in tensors.values()]

    def swap(name, data):
        record = name.partition("/")[2]
        if record == "byteorder":
            return b"big"
        if record.startswith("data/"):
            unit = units[int(record.removeprefix("data/"))]
            return b"".join(data[at : at + unit][::-1] for at in range(0, len(data), unit))
        return data

    rezip(original, path, zipfile.ZIP_STORED, change=swap)
    original.unlink()


@torch_case()
def zip_of_1_6(path):
    """The records that there were before 2.1: no byte order, no alignment of storages."""
    torch_matrix.zip_rewritten(records=torch_matrix.as_before_2_1)(SmallCnn().state_dict(), path)


@torch_case()
def tar_state_dict(path):
    """As torch.save wrote before 0.1.11, by hand: nothing does any more, and torch.load still reads it."""
    base = torch.arange(6, dtype=torch.float32)
    state = collections.OrderedDict(small_state_dict(), base=base, column=base.reshape(2, 3).t()[1], again=base)
    torch_matrix.tar(views=True)(state, path)


@torch_case()
def names_long(path):
    names = ["x" * 5000, "重み" * 1000, ".".join(f"layer{at}" for at in range(300)), "🔥" * 64]
    torch.save({name: torch.tensor([at], dtype=torch.int16) for at, name in enumerate(names)}, path)


@torch_case()
def names_of_protocol_4(path):
    """Names with dots, which older protocols do not have; keywords of __new__; what is added to an object of arguments."""
    example = sys.modules["golden_example"]
    labelled = example.Labelled("a", "b")
    labelled.extend([torch.ones(2), 3])
    grouped = example.Grouped(list, {"first": [torch.zeros(1)], "second": []})
    torch.save(
        {
            "formats": [torch.channels_last, torch.contiguous_format, torch.preserve_format, torch.channels_last_3d],
            "others": [torch.float32, torch.strided, torch.per_tensor_affine, torch.device("cuda", 1)],
            "nested": [example.Outer.Inner(), example.Outer.Inner, example.Outer],
            "keywords": example.Keyworded(1, "two", scale=3),
            "labelled": labelled,
            "grouped": grouped,
            "method": str.upper,
            "after": torch.tensor([9.0]),
        },
        path,
        pickle_protocol=4,
    )


@torch_case()
def legacy_state_dict(path):
    torch.save(SmallCnn().state_dict(), path, _use_new_zipfile_serialization=False)


@torch_case()
def legacy_views(path):
    base = torch.arange(20, dtype=torch.float32)
    torch.save(
        {
            "base": base,
            "middle": base[5:15],
            "step": base[::3],
            "transposed": base.reshape(4, 5).t(),
            "parameter": nn.Parameter(torch.ones(2, dtype=torch.float64)),
            "epoch": 3,
        },
        path,
        _use_new_zipfile_serialization=False,
    )


@torch_case()
def legacy_whole_module(path):
    """The legacy format carries each module class's source text and where it was read from."""
    real_source = torch.serialization.get_source_lines_and_file
    torch.serialization.get_source_lines_and_file = lambda obj, message=None: (["class Source:\n", "    pass\n"], 1, "source.py")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            torch.save(nn.Sequential(nn.Linear(2, 3)), path, _use_new_zipfile_serialization=False)
    finally:
        torch.serialization.get_source_lines_and_file = real_source


def without_debug_records(module, path):
    """torch.jit.save, less the debug records, which name files of the machine that wrote them."""
    buffer = io.BytesIO()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.jit.save(torch.jit.script(module.eval()), buffer)
    reader = torch._C.PyTorchFileReader(io.BytesIO(buffer.getvalue()))
    writer = torch._C.PyTorchFileWriter(str(path))
    for name in reader.get_all_records():
        if not name.endswith(".debug_pkl") and name not in ("version", ".data/version", ".data/serialization_id", "byteorder"):
            data = reader.get_record(name)
            writer.write_record(name, data, len(data))
    writer.write_end_of_file()


@torch_case()
def script_module(path):
    without_debug_records(nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4)), path)


class Quantized(nn.Module):
    def __init__(self):
        super().__init__()
        numbers = torch.arange(6.0).reshape(2, 3)
        scales, zeros = torch.tensor([0.5, 0.25]), torch.tensor([1, -2])
        self.register_buffer("by_tensor", torch.quantize_per_tensor(numbers, 0.1, 3, torch.quint8))
        self.register_buffer("again", self.by_tensor)
        self.register_buffer("wide", torch.quantize_per_tensor(numbers, 0.01, -5, torch.qint32))
        self.register_buffer("by_row", torch.quantize_per_channel(numbers, scales, zeros, 0, torch.qint8))
        self.leaf = nn.Parameter(torch.randn(2).to(torch.float8_e5m2))

    def forward(self, x):
        return x + self.by_tensor.dequantize() + self.wide.dequantize() + self.by_row.dequantize()


@torch_case()
def script_quantized(path):
    """How they are quantized is with the tensors; the weights of packed layers are in no state dict."""
    layer = torch.ao.nn.quantized.dynamic.Linear(3, 2)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        without_debug_records(nn.Sequential(Quantized(), layer), path)


class Sparse(nn.Module):
    def __init__(self):
        super().__init__()
        dense = torch.tensor([[0.0, 1.0, 0.0], [2.0, 0.0, 3.0]])
        self.register_buffer("mask", dense.to_sparse())
        self.register_buffer("again", self.mask)
        self.register_buffer("rows", dense.to_sparse(1))
        self.leaf = nn.Parameter((dense * 2).to_sparse())
        # Named as the parts of one are, which they are not.
        self.indices = nn.Parameter(torch.randn(2))
        self.values = nn.Parameter(torch.randn(3))

    def forward(self, x):
        return x + self.mask.to_dense() + self.rows.to_dense() + self.leaf.to_dense()


@torch_case()
def script_sparse(path):
    """A state dict has sparse tensors, where the program has their parts."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        without_debug_records(nn.Sequential(Sparse(), nn.Linear(3, 1)), path)


class Exported(nn.Module):
    """One tensor of each kind that an exported program tells apart."""

    def __init__(self):
        super().__init__()
        self.fc = nn.Linear(3, 4)
        self.norm = nn.BatchNorm1d(4)
        self.tied = self.fc.weight
        self.scale = nn.Parameter(torch.randn(4).to(torch.bfloat16), requires_grad=False)
        self.register_buffer("table", torch.arange(12.0).reshape(3, 4).t())
        self.register_buffer("row", self.table[1])
        self.register_buffer("mask", torch.tensor([True, False, True, True]), persistent=False)
        self.constant = torch.tensor([0.5, 1.5, 2.5, 3.5], dtype=torch.float64)

    def forward(self, x):
        y = self.norm(self.fc(x)) * self.mask + self.constant + self.scale
        return y @ self.table + self.row + x @ self.tied.t()[:, :3]


@torch_case(extension=".pt2")
def exported_program(path):
    """torch.export.save, less where the code was that was traced."""
    program = torch.export.export(Exported().eval(), (torch.zeros(2, 3),))
    for node in program.graph.nodes:
        node.meta.pop("stack_trace", None)
    torch.export.save(program, path)


# ------------------------------------------------------------ pickles that torch.save did not write


def dump(value, path, protocol):
    with open(path, "wb") as file:
        pickle.dump(value, file, protocol=protocol)


@torch_case(extension=".pkl", objects=True)
def pickle_arrays(path):
    """As model zoos have them whose weights came from another framework."""
    model = {
        "conv1.weight": numpy.linspace(-1, 1, 24, dtype=numpy.float32).reshape(2, 3, 2, 2),
        "conv1.bias": numpy.zeros(2, numpy.float32),
        "fc.weight": numpy.arange(6.0).reshape(2, 3).T,
        "step": numpy.array(7),
    }
    dump({"model": model, "__author__": "a model zoo", "matching_heuristics": True, "lr": numpy.float64(0.1)}, path, 2)


def plain_tensors():
    """In a plain pickle each tensor object has a file of its own: views are no longer of one storage."""
    base = torch.arange(6.0)
    return {
        "base": base,
        "same": base,
        "view": base.reshape(2, 3).t(),
        "parameter": nn.Parameter(torch.randn(2)),
        "half": torch.ones(2, dtype=torch.float16),
        "layers": [torch.tensor(5), (torch.tensor([True]),)],
        "epoch": 3,
    }


def with_plain_protocol(protocol):
    def write(path):
        dump(plain_tensors(), path, protocol)

    write.__name__ = f"pickle_tensors_{protocol}"
    return write


for number in (0, 1, 2, 4, 5):
    torch_case(extension=".pkl")(with_plain_protocol(number))


@torch_case(extension=".pkl", objects=True)
def pickle_protocol_0(path):
    """Lines of text: numbers, escapes in strings, arrays."""
    dump(
        {
            "integers": [0, -1, 255, 2**31, -(2**70)],
            "floats": [0.0, -0.0, 0.1, 1e308, float("inf"), float("nan")],
            "bools": [True, False, None],
            "strings": ["", "grüße 重み 🔥", "line\nbreak", "back\\slash", "quote'\"", "nul\0"],
            "bytes": [b"", b"\x00\xffabc"],
            "containers": [[], (), {}, (1,), {1: {"a": [2]}}],
            "array": numpy.arange(6, dtype=numpy.int16).reshape(2, 3),
        },
        path,
        0,
    )


@torch_case(extension=".pkl")
def pickle_module(path):
    dump({"model": nn.Sequential(nn.Linear(2, 3), nn.BatchNorm1d(3)), "epoch": 1}, path, 4)


# ------------------------------------------------------------ safetensors


def raw_safetensors(path, header: str, data: bytes = b""):
    encoded = header.encode()
    encoded += b" " * (-len(encoded) % 8)
    path.write_bytes(len(encoded).to_bytes(8, "little") + encoded + data)


@safetensors_case()
def all_dtypes(path):
    names = STORAGE_DTYPES + V3_DTYPES
    unsupported = {"complex128", "complex32", "bits8", "bits16", "bits1x8", "bits2x4", "bits4x2"}
    safetensors.torch.save_file({name: every_byte(name, 4) for name in names if name not in unsupported}, path)


@safetensors_case()
def state_dict(path):
    safetensors.torch.save_file(SmallCnn().state_dict(), path, metadata={"format": "pt", "note": "größe"})


@safetensors_case()
def no_metadata(path):
    safetensors.torch.save_file({"weight": torch.randn(2, 3), "bias": torch.randn(2)}, path)


@safetensors_case()
def only_metadata(path):
    safetensors.torch.save_file({}, path, metadata={"format": "pt"})


@safetensors_case()
def shapes(path):
    tensors = {
        "scalar": torch.tensor(1.5),
        "zero_size": torch.empty(0),
        "zero_size_3d": torch.empty(2, 0, 3, dtype=torch.float64),
        "zero_size_byte": torch.empty(0, 4, dtype=torch.uint8),
        "one": torch.ones(1, 1, 1, 1, dtype=torch.bfloat16),
        "five_d": torch.arange(32, dtype=torch.int16).reshape(2, 2, 2, 2, 2),
    }
    safetensors.torch.save_file(tensors, path)


@safetensors_case()
def empty(path):
    raw_safetensors(path, "{}")


@safetensors_case()
def handwritten_header(path):
    """Leading blanks, fields and names in no usual order, escapes in names, data not by name."""
    raw_safetensors(
        path,
        '  \n\t{"late" : {"data_offsets":[6,14],"shape":[2],"dtype":"F32"},\n'
        '"gr\\u00fc\\u00dfe \\ud83d\\udd25":{"shape":[ ],"dtype":"I16","data_offsets":[4,6]},'
        '"":{"dtype":"U8","shape":[0,3],"data_offsets":[4,4]},'
        '"quote\\"back\\\\slash\\/\\n\\u0000":{"dtype":"U8","data_offsets":[0,4],"shape":[2,2]},'
        '"__metadata__":{"k\\u00e9y":"v\\talue"},'
        '"a.b..c":{"dtype":"BOOL","shape":[1,1],"data_offsets":[14,15]}}',
        bytes(range(1, 7)) + numpy.array([0.5, -2.0], "<f4").tobytes() + b"\x01",
    )


@safetensors_case()
def tensors_1001(path):
    safetensors.torch.save_file({f"t{index}": torch.tensor(index % 251, dtype=torch.uint8) for index in range(1001)}, path)


# ------------------------------------------------------------ what is expected


def class_name(value) -> str:
    """Of the value; of a class or a function its own name, which is what the file has."""
    if isinstance(value, numpy.dtype):
        return "numpy.dtype"
    cls = value if isinstance(value, (type, types.FunctionType)) else type(value)
    return cls.__qualname__ if cls.__module__ == "builtins" else f"{cls.__module__}.{cls.__qualname__}"


def json_value(value):
    """What README.md says of the third item of an entry of "objects"."""
    if isinstance(value, str):
        encoded = value.encode("utf-8", "surrogatepass")
        return value if encoded.decode("utf-8", "replace") == value else {"bytes": encoded.hex()}
    if isinstance(value, (bool, type(None))):
        return value
    if type(value) in (int, float, complex, range, slice, type(Ellipsis)) or isinstance(
        value, (torch.Size, torch.dtype, torch.device, torch.layout, torch.memory_format)
    ):
        return repr(value)
    if isinstance(value, (bytes, bytearray)):
        return value.hex()
    if type(value) in torch_walk.DICTS + torch_walk.SEQUENCES + (set, frozenset, collections.deque):
        return len(value)
    if isinstance(value, numpy.generic):
        return repr(value.item())
    if isinstance(value, numpy.ndarray):
        return {"dtype": value.dtype.str, "shape": list(value.shape), "values": value.tolist()}
    if isinstance(value, numpy.dtype):
        return value.str
    return None


def lines(items) -> str:
    """A JSON list with one item a line."""
    return "[\n" + ",\n".join(json.dumps(item) for item in items) + "\n]" if items else "[]"


def expected_json(path, objects, printed, parts) -> str:
    view, walk = torch_walk.describe(path, trusted=True, parts=parts)
    parts = [f'"format": {json.dumps(view["format"])}', f'"tensors": {lines(view["tensors"])}']
    if objects:
        values = [[name, class_name(value), json_value(value)] for name, value in walk.values]
        parts.append(f'"objects": {lines(values)}')
    if printed:
        parts.append(f'"print": {lines(repr(walk.values[0][1]).splitlines())}')
    if walk and walk.opaque:
        opaque = [{"path": name, "class": class_name(value)} for name, value in walk.opaque]
        parts.append(f'"opaque": {lines(opaque)}')
    return "{" + ",\n".join(parts) + "}\n"


def write_case(function, path, objects=False, printed=False, expect_from=None, parts=True):
    """Writes `path` and its .expected.json.

    objects: list the values that are not tensors as well. printed: the lines of
    Python's print() of the whole. expect_from: gives the file from which torch's
    view is taken; it is removed afterwards. parts: False for what was described
    before parts of tensors, and arrays, were listed as tensors.
    """
    torch.manual_seed(20240607)
    with importable(example_classes()):
        function(path)
        source = expect_from(path) if expect_from else path
        expected = expected_json(source, objects, printed, parts)
    if source != path:
        source.unlink()
    path.chmod(0o644)
    path.with_suffix(".expected.json").write_text(expected)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--check", action="store_true", help="write nothing here; compare with what is here")
    check = parser.parse_args().check
    different = 0
    with tempfile.TemporaryDirectory() as scratch:
        for folder, extension, function, keywords in CASES:
            name = function.__name__ + extension
            committed = HERE / folder / name
            if committed.exists() and not check:
                continue
            fresh = pathlib.Path(scratch) / folder / name
            fresh.parent.mkdir(exist_ok=True)
            write_case(function, fresh, **keywords)
            wanted = fresh.with_suffix(".expected.json")
            if check:
                same = committed.exists() and wanted.read_text() == committed.with_suffix(".expected.json").read_text()
                different += not same
                print("same     " if same else "DIFFERENT", f"{folder}/{name}")
                continue
            committed.parent.mkdir(exist_ok=True)
            shutil.copyfile(wanted, committed.with_suffix(".expected.json"))
            shutil.copyfile(fresh, committed)
            print(f"{folder}/{name}: {committed.stat().st_size} bytes")
    return 1 if different else 0


if __name__ == "__main__":
    sys.exit(main())

"""What torch_matrix.py writes into its files: tensors of every dtype and layout, arrays, and whole checkpoints.

Classes are here so that pickles can name them.
"""

import argparse
import collections
import dataclasses
import datetime
import decimal
import enum
import fractions
import functools
import math
import pathlib
import random
import types
import uuid

import numpy
import torch
from torch import nn
from torch.nn.utils import parametrizations, prune

PLAIN_DTYPES = (
    "bool uint8 int8 int16 int32 int64 uint16 uint32 uint64 float16 bfloat16 float32 float64 "
    "float8_e4m3fn float8_e5m2 float8_e4m3fnuz float8_e5m2fnuz float8_e8m0fnu float4_e2m1fn_x2 "
    "complex32 complex64 complex128 bits8 bits16 bits1x8 bits2x4 bits4x2"
).split()
QUANTIZED_DTYPES = "qint8 quint8 qint32 quint4x2 quint2x4".split()
# PyTorch 2.11 has these and cannot save them.
SMALL_DTYPES = [f"{kind}int{bits}" for kind in ("", "u") for bits in range(1, 8)]
FEW_DTYPES = "bool uint8 int64 uint16 float32 bfloat16 float8_e4m3fn complex64 qint8".split()
DTYPES = PLAIN_DTYPES + QUANTIZED_DTYPES


class Unmade(Exception):
    """There is no such tensor; the text says why."""


def random_bytes(count: int):
    """No byte of which a number that is not finite could be made; other than each other from call to call."""
    return torch.randint(1, 120, (count,), dtype=torch.uint8)


def raw(dtype, size, stride, offset=0, storage_elements=None):
    """A view of random bytes."""
    count = storage_elements
    if count is None:
        count = 0 if 0 in size else offset + 1 + sum((n - 1) * s for n, s in zip(size, stride))
    data = random_bytes(count * dtype.itemsize)
    if dtype == torch.bool:
        data %= 2
    if torch_name(dtype) in QUANTIZED_DTYPES:
        tensor = torch._empty_affine_quantized((0,), scale=0.25, zero_point=3, dtype=dtype)
    else:
        tensor = torch.empty(0, dtype=dtype)
    return tensor.set_(data.untyped_storage(), offset, size, stride)


def torch_name(dtype) -> str:
    return str(dtype).removeprefix("torch.")


def dense(dtype, *size):
    strides = [math.prod(max(n, 1) for n in size[at + 1 :]) for at in range(len(size))]
    return raw(dtype, size, tuple(strides))


# ---------------------------------------------------------------- layouts: functions of a dtype


class Tagged(torch.Tensor):
    """A subclass with its data in itself."""


class Slotted(torch.Tensor):
    __slots__ = ("left", "right")


def with_attributes(tensor):
    tensor.note = "no tensor"
    tensor.scale = torch.randn(2)
    tensor.history = [torch.tensor(1.5), {"step": torch.tensor([3])}, "text"]
    tensor.when = (1, 2)
    return tensor


def parameter(dtype, tensor, requires_grad):
    if requires_grad and not (dtype.is_floating_point or dtype.is_complex):
        raise Unmade("only floating point and complex tensors require gradients")
    return nn.Parameter(tensor, requires_grad=requires_grad)


def leaf(dtype):
    return parameter(dtype, dense(dtype, 2, 3), True).data.requires_grad_()


def conjugate(dtype):
    if not dtype.is_complex:
        raise Unmade("only complex tensors are conjugated")
    return dense(dtype, 2, 3).conj()


def negative(dtype):
    if torch_name(dtype) in QUANTIZED_DTYPES:
        raise Unmade("saving a negated quantized tensor is the end of the process")
    return torch._neg_view(dense(dtype, 2, 3))


def complex_part(dtype):
    """What is negated lazily in practice."""
    if not dtype.is_complex:
        raise Unmade("only complex tensors are conjugated")
    return dense(dtype, 2, 3).conj().imag


def meta(dtype, *size, **keywords):
    if torch_name(dtype) in QUANTIZED_DTYPES:
        raise Unmade("there are no quantized tensors without data")
    return torch.empty(size, dtype=dtype, device="meta", **keywords)


def sparse_coo(dtype, sparse_dims=2, dense_size=(), count=3, **keywords):
    indices = torch.arange(count * sparse_dims).reshape(sparse_dims, count) % 4
    size = (4,) * sparse_dims + tuple(dense_size)
    return torch.sparse_coo_tensor(indices, dense(dtype, count, *dense_size), size, check_invariants=False, **keywords)


def compressed(layout, index_dtype=torch.int64, block=(), batch=()):
    def make(dtype):
        ends = torch.tensor([0, 2, 3], dtype=index_dtype).expand(*batch, 3)
        others = torch.tensor([0, 1, 1], dtype=index_dtype).expand(*batch, 3)
        values = dense(dtype, *batch, 3, *block)
        sizes = [2 * n for n in block] or [2, 2]
        return torch.sparse_compressed_tensor(
            ends, others, values, (*batch, *sizes), layout=layout, dtype=dtype, check_invariants=False
        )

    return make


def nested(dtype):
    sizes = torch.tensor([[2, 3], [4, 3]])
    strides = torch.tensor([[3, 1], [3, 1]])
    return torch._nested_view_from_buffer(dense(dtype, 18), sizes, strides, torch.tensor([0, 6]))


def nested_overlapping(dtype):
    sizes = torch.tensor([[2, 2], [0, 3], [3, 1]])
    strides = torch.tensor([[1, 2], [3, 1], [1, 1]])
    return torch._nested_view_from_buffer(dense(dtype, 12), sizes, strides, torch.tensor([0, 4, 2]))


def jagged(dtype):
    return torch.nested.nested_tensor([dense(dtype, 2, 3), dense(dtype, 4, 3)], layout=torch.jagged)


def per_channel(scale_dtype, zero_dtype, axis, size=(2, 3), stride=(3, 1)):
    def make(dtype):
        if torch_name(dtype) not in QUANTIZED_DTYPES:
            raise Unmade("only quantized dtypes have scales")
        scales = torch.rand(size[axis], dtype=torch.float64).to(scale_dtype)
        zeros = torch.arange(size[axis]).to(zero_dtype)
        empty = torch._empty_per_channel_affine_quantized(size, scales=scales, zero_points=zeros, axis=axis, dtype=dtype)
        return empty.set_(raw(dtype, size, stride).untyped_storage(), 0, size, stride)

    return make


def two_tensor(dtype):
    from torch.testing._internal.two_tensor import TwoTensor

    return TwoTensor(dense(dtype, 2, 3), dense(dtype, 2, 3))


def masked(dtype):
    return torch.masked.masked_tensor(dense(dtype, 2, 3), dense(torch.bool, 2, 3))


@functools.cache
def device_mesh():
    import torch.distributed
    from torch.testing._internal.distributed.fake_pg import FakeStore

    torch.distributed.init_process_group("fake", store=FakeStore(), rank=0, world_size=2)
    return torch.distributed.device_mesh.init_device_mesh("cpu", (2,))


def distributed(dtype):
    from torch.distributed.tensor import DTensor, Shard

    return DTensor.from_local(dense(dtype, 2, 3), device_mesh(), [Shard(0)], run_check=False)


LAYOUTS = {
    "contiguous": lambda dtype: dense(dtype, 2, 3),
    "one": lambda dtype: dense(dtype, 1),
    "scalar": lambda dtype: dense(dtype),
    "scalar_inside": lambda dtype: raw(dtype, (), (), 5, 9),
    "scalar_expanded": lambda dtype: raw(dtype, (2, 3), (0, 0)),
    "large": lambda dtype: dense(dtype, 7, 31, 41),
    "six_dimensions": lambda dtype: dense(dtype, 2, 1, 3, 1, 2, 2),
    "transposed": lambda dtype: raw(dtype, (3, 2), (1, 3)),
    "permuted": lambda dtype: raw(dtype, (4, 2, 3), (1, 12, 4)),
    "offset": lambda dtype: raw(dtype, (2, 2), (4, 1), 3, 20),
    "step": lambda dtype: raw(dtype, (4,), (3,), 1),
    "expanded": lambda dtype: raw(dtype, (3, 4), (1, 0)),
    "overlapping": lambda dtype: raw(dtype, (4, 3), (1, 1), 2),
    "diagonal": lambda dtype: raw(dtype, (3,), (5,), 0, 16),
    "channels_last": lambda dtype: raw(dtype, (2, 3, 2, 2), (12, 1, 6, 3)),
    "channels_last_3d": lambda dtype: raw(dtype, (1, 2, 2, 3, 2), (24, 1, 12, 4, 2)),
    "size_one_strides": lambda dtype: raw(dtype, (1, 3, 1), (77, 1, 99)),
    "empty": lambda dtype: raw(dtype, (0,), (1,)),
    "empty_strided": lambda dtype: raw(dtype, (2, 0, 3), (5, 3, 7), 2, 4),
    "empty_outside": lambda dtype: raw(dtype, (0, 2), (2, 1), 50, 4),
    "small_of_large": lambda dtype: raw(dtype, (2,), (1,), 900, 1000),
    "leaf": leaf,
    "parameter": lambda dtype: parameter(dtype, dense(dtype, 2, 3), True),
    "parameter_transposed": lambda dtype: parameter(dtype, raw(dtype, (3, 2), (1, 3)), True),
    "parameter_frozen": lambda dtype: parameter(dtype, dense(dtype, 2, 3), False),
    "parameter_attributes": lambda dtype: with_attributes(parameter(dtype, dense(dtype, 2, 3), False)),
    "parameter_grad_attributes": lambda dtype: with_attributes(parameter(dtype, dense(dtype, 2, 3), True)),
    "buffer": lambda dtype: nn.Buffer(dense(dtype, 2, 3)),
    "attributes": lambda dtype: with_attributes(dense(dtype, 2, 3)),
    "subclass": lambda dtype: dense(dtype, 2, 3).as_subclass(Tagged),
    "subclass_attributes": lambda dtype: with_attributes(raw(dtype, (3, 2), (1, 3)).as_subclass(Tagged)),
    "subclass_parameter": lambda dtype: nn.Parameter(with_attributes(dense(dtype, 2).as_subclass(Tagged)), False),
    "subclass_slots": lambda dtype: slotted(dtype),
    "conjugate": conjugate,
    "negative": negative,
    "conjugate_negative": lambda dtype: torch._neg_view(conjugate(dtype)),
    "conjugate_transposed": lambda dtype: conjugate(dtype).mT,
    "complex_part": complex_part,
    "meta": lambda dtype: meta(dtype, 2, 3),
    "meta_transposed": lambda dtype: meta(dtype, 2, 3).t(),
    "meta_empty": lambda dtype: meta(dtype, 0, 3),
    "meta_parameter": lambda dtype: parameter(dtype, meta(dtype, 2), True),
    "coo": sparse_coo,
    "coo_uncoalesced": lambda dtype: sparse_coo(dtype, 1, (), 6),
    "coo_coalesced": lambda dtype: sparse_coo(dtype, is_coalesced=True),
    "coo_hybrid": lambda dtype: sparse_coo(dtype, 1, (2, 3), 3),
    "coo_empty": lambda dtype: sparse_coo(dtype, 2, (), 0),
    "coo_parameter": lambda dtype: parameter(dtype, sparse_coo(dtype), False),
    "coo_parameter_grad": lambda dtype: parameter(dtype, sparse_coo(dtype), True),
    "coo_attributes": lambda dtype: with_attributes(sparse_coo(dtype)),
    "csr": compressed(torch.sparse_csr),
    "csr_int32": compressed(torch.sparse_csr, torch.int32),
    "csr_batch": compressed(torch.sparse_csr, batch=(2,)),
    "csc": compressed(torch.sparse_csc),
    "bsr": compressed(torch.sparse_bsr, block=(2, 3)),
    "bsc": compressed(torch.sparse_bsc, block=(3, 1)),
    "csr_parameter": lambda dtype: parameter(dtype, compressed(torch.sparse_csr)(dtype), False),
    "csr_parameter_grad": lambda dtype: parameter(dtype, compressed(torch.sparse_csr)(dtype), True),
    "csr_leaf": lambda dtype: parameter(dtype, compressed(torch.sparse_csr)(dtype), True).data.requires_grad_(),
    "nested": nested,
    "nested_overlapping": nested_overlapping,
    "nested_parameter": lambda dtype: parameter(dtype, nested(dtype), False),
    "nested_parameter_grad": lambda dtype: parameter(dtype, nested(dtype), True),
    "jagged": jagged,
    "per_channel": per_channel(torch.float64, torch.int64, 0),
    "per_channel_last": per_channel(torch.float64, torch.int64, 1, (3, 2), (1, 3)),
    "float_qparams": per_channel(torch.float32, torch.float32, 0),
    "two_tensor": two_tensor,
    "two_tensor_parameter": lambda dtype: nn.Parameter(two_tensor(dtype), requires_grad=False),
    "two_tensor_parameter_grad": lambda dtype: parameter(dtype, two_tensor(dtype), True),
    "masked": masked,
    "distributed": distributed,
}  # fmt: skip


def slotted(dtype):
    tensor = dense(dtype, 2, 3).as_subclass(Slotted)
    tensor.left, tensor.right, tensor.other = 1, torch.randn(2), torch.randn(3)
    return tensor


# ---------------------------------------------------------------- numpy: functions of a dtype

ARRAY_DTYPES = (
    "? i1 u1 i2 u2 i4 u4 i8 u8 f2 f4 f8 g F D G M8[s] M8[ns] M8[25s] m8[us] m8 S3 U2 V5 U0 S0 O "
    "q p l b B i,f4 2i4,S3,(2,2)f8"
).split()


def array(dtype, *shape):
    dtype = numpy.dtype(dtype)
    if dtype.hasobject:
        return numpy.array([None] * math.prod(shape), dtype=dtype).reshape(shape)
    data = random_bytes(math.prod(shape) * dtype.itemsize).numpy()
    if dtype == numpy.bool_:
        data %= 2
    if dtype.itemsize == 0:
        return numpy.zeros(shape, dtype)
    if dtype.kind == "U":
        data = data.reshape(-1, 4)
        data[:, 1:] = 0
    return numpy.frombuffer(data.tobytes(), dtype).reshape(shape).copy()


def big(dtype):
    if numpy.dtype(dtype).kind not in "biufcmM" or numpy.dtype(dtype).char in "gG":
        raise Unmade("arrays that have no dtype of torch's are bytes as in the file; numpy turns them around")
    return array(dtype, 2, 3).astype(numpy.dtype(dtype).newbyteorder(">"))


ARRAYS = {
    "contiguous": lambda dtype: array(dtype, 2, 3),
    "fortran": lambda dtype: numpy.asfortranarray(array(dtype, 2, 3)),
    "fortran_3d": lambda dtype: numpy.asfortranarray(array(dtype, 2, 3, 4)),
    "one_dimension": lambda dtype: array(dtype, 4),
    "scalar": lambda dtype: array(dtype),
    "empty": lambda dtype: array(dtype, 0, 2),
    "empty_last": lambda dtype: array(dtype, 2, 0),
    "large": lambda dtype: array(dtype, 9, 70),
    "sliced": lambda dtype: array(dtype, 6, 6)[::2, 1:4],
    "transposed": lambda dtype: array(dtype, 2, 3).T,
    "permuted": lambda dtype: array(dtype, 2, 3, 4).transpose(1, 0, 2),
    "expanded": lambda dtype: numpy.broadcast_to(array(dtype, 1, 3), (2, 3)),
    "reversed": lambda dtype: array(dtype, 5)[::-1],
    "big_endian": big,
    "big_endian_fortran": lambda dtype: numpy.asfortranarray(big(dtype)),
    "read_only": lambda dtype: read_only(dtype),
    "element": lambda dtype: array(dtype, 3)[1],
}  # fmt: skip


def read_only(dtype):
    result = array(dtype, 2, 3)
    result.flags.writeable = False
    return result


# ---------------------------------------------------------------- contents: functions of nothing


class Phase(enum.Enum):
    WARMUP = 1
    DECAY = "decay"


class Color(enum.IntEnum):
    RED = 1


Settings = collections.namedtuple("Settings", "depth width")


@dataclasses.dataclass
class Config:
    depth: int = 2
    scale: object = None


class Holder:
    """An object of a class of one's own."""

    def __init__(self, **members):
        self.__dict__.update(members)


class TupleState:
    """Pickled as a value that is no dictionary."""

    def __init__(self, *members):
        self.members = members

    def __getstate__(self):
        return self.members

    def __setstate__(self, state):
        self.members = state


class Reduced:
    """Pickled by the arguments it is made of."""

    def __init__(self, *members):
        self.members = members

    def __reduce__(self):
        return Reduced, self.members


class ListOfTensors(list):
    pass


class DictOfTensors(dict):
    pass


class Block(nn.Module):
    """A module of a class of one's own, with what hangs on one besides parameters."""

    def __init__(self, width=3):
        super().__init__()
        self.config = Config(depth=width)
        self.fc = nn.Linear(width, width)
        self.norm = nn.BatchNorm1d(width)
        self.no_bias = nn.Linear(width, width, bias=False)
        self.plain_norm = nn.BatchNorm1d(width, affine=False, track_running_stats=False)
        self.tied = nn.Linear(width, width, bias=False)
        self.tied.weight = self.fc.weight
        self.scale = nn.Parameter(torch.ones(width, dtype=torch.bfloat16), requires_grad=False)
        self.register_parameter("absent", None)
        self.register_buffer("table", torch.arange(12).reshape(3, 4).t())
        self.register_buffer("cache", torch.ones(2), persistent=False)
        self.register_buffer("nothing", None)
        self.items = nn.ParameterList([nn.Parameter(torch.randn(2)), nn.Parameter(torch.randn(1))])
        self.named = nn.ParameterDict({"a": nn.Parameter(torch.randn(2))})
        self.layers = nn.ModuleList([nn.Linear(2, 2), nn.Identity()])
        self.shared_layer = self.layers[0]
        self.history = [0.5, 0.25]
        self.anchors = torch.arange(4.0)
        self.levels = {"p3": [torch.ones(3)], "config": Config(scale=torch.zeros(5))}

    def forward(self, x):
        return self.norm(self.fc(x)) * self.scale


class WithExtraState(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc = nn.Linear(2, 2)

    def get_extra_state(self):
        return {"step": 3, "ema": torch.ones(2)}

    def set_extra_state(self, state):
        pass


class WithGetState(nn.Module):
    """Changes what is pickled of it."""

    def __init__(self):
        super().__init__()
        self.fc = nn.Linear(2, 2)

    def __getstate__(self):
        return {**self.__dict__, "saved_by": "hand"}


def small():
    return nn.Sequential(nn.Linear(4, 3), nn.ReLU(), nn.BatchNorm1d(3), nn.Linear(3, 2))


def stepped(optimizer_class, model=None, **options):
    model = model or small()
    optimizer = optimizer_class(model.parameters(), lr=0.1, **options)
    for _ in range(2):
        optimizer.zero_grad()
        model(torch.randn(5, 4)).pow(2).mean().backward()
        optimizer.step()
    return model, optimizer


def training():
    model, optimizer = stepped(torch.optim.AdamW, amsgrad=True)
    scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, 10)
    optimizer.step()
    scheduler.step()
    return {
        "model": model.state_dict(),
        "optimizer": optimizer.state_dict(),
        "scheduler": scheduler.state_dict(),
        "scaler": {"scale": 65536.0, "growth_factor": 2.0, "_growth_tracker": 0},
        "epoch": 3,
        "best": 0.5,
        "args": argparse.Namespace(lr=0.1, layers=[2, 3], name=None, path=pathlib.PurePosixPath("data/train")),
        "rng": torch.get_rng_state(),
        "numpy_rng": numpy.random.get_state(),
        "python_rng": random.getstate(),
        "history": {"loss": [1.0, 0.5], "seen": {1, 2}},
    }


def lightning():
    model, optimizer = stepped(torch.optim.SGD, momentum=0.9)
    return {
        "epoch": 1,
        "global_step": 20,
        "pytorch-lightning_version": "2.2.0",
        "state_dict": {f"model.{name}": value for name, value in model.state_dict().items()},
        "loops": {"fit_loop": {"state_dict": {}, "epoch_progress": {"total": {"ready": 1}}}},
        "callbacks": {"ModelCheckpoint{'monitor': 'loss'}": {"best_model_score": torch.tensor(0.25), "kth_value": None}},
        "optimizer_states": [optimizer.state_dict()],
        "lr_schedulers": [],
        "hparams_name": "config",
        "hyper_parameters": {"lr": 0.1, "phase": Phase.DECAY, "config": Config()},
    }


def optimizers():
    kinds = {
        "sgd": (torch.optim.SGD, {"momentum": 0.9}),
        "adam": (torch.optim.Adam, {}),
        "adagrad": (torch.optim.Adagrad, {}),
        "rmsprop": (torch.optim.RMSprop, {"centered": True}),
        "lbfgs": (torch.optim.LBFGS, {}),
        "nadam": (torch.optim.NAdam, {}),
    }
    result = {}
    for name, (kind, options) in kinds.items():
        if kind is torch.optim.LBFGS:
            model = small()
            optimizer = kind(model.parameters(), lr=0.1)
            data = torch.randn(5, 4)

            def closure(model=model, optimizer=optimizer, data=data):
                optimizer.zero_grad()
                loss = model(data).pow(2).mean()
                loss.backward()
                return loss

            optimizer.step(closure)
        else:
            _, optimizer = stepped(kind, **options)
        result[name] = optimizer.state_dict()
    return result


def whole_optimizer():
    model, optimizer = stepped(torch.optim.Adam)
    return {"model": model, "optimizer": optimizer}


def shared():
    base = torch.arange(24.0)
    entry = {"x": torch.ones(2)}
    again = torch.randn(3)
    empty = torch.empty(0)
    return {
        "base": base,
        "twice": base,
        "head": base[:4],
        "grid": base.reshape(4, 6).t(),
        "parameter": nn.Parameter(base),
        "parameter_row": nn.Parameter(base.reshape(4, 6)[1]),
        "first": entry,
        "second": entry,
        "list": [again, [again, again[1:]], (again,)],
        "detached": again.detach(),
        "bits": base[2:4].view(torch.float32),
        "copy": base.clone(),
        "empty": empty,
        "empty_again": empty,
        "empty_view": base[3:3],
    }


def tied_model():
    model = nn.Sequential(nn.Embedding(5, 3), nn.Linear(3, 5, bias=False))
    model[1].weight = model[0].weight
    return model


def python_values():
    return {
        "integers": [0, -1, 255, 65536, 2**31, -(2**31), 2**63, -(2**63), 2**64, 10**40, -(10**40), 2**3000],
        "floats": [0.0, -0.0, 0.1, 5e-324, 1e308, math.inf, -math.inf, math.nan],
        "strings": ["", "grüße 重み 🔥", "nul\0", "line\nbreak\r\n", "\\u0041 \\", "x" * 70000, "tab\t'\"", "\x85\u2028"],
        "bytes": [b"", b"abc", bytes(range(256)), b"y" * 70000, bytearray(b"\x00\xff"), bytearray()],
        "constants": [None, True, False, ..., NotImplemented],
        "complex": [1 + 2j, complex(math.inf, -0.0)],
        "containers": [[], (), {}, set(), frozenset(), [()], ([],), {1, "a"}, frozenset({2})],
        "tuples": [(1,), (1, 2), (1, 2, 3), (1, 2, 3, 4), ((), ((),))],
        "ranges": [slice(1, None, 2), range(0, 10, 3)],
        "collections": [
            collections.OrderedDict(a=1),
            collections.defaultdict(list, {"w": [torch.ones(1)]}),
            collections.Counter("hello"),
            collections.deque([1, 2], maxlen=4),
        ],
        "dates": [
            datetime.datetime(2024, 2, 29, 12, 30, 15, 250, tzinfo=datetime.timezone.utc),
            datetime.date(1999, 12, 31),
            datetime.time(1, 2, 3),
            datetime.timedelta(days=1, seconds=2),
            datetime.timezone(datetime.timedelta(hours=5)),
        ],
        "numbers": [decimal.Decimal("1.50"), fractions.Fraction(1, 3), uuid.UUID(int=5)],
        "paths": [pathlib.PurePosixPath("runs/one"), pathlib.PureWindowsPath("C:\\x"), pathlib.Path("/tmp/y")],
        "enums": [Phase.WARMUP, Phase.DECAY, Color.RED],
        "objects": [Settings(1, 2), Config(), Holder(x=1), argparse.Namespace(a=1), types.SimpleNamespace(b=2)],
        "classes": [int, Holder, collections.OrderedDict, math.sqrt, torch.nn.functional.relu, functools.partial(max, 1)],
        "torch": [torch.Size([2, 3]), torch.float8_e5m2, torch.device("cuda", 1), torch.sparse_csr],
        "more_torch": [torch.per_tensor_affine, torch.__version__, torch.finfo(torch.float32).max],
        "numpy": [numpy.float32(0.1), numpy.int64(-3), numpy.bool_(True), numpy.str_("s"), numpy.datetime64(5, "s")],
        "dtypes": [numpy.dtype("<f4"), numpy.dtype("i4,f8"), numpy.float32],
        "after": torch.ones(1),
    }


def unusual_keys():
    keys = [0, -7, 2**70, True, None, 0.5, math.inf, (1, "a"), (), "", ".", "a.b", "..", " ", "a/b", "nul\0in", "重み"]
    keys += [b"bytes", torch.float32, 1 + 2j, "0"]
    return {key: torch.tensor([at]) for at, key in enumerate(keys)}


def odd_keys():
    return {key: torch.tensor([at]) for at, key in enumerate([frozenset({1}), torch.Size([1]), range(3), ("a", 0.5)])}


def itself():
    root = {"weight": torch.ones(2), "list": [torch.zeros(1)]}
    root["root"] = root
    root["list"].append(root["list"])
    root["list"].append((root["list"], torch.full((1,), 5.0)))
    return root


def deep():
    root = inner = {}
    for depth in range(40):
        inner["weight"] = torch.tensor([depth])
        inner["inner"] = [{}]
        inner = inner["inner"][0]
    return root


def many():
    base = torch.arange(300)
    return {f"layer.{at}": base[at // 8 : at // 8 + 2] if at % 3 else torch.tensor([at]) for at in range(2300)}


def objects_with_tensors():
    """What a reader finds inside of them is not compared; all around it is."""
    return {
        "before": torch.ones(1),
        "holder": Holder(weight=torch.randn(2), note="x"),
        "config": Config(scale=torch.ones(1)),
        "settings": Settings(torch.zeros(2), [torch.ones(3)]),
        "namespace": argparse.Namespace(weight=torch.ones(2)),
        "partial": functools.partial(torch.add, torch.ones(2)),
        "tuple_state": TupleState(torch.ones(5), 3),
        "reduced": Reduced(torch.ones(6), {"inner": [torch.ones(7)]}),
        "items": ListOfTensors([torch.ones(1), torch.ones(2)]),
        "by_name": DictOfTensors(a=torch.ones(1), b={"c": torch.ones(2)}),
        "chain": collections.ChainMap({"a": torch.ones(1)}),
        "user_dict": collections.UserDict({"a": torch.ones(1)}),
        "array_subclass": numpy.ma.masked_array([1.0, 2.0], [True, False]),
        "record_array": numpy.rec.array([(1, 2.0)], dtype="i4,f8"),
        "object_array": numpy.array([torch.ones(1), "x", None], dtype=object),
        "return_type": torch.max(torch.randn(2, 3), dim=1),
        "class": types.SimpleNamespace,
        "after": torch.zeros(1),
    }


def storages():
    """No tensors, but those of tensors."""
    weight, other = torch.ones(4), torch.ones(3, dtype=torch.uint8)
    typed = {"typed": weight.storage(), "untyped": other.untyped_storage()}
    return {"weight": weight, "other": other, **typed, "after": torch.ones(1)}


def detectron():
    """As Detectron2's model zoo has them: arrays by name."""
    return {
        "model": {
            "backbone.stem.conv1.weight": numpy.random.randn(4, 3, 2, 2).astype(numpy.float32),
            "backbone.stem.conv1.norm.running_var": numpy.ones(4, numpy.float32),
            "anchors": numpy.arange(12).reshape(3, 4).T,
            "classes": numpy.array(["a", "bc"]),
        },
        "__author__": "Someone",
        "matching_heuristics": True,
    }


def numpy_mixed():
    again = numpy.arange(4)
    return [again, {"again": again}, (again[1:], numpy.float64(2.5)), torch.from_numpy(again), [numpy.array(7)]]


def modules_zoo():
    return nn.ModuleList([
        nn.Linear(2, 3), nn.Bilinear(2, 3, 2), nn.Conv1d(2, 2, 3), nn.Conv3d(1, 2, 2), nn.ConvTranspose2d(2, 2, 2),
        nn.BatchNorm2d(2), nn.InstanceNorm1d(2, affine=True, track_running_stats=True), nn.LayerNorm(3), nn.GroupNorm(1, 2),
        nn.RMSNorm(3), nn.Embedding(4, 2, padding_idx=0), nn.EmbeddingBag(3, 2), nn.LSTM(2, 3, 2, bidirectional=True),
        nn.GRU(2, 2, bias=False), nn.RNNCell(2, 2), nn.MultiheadAttention(4, 2), nn.PReLU(), nn.Dropout(0.1),
        nn.TransformerEncoderLayer(4, 2, 4, batch_first=True), nn.Flatten(), nn.Softmax(1), nn.CrossEntropyLoss(torch.ones(3)),
        nn.Upsample(scale_factor=2), nn.AdaptiveAvgPool2d(1),
    ])  # fmt: skip


def weight_normed():
    return nn.utils.weight_norm(nn.Linear(3, 2))


def spectral_normed():
    return nn.utils.spectral_norm(nn.Linear(3, 2))


def pruned():
    model = small()
    prune.l1_unstructured(model[0], "weight", amount=0.5)
    return model


def parametrized():
    return parametrizations.weight_norm(nn.Linear(3, 2))


def ema():
    return torch.optim.swa_utils.AveragedModel(small())


def quantized_dynamic():
    return torch.ao.quantization.quantize_dynamic(small(), {nn.Linear}, dtype=torch.qint8)


def quantized_static():
    model = torch.ao.quantization.QuantWrapper(nn.Sequential(nn.Conv2d(2, 3, 2), nn.ReLU()))
    model.qconfig = torch.ao.quantization.get_default_qconfig("fbgemm")
    model = torch.ao.quantization.prepare(model.eval())
    model(torch.randn(1, 2, 4, 4))
    return torch.ao.quantization.convert(model)


def lazy():
    return nn.Sequential(nn.LazyLinear(3), nn.Linear(3, 2))


def meta_model():
    with torch.device("meta"):
        return small()


def no_change(module, arguments, output):
    return None


def hooked():
    model = small()
    model.register_forward_hook(no_change)
    return model


def replaced_keys():
    """A state dict made by hand from another's, in another order and with a removed entry."""
    state = Block().state_dict()
    state.move_to_end("table", last=False)
    del state["scale"]
    state["fc.weight"] = state["fc.weight"].half()
    return state


CONTENTS = {
    "state_dict": lambda: Block().state_dict(),
    "state_dict_replaced": replaced_keys,
    "state_dict_extra_state": lambda: WithExtraState().state_dict(),
    "state_dict_in_dict": lambda: {"state_dict": small().state_dict(), "meta": {"version": "1", "classes": ["a"]}},
    "state_dict_plain": lambda: {name: value.clone() for name, value in small().state_dict().items()},
    "state_dict_kept_vars": lambda: dict(Block().state_dict(keep_vars=True)),
    "state_dict_parallel": lambda: nn.DataParallel(small()).state_dict(),
    "state_dict_compiled": lambda: torch.compile(small()).state_dict(),
    "state_dict_parametrized": lambda: parametrized().state_dict(),
    "state_dict_quantized_dynamic": lambda: quantized_dynamic().state_dict(),
    "state_dict_quantized_static": lambda: quantized_static().state_dict(),
    "state_dict_meta": lambda: meta_model().state_dict(),
    "state_dict_lazy": lambda: lazy().state_dict(),
    "training": training,
    "lightning": lightning,
    "optimizers": optimizers,
    "module": small,
    "module_in_dict": lambda: {"epoch": 3, "model": small(), "ema": {"module": ema()}},
    "module_list": lambda: [small(), (Block(), torch.ones(1)), None],
    "module_own_class": Block,
    "module_extra_state": WithExtraState,
    "module_own_getstate": WithGetState,
    "module_zoo": modules_zoo,
    "module_tied": tied_model,
    "module_double": lambda: small().double().eval().requires_grad_(False),
    "module_parallel": lambda: nn.DataParallel(small()),
    "module_compiled": lambda: torch.compile(small()),
    "module_weight_norm": weight_normed,
    "module_spectral_norm": spectral_normed,
    "module_pruned": pruned,
    "module_parametrized": parametrized,
    "module_ema": ema,
    "module_quantized_dynamic": quantized_dynamic,
    "module_quantized_static": quantized_static,
    "module_lazy": lazy,
    "module_meta": meta_model,
    "module_hooked": hooked,
    "module_and_optimizer": whole_optimizer,
    "shared": shared,
    "python_values": python_values,
    "memory_formats": lambda: {"formats": [torch.channels_last, torch.contiguous_format], "weight": torch.ones(1)},
    "unusual_keys": unusual_keys,
    "odd_keys": odd_keys,
    "itself": itself,
    "deep": deep,
    "many": many,
    "objects": objects_with_tensors,
    "storages": storages,
    "detectron": detectron,
    "numpy_mixed": numpy_mixed,
    "root_tensor": lambda: torch.randn(2, 3),
    "root_parameter": lambda: with_attributes(nn.Parameter(torch.randn(2))),
    "root_sparse": lambda: sparse_coo(torch.float32),
    "root_array": lambda: numpy.arange(6.0).reshape(2, 3),
    "root_list": lambda: [torch.ones(1), (torch.zeros(2), [])],
    "root_tuple": lambda: (torch.ones(1), {"a": torch.zeros(2)}),
    "root_empty": dict,
    "root_none": lambda: None,
    "root_object": lambda: Holder(weight=torch.ones(2)),
}  # fmt: skip


# ---------------------------------------------------------------- TorchScript's own


class ScriptAttributes(nn.Module):
    lists: list[torch.Tensor]
    by_name: dict[str, torch.Tensor]
    maybe: torch.Tensor | None
    nothing: torch.Tensor | None
    pair: tuple[torch.Tensor, int]
    nested: dict[str, list[torch.Tensor]]

    def __init__(self):
        super().__init__()
        self.fc = nn.Linear(2, 2)
        self.scale = torch.randn(3)
        self.lists = [torch.ones(1), torch.zeros(2)]
        self.by_name = {"a": torch.ones(2), "b.c": torch.zeros(3)}
        self.maybe = torch.ones(4)
        self.nothing = None
        self.pair = (torch.ones(5), 3)
        self.nested = {"x": [torch.ones(1), torch.ones(2)], "y": [torch.zeros(1)]}
        self.same = self.scale
        self.register_buffer("cache", torch.arange(3), persistent=False)
        self.number = 5
        self.text = "five"
        self.numbers = [1, 2]

    def forward(self, x):
        y = self.fc(x) + self.scale.sum() + self.lists[0] + self.by_name["a"] + self.pair[0].sum() + self.same.sum()
        return y + torch.tensor([1.5, 2.5]) + self.nested["x"][0] + self.number


class ScriptParent(nn.Module):
    def __init__(self):
        super().__init__()
        self.inner = ScriptAttributes()
        self.again = self.inner
        self.layers = nn.ModuleList([nn.Linear(2, 2), nn.Sequential(nn.Linear(2, 1))])

    def forward(self, x):
        x = self.inner(x) + self.again(x)
        for layer in self.layers:
            x = layer(x)
        return x


SCRIPT_CONTENTS = {"script_attributes": ScriptAttributes, "script_parent": ScriptParent}

#!/usr/bin/env python3
"""Writes state dicts as old releases of PyTorch wrote them, and as it writes
them once it has loaded those.

  generate.py           writes the cases whose files are not there yet
  generate.py --check   makes all of them anew and compares them with the
                        committed ones, bit for bit

One function per case, named as its files. See README.md.
"""

import argparse
import collections
import copy
import pathlib
import sys
import warnings

import torch
from torch import nn
from torch.ao import quantization
from torch.nn.utils import parametrizations

HERE = pathlib.Path(__file__).resolve().parent
FOLDER = HERE / ("torch-" + ".".join(torch.__version__.split(".")[:2]))

CASES = []


def case(function):
    """Of a function that returns (old, new)."""
    CASES.append(function)
    return function


# ------------------------------------------------------------ the way back


def filled(module):
    """With other numbers in all that is not a count of something."""
    for tensor in module.state_dict().values():
        if isinstance(tensor, torch.Tensor) and tensor.is_floating_point():
            tensor.copy_(torch.rand(tensor.shape) + 0.5)
    return module


def copied(state_dict):
    """Its tensors as they are, tied where they were."""
    return copy.deepcopy(state_dict)


def renamed(state_dict, names):
    """With other keys, by what they end with, in the same order."""
    result = collections.OrderedDict()
    for key, value in state_dict.items():
        for end, other in names.items():
            if key.endswith(end):
                key = key[: len(key) - len(end)] + other
                break
        result[key] = value
    result._metadata = state_dict._metadata
    return result


def without(state_dict, *ends):
    for key in [key for key in state_dict if key.endswith(ends)]:
        del state_dict[key]
    return state_dict


def without_metadata(state_dict):
    return collections.OrderedDict(state_dict)


def at_version(state_dict, version, *modules):
    for module in modules:
        state_dict._metadata[module]["version"] = version
    return state_dict


def loaded(module, old):
    """What the module's state dict is once it has loaded the old one."""
    result = module.load_state_dict(copied(old), strict=True)
    assert not result.missing_keys and not result.unexpected_keys
    return module.state_dict()


# ------------------------------------------------------------ norms


def norms():
    return nn.Sequential(
        nn.Conv2d(2, 3, 1),
        nn.BatchNorm2d(3),
        nn.Sequential(nn.ReLU(), nn.BatchNorm1d(2, affine=False), nn.SyncBatchNorm(2)),
        nn.BatchNorm3d(2, track_running_stats=False),
        nn.InstanceNorm2d(3, affine=True, track_running_stats=True),
        nn.GroupNorm(1, 2),
    )


@case
def batch_norm_nested():
    old = copied(filled(norms()).state_dict())
    without(old, "num_batches_tracked")
    at_version(old, 1, "1", "2.1", "2.2", "3", "4")
    return old, loaded(norms(), old)


@case
def batch_norm_no_metadata():
    """As of 0.3 and before, and as what has gone through another format."""
    old = without_metadata(without(copied(filled(norms()).state_dict()), "num_batches_tracked"))
    return old, loaded(norms(), old)


@case
def batch_norm_root():
    old = copied(filled(nn.BatchNorm1d(4)).state_dict())
    at_version(without(old, "num_batches_tracked"), 1, "")
    return old, loaded(nn.BatchNorm1d(4), old)


@case
def batch_norm_tied():
    """One module under two names, and a weight that two modules share."""

    def model():
        norm = nn.BatchNorm1d(3)
        first, second = nn.Linear(3, 3), nn.Linear(3, 3)
        second.weight = first.weight
        return nn.ModuleDict({"a": norm, "first": first, "b": norm, "second": second})

    old = copied(filled(model()).state_dict())
    at_version(without(old, "num_batches_tracked"), 1, "a", "b")
    return old, loaded(model(), old)


@case
def batch_norm_in_training_checkpoint():
    """The same dict under two names, and another that is as it should be."""
    old = copied(filled(norms()).state_dict())
    at_version(without(old, "num_batches_tracked"), 1, "1", "2.1", "2.2", "3", "4")
    new = loaded(norms(), old)
    teacher = filled(norms()).state_dict()
    optimizer = torch.optim.SGD(norms().parameters(), lr=0.5).state_dict()

    def checkpoint(model):
        return {"epoch": 3, "model": model, "best": model, "teacher": teacher, "optimizer": optimizer}

    return checkpoint(old), checkpoint(new)


@case
def instance_norm_running_stats():
    def model():
        return nn.Sequential(nn.InstanceNorm2d(3, affine=True), nn.InstanceNorm1d(2), nn.Linear(2, 2))

    old = collections.OrderedDict()
    for key, value in filled(model()).state_dict().items():
        if key == "2.weight":
            old["1.running_mean"], old["1.running_var"] = torch.rand(2), torch.rand(2)
        old[key] = value
        if key == "0.bias":
            old["0.running_mean"], old["0.running_var"] = torch.rand(3), torch.rand(3)
    # PyTorch drops the keys itself, but has it that the load has failed.
    module = model()
    try:
        module.load_state_dict(copied(old))
        raise AssertionError("torch does not refuse them any more")
    except RuntimeError as error:
        assert 'Unexpected running stats buffer(s) "0.running_mean" and "0.running_var"' in str(error)
    return old, module.state_dict()


class Bert(nn.Module):
    def __init__(self):
        super().__init__()
        self.dense = nn.Linear(3, 3)
        self.LayerNorm = nn.LayerNorm(3)


@case
def layer_norm_gamma_beta():
    """PyTorch has never named them so: what loads them is transformers, which
    does to each key what is done here."""

    def model():
        return nn.ModuleDict({"embeddings": Bert(), "encoder": nn.ModuleList([Bert(), Bert()])})

    new_names = {"LayerNorm.gamma": "LayerNorm.weight", "LayerNorm.beta": "LayerNorm.bias"}
    old_names = {new: old for old, new in new_names.items()}
    old = renamed(copied(filled(model()).state_dict()), old_names)
    return old, loaded(model(), renamed(old, new_names))


# ------------------------------------------------------------ reparametrizations


class Recurrent(nn.Module):
    def __init__(self, norm, linear):
        super().__init__()
        self.conv = norm(nn.Conv1d(2, 3, 2, bias=False))
        self.linear = linear(nn.Linear(3, 2))
        self.rnn = norm(norm(nn.LSTM(2, 2), "weight_ih_l0"), "weight_hh_l0")


@case
def weight_norm_parametrization():
    def model(norm):
        return Recurrent(norm, lambda linear: norm(linear, dim=None))

    old = copied(filled(model(nn.utils.weight_norm)).state_dict())
    assert "conv.weight_g" in old and "rnn.weight_hh_l0_v" in old and old["linear.weight_g"].dim() == 0
    return old, loaded(model(parametrizations.weight_norm), old)


class Spectral(nn.Module):
    def __init__(self, norm):
        super().__init__()
        self.conv = norm(nn.Conv2d(2, 3, 2))
        self.up = norm(nn.ConvTranspose2d(3, 2, 2, bias=False), dim=1)

    def forward(self, x):
        return self.up(self.conv(x))


@case
def spectral_norm_parametrization():
    """PyTorch does not load the one as the other. They compute the same."""
    module = Spectral(nn.utils.spectral_norm)
    for _ in range(3):
        module(torch.randn(1, 2, 4, 4))  # the vectors become those of the weight
    old = copied(module.state_dict())
    names = {
        "weight_orig": "parametrizations.weight.original",
        "weight_u": "parametrizations.weight.0._u",
        "weight_v": "parametrizations.weight.0._v",
    }
    other = Spectral(parametrizations.spectral_norm)
    new = loaded(other, renamed(old, names))
    x = torch.randn(1, 2, 4, 4)
    torch.testing.assert_close(module.eval()(x), other.eval()(x))
    return old, new


@case
def spectral_norm_v():
    """As of 0.4.1: the weight that was computed, and one vector."""

    def model():
        return nn.Sequential(nn.utils.spectral_norm(nn.Linear(3, 2)))

    module = model()
    module(torch.randn(1, 3))
    old = copied(module.state_dict())
    old["0.weight"] = module[0].weight.detach().clone()
    del old["0.weight_v"]
    del old._metadata["0"]["spectral_norm"]
    return old, loaded(model(), old)


# ------------------------------------------------------------ quantization


def observers():
    modules = collections.OrderedDict(
        tensor=quantization.MinMaxObserver(),
        average=quantization.MovingAverageMinMaxObserver(),
        channel=quantization.PerChannelMinMaxObserver(),
        channel_average=quantization.MovingAveragePerChannelMinMaxObserver(),
        histogram=quantization.HistogramObserver(bins=4),
        histogram_empty=quantization.HistogramObserver(bins=4),
        fake=quantization.FakeQuantize(),
    )
    return nn.Sequential(modules)


def old_observers(version):
    module = observers()
    for name, observer in module.named_children():
        if name != "histogram_empty":
            observer(torch.randn(2, 3))
    old = copied(module.state_dict())
    names = [name for name, other in module.named_modules() if "eps" in dict(other.named_buffers(recurse=False))]
    assert len(names) == 7
    at_version(old, version, *names)
    for key in ("histogram_empty.min_val", "histogram_empty.max_val"):
        old[key] = torch.tensor([])
    if version == 1:
        without(old, "eps")
    channels = {f"{name}.{end}_val": f"{name}.{end}_vals" for name in ("channel", "channel_average") for end in ("min", "max")}
    return renamed(old, channels), {old_name: name for name, old_name in channels.items()}


def loaded_observers(old, channel_names):
    """PyTorch 2.11 does not bring the numbers of old channels over, and says
    that all is well: min_val is given their shape, and what was in memory. So
    they have their new names here before it loads them."""
    result = observers().load_state_dict(copied(old))
    assert not result.missing_keys and not result.unexpected_keys
    current = copied(old)
    for name in ("channel", "channel_average"):
        at_version(current, 3, name)
        current.setdefault(f"{name}.eps", torch.tensor([torch.finfo(torch.float32).eps]))
    return loaded(observers(), renamed(current, channel_names))


@case
def observers_version_1():
    old, names = old_observers(1)
    return old, loaded_observers(old, names)


@case
def observers_version_2():
    old, names = old_observers(2)
    return old, loaded_observers(old, names)


@case
def qat_conv_bn():
    """Both what version 1 had, and the observer of its time."""

    def model():
        qconfig = quantization.get_default_qat_qconfig("qnnpack", version=0)
        norm = torch.ao.nn.intrinsic.qat.ConvBn2d(2, 3, 1, bias=True, qconfig=qconfig)
        return nn.Sequential(norm, torch.ao.nn.intrinsic.qat.ConvBnReLU2d(3, 2, 1, qconfig=qconfig))

    module = model()
    module(torch.randn(2, 2, 3, 3))
    old = copied(filled(module).state_dict())
    for name in ("0", "1"):
        old = renamed(old, {f"{name}.bn.weight": f"{name}.gamma", f"{name}.bn.bias": f"{name}.beta"})
        old = renamed(old, {f"{name}.bn.{end}": f"{name}.{end}" for end in ("running_mean", "running_var", "num_batches_tracked")})
        at_version(old, 1, name)
        del old._metadata[f"{name}.bn"]
    at_version(without(old, "eps"), 1, "0.weight_fake_quant.activation_post_process", "1.weight_fake_quant.activation_post_process")
    return old, loaded(model(), old)


def linears():
    quantized = torch.ao.nn.quantized
    model = nn.Sequential(quantized.Linear(3, 2), nn.ReLU(), nn.Sequential(quantized.Linear(2, 4, bias_=False)))
    weight = torch.quantize_per_tensor(torch.rand(2, 3), 0.01, 3, torch.qint8)
    model[0].set_weight_bias(weight, torch.rand(2))
    scales, zeros = torch.rand(4).double() / 100 + 0.01, torch.zeros(4, dtype=torch.int64)
    weight = torch.quantize_per_channel(torch.rand(4, 2), scales, zeros, 0, torch.qint8)
    model[2][0].set_weight_bias(weight, None)
    model[0].scale, model[0].zero_point = 0.25, 7
    return model


def old_linears(version):
    model = linears()
    new = model.state_dict()
    old = collections.OrderedDict()
    old._metadata = copy.deepcopy(new._metadata)
    for name, linear in (("0", model[0]), ("2.0", model[2][0])):
        packed = name + "._packed_params"
        old[name + ".scale"], old[name + ".zero_point"] = new[name + ".scale"], new[name + ".zero_point"]
        inner = name if version == 1 else packed
        if version == 2:
            old[packed + ".dtype"] = torch.qint8
        old[inner + ".weight"], old[inner + ".bias"] = linear.weight(), linear.bias()
        at_version(old, version, name, packed)
        if version == 1:
            del old._metadata[packed]
    return old


@case
def quantized_linear_version_1():
    old = old_linears(1)
    return old, loaded(linears(), old)


@case
def quantized_linear_version_2():
    old = old_linears(2)
    return old, loaded(linears(), old)


# ------------------------------------------------------------ nothing to do


@case
def unchanged():
    """As it is written today; what the oldest attention has is what it has now."""

    def model():
        return nn.Sequential(
            norms(),
            nn.MultiheadAttention(4, 2),
            nn.MultiheadAttention(4, 2, kdim=3, vdim=2),
            nn.utils.spectral_norm(nn.Linear(3, 2)),
            observers(),
        )

    old = copied(filled(model()).state_dict())
    return old, loaded(model(), old)


def save(state_dict, path):
    torch.save(state_dict, path)
    path.chmod(0o644)


def same(a, b) -> bool:
    """Whether two things that were saved are."""
    if isinstance(a, torch.Tensor):
        return isinstance(b, torch.Tensor) and a.dtype == b.dtype and a.shape == b.shape and torch.equal(a, b)
    if isinstance(a, tuple):
        return len(a) == len(b) and all(same(one, other) for one, other in zip(a, b))
    if isinstance(a, dict):
        return (
            list(a) == list(b)
            and all(same(a[key], b[key]) for key in a)
            and getattr(a, "_metadata", None) == getattr(b, "_metadata", None)
        )
    return a == b


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--check", action="store_true", help="write nothing; compare with what is here")
    check = parser.parse_args().check
    warnings.simplefilter("ignore")
    FOLDER.mkdir(exist_ok=True)
    different = 0
    for function in CASES:
        name = function.__name__
        paths = [FOLDER / f"{name}.{which}.pt" for which in ("old", "new")]
        if all(path.exists() for path in paths) and not check:
            continue
        torch.manual_seed(20240607)
        for made, path in zip(function(), paths):
            if not check:
                save(made, path)
                print(f"{path.name}: {path.stat().st_size} bytes")
            elif not path.exists() or not same(made, torch.load(path, weights_only=False)):
                different += 1
                print("DIFFERENT", path.name)
    return 1 if different else 0


if __name__ == "__main__":
    sys.exit(main())

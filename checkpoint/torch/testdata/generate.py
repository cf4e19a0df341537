#!/usr/bin/env python3
"""Writes small models, and what PyTorch computes with them.

  generate.py           writes the cases whose files are not there yet
  generate.py --check   makes all anew elsewhere, and compares the outputs

One function per model, named as its files: NAME.pt has its weights, or the
model itself, and NAME_io.safetensors "input" and "output". The outputs are of
evaluation mode, in float32, from one thread. A committed file is never
rewritten.
"""

import argparse
import pathlib
import sys
import tempfile

import safetensors.torch
import torch
from torch import nn
from torch.nn import functional

FOLDER = pathlib.Path(__file__).resolve().parent / ("torch-" + ".".join(torch.__version__.split(".")[:2]))

CASES = []


def case(function):
    """A function that gives the model, its input, and what is saved of it."""
    CASES.append(function)
    return function


def randomize(model):
    """Values that a wrong or a forgotten tensor would show in: also for buffers, and for what starts as 0 or 1."""
    with torch.no_grad():
        for name, tensor in model.state_dict().items():
            if name.endswith("running_var"):
                tensor.uniform_(0.5, 1.5)
            elif tensor.is_floating_point():
                tensor.normal_(0, 0.4)
            else:
                tensor.fill_(7)
    return model


# ------------------------------------------------------------ weights for C++ twins


@case
def mlp():
    model = randomize(nn.Sequential(nn.Linear(6, 16), nn.ReLU(), nn.Linear(16, 16), nn.GELU(), nn.Linear(16, 4)))
    return model, torch.randn(5, 6), model.state_dict()


class Block(nn.Module):
    def __init__(self, inputs, outputs, stride):
        super().__init__()
        self.conv1 = nn.Conv2d(inputs, outputs, 3, stride=stride, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(outputs)
        self.conv2 = nn.Conv2d(outputs, outputs, 3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(outputs)
        self.downsample = None
        if stride != 1 or inputs != outputs:
            self.downsample = nn.Sequential(
                nn.Conv2d(inputs, outputs, 1, stride=stride, bias=False), nn.BatchNorm2d(outputs)
            )

    def forward(self, x):
        y = self.bn2(self.conv2(functional.relu(self.bn1(self.conv1(x)))))
        return functional.relu(y + (x if self.downsample is None else self.downsample(x)))


class ResNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(3, 4, 3, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(4)
        self.layer1 = nn.Sequential(Block(4, 4, 1))
        self.layer2 = nn.Sequential(Block(4, 8, 2), Block(8, 8, 1))
        self.fc = nn.Linear(8, 5)

    def forward(self, x):
        x = functional.relu(self.bn1(self.conv1(x)))
        x = self.layer2(self.layer1(x))
        return self.fc(x.mean((2, 3)))


@case
def resnet():
    """A training checkpoint: the weights are under "state_dict", as saved from DataParallel."""
    model = randomize(ResNet())
    weights = {"module." + name: tensor for name, tensor in model.state_dict().items()}
    return model, torch.randn(2, 3, 8, 8), {"epoch": 3, "arch": "resnet", "state_dict": weights}


class Tagger(nn.Module):
    def __init__(self):
        super().__init__()
        self.embed = nn.Embedding(11, 6)
        self.lstm = nn.LSTM(6, 5, num_layers=2, batch_first=True, bidirectional=True)
        self.out = nn.Linear(10, 3)

    def forward(self, tokens):
        return self.out(self.lstm(self.embed(tokens))[0])


@case
def lstm():
    model = randomize(Tagger())
    return model, torch.randint(0, 11, (3, 7)), {"model_state_dict": model.state_dict()}


class Attention(nn.Module):
    def __init__(self, width, heads):
        super().__init__()
        self.heads = heads
        self.c_attn = nn.Linear(width, 3 * width)
        self.c_proj = nn.Linear(width, width)

    def forward(self, x):
        batch, length, width = x.shape
        q, k, v = (
            part.view(batch, length, self.heads, width // self.heads).transpose(1, 2)
            for part in self.c_attn(x).split(width, dim=2)
        )
        scores = q @ k.transpose(-2, -1) / (width // self.heads) ** 0.5
        hidden = torch.triu(torch.ones(length, length, dtype=torch.bool), 1)
        scores = scores.masked_fill(hidden, float("-inf")).softmax(-1)
        return self.c_proj((scores @ v).transpose(1, 2).reshape(batch, length, width))


class Layer(nn.Module):
    def __init__(self, width, heads):
        super().__init__()
        self.ln_1 = nn.LayerNorm(width)
        self.attn = Attention(width, heads)
        self.ln_2 = nn.LayerNorm(width)
        self.mlp = nn.Sequential(nn.Linear(width, 4 * width), nn.GELU(approximate="tanh"), nn.Linear(4 * width, width))

    def forward(self, x):
        x = x + self.attn(self.ln_1(x))
        return x + self.mlp(self.ln_2(x))


class Gpt(nn.Module):
    def __init__(self, vocabulary=13, length=8, width=8, heads=2, layers=2):
        super().__init__()
        self.wte = nn.Embedding(vocabulary, width)
        self.wpe = nn.Embedding(length, width)
        self.h = nn.ModuleList([Layer(width, heads) for _ in range(layers)])
        self.ln_f = nn.LayerNorm(width)
        self.lm_head = nn.Linear(width, vocabulary, bias=False)
        self.lm_head.weight = self.wte.weight

    def forward(self, tokens):
        x = self.wte(tokens) + self.wpe(torch.arange(tokens.shape[1]))
        for layer in self.h:
            x = layer(x)
        return self.lm_head(self.ln_f(x))


@case
def gpt():
    """The head is tied to the embedding."""
    model = randomize(Gpt())
    return model, torch.randint(0, 13, (2, 8)), model.state_dict()


# ------------------------------------------------------------ whole models


@case
def cnn_module():
    model = nn.Sequential(
        nn.Conv2d(3, 8, (3, 5), stride=(1, 2), padding=(1, 2), bias=False),
        nn.BatchNorm2d(8, eps=1e-3),
        nn.LeakyReLU(0.2),
        nn.MaxPool2d(3, stride=2, padding=1, ceil_mode=True),
        nn.Conv2d(8, 8, 3, padding="same", dilation=2, groups=4),
        nn.GroupNorm(2, 8),
        nn.SiLU(),
        nn.ConvTranspose2d(8, 4, 3, stride=2, padding=1, output_padding=1),
        nn.Hardtanh(-0.5, 2.0),
        nn.AvgPool2d(2),
        nn.Dropout(0.3),
        nn.Sequential(nn.AdaptiveAvgPool2d((2, 1)), nn.Flatten()),
        nn.Linear(8, 3),
        nn.LogSoftmax(dim=1),
    )
    model = randomize(model).eval()
    return model, torch.randn(2, 3, 9, 12), model


@case
def text_module():
    model = nn.Sequential(
        nn.Embedding(10, 6, padding_idx=0),
        nn.LayerNorm((4, 6)),
        nn.Linear(6, 6, bias=False),
        nn.GELU("tanh"),
        nn.Flatten(1),
        nn.Unflatten(1, (6, 4)),
        nn.Conv1d(6, 4, 2, padding_mode="circular", padding=1),
        nn.BatchNorm1d(4, affine=False),
        nn.ELU(0.7),
        nn.PReLU(4),
        nn.ConvTranspose1d(4, 2, 2),
        nn.Softplus(2, 10),
        nn.AdaptiveMaxPool1d(3),
        nn.Identity(),
        nn.Tanh(),
    )
    model = randomize(model).eval()
    return model, torch.randint(0, 10, (3, 4)), model


@case
def other_forward():
    """Of torch.nn's classes below, and with a forward of its own above."""
    model = randomize(nn.ModuleDict({"body": nn.ModuleList([nn.Linear(3, 4), nn.ReLU()]), "head": nn.Linear(4, 2)})).eval()
    x = torch.randn(2, 3)
    return lambda inputs: model["head"](model["body"][1](model["body"][0](inputs))), x, model


class Pair(nn.Module):
    """Half precision, tied, and with a parameter of its own."""

    def __init__(self):
        super().__init__()
        self.embed = nn.Embedding(5, 4)
        self.head = nn.Linear(4, 5, bias=False)
        self.head.weight = self.embed.weight
        self.scale = nn.Parameter(torch.ones(4), requires_grad=False)

    def forward(self, tokens):
        return self.head(self.embed(tokens) * self.scale)


@case
def own_class():
    model = randomize(Pair()).half().train()
    return model, torch.tensor([[0, 3]]), {"epoch": 1, "model": model}


class Scale(nn.Module):
    def forward(self, x):
        return 2 * x


@case
def own_layer():
    model = nn.Sequential(nn.Linear(2, 2), nn.Sequential(nn.ReLU(), Scale()))
    return model, torch.randn(1, 2), model


@case
def hooked():
    """weight_norm of old computes the weight in a hook."""
    model = nn.Sequential(nn.utils.weight_norm(nn.Linear(2, 2)))
    return model, torch.randn(1, 2), model


def write(function, folder):
    torch.manual_seed(20240607)
    torch.set_num_threads(1)
    model, inputs, saved = function()
    weights = folder / (function.__name__ + ".pt")
    numbers = folder / (function.__name__ + "_io.safetensors")
    torch.save(saved, weights)
    if isinstance(model, nn.Module):
        model.eval()
    with torch.no_grad():
        output = model(inputs)
    safetensors.torch.save_file({"input": inputs, "output": output.contiguous()}, numbers)
    numbers.chmod(0o644)
    return weights, numbers


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--check", action="store_true", help="write nothing here; compare with what is here")
    check = parser.parse_args().check
    different = 0
    for function in CASES:
        committed = FOLDER / (function.__name__ + "_io.safetensors")
        if check:
            with tempfile.TemporaryDirectory() as scratch:
                numbers = write(function, pathlib.Path(scratch))[1]
                new, old = (safetensors.torch.load_file(path) for path in (numbers, committed))
            same = all(torch.allclose(new[name], old[name], atol=1e-5) for name in ("input", "output"))
            different += not same
            print("same     " if same else "DIFFERENT", function.__name__)
        elif not committed.exists():
            FOLDER.mkdir(exist_ok=True)
            for path in write(function, FOLDER):
                print(f"{path.name}: {path.stat().st_size} bytes")
    return 1 if different else 0


if __name__ == "__main__":
    sys.exit(main())

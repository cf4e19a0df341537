#!/usr/bin/env python3
"""Trains DigitsNet on scikit-learn's bundled handwritten digits.

Writes two files beside this script (or into the folder given):
  digits.pt              a training checkpoint, as torch.save leaves it
  digits_io.safetensors  64 test images, their labels, and the logits this
                         model gives them in eval mode
Nothing is downloaded. See README.md.
"""

import argparse
import os
import pathlib
import time

import safetensors.torch
import sklearn.datasets
import sklearn.model_selection
import torch
from torch import nn

SEED = 20240607
WIDTH = 16
BLOCKS = 4
EPOCHS = 30
BATCH = 64
TARGET_ACCURACY = 0.97
SAMPLE_IMAGES = 64


class Block(nn.Module):
    """conv, bn, relu, conv, bn, add the input, relu."""

    def __init__(self, width: int):
        super().__init__()
        self.conv1 = nn.Conv2d(width, width, 3, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(width)
        self.conv2 = nn.Conv2d(width, width, 3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(width)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y = torch.relu(self.bn1(self.conv1(x)))
        return torch.relu(x + self.bn2(self.conv2(y)))


class DigitsNet(nn.Module):
    """[N, 1, 8, 8] images in [0, 1] to [N, 10] logits."""

    def __init__(self):
        super().__init__()
        self.stem = nn.Sequential(
            nn.Conv2d(1, WIDTH, 3, padding=1, bias=False),
            nn.BatchNorm2d(WIDTH),
            nn.ReLU(),
        )
        self.blocks = nn.ModuleList(Block(WIDTH) for _ in range(BLOCKS))
        self.head = nn.Linear(WIDTH, 10)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.stem(x)
        for block in self.blocks:
            x = block(x)
        return self.head(x.mean(dim=(2, 3)))


def load_split():
    digits = sklearn.datasets.load_digits()
    images = torch.tensor(digits.images / 16.0, dtype=torch.float32).unsqueeze(1)
    labels = torch.tensor(digits.target, dtype=torch.int64)
    train, test = sklearn.model_selection.train_test_split(
        range(len(labels)), test_size=0.25, random_state=SEED, stratify=labels
    )
    names = [str(name) for name in digits.target_names]
    return images[train], labels[train], images[test], labels[test], names


def accuracy(model: nn.Module, images: torch.Tensor, labels: torch.Tensor) -> float:
    model.eval()
    with torch.no_grad():
        return (model(images).argmax(1) == labels).double().mean().item()


def train_epoch(model, optimizer, images, labels) -> float:
    """One pass in a random order; the mean loss."""
    model.train()
    total = 0.0
    for batch in torch.randperm(len(labels)).split(BATCH):
        loss = nn.functional.cross_entropy(model(images[batch]), labels[batch])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        total += loss.item() * len(batch)
    return total / len(labels)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", nargs="?", default=os.path.dirname(os.path.abspath(__file__)))
    folder = pathlib.Path(parser.parse_args().folder)

    torch.manual_seed(SEED)
    torch.use_deterministic_algorithms(True)
    torch.set_num_threads(1)
    images, labels, test_images, test_labels, classes = load_split()

    model = DigitsNet()
    optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, EPOCHS)
    start = time.monotonic()
    for epoch in range(1, EPOCHS + 1):
        train_loss = train_epoch(model, optimizer, images, labels)
        schedule.step()
        test_accuracy = accuracy(model, test_images, test_labels)
        print(f"epoch {epoch:2d}  loss {train_loss:.4f}  test accuracy {test_accuracy:.4f}", flush=True)
    print(f"{time.monotonic() - start:.0f} s")
    if test_accuracy < TARGET_ACCURACY:
        raise SystemExit(f"test accuracy {test_accuracy:.4f} is below {TARGET_ACCURACY}; nothing written")

    torch.save(
        {
            "model_state_dict": model.state_dict(),
            "optimizer_state_dict": optimizer.state_dict(),
            "epoch": epoch,
            "test_accuracy": test_accuracy,
            "train_loss": train_loss,
            "classes": classes,
            "torch_version": str(torch.__version__),
        },
        folder / "digits.pt",
    )
    # From the file, not from memory: what is written is what is compared.
    saved = torch.load(folder / "digits.pt", weights_only=True)
    model.load_state_dict(saved["model_state_dict"])
    model.eval()
    with torch.no_grad():
        logits = model(test_images[:SAMPLE_IMAGES])
    safetensors.torch.save_file(
        {
            "images": test_images[:SAMPLE_IMAGES].contiguous(),
            "labels": test_labels[:SAMPLE_IMAGES].contiguous(),
            "logits": logits.contiguous(),
        },
        folder / "digits_io.safetensors",
        metadata={"format": "pt"},
    )


if __name__ == "__main__":
    main()

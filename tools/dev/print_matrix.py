#!/usr/bin/env python3
"""Holds `hoist inspect --values` against what real PyTorch prints.

  print_matrix.py HOIST            makes files with thousands of tensors and compares the texts, character by character
  print_matrix.py --golden FILE    writes a small table of them for tools/ui/tensor_text_test.cc

The tensors are every dtype that PyTorch prints, in many shapes, with numbers
that choose each of its formats, laid out in memory in many ways, and parts of
them by index. They are read from files as torch.save writes them now and wrote
them before 1.6, from the first with its records deflated, and from safetensors.
With --json the elements are held against tolist().

Exit status: 0 all texts are equal, 1 one differs, 2 it could not be compared.
Run it with $(sh third_party/torch/python_env.sh path)/bin/python.
"""

import argparse
import difflib
import json
import math
import pathlib
import re
import subprocess
import sys
import tempfile
import warnings
import zipfile

import safetensors.torch
import torch

SEED = 20
SHOWN_DIFFERENCES = 5
WHOLE = "uint8 int8 int16 int32 int64 uint16 uint32 uint64".split()
FLOATS = "float16 bfloat16 float32 float64".split()
FLOATS8 = "float8_e4m3fn float8_e5m2 float8_e4m3fnuz float8_e5m2fnuz float8_e8m0fnu".split()
COMPLEX = "complex32 complex64 complex128".split()
SHAPES = [
    (), (1,), (5,), (7,), (13,), (100,), (1000,), (1001,), (2, 3), (6, 7), (1, 1, 1, 1), (2, 3, 4, 5), (40, 40),
    (7, 1, 200), (3, 2000), (1001, 1), (2, 7, 3, 30), (2,) * 10, (0,), (0, 3), (2, 0), (3, 0, 2),
]  # fmt: skip
SHORT_SHAPES = [(), (3,), (13,), (2, 3), (4, 300)]
# What chooses between PyTorch's formats: whole, far apart, very large, very small, and none of these.
FILLS = {
    "whole": [1, 2, -3, 0, 40],
    "ones": [1],
    "zeros": [0.0, -0.0],
    "parts": [0.5, -1.25, 3.14159265, 0.0],
    "hundreds": [123.456, -999.9, 1.5],
    "apart": [1e-3, 1.0001, 2.0],
    "edge": [0.1, 100.0],
    "over_edge": [0.1, 100.5],
    "tiny": [1e-5, 2e-5],
    "tiny_edge": [1e-4],
    "huge": [1e9, 5.0, 2.5e10],
    "huge_edge": [1e8],
    "extreme": [1e-30, 1e30, -1e20],
    "subnormal": [1e-40, 6e-8],
    "nan": [math.nan, 1.0, -2.5],
    "only_nan": [math.nan],
    "inf": [math.inf, -math.inf, 1.0],
    "inf_parts": [math.inf, -math.inf, 1.25],
    "inf_apart": [math.inf, -math.inf, 1e-20, 7.0],
    "nonfinite": [math.nan, math.inf, -math.inf, 0.0],
}
INDICES_1D = ["0", "-1", "3", ":", "2:5", "-3:", ":-2", "::2", "1::3", "5:2", "100:", "...", "0:1", " 1 : 4 ", "0,"]
INDICES_2D = ["0", "-1", ":, 0", "0:4,:", "1:3, ::2", "-1, ::2", "..., 0", "0, ...", "2, 3", ":, -2:", "9:, 1", "1, 5:1"]
INDICES_4D = ["0", "..., 0", "1, ..., 1:3", ":, 1", "0, 0, 0", "1, 2, 3, 4", "::2, :, -1, ::3", ":, :, 5:, :"]


def fill(dtype, shape, values):
    count = math.prod(shape)
    # Parts of complex numbers are other than each other.
    if dtype.is_complex:
        part = {torch.complex32: torch.float16, torch.complex64: torch.float32}.get(dtype, torch.float64)
        flat = torch.tensor([values[i % len(values)] for i in range(2 * count)], dtype=torch.float64).to(part)
        return torch.view_as_complex(flat.reshape(count, 2)).reshape(shape)
    return torch.tensor([values[i % len(values)] for i in range(count)], dtype=torch.float64).to(dtype).reshape(shape)


def random_bits(dtype, shape, generator):
    size = torch.empty(0, dtype=dtype).element_size()
    count = math.prod(shape)
    data = torch.randint(0, 256, (count * size,), dtype=torch.uint8, generator=generator)
    return torch.empty(0, dtype=dtype).set_(data.untyped_storage(), 0, shape)


def random_numbers(dtype, shape, generator):
    if dtype.is_floating_point or dtype.is_complex:
        wide = torch.complex128 if dtype.is_complex else torch.float64
        return torch.randn(shape, dtype=wide, generator=generator).to(dtype)
    return torch.randint(0, 100, shape, generator=generator).to(dtype)


def strided(tensor) -> dict:
    """Views of a tensor whose elements do not lie one after the other."""
    views = {"transposed": tensor.mT, "step": tensor[..., ::2], "offset": tensor[1:], "column": tensor[:, 1]}
    views["repeated"] = tensor[:1].expand(2000, -1)
    return views


def make_tensors() -> dict:
    """Names and tensors. Some dtypes of PyTorch cannot do much but be printed."""
    generator = torch.Generator().manual_seed(SEED)
    tensors = {}

    def add(name, tensor):
        tensors[f"t{len(tensors)}-{name}"] = tensor

    for name in ["bool", *WHOLE, *FLOATS, *FLOATS8, *COMPLEX, "float4_e2m1fn_x2"]:
        dtype = getattr(torch, name)
        for shape in SHAPES:
            if name == "float4_e2m1fn_x2" and shape == ():
                continue  # PyTorch cannot print it.
            add(f"{name}.bits{list(shape)}", random_bits(dtype, shape, generator))
            if name != "float4_e2m1fn_x2":
                add(f"{name}.numbers{list(shape)}", random_numbers(dtype, shape, generator))
        if name in FLOATS + FLOATS8 + COMPLEX:
            for kind, values in FILLS.items():
                for shape in SHORT_SHAPES:
                    add(f"{name}.{kind}{list(shape)}", fill(dtype, shape, values))
        if name == "float4_e2m1fn_x2":
            continue
        for kind, view in strided(random_numbers(dtype, (5, 6), generator)).items():
            add(f"{name}.{kind}", view)
        for kind, view in strided(random_numbers(dtype, (40, 50), generator)).items():
            add(f"{name}.large_{kind}", view)
        if name in FLOATS + COMPLEX[1:]:  # PyTorch cannot load complex32 that requires a gradient.
            for shape in SHORT_SHAPES:
                numbers = random_numbers(dtype, shape, generator)
                add(f"{name}.grad", numbers.clone().requires_grad_())
                add(f"{name}.parameter", torch.nn.Parameter(numbers.clone()))
                add(f"{name}.frozen", torch.nn.Parameter(numbers.clone(), requires_grad=False))
        if name in COMPLEX:
            for shape in [(3,), (2, 3), (4, 300)]:
                numbers = random_numbers(dtype, shape, generator)
                add(f"{name}.conjugate", numbers.conj())
                add(f"{name}.negative", numbers.clone().conj().imag)
                add(f"{name}.real", numbers.clone().real)
        for shape in [(), (3,), (2, 3), (0,), (1, 2) * 14]:
            add(f"{name}.meta", torch.empty(shape, dtype=dtype, device="meta"))
    add("float32.meta_parameter", torch.nn.Parameter(torch.empty(3, 4, device="meta")))
    # Numbers of every number of digits, for the ends of lines.
    for digits in range(1, 19):
        for count in [2, 8, 9, 30]:
            add(f"int64.digits{digits}", torch.tensor([10 ** (digits - 1) + i for i in range(count)]))
            add(f"int32.digits{digits}", torch.tensor([10 ** min(digits - 1, 9) + i for i in range(count)], dtype=torch.int32))
    return tensors


def make_sliced() -> list:
    """Pairs of a tensor and indices for it."""
    generator = torch.Generator().manual_seed(SEED)
    result = []
    for name in ["bool", "int64", "float32", "bfloat16", "complex64", "float8_e5m2"]:
        dtype = getattr(torch, name)
        matrix = random_numbers(dtype, (10, 6), generator)
        result.append((random_numbers(dtype, (10,), generator), INDICES_1D))
        result.append((random_numbers(dtype, (3000,), generator), INDICES_1D))
        result.append((matrix, INDICES_2D))
        result.append((matrix.mT.contiguous().mT, INDICES_2D))
        result.append((matrix[1:9:2, 1:].expand(3, 4, 5)[0], ["0", ":, 1::2", "-1, -1"]))
        result.append((random_numbers(dtype, (3, 4, 5, 6), generator), INDICES_4D))
        result.append((random_numbers(dtype, (), generator), ["..."]))
        result.append((random_numbers(dtype, (0, 3), generator), [":, 1", "...", ":, 1:", "2:"]))
    return result


def run_hoist(hoist, *arguments) -> str:
    done = subprocess.run([hoist, "inspect", *arguments], capture_output=True, check=False)
    if done.returncode != 0:
        sys.exit(f"hoist {' '.join(map(str, arguments))[:200]} ended with {done.returncode}: {done.stderr.decode()}")
    return done.stdout.decode()


class Comparison:
    def __init__(self):
        self.equal, self.different = 0, 0

    def check(self, where, name, wanted, got):
        if wanted == got:
            self.equal += 1
            return
        self.different += 1
        if self.different <= SHOWN_DIFFERENCES:
            print(f"DIFFERS  {where}: {name}")
            print("\n".join(difflib.unified_diff(
                str(wanted).splitlines(), str(got).splitlines(), "torch", "hoist", lineterm="")))  # fmt: skip


def texts_by_name(output, names) -> dict:
    """The blocks of Hoist's output: each starts with "NAME: "."""
    found, current = {}, None
    wanted = set(names)
    for line in output.splitlines():
        start = re.match(r"(t\d+[^:]*(?:\[.*\])?): (?=tensor|Parameter)", line)
        if start and start[1] in wanted:
            current = start[1]
            found[current] = line[start.end() :]
        elif current is not None:
            found[current] += "\n" + line
    return found


def compare_texts(hoist, path, tensors, comparison):
    found = texts_by_name(run_hoist(hoist, path, "--values"), tensors)
    for name, tensor in tensors.items():
        comparison.check(path.name, name, repr(tensor), found.get(name))


def plain(value):
    """What tolist() gives, as JSON can say it."""
    if isinstance(value, list):
        return [plain(item) for item in value]
    if isinstance(value, complex):
        return [plain(value.real), plain(value.imag)]
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    return value


def json_of_torch(tensor) -> dict:
    if tensor.is_meta:
        return {"values": None}
    if tensor.numel() > 1000:
        return {"values_omitted": True}
    tensor = tensor.detach()
    if tensor.dtype == torch.float4_e2m1fn_x2:
        tensor = tensor.view(torch.uint8)
    return {"values": plain(tensor.tolist())}


def compare_json(hoist, path, tensors, comparison):
    for entry in json.loads(run_hoist(hoist, path, "--values", "--json"))["tensors"]:
        got = {key: entry[key] for key in entry if key.startswith("values")}
        # As text: -0.0 and 0.0 are equal.
        wanted = json_of_torch(tensors[entry["name"]])
        comparison.check(f"{path.name} --json", entry["name"], json.dumps(wanted), json.dumps(got))


def compare_slices(hoist, folder, comparison):
    path = folder / "sliced.pt"
    cases = make_sliced()
    torch.save({f"t{i}": tensor for i, (tensor, _) in enumerate(cases)}, path)
    for i, (tensor, indices) in enumerate(cases):
        names = {f"t{i}[{index}]": eval(f"tensor[{index}]", {"tensor": tensor}) for index in indices}
        for name, part in names.items():
            found = texts_by_name(run_hoist(hoist, path, name, "--values"), [name])
            comparison.check(path.name, name, repr(part), found.get(name))


def compare(hoist) -> Comparison:
    comparison = Comparison()
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        tensors = make_tensors()
        zipped, deflated, legacy, safe = (folder / n for n in ["zip.pt", "deflated.pt", "legacy.pt", "all.safetensors"])
        torch.save(tensors, zipped)
        loaded = torch.load(zipped, weights_only=True)
        compare_texts(hoist, zipped, loaded, comparison)
        compare_json(hoist, zipped, loaded, comparison)
        with zipfile.ZipFile(zipped) as old, zipfile.ZipFile(deflated, "w", zipfile.ZIP_DEFLATED) as new:
            for record in old.namelist():
                new.writestr(record, old.read(record))
        compare_texts(hoist, deflated, loaded, comparison)
        # Before 1.6 there were fewer dtypes.
        old_dtypes = [getattr(torch, d) for d in ["bool", *WHOLE[:5], *FLOATS, *COMPLEX[1:]]]
        old_tensors = {name: t for name, t in tensors.items() if t.dtype in old_dtypes and not (t.is_conj() or t.is_neg())}
        torch.save(old_tensors, legacy, _use_new_zipfile_serialization=False)
        compare_texts(hoist, legacy, torch.load(legacy, weights_only=True), comparison)
        unsafe_dtypes = [torch.complex32, torch.complex128]
        safe_tensors = {
            name: t.detach().resolve_conj().resolve_neg().contiguous().clone()
            for name, t in tensors.items()
            if t.dtype not in unsafe_dtypes and not t.is_meta and "float4" not in name
        }
        safetensors.torch.save_file(safe_tensors, safe)
        compare_texts(hoist, safe, safetensors.torch.load_file(safe), comparison)
        compare_slices(hoist, folder, comparison)
    return comparison


def golden_cases() -> list:
    """Few tensors, each for a rule of its own."""
    generator = torch.Generator().manual_seed(SEED)
    tensors = []
    for name in ["bool", *WHOLE, *FLOATS, *FLOATS8, *COMPLEX]:
        dtype = getattr(torch, name)
        tensors += [random_numbers(dtype, (), generator), random_bits(dtype, (2, 3), generator)]
    for kind, values in FILLS.items():
        tensors.append(fill(torch.float32, (len(values) + 1,), values))
    for values in [FILLS["nonfinite"], FILLS["inf_parts"], FILLS["zeros"]]:
        tensors.append(fill(torch.complex64, (3,), values))
    tensors.append(torch.arange(256).to(torch.uint8)[252:].clone().view(torch.float8_e8m0fnu))
    tensors.append(torch.arange(4).to(torch.uint8).view(torch.float8_e8m0fnu)[:1].clone())
    tensors.append(random_bits(torch.float4_e2m1fn_x2, (3,), generator))
    for shape in [(0,), (0, 3), (1, 1, 1), (3, 2, 2), (2, 2, 1, 2), (30,), (1001,), (34, 30), (2, 7, 80)]:
        tensors.append(torch.arange(math.prod(shape), dtype=torch.int16).reshape(shape))
    for count in range(1, 8):
        tensors.append(torch.arange(count, dtype=torch.float64) / 7)
    # The dtype just has room in the line, and just has not.
    tensors.append(torch.arange(10, 23, dtype=torch.int32))
    tensors.append(torch.arange(18, dtype=torch.int32) % 10)
    tensors.append(torch.empty((0, 3)))
    tensors.append(torch.empty((0,), dtype=torch.int64))
    tensors.append(torch.tensor([1.5, 2.5], requires_grad=True))
    tensors.append(torch.nn.Parameter(torch.tensor([[1.0, 2.0]])))
    tensors.append(torch.nn.Parameter(torch.tensor([1.0]), requires_grad=False))
    tensors.append(torch.arange(12.0).half().requires_grad_())
    tensors += [torch.empty(s, dtype=d, device="meta") for s, d in [((), torch.float32), ((3,), torch.int64)]]
    tensors.append(torch.empty((1, 2) * 12, dtype=torch.bfloat16, device="meta", requires_grad=True))
    return tensors


def raw_hex(tensor):
    if tensor.is_meta:
        return None
    if tensor.numel() == 0:
        return ""
    return bytes(tensor.detach().contiguous().untyped_storage().tolist()).hex()


def write_golden(path):
    lines = [
        json.dumps({
            "dtype": str(tensor.dtype).removeprefix("torch."),
            "shape": list(tensor.shape),
            "bytes": raw_hex(tensor),
            "requires_grad": tensor.requires_grad,
            "parameter": isinstance(tensor, torch.nn.Parameter),
            "text": repr(tensor),
        })
        for tensor in golden_cases()
    ]  # fmt: skip
    path.write_text("[\n" + ",\n".join(lines) + "\n]\n")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--golden", type=pathlib.Path, metavar="FILE", help="write the table, compare nothing")
    parser.add_argument("hoist", nargs="?", help="the binary")
    options = parser.parse_args()
    warnings.simplefilter("ignore")  # PyTorch's, about complex32.
    if options.golden:
        write_golden(options.golden)
        return 0
    if not options.hoist or not pathlib.Path(options.hoist).is_file():
        parser.error("HOIST is no program")
    comparison = compare(options.hoist)
    print(f"{comparison.equal + comparison.different} compared: {comparison.equal} equal, {comparison.different} differ")
    return 1 if comparison.different else 0


if __name__ == "__main__":
    sys.exit(main())

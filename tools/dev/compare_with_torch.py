#!/usr/bin/env python3
"""Holds `hoist inspect --json --digests` against real PyTorch and safetensors.

  compare_with_torch.py HOIST PATH...             PyTorch reads each file too
  compare_with_torch.py --expected HOIST PATH...  against NAME.expected.json, no PyTorch needed
  compare_with_torch.py --dump PATH...            prints what PyTorch says

PATH: files, or folders, which are walked. Unless --trusted, the files may be
hostile: PyTorch's unpickler is given only names known to be harmless
(torch_walk.DataOnlyPickle), TorchScript with __setstate__ is skipped, and of
exported programs only the tensors are read.

Compared, name by name and in order: dtype, shape, strides, nbytes, storage
offset, requires_grad, location, sha256. Tensors inside objects of classes that
PyTorch's reader does not look into are not compared; neither, without
--expected, --modules or --trusted, are those of whole pickled modules. Of
TorchScript it is the state dict, without locations; of exported programs the
state dict and the constants.

Exit status: 0 all files agree, 1 a file differs, 2 nothing was compared or it
could not be.
"""

import argparse
import json
import pathlib
import subprocess
import sys
import warnings

FIELDS = ("dtype", "shape", "strides", "nbytes", "storage_offset", "requires_grad", "location", "sha256")
# A format that has no such field, or torch keeps it to itself.
NOT_COMPARED = {"safetensors": ("location", "requires_grad"), "torch_script": ("location",)}
FORMATS = ["torch_zip", "torch_legacy", "torch_tar", "torch_script", "torch_pt2", "safetensors", "pickle"]
QUANTIZED = ("qint8", "quint8", "qint32", "quint4x2", "quint2x4")
SHOWN_DIFFERENCES = 5
HOIST_TIMEOUT_S = 120


class Skipped(Exception):
    """This file is not compared; the text says why."""


def one_line(error) -> str:
    return f"{type(error).__name__}: {' '.join(str(error).split())[:160]}"


def view_of_torch(path, options) -> dict:
    """The file as PyTorch or safetensors sees it, in the form of an expected.json."""
    import torch_walk

    format_name = torch_walk.detect_format(path)
    if format_name not in options.formats:
        raise Skipped(f"format {format_name or 'unknown'} is not compared")
    try:
        return torch_walk.describe(path, modules=options.modules, trusted=options.trusted)[0]
    except torch_walk.NotDescribed as reason:
        raise Skipped(str(reason)) from reason
    except Exception as error:  # Whatever a damaged or hostile file makes PyTorch say.
        raise Skipped(f"PyTorch cannot read it: {one_line(error)}") from error


def view_expected(path, options) -> dict:
    expected_path = path.with_suffix(".expected.json")
    if not expected_path.exists():
        raise Skipped(f"no {expected_path.name}")
    expected = json.loads(expected_path.read_text())
    if expected["format"] not in options.formats:
        raise Skipped(f"format {expected['format']} is not compared")
    # The first of these files were described before arrays and the parts of a quantized tensor were tensors.
    later = [path for path, class_name, _ in expected.get("objects", []) if class_name == "numpy.ndarray"]
    for tensor in expected["tensors"]:
        if tensor["dtype"] in QUANTIZED:
            later += [f"{tensor['name']}.scales", f"{tensor['name']}.zero_points"]
    expected["opaque"] = expected.get("opaque", []) + [{"path": path} for path in later]
    return expected


def view_of_hoist(path, hoist) -> dict:
    command = [hoist, "inspect", "--json", "--digests", str(path)]
    try:
        done = subprocess.run(command, capture_output=True, timeout=HOIST_TIMEOUT_S, check=False)
    except subprocess.TimeoutExpired:
        return {"error": f"hoist took more than {HOIST_TIMEOUT_S} s"}
    if done.returncode != 0:
        said = done.stderr.decode(errors="replace").strip().splitlines() or ["nothing on stderr"]
        return {"error": f"hoist ended with {done.returncode}: {said[-1]}"}
    try:
        return json.loads(done.stdout)
    except ValueError as error:
        return {"error": f"hoist printed no JSON: {error}"}


def is_inside(name: str, paths) -> bool:
    return any(path == "" or name == path or name.startswith(path + ".") for path in paths)


def differences(expected: dict, actual: dict) -> list:
    if "error" in actual:
        return [actual["error"]]
    found = []
    if expected["format"] != actual.get("format"):
        found.append(f"format: expected {expected['format']}, hoist has {actual.get('format')}")

    # A tensor that PyTorch lists is compared even where its name also looks
    # like one inside an opaque object ({"a": object, "a.b": tensor}). Buffers of
    # a module that are not persistent are in no state dict.
    wanted = expected["tensors"]
    wanted_names = [tensor["name"] for tensor in wanted]
    opaque = [entry["path"] for entry in expected.get("opaque", [])]
    listed = set(wanted_names)
    got = [
        tensor
        for tensor in actual.get("tensors", [])
        if tensor["name"] in listed or (tensor["persistent"] and not is_inside(tensor["name"], opaque))
    ]
    got_names = [tensor["name"] for tensor in got]
    if wanted_names != got_names:
        found += [f"hoist lacks {name!r}" for name in wanted_names if name not in set(got_names)]
        found += [f"only hoist has {name!r}" for name in got_names if name not in listed]
        if not found:
            at = next((i for i, (a, b) in enumerate(zip(wanted_names, got_names)) if a != b), None)
            what = f"{len(wanted_names)} expected, hoist has {len(got_names)}" if at is None else (
                f"tensor {at} is {wanted_names[at]!r}, hoist has {got_names[at]!r}"
            )  # fmt: skip
            found.append(f"order or number: {what}")
        return found

    for want, have in zip(wanted, got):
        for field in FIELDS:
            if field in NOT_COMPARED.get(expected["format"], ()):
                continue
            if want[field] != have.get(field):
                found.append(f"{want['name']!r} {field}: expected {want[field]}, hoist has {have.get(field)}")
    return found


def files_under(paths) -> list:
    files = []
    for path in paths:
        files += sorted(p for p in path.rglob("*") if p.is_file()) if path.is_dir() else [path]
    return [file for file in files if not file.name.endswith(".json")]


def compare(path, options) -> str:
    """The outcome; prints the line for this file."""
    reference = view_expected(path, options) if options.expected else view_of_torch(path, options)
    if options.dump:
        print(json.dumps({"path": str(path), **reference}, indent=1))
        return "ok"
    if not reference["tensors"] and is_inside("", [entry["path"] for entry in reference.get("opaque", [])]):
        raise Skipped("the root is an object that PyTorch's reader here does not look into")
    return judge(path, reference, view_of_hoist(path, options.hoist))


def judge(path, reference, actual) -> str:
    """The outcome, "ok" or "DIFFERS"; prints the line for this file."""
    found = differences(reference, actual)
    if not found:
        print(f"ok       {path} ({len(reference['tensors'])} tensors)")
        return "ok"
    more = f"; and {len(found) - SHOWN_DIFFERENCES} more" if len(found) > SHOWN_DIFFERENCES else ""
    print(f"DIFFERS  {path}: " + "; ".join(found[:SHOWN_DIFFERENCES]) + more)
    return "DIFFERS"


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--expected", action="store_true", help="compare with NAME.expected.json")
    parser.add_argument("--dump", action="store_true", help="print what PyTorch says; no HOIST argument then")
    parser.add_argument("--modules", action="store_true", help="compare tensors of whole pickled modules too")
    parser.add_argument("--trusted", action="store_true", help="code in the files may run; implies --modules")
    parser.add_argument(
        "--formats", type=lambda text: text.split(","), default=FORMATS, help="comma-separated; default: all of " + ",".join(FORMATS)
    )
    parser.add_argument("paths", nargs="+", metavar="HOIST PATH...", help="the binary, then files or folders")
    options = parser.parse_args()
    options.modules = options.modules or options.trusted
    options.hoist = None if options.dump else options.paths.pop(0)
    options.paths = [pathlib.Path(path) for path in options.paths]
    if not options.paths:
        parser.error("no PATH given")
    for path in options.paths:
        if not path.exists():
            parser.error(f"{path} does not exist")
    if options.hoist and not pathlib.Path(options.hoist).is_file():
        parser.error(f"{options.hoist}: no such program")
    return options


def main() -> int:
    options = parse_arguments()
    warnings.simplefilter("ignore")  # PyTorch's, about its own deprecated parts.
    sys.dont_write_bytecode = True
    if not options.expected:
        try:
            import torch_walk  # noqa: F401
        except ImportError as error:
            print(f"{error}; run this with $(sh third_party/torch/python_env.sh path)/bin/python", file=sys.stderr)
            return 2
    outcomes = {"ok": 0, "DIFFERS": 0, "skipped": 0}
    for path in files_under(options.paths):
        try:
            outcome = compare(path, options)
        except Skipped as reason:
            outcome = "skipped"
            print(f"skipped  {path}: {reason}", file=sys.stderr if options.dump else sys.stdout)
        except OSError as error:
            print(f"cannot compare {path}: {error}", file=sys.stderr)
            return 2
        outcomes[outcome] += 1
    compared = outcomes["ok"] + outcomes["DIFFERS"]
    if not options.dump:
        print(f"{compared} compared: {outcomes['ok']} ok, {outcomes['DIFFERS']} differ; {outcomes['skipped']} skipped")
    if compared == 0:
        return 2
    return 1 if outcomes["DIFFERS"] else 0


if __name__ == "__main__":
    sys.exit(main())

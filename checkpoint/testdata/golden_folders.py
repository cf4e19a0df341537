"""The command line of the scripts that write golden folders: see dcp/generate.py and shards/generate.py."""

import argparse
import pathlib
import shutil
import tempfile


def main(description, folders, write_case):
    """Writes the cases that are not there yet, or with --check compares what they would be.

    `folders`: by the name of a case, the folder that it is in. `write_case(name, path)` writes a case as the
    folder `path`, and beside it NAME.expected.json. Returns the exit status.
    """
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--check", action="store_true", help="write nothing here; compare with what is here")
    check = parser.parse_args().check
    different = 0
    with tempfile.TemporaryDirectory() as scratch:
        for name, folder in folders.items():
            committed = folder / name
            if committed.exists() and not check:
                continue
            fresh = pathlib.Path(scratch) / name
            write_case(name, fresh)
            wanted = fresh.with_suffix(".expected.json")
            if check:
                same = committed.exists() and wanted.read_text() == committed.with_suffix(".expected.json").read_text()
                different += not same
                print("same     " if same else "DIFFERENT", name)
                continue
            committed.parent.mkdir(exist_ok=True)
            shutil.copyfile(wanted, committed.with_suffix(".expected.json"))
            shutil.copytree(fresh, committed)
            size = sum(file.stat().st_size for file in committed.rglob("*") if file.is_file())
            print(f"{name}: {size} bytes")
    return 1 if different else 0

"""What the drivers share: processes that measure once, and rounds in which they take turns."""

import json
import os
import pathlib
import platform
import re
import subprocess
import sys
import time

import results

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent.parent
TIMEOUT_SECONDS = 600


class Failure(Exception):
    """What a measurement has to say instead of a result."""


def run_json(command, environment=None):
    """The JSON that `command` prints."""
    try:
        done = subprocess.run(
            command, env={**os.environ, **(environment or {})}, stdin=subprocess.DEVNULL, capture_output=True,
            text=True, timeout=TIMEOUT_SECONDS, check=True)
        return json.loads(done.stdout)
    except subprocess.TimeoutExpired as error:
        raise Failure(f"took longer than {TIMEOUT_SECONDS} s") from error
    except subprocess.CalledProcessError as error:
        lines = error.stderr.strip().splitlines()
        raise Failure(lines[-1] if lines else f"exited with {error.returncode}") from error
    except ValueError as error:
        raise Failure(f"printed no JSON: {error}") from error


def wall_seconds(command):
    """From the start of the process to its end."""
    with open(os.devnull, "r+b") as nothing:
        actions = [(os.POSIX_SPAWN_DUP2, nothing.fileno(), target) for target in (0, 1)]
        start = time.perf_counter()
        process = os.posix_spawn(command[0], command, os.environ, file_actions=actions)
        _, status = os.waitpid(process, 0)
        seconds = time.perf_counter() - start
    if status != 0:
        raise Failure(f"exited with {os.waitstatus_to_exitcode(status)}")
    return seconds


def take_turns(contestants, rounds, label):
    """Lets contestants, [((name, dialect), function that measures once)], take turns.

    Returns {(name, dialect): [run]}, a run being a result, with its seconds, or a problem.
    """
    runs = {key: [] for key, _ in contestants}
    for index in range(rounds):
        # Nobody always comes after the same one.
        first = index % max(1, len(contestants))
        for key, once in contestants[first:] + contestants[:first]:
            try:
                run = once()
            except Failure as failure:
                run = {"problem": str(failure)}
            runs[key].append(run)
            shown = run.get("problem") or f"{run['seconds']:.3f} s"
            print(f"{label} {index + 1}/{rounds} {key[1]:11} {key[0]}: {shown}", file=sys.stderr)
    return runs


def machine():
    """What a reader of the numbers has to know of the machine."""
    model = re.search(r"model name\s*:\s*(.*)", pathlib.Path("/proc/cpuinfo").read_text())
    memory = re.search(r"MemTotal:\s*(\d+)", pathlib.Path("/proc/meminfo").read_text())
    return {
        "cpu": model.group(1) if model else platform.machine(),
        "cpus": os.cpu_count(),
        "memory_bytes": int(memory.group(1)) * 1024,
        "kernel": platform.release(),
        "load_average": os.getloadavg()[0],
    }


def commit():
    found = subprocess.run(["git", "-C", ROOT, "rev-parse", "--short", "HEAD"], capture_output=True, text=True, check=False)
    return found.stdout.strip()


def publish(arguments, entries, **more):
    """Prints what was measured, and writes it where the arguments say. Returns the program's exit status."""
    document = {
        "schema": "hoist.peers/1",
        "commit": commit(),
        "machine": machine(),
        "rounds": arguments.rounds,
        "results": entries,
        **more,
    }
    table = results.to_markdown(document)
    print(table)
    if arguments.json:
        arguments.json.write_text(json.dumps(document, indent=1) + "\n")
    if arguments.markdown:
        arguments.markdown.write_text(table)
    failed = [entry for entry in entries if results.is_hoist(entry) and entry["problems"]]
    return 1 if failed else 0

#!/bin/sh
# Runs a Python test from the root of the runfiles. Bazel's py_test asks for a
# `python`, which Debian has not.
PYTHONPATH=. exec python3 "$@"

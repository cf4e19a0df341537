#!/bin/sh
# Holds hoist against PyTorch on every real checkpoint under $HOIST_TESTDATA.
#   testdata_test.sh HOIST COMPARE_WITH_TORCH [PYTHON]
set -eu
if [ -z "${HOIST_TESTDATA:-}" ] || [ ! -d "$HOIST_TESTDATA/real" ]; then
    echo "not there: HOIST_TESTDATA names no folder with real/ in it"
    exit 0
fi
if [ -z "${3:-}" ]; then
    echo "not there: PyTorch, to compare with"
    exit 0
fi
exec "$3" "$2" "$1" "$HOIST_TESTDATA/real"

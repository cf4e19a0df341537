#!/bin/sh
# Holds hoist against PyTorch on every real checkpoint under $HOIST_TESTDATA, and
# has it scan the hostile files there.
#   testdata_test.sh HOIST COMPARE_WITH_TORCH [PYTHON]
set -eu
if [ -z "${HOIST_TESTDATA:-}" ] || [ ! -d "$HOIST_TESTDATA/real" ]; then
    echo "not there: HOIST_TESTDATA names no folder with real/ in it"
    exit 0
fi
for file in "$HOIST_TESTDATA"/hostile/*; do
    [ -f "$file" ] || continue
    status=0
    "$1" scan "$file" >/dev/null || status=$?
    case $(basename "$file"):$status in
    benign*.pkl:0) ;;
    benign*.pkl:*) echo "scan of $file: $status" && exit 1 ;;
    *:[12]) ;;
    *) echo "scan of $file: $status" && exit 1 ;;
    esac
done
if [ -z "${3:-}" ]; then
    echo "not there: PyTorch, to compare with"
    exit 0
fi
exec "$3" "$2" "$1" "$HOIST_TESTDATA/real"

#!/bin/sh
# Holds hoist against PyTorch on every real checkpoint under $HOIST_TESTDATA, and
# has it scan and open the hostile files there, each in 5 s and 512 MiB.
#   testdata_test.sh HOIST COMPARE_WITH_TORCH [PYTHON]
set -eu
if [ -z "${HOIST_TESTDATA:-}" ] || [ ! -d "$HOIST_TESTDATA/real" ]; then
    echo "not there: HOIST_TESTDATA names no folder with real/ in it"
    exit 0
fi
bounded() (
    ulimit -v 524288
    exec timeout 5 "$@"
)
for file in "$HOIST_TESTDATA"/hostile/*; do
    [ -f "$file" ] || continue
    status=0
    bounded "$1" scan "$file" >/dev/null || status=$?
    case $(basename "$file"):$status in
    benign*.pkl:0 | malicious*:1) ;;
    benign*.pkl:* | malicious*) echo "scan of $file: $status" && exit 1 ;;
    *:[12]) ;;
    *) echo "scan of $file: $status" && exit 1 ;;
    esac
    # Whatever it is, it is read or refused.
    for command in "inspect" "inspect --json" "load --device=cpu"; do
        status=0
        # shellcheck disable=SC2086  # options are words of their own
        bounded "$1" $command "$file" >/dev/null 2>&1 || status=$?
        [ "$status" -le 2 ] || { echo "$command of $file: $status" && exit 1; }
    done
done
if [ -z "${3:-}" ]; then
    echo "not there: PyTorch, to compare with"
    exit 0
fi
exec "$3" "$2" "$1" "$HOIST_TESTDATA/real"

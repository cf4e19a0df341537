#!/usr/bin/env bash
# Compares two folders that run_all.sh wrote.
#   benchmarks/compare_all.sh BASE NEW [--threshold=0.9]
# Exits with 1 where a share of a ceiling fell too far. What is not in both
# folders is not compared, nor are the ceilings: they are the machine's.
set -eu -o pipefail
if (($# < 2)); then
    echo "usage: benchmarks/compare_all.sh BASE NEW [--threshold=0.9]" >&2
    exit 2
fi
base=$1
new=$2
shift 2
status=0
for file in "$new"/*.json; do
    name=$(basename "$file")
    if [[ $name != ceilings.json && -e $base/$name ]]; then
        echo "== $name"
        code=0
        "$(dirname "$0")/compare.py" "$base/$name" "$file" "$@" || code=$?
        # 2: there is no ceiling in it.
        ((code != 1)) || status=1
    fi
done
exit $status

#!/usr/bin/env bash
# Builds and runs all benchmarks, for an hour, on a machine that has
# nothing else to do.
#   benchmarks/run_all.sh FOLDER
# Leaves JSON, one file a program, and the peers' table in FOLDER. Exits with
# the first failure.
set -euf -o pipefail
if (($# != 1)); then
    echo "usage: benchmarks/run_all.sh FOLDER" >&2
    exit 2
fi
mkdir -p "$1"
out=$(cd "$1" && pwd)
cd "$(dirname "$0")/.."

./bazelw build --compilation_mode=opt //benchmarks/... //tools:hoist
google_benchmarks=$(./bazelw query \
    'kind(cc_binary, rdeps(//benchmarks:all, @com_github_google_benchmark//:benchmark, 1))')

bazel-bin/benchmarks/ceilings --json >"$out/ceilings.json"
for label in $google_benchmarks; do
    name=${label#//benchmarks:}
    "bazel-bin/benchmarks/$name" --benchmark_repetitions=5 --benchmark_report_aggregates_only=true \
        --benchmark_out_format=json --benchmark_out="$out/$name.json"
done
benchmarks/peers/run.py --json="$out/peers.json" --markdown="$out/peers.md"
benchmarks/peers/run_saves.py --json="$out/saves.json" --markdown="$out/saves.md"

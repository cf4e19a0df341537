#!/usr/bin/env bash
# Lets libFuzzer search for inputs that break a decoder:
#   tools/fuzz/run.sh [SECONDS] [TARGET...]
# Builds all fuzz tests, or those named (//checkpoint/zip:zip_directory_fuzz),
# with clang 14 under ASan and UBSan, and runs each for SECONDS (60) from a copy
# of its corpus. Prints how many inputs each had; what breaks one is kept in the
# folder that is named then. BAZEL_FLAGS are startup options. Exits with 1 if
# anything broke.
set -uo pipefail
cd "$(dirname "$0")/../.." || exit 2

seconds=60
if [[ ${1:-} =~ ^[0-9]+$ ]]; then
    seconds=$1
    shift
fi
read -ra startup <<<"${BAZEL_FLAGS:-}"
bazelw() { ./bazelw "${startup[@]}" "$@"; }

tests=("$@")
if ((${#tests[@]} == 0)); then
    mapfile -t tests < <(bazelw query --noshow_progress --ui_event_filters=-info \
        'filter("_fuzz$", kind(cc_test, //...))')
fi
((${#tests[@]})) || exit 2

binaries=$(bazelw info --config=fuzz bazel-bin 2>/dev/null) || exit 2
bazelw build --config=fuzz "${tests[@]/%/er}" || exit 2

status=0
scratch=$(mktemp -d)
for test in "${tests[@]}"; do
    package=${test#//}
    package=${package%%:*}
    stem=${test##*:}
    stem=${stem%_fuzz}
    work=$scratch/$stem
    # What a fuzzer adds goes into the first folder it is given.
    mkdir -p "$work/corpus"
    cp "$package/fuzz_corpus/$stem/"* "$work/corpus/"
    if "$binaries/$package/${stem}_fuzzer" -max_total_time="$seconds" -rss_limit_mb=2048 -timeout=10 \
        -print_final_stats=1 -artifact_prefix="$work/" "$work/corpus" >"$work/log" 2>&1; then
        result=ok
        rm -rf "$work/corpus"
    else
        result="FAILED: see $work"
        status=1
    fi
    runs=$(sed -n 's/^stat::number_of_executed_units: *//p' "$work/log")
    printf '%-52s %12s runs in %d s  %s\n' "$test" "${runs:-?}" "$seconds" "$result"
done
((status)) || rm -rf "$scratch"
exit $status

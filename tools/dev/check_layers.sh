#!/usr/bin/env bash
# Checks the layers of ARCHITECTURE.md: which packages may depend on which, and
# where CUDA's and LibTorch's headers may be included. Prints each breach.
# The arguments are Bazel's startup options.
set -uf -o pipefail
cd "$(dirname "$0")/../.." || exit 2
startup=("$@")
status=0

query() { ./bazelw "${startup[@]}" query --noshow_progress --ui_event_filters=-info "$1"; }

# expect_nothing WHAT COMMAND...: COMMAND finds what breaks the rule.
expect_nothing() {
    local what=$1 found code
    shift
    found=$("$@")
    code=$?
    # git grep exits with 1 where it finds nothing.
    if [[ $1 == query && $code != 0 || $code -gt 1 ]]; then
        echo "check_layers: could not check: $what" >&2
        status=2
    elif [[ $found ]]; then
        printf 'Broken: %s\n%s\n\n' "$what" "$found"
        status=1
    fi
}

expect_nothing "core/ depends on no other layer" \
    query 'somepath(//core/..., //cuda/... + //checkpoint/...)'
expect_nothing "cuda/ does not depend on checkpoint/" \
    query 'somepath(//cuda/..., //checkpoint/...)'
expect_nothing "only checkpoint/torch/ depends on LibTorch" \
    query 'rdeps(//..., //third_party/torch:torch + @local_torch//:torch)
           - //third_party/torch:torch - @local_torch//:torch
           - //checkpoint/torch/...'

sources=('*.h' '*.cc' '*.cu' ':!third_party')
expect_nothing "CUDA headers are included only in cuda/" \
    git grep -nE '^ *# *include *[<"](cuda[_.a-z0-9]*\.h|cuda/|cub/|thrust/|nccl|cooperative_groups|driver_types|vector_types)' \
    -- "${sources[@]}" ':!cuda'
expect_nothing "LibTorch headers are included only in checkpoint/torch/" \
    git grep -nE '^ *# *include *[<"](torch|ATen|c10|c10d)/' -- "${sources[@]}" ':!checkpoint/torch'

exit $status

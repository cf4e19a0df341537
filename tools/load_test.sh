#!/bin/bash
# The real programs, as a user starts them: load_test.sh HOIST LOAD INSPECT SAMPLE
set -u
hoist=$1 load=$2 inspect=$3 sample=$4
unset BUILD_WORKING_DIRECTORY
# No GPU for this test, wherever it runs.
export CUDA_VISIBLE_DEVICES=
failed=0

fail() {
  echo "FAILED: $*"
  sed 's/^/  stdout: /' "$TEST_TMPDIR/out"
  sed 's/^/  stderr: /' "$TEST_TMPDIR/err"
  failed=1
}

# expect STATUS COMMAND...: its streams are in out and err afterwards.
expect() {
  local wanted=$1
  shift
  "$@" >"$TEST_TMPDIR/out" 2>"$TEST_TMPDIR/err"
  local got=$?
  [[ $got == "$wanted" ]] || fail "$* ended with $got, not $wanted"
}
out_has() { grep -qF -- "$1" "$TEST_TMPDIR/out" || fail "no '$1' on stdout"; }
err_has() { grep -qF -- "$1" "$TEST_TMPDIR/err" || fail "no '$1' on stderr"; }
out_is_empty() { [[ ! -s $TEST_TMPDIR/out ]] || fail "stdout is not empty"; }
err_is_empty() { [[ ! -s $TEST_TMPDIR/err ]] || fail "stderr is not empty"; }
no_escape_sequences() {
  ! grep -q $'\x1b' "$TEST_TMPDIR/out" || fail "colours in a pipe"
}

for program in "$load" "$hoist load"; do
  # shellcheck disable=SC2086
  expect 0 $program
  err_has "the sample"
  out_has "digits.pt"
  out_has "model_state_dict"
  out_has "blocks.0-3  (4 identical)"
  out_has "[16, 1, 3, 3]"
  out_has "Loaded to cpu, as no GPU is usable"
  out_has "Verified: every byte"
  no_escape_sequences
done

expect 0 "$load" --json --device=cpu "$sample"
out_has '"schema":"hoist.load/1"'
err_is_empty

expect 0 "$inspect" "$sample"
out_has "optimizer_state_dict"
err_is_empty
expect 0 "$hoist" inspect --json --digests "$sample"
out_has '"schema":"hoist.inspect/1"'
out_has '"sha256":"'

expect 2 "$inspect" "$TEST_TMPDIR/not_there.pt"
out_is_empty
err_has "hoist: error[NOT_FOUND]"
expect 2 "$load" "$TEST_TMPDIR"
out_is_empty
err_has "hoist: error["

expect 2 "$load" --device=cuda:0 "$sample"
out_is_empty
err_has "hoist: error[UNAVAILABLE]: cuda:0"
err_has "  hint: "
expect 2 "$load" --json --device=cuda:0
out_is_empty

expect 0 "$load" --dry-run --device=cpu "$sample"
out_has "It fits"
expect 1 "$load" --dry-run --max-host-mem=1KiB --device=cpu "$sample"
out_has "It does not fit"

# A signal while a load is under way cancels it. When that is depends on the
# machine, so try later and later: before it, the signal ends the program as it
# would any.
big=$TEST_TMPDIR/big.safetensors
header='{"w":{"dtype":"U8","shape":[536870912],"data_offsets":[0,536870912]}}'
printf "\\x$(printf %02x ${#header})\\0\\0\\0\\0\\0\\0\\0%s" "$header" >"$big"
truncate -s $((8 + ${#header} + 536870912)) "$big"
for delay in 0.01 0.02 0.03 0.05 0.07 0.1 0.15 0.2 0.3 0.4 0.6; do
  "$load" --device=cpu --threads=1 "$big" >"$TEST_TMPDIR/out" 2>"$TEST_TMPDIR/err" &
  sleep $delay
  kill -TERM $! 2>/dev/null
  wait $!
  status=$?
  [[ $status == 143 && -s $TEST_TMPDIR/err ]] && break
done
[[ $status == 143 ]] || fail "no signal cancelled the load; last $status"
out_is_empty
err_has "hoist: error[CANCELLED]"
rm "$big"

# As `bazel run` starts it: elsewhere, and the user's folder in the environment.
mkdir -p "$TEST_TMPDIR/user"
cp "$sample" "$TEST_TMPDIR/user/mine.pt"
export BUILD_WORKING_DIRECTORY=$TEST_TMPDIR/user
expect 0 "$inspect" mine.pt
unset BUILD_WORKING_DIRECTORY

if [[ -w /dev/full ]]; then
  "$inspect" "$sample" >/dev/full 2>"$TEST_TMPDIR/err"
  [[ $? == 2 ]] || fail "a full disk was not noticed"
fi

expect 0 "$hoist" --version
expect 0 "$load" --help
out_has "Examples:"
expect 2 "$hoist"

exit $failed

#!/bin/sh
# The example gives PyTorch's output, and notices weights that are others.
set -eu
"$1" "$2" "$3"
cp "$2" "$TEST_TMPDIR/damaged.pt"
# In the middle of the file: the bytes of some storage.
printf 'hoist' | dd of="$TEST_TMPDIR/damaged.pt" bs=1 seek=100000 conv=notrunc 2>/dev/null
if "$1" "$TEST_TMPDIR/damaged.pt" "$3" 2>"$TEST_TMPDIR/said"; then
    echo "damaged weights were loaded" >&2
    exit 1
fi
grep -q 'is damaged' "$TEST_TMPDIR/said"

# README shows these very lines.
sed -n '/README.md begins/,/README.md ends/p' "$4" | sed '1d;$d;s/^  //' >"$TEST_TMPDIR/lines"
test -s "$TEST_TMPDIR/lines"
while IFS= read -r line; do
    grep -qxF -- "$line" "$5" || {
        echo "README.md lacks: $line" >&2
        exit 1
    }
done <"$TEST_TMPDIR/lines"

#!/bin/sh
# Has real PyTorch and safetensors read what hoist makes of the golden files.
#   convert_matrix_test.sh HOIST CONVERT_MATRIX GOLDEN_FILE [PYTHON]
set -eu
if [ -z "${4:-}" ]; then
    echo "not there: PyTorch, to compare with"
    exit 0
fi
exec "$4" "$2" "$1" "$(dirname "$(dirname "$3")")"

#!/bin/sh
# Prints the root of a LibTorch (the folder with include/ and lib/), or nothing.
# Looks, without importing torch, in this order: $TORCH_PATH; the interpreter
# $HOIST_PYTHON; the environment that bazelw keeps; python3. A version of torch
# that Hoist does not support is passed over, unless TORCH_PATH names it.
set -u
here=$(cd "$(dirname "$0")" && pwd)

is_root() { [ -e "$1/lib/libtorch_cpu.so" ] && [ -d "$1/include/ATen" ]; }

# torch 2.7 was the first whose Linux wheels all use the C++11 ABI.
is_supported() {
    version=$(sed -n "s/^__version__ = '\([0-9.]*\).*/\1/p" "$1/version.py" 2>/dev/null)
    case "$version" in
        2.[7-9] | 2.[7-9].* | 2.1[0-4] | 2.1[0-4].*) return 0 ;;
        *) return 1 ;;
    esac
}

torch_of() {
    "$1" -c 'import importlib.util, os
spec = importlib.util.find_spec("torch")
print(os.path.realpath(os.path.dirname(spec.origin)) if spec and spec.origin else "")' 2>/dev/null
}

if [ -n "${TORCH_PATH:-}" ]; then
    is_root "$TORCH_PATH" && (cd "$TORCH_PATH" && pwd -P)
    exit 0
fi
for python in "${HOIST_PYTHON:-}" "$("$here/python_env.sh" path)/bin/python" python3; do
    [ -n "$python" ] && command -v "$python" >/dev/null || continue
    root=$(torch_of "$python")
    if [ -n "$root" ] && is_root "$root" && is_supported "$root"; then
        echo "$root"
        exit 0
    fi
done

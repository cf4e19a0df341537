#!/bin/sh
# The virtual environment that holds torch, shared by every clone of the same
# requirements.txt.
#   python_env.sh path     prints its folder, whether or not it is there
#   python_env.sh create   creates it unless it is there; prints its folder
set -eu
here=$(cd "$(dirname "$0")" && pwd)
requirements="$here/requirements.txt"
key=$(sha256sum "$requirements" | cut -c1-16)
folder="${XDG_CACHE_HOME:-${HOME:-/tmp}/.cache}/hoist/python-$key"

case "${1:-}" in
    path) ;;
    create)
        if [ ! -e "$folder/bin/python" ]; then
            # Built beside its final place and renamed, so that an interrupted
            # installation is never taken for a whole one.
            rm -rf "$folder.partial"
            python3 -m venv "$folder.partial" >&2
            "$folder.partial/bin/python" -m pip install --disable-pip-version-check \
                --progress-bar off --quiet --requirement "$requirements" >&2
            mv "$folder.partial" "$folder"
        fi
        ;;
    *)
        echo "usage: python_env.sh path|create" >&2
        exit 2
        ;;
esac
echo "$folder"

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

# Built beside its final place and renamed, so that an interrupted installation
# is never taken for a whole one.
create() {
    packages=$(sed -n 's/^\([a-z].*\)==/\1 /p' "$requirements" | paste -s -d ',' | sed 's/,/, /g')
    echo "hoist: installing $packages into $folder" >&2
    echo "hoist: PyTorch comes with its CUDA libraries: 2.5 GB to download, 4.7 GB on disk, a few minutes" >&2
    rm -rf "$folder" "$folder.partial"
    python3 -m venv "$folder.partial" </dev/null >&2
    "$folder.partial/bin/python" -m pip install --disable-pip-version-check --no-input --no-cache-dir \
        --progress-bar off --quiet --requirement "$requirements" </dev/null >&2
    # Its programs (torchrun) name the interpreter by its full path.
    find "$folder.partial/bin" -type f -exec sed -i "s|$folder\.partial|$folder|g" {} +
    mv "$folder.partial" "$folder"
}

case "${1:-}" in
    path) ;;
    create)
        if [ ! -e "$folder/bin/python" ]; then
            mkdir -p "$(dirname "$folder")"
            # Two first builds at once install once.
            exec 9>"$folder.lock"
            flock -n 9 || { echo "hoist: waiting for another installation of $folder" >&2 && flock 9; }
            [ -e "$folder/bin/python" ] || create
        fi
        ;;
    *)
        echo "usage: python_env.sh path|create" >&2
        exit 2
        ;;
esac
echo "$folder"

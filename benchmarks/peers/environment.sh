#!/bin/sh
# The virtual environment of the peers. It stands on the one that holds torch
# (third_party/torch/python_env.sh), which is not installed a second time.
#   environment.sh path     prints its folder, whether or not it is there
#   environment.sh create   creates it unless it is there; prints its folder
set -eu
here=$(cd "$(dirname "$0")" && pwd)
torch_env="$here/../../third_party/torch/python_env.sh"
key=$(cat "$here/requirements.txt" "$here/optional-requirements.txt" \
    "$here/../../third_party/torch/requirements.txt" | sha256sum | cut -c1-16)
folder="${XDG_CACHE_HOME:-${HOME:-/tmp}/.cache}/hoist/peers-$key"

install_into() {
    "$1/bin/python" -m pip install --disable-pip-version-check --no-input --no-cache-dir \
        --progress-bar off --quiet --requirement "$2" </dev/null >&2
}

# Built beside its final place and renamed, so that an interrupted installation
# is never taken for a whole one.
create() {
    torch=$(sh "$torch_env" create)
    echo "hoist: installing the peers' loaders into $folder" >&2
    rm -rf "$folder" "$folder.partial"
    python3 -m venv "$folder.partial" </dev/null >&2
    for site in "$folder.partial"/lib/python3*/site-packages; do
        echo "$torch/lib/$(basename "$(dirname "$site")")/site-packages" >"$site/torch.pth"
    done
    install_into "$folder.partial" "$here/requirements.txt"
    install_into "$folder.partial" "$here/optional-requirements.txt" ||
        echo "hoist: going on without what is in optional-requirements.txt" >&2
    mv "$folder.partial" "$folder"
}

case "${1:-}" in
    path) ;;
    create)
        if [ ! -e "$folder/bin/python" ]; then
            mkdir -p "$(dirname "$folder")"
            # Two first runs at once install once.
            exec 9>"$folder.lock"
            flock -n 9 || { echo "hoist: waiting for another installation of $folder" >&2 && flock 9; }
            [ -e "$folder/bin/python" ] || create
        fi
        ;;
    *)
        echo "usage: environment.sh path|create" >&2
        exit 2
        ;;
esac
echo "$folder"

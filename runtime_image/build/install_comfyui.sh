#!/bin/sh
# Fetch ComfyUI and custom nodes, each at its commit, and install their packages into a separate virtual environment.
# usage: install_comfyui.sh VERSIONS_FILE LOCK_FILE COMFYUI_FOLDER ENVIRONMENT_FOLDER [REPOSITORY@COMMIT …]
set -eu

# shellcheck source=/dev/null
. "$(realpath "$1")"
# shellcheck source=/dev/null
. "$(dirname "$0")/fetch.sh"
lock=$2
comfyui=$3
python=$4/bin/python
shift 4
scratch=$(mktemp -d)

fetch comfyui "$COMFYUI_REPO" "$COMFYUI_COMMIT" "$comfyui"
uv venv --quiet --python "$AGENT_PYTHON_VERSION" "${python%/bin/python}"
uv pip install --quiet --python "$python" --require-hashes --no-deps --requirement "$lock"
# The lock must satisfy what ComfyUI asks for at its commit. Without an index, uv cannot add anything.
grep -v '^comfyui-workflow-templates' "$comfyui/requirements.txt" > "$scratch/requirements.txt"
uv pip install --quiet --python "$python" --offline --no-index --requirement "$scratch/requirements.txt"

for node in "$@"; do
    name=$(basename "${node%@*}" .git)
    folder=$comfyui/custom_nodes/$name
    if [ -e "$folder" ]; then
        echo "two custom nodes have the name $name" >&2
        exit 1
    fi
    fetch "$name" "${node%@*}" "${node##*@}" "$folder"
    if [ -f "$folder/requirements.txt" ]; then
        # As of one day, with hashes, and without another version of what ComfyUI has.
        sed 's/ \\$//; /^ *--hash/d' "$lock" > "$scratch/constraints.txt"
        uv pip compile --quiet --python "$python" --generate-hashes --exclude-newer "$COMFYUI_PACKAGES_UNTIL" \
            --constraint "$scratch/constraints.txt" "$folder/requirements.txt" --output-file "$scratch/$name.txt" > "$scratch/log"
        uv pip install --quiet --python "$python" --require-hashes --no-deps --requirement "$scratch/$name.txt"
    fi
done
rm -rf "$scratch"

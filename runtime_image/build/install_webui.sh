#!/bin/sh
# Install the packages of the Web UI into a separate virtual environment, each by its hash.
# usage: install_webui.sh VERSIONS_FILE LOCK_FILE WEBUI_FOLDER ENVIRONMENT_FOLDER
set -eu

# shellcheck source=/dev/null
. "$(realpath "$1")"
lock=$2
webui=$3
python=$4/bin/python
scratch=$(mktemp -d)

# link NAME URL HASH: a package that is installed by link
link() {
    if [ -z "$3" ]; then
        echo "$1_SHA256 is empty in versions.env; run \`make pins\` where $2 can be reached" >&2
        exit 1
    fi
    echo "$2 --hash=sha256:$3" >> "$scratch/links"
}

link CLIP_PACKAGE "$CLIP_PACKAGE" "$CLIP_PACKAGE_SHA256"
link HANDREFINER_WHEEL "$HANDREFINER_WHEEL" "$HANDREFINER_WHEEL_SHA256"
link DEPTH_ANYTHING_WHEEL "$DEPTH_ANYTHING_WHEEL" "$DEPTH_ANYTHING_WHEEL_SHA256"
link DEPTH_ANYTHING_V2_WHEEL "$DEPTH_ANYTHING_V2_WHEEL" "$DEPTH_ANYTHING_V2_WHEEL_SHA256"
link DSINE_WHEEL "$DSINE_WHEEL" "$DSINE_WHEEL_SHA256"

# Without dependencies, because the lock has them all. Without isolation, because a build would fetch unlocked tools.
install() {
    uv pip install --quiet --python "$python" --require-hashes --no-deps --no-build-isolation "$@"
}

uv venv --quiet --python "$WEBUI_PYTHON" "$4"
# Packages without a wheel are built with these two.
sed -n '/^setuptools==/,/[^\\]$/p;/^wheel==/,/[^\\]$/p' "$lock" > "$scratch/build-tools"
install --requirement "$scratch/build-tools"
install --requirement "$lock" --requirement "$scratch/links"

# The lock must satisfy what the Web UI and ControlNet ask for at their commits. Without an index, uv cannot add anything.
uv pip install --quiet --python "$python" --offline --no-index \
    --requirement "$webui/requirements_versions.txt" \
    --requirement "$webui/extensions-builtin/sd-webui-controlnet/requirements.txt"
rm -rf "$scratch"

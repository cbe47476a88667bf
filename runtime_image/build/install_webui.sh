#!/bin/sh
# Installs what the Web UI needs into a virtual environment of its own.
# usage: install_webui.sh VERSIONS_FILE WEBUI_FOLDER ENVIRONMENT_FOLDER
set -eu

# shellcheck source=/dev/null
. "$(realpath "$1")"
webui=$2
python=$3/bin/python

uv venv --quiet --python "$WEBUI_PYTHON" "$3"
# First and alone, from its own index, which names no dates; all that follows leaves it as it is.
uv pip install --quiet --python "$python" --index-url "$TORCH_INDEX_URL" \
    "torch==$TORCH_VERSION" "torchvision==$TORCHVISION_VERSION"
constraints=$(mktemp)
{
    uv pip freeze --python "$python" | grep -E '^torch(vision)?=='
    echo "setuptools==$SETUPTOOLS_VERSION"
} > "$constraints"

install() {
    uv pip install --quiet --python "$python" --exclude-newer "$WEBUI_PACKAGES_UNTIL" --constraint "$constraints" "$@"
}

install "setuptools==$SETUPTOOLS_VERSION" wheel
# CLIP's setup.py wants the setuptools of this environment, not the newest.
install --no-build-isolation "$CLIP_PACKAGE" "$OPENCLIP_PACKAGE"
# In one call: what ControlNet leaves open must not push aside what the Web UI pins. The last two are what ControlNet's own
# installer and its package for normal_dsine need beyond its list.
install --requirement "$webui/requirements_versions.txt" \
    --requirement "$webui/extensions-builtin/sd-webui-controlnet/requirements.txt" onnxruntime geffnet
# Without what they ask for, which could push aside the same pins.
install --no-deps "$HANDREFINER_WHEEL" "$DEPTH_ANYTHING_WHEEL" "$DEPTH_ANYTHING_V2_WHEEL" "$DSINE_WHEEL"

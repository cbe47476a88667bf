#!/bin/sh
# Install the packages of the Web UI into a separate virtual environment.
# usage: install_webui.sh VERSIONS_FILE WEBUI_FOLDER ENVIRONMENT_FOLDER
set -eu

# shellcheck source=/dev/null
. "$(realpath "$1")"
webui=$2
python=$3/bin/python

uv venv --quiet --python "$WEBUI_PYTHON" "$3"
# torch comes first and alone, because its index names no dates. The later calls leave it unchanged.
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
# CLIP's setup.py needs the setuptools of this environment, not the newest one.
install --no-build-isolation "$CLIP_PACKAGE" "$OPENCLIP_PACKAGE"
# One call, because a package that ControlNet leaves open must not replace one that the Web UI pins. ControlNet's own
# installer and its package for normal_dsine need the last two, which its list lacks.
install --requirement "$webui/requirements_versions.txt" \
    --requirement "$webui/extensions-builtin/sd-webui-controlnet/requirements.txt" onnxruntime geffnet
# Without their dependencies, which could replace the same pins.
install --no-deps "$HANDREFINER_WHEEL" "$DEPTH_ANYTHING_WHEEL" "$DEPTH_ANYTHING_V2_WHEEL" "$DSINE_WHEEL"

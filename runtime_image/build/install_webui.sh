#!/bin/sh
# Installs what the Web UI needs into a virtual environment of its own.
# usage: install_webui.sh VERSIONS_FILE WEBUI_FOLDER ENVIRONMENT_FOLDER
set -eu

# shellcheck source=/dev/null
. "$(realpath "$1")"
webui=$2
python=$3/bin/python

uv venv --quiet --python python3.10 "$3"
# First and alone, from its own index, which names no dates; all that follows leaves it as it is.
uv pip install --quiet --python "$python" --index-url "$TORCH_INDEX_URL" \
    "torch==$TORCH_VERSION" "torchvision==$TORCHVISION_VERSION"
printf 'torch==%s\ntorchvision==%s\nsetuptools==%s\n' \
    "$(uv pip show --quiet --python "$python" torch | sed -n 's/^Version: //p')" \
    "$(uv pip show --quiet --python "$python" torchvision | sed -n 's/^Version: //p')" \
    "$SETUPTOOLS_VERSION" > /tmp/webui-constraints.txt

install() {
    uv pip install --quiet --python "$python" --exclude-newer "$WEBUI_PACKAGES_UNTIL" \
        --constraint /tmp/webui-constraints.txt "$@"
}

install "setuptools==$SETUPTOOLS_VERSION" wheel
# CLIP's setup.py wants the setuptools of this environment, not the newest.
install --no-build-isolation "$CLIP_PACKAGE" "$OPENCLIP_PACKAGE"
install --requirement "$webui/requirements_versions.txt"
install --requirement "$webui/extensions-builtin/sd-webui-controlnet/requirements.txt"

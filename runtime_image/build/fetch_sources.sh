#!/bin/sh
# Fetch the Web UI, its side repositories and its ControlNet extension, each at its pinned commit and without history.
# Make the folders that they would make next to their code, because that place is read-only in the image.
# usage: fetch_sources.sh VERSIONS_FILE TARGET_FOLDER
set -eu

# shellcheck source=/dev/null
. "$(realpath "$1")"
# shellcheck source=/dev/null
. "$(dirname "$0")/fetch.sh"
webui=$2

fetch webui "$WEBUI_REPO" "$WEBUI_COMMIT" "$webui"
# modules/paths.py of the Web UI searches for folders of these names.
repositories=$webui/repositories
fetch assets "$ASSETS_REPO" "$ASSETS_COMMIT" "$repositories/stable-diffusion-webui-assets"
fetch stable-diffusion "$STABLE_DIFFUSION_REPO" "$STABLE_DIFFUSION_COMMIT" "$repositories/stable-diffusion-stability-ai"
fetch stable-diffusion-xl "$STABLE_DIFFUSION_XL_REPO" "$STABLE_DIFFUSION_XL_COMMIT" "$repositories/generative-models"
fetch k-diffusion "$K_DIFFUSION_REPO" "$K_DIFFUSION_COMMIT" "$repositories/k-diffusion"
fetch blip "$BLIP_REPO" "$BLIP_COMMIT" "$repositories/BLIP"
# Next to the built-in extensions, because the folder for others is in the data folder, which is empty at the start.
controlnet=$webui/extensions-builtin/sd-webui-controlnet
fetch controlnet "$CONTROLNET_REPO" "$CONTROLNET_COMMIT" "$controlnet"

words=$(mktemp -d)
fetch interrogate "$INTERROGATE_REPO" "$INTERROGATE_COMMIT" "$words"
mkdir "$webui/interrogate" "$webui/config_states" "$controlnet/presets"
for category in artists flavors mediums movements; do
    mv "$words/clip_interrogator/data/$category.txt" "$webui/interrogate/"
done
rm -rf "$words"

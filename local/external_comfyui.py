"""ComfyUI of `--comfyui-url`: its models count as those of the model bucket, and the agent shares its files."""

from dataclasses import replace
from pathlib import Path
from typing import Final

import httpx

from contract.model_folders import COMFYUI_MODEL_FOLDERS
from local.command_line import UpOptions
from local.console import Console

_TIMEOUT_SECONDS: Final = 10.0
_BASE_DIRECTORY: Final = "--base-directory"


def with_external_comfyui(
    options: UpOptions, *, console: Console, transport: httpx.BaseTransport | None = None
) -> UpOptions:
    """Return the options with the models and the base directory of the ComfyUI."""
    if options.comfyui_url is None:
        return options
    try:
        with httpx.Client(
            base_url=options.comfyui_url, timeout=_TIMEOUT_SECONDS, trust_env=False, transport=transport
        ) as client:
            arguments = client.get("/system_stats").raise_for_status().json()["system"]["argv"]
            listed = {folder: client.get(f"/models/{folder}") for folder in COMFYUI_MODEL_FOLDERS}
        models = [
            f"{folder}/{name}" for folder, answer in listed.items() if answer.is_success for name in answer.json()
        ]
    except (httpx.HTTPError, ValueError, KeyError, TypeError) as error:
        console.print(
            f"the ComfyUI at {options.comfyui_url} does not list its models ({error}); start it, and then the local"
            " system again. Until then its tasks wait"
        )
        return options
    directory = options.comfyui_directory
    if directory is None and _BASE_DIRECTORY in arguments[:-1]:
        directory = Path(arguments[arguments.index(_BASE_DIRECTORY) + 1])
    if directory is None:
        console.print(
            f"the ComfyUI at {options.comfyui_url} does not say where its folders input and output are; write"
            " --comfyui-directory with the folder that holds them. Until then its tasks fail"
        )
    return replace(options, comfyui_directory=directory, external_models=(*options.external_models, *models))

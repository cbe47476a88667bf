"""Engines of `--webui-url` and `--comfyui-url`: their models count as those of the environment."""

from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import httpx
import yaml

from contract.model_folders import COMFYUI_MODEL_FOLDERS
from contract.routing import CHECKPOINT_EXTENSIONS, bare_checkpoint_name, is_checkpoint_name
from contract.storage import checkpoint_key
from local.command_line import UpOptions
from local.console import Console
from stacks.environment_file import read_environment_file

_TIMEOUT_SECONDS: Final = 10.0
_BASE_DIRECTORY: Final = "--base-directory"
#: Errors of an engine that does not answer, or answers in another form.
_NO_ANSWER: Final = (httpx.HTTPError, ValueError, KeyError, TypeError)


def with_external_checkpoints(
    options: UpOptions, *, file: Path, console: Console, transport: httpx.BaseTransport | None = None
) -> UpOptions:
    """Return the options with the checkpoints of the Web UI, and an environment that uses them, written to `file`."""
    if options.webui_url is None:
        return options
    try:
        with _client(options.webui_url, transport) as client:
            models = client.get("/sdapi/v1/sd-models").raise_for_status().json()
            loaded = client.get("/sdapi/v1/options").raise_for_status().json()["sd_model_checkpoint"]
            listed = [_name(model["title"]) for model in models]
    except _NO_ANSWER as error:
        console.print(
            f"the Web UI at {options.webui_url} does not list its checkpoints ({error}); start it with --api, and then"
            " the local system again. Until then its tasks wait"
        )
        return options
    names = [name for name in listed if name.endswith(CHECKPOINT_EXTENSIONS) and is_checkpoint_name(name)]
    if not names:
        console.print(f"the Web UI at {options.webui_url} has no checkpoint, so its tasks fail")
        return options
    default = _name(loaded) if loaded and _name(loaded) in names else names[0]
    content = yaml.safe_load(options.environment_file.read_text())
    _replace_missing(content["runtimes"], [default, *names], console)
    file.write_text(yaml.safe_dump(content, sort_keys=False))
    environment = read_environment_file(file).without_engine()
    return replace(
        options, environment=environment, environment_file=file, external_models=tuple(map(checkpoint_key, names))
    )


def with_external_comfyui(
    options: UpOptions, *, console: Console, transport: httpx.BaseTransport | None = None
) -> UpOptions:
    """Return the options with the models and the base directory of the ComfyUI."""
    if options.comfyui_url is None:
        return options
    try:
        with _client(options.comfyui_url, transport) as client:
            arguments = client.get("/system_stats").raise_for_status().json()["system"]["argv"]
            listed = {folder: client.get(f"/models/{folder}") for folder in COMFYUI_MODEL_FOLDERS}
        models = [
            f"{folder}/{name}" for folder, answer in listed.items() if answer.is_success for name in answer.json()
        ]
    except _NO_ANSWER as error:
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


def _replace_missing(runtimes: list[dict[str, Any]], names: list[str], console: Console) -> None:
    """Give each runtime whose checkpoint the Web UI lacks the first of `names` that no other runtime serves."""
    fixed = [runtime for runtime in runtimes if runtime.get("modelFilename")]
    taken = {bare_checkpoint_name(runtime["modelFilename"]) for runtime in fixed if runtime["modelFilename"] in names}
    for runtime in fixed:
        missing = runtime["modelFilename"]
        if missing in names:
            continue
        replacement = next((name for name in names if bare_checkpoint_name(name) not in taken), None)
        if replacement is None:
            console.print(
                f"tasks of runtime {runtime['name']} fail, because the Web UI has no {missing} and no other one"
            )
            continue
        runtime["modelFilename"] = replacement
        taken.add(bare_checkpoint_name(replacement))
        console.print(f"runtime {runtime['name']} uses {replacement}, because the Web UI has no {missing}")


def _client(url: str, transport: httpx.BaseTransport | None) -> httpx.Client:
    return httpx.Client(base_url=url, timeout=_TIMEOUT_SECONDS, trust_env=False, transport=transport)


def _name(title: str) -> str:
    """Return the file name in a checkpoint's title, which ends with the start of its hash when that is known."""
    return title.rpartition(" [")[0] or title

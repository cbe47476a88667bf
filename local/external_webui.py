"""Web UI of `--webui-url`: its checkpoints become those of the environment, so that tasks run on what it has."""

from dataclasses import replace
from pathlib import Path
from typing import Final

import httpx
import yaml

from contract.storage import checkpoint_key
from local.command_line import UpOptions
from local.console import Console
from stacks.environment_file import read_environment_file

_TIMEOUT_SECONDS: Final = 10.0


def with_external_checkpoints(
    options: UpOptions, *, file: Path, console: Console, transport: httpx.BaseTransport | None = None
) -> UpOptions:
    """Return the options with the checkpoints of the Web UI, and an environment that uses them, written to `file`."""
    if options.webui_url is None:
        return options
    try:
        with httpx.Client(
            base_url=options.webui_url, timeout=_TIMEOUT_SECONDS, trust_env=False, transport=transport
        ) as client:
            models = client.get("/sdapi/v1/sd-models").raise_for_status().json()
            loaded = client.get("/sdapi/v1/options").raise_for_status().json()["sd_model_checkpoint"]
            names = [_name(model["title"]) for model in models]
    except (httpx.HTTPError, ValueError, KeyError, TypeError) as error:
        console.print(
            f"the Web UI at {options.webui_url} does not list its checkpoints ({error}); start it with --api, and then"
            " the local system again. Until then its tasks wait"
        )
        return options
    if not names:
        console.print(f"the Web UI at {options.webui_url} has no checkpoint, so its tasks fail")
        return options
    default = _name(loaded) if loaded and _name(loaded) in names else names[0]
    content = yaml.safe_load(options.environment_file.read_text())
    for runtime in content["runtimes"]:
        if (missing := runtime.get("modelFilename")) and missing not in names:
            runtime["modelFilename"] = default
            console.print(f"runtime {runtime['name']} uses {default}, because the Web UI has no {missing}")
    file.write_text(yaml.safe_dump(content, sort_keys=False))
    environment = read_environment_file(file).without_engine()
    return replace(
        options, environment=environment, environment_file=file, external_models=tuple(map(checkpoint_key, names))
    )


def _name(title: str) -> str:
    """Return the file name in a checkpoint's title, which ends with the start of its hash when that is known."""
    return title.rpartition(" [")[0] or title

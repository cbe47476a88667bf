"""Summary of a running local system: the addresses, the key and the commands that a person needs."""

import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from local.command_line import DEFAULT_STATE_DIRECTORY, UpOptions

_EXAMPLES: Final = {"sdwebui": "docs/examples/text-to-image.json", "comfyui": "docs/examples/pipeline.json"}


def describe_system(endpoints: Mapping[str, Any], options: UpOptions, *, logs: Path) -> str:
    """Return the text that `up` prints when the system is ready."""
    state = options.state_directory
    darkroom = "darkroom"
    if state != DEFAULT_STATE_DIRECTORY:
        darkroom += f" --state-dir {shlex.quote(str(state))}"
    url, key, console_url = endpoints["http_url"], endpoints["api_key"], endpoints["console_url"]
    kinds = dict.fromkeys(runtime.type for runtime in options.environment.runtimes)
    addresses = {
        **({"console": console_url} if console_url else {}),
        "HTTP API": url,
        "API key": key,
        **{f"function URL of {name}": address for name, address in endpoints["function_urls"].items()},
        "callbacks": endpoints["callbacks_url"],
        "AWS": f"{endpoints['aws_endpoint_url']} (region {endpoints['region']}, any credentials)",
        "all addresses": str(logs.parent / "endpoints.json"),
        "log files": str(logs),
    }
    width = max(map(len, addresses)) + 2
    return "\n".join(
        [
            "",
            "Darkroom runs on this machine until Ctrl-C.",
            "",
            *(f"  {name:<{width}}{address}" for name, address in addresses.items()),
            "",
            *_notes(options),
            "",
            *([f"Open {console_url} in a browser and sign in with the key {key}.", ""] if console_url else []),
            "Commands to try in another terminal, after `source .venv/bin/activate`:",
            "",
            *(f"  {darkroom} submit {_EXAMPLES[kind]} --wait --download out" for kind in kinds),
            f"  {darkroom} list",
            f'  curl -sS -H "x-api-key: {key}" {url}/v1alpha2/tasks',
            "",
        ]
    )


def _notes(options: UpOptions) -> list[str]:
    notes = []
    if options.comfyui_url:
        notes.append(f"Workflows run on the ComfyUI at {options.comfyui_url}.")
    if options.webui_url:
        notes.append(f"The images come from the Web UI at {options.webui_url}.")
    elif options.stub_webui_seconds is None:
        notes += [
            "The embedded Web UI has a tiny model: it draws shapes and a few things (docs/reference/tiny-model.md).",
            "For real images, start with --webui-url and the address of an SD Web UI that runs with --api.",
        ]
    if options.keeps_state:
        notes.append("Tasks, images and models are kept for the next start with --keep.")
    else:
        notes.append("Tasks and images end with the run; with --keep they are there again after the next start.")
    return notes

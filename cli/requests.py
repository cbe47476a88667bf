"""Requests of users: task files, checked only as far as sending them needs, and tasks made of options."""

import json
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from cli.errors import Refused, WrongUsage
from darkroom import Client, RequestRefused
from darkroom.task_request import TaskOptions

#: Option that a field or parameter of a request comes from, for the API's messages about it.
_OPTION_OF: Final[Mapping[str, str]] = {
    "task.metadata.id": "--id",
    "task.metadata.runtime": "--runtime",
    # The runtime is not of the kind that a prompt needs.
    "task.metadata.tasktype": "--runtime",
    "task.content.prompt": "--prompt",
    "task.content.negative_prompt": "--negative",
    "task.content.width": "--size",
    "task.content.height": "--size",
    "task.content.steps": "--steps",
    "task.content.seed": "--seed",
    "task.content.override_settings.sd_model_checkpoint": "--model",
    # The API names this field if a task lacks its checkpoint.
    "task.content.alwayson_scripts.sd_model_checkpoint": "--model",
    "task.content.init_images[0]": "--input",
    "runtime": "--runtime",
    "status": "--status",
    "text": "--text",
    "key": "--sent-by",
    "limit": "--limit",
    "next": "--next",
    "state": "--state",
}


@dataclass(frozen=True)
class PromptOptions:
    """Options of `submit` that make up a task instead of a file."""

    prompt: str | None
    negative: str | None
    size: tuple[int, int] | None
    steps: int | None
    seed: int | None
    model: str | None
    runtime: str | None
    id: str | None
    input: Path | None

    def request(self, client: Client) -> dict[str, Any]:
        """Return the task of format v1alpha2, whose input picture is uploaded."""
        width, height = self.size or (None, None)
        content: dict[str, object] = {
            "negative_prompt": self.negative,
            "width": width,
            "height": height,
            "steps": self.steps,
            "seed": self.seed,
            "init_images": [self.input] if self.input else None,
        }
        options: TaskOptions = {"content": {name: value for name, value in content.items() if value is not None}}
        options["id"] = self.id or f"cli-{secrets.token_hex(4)}"
        if self.runtime:
            options["runtime"] = self.runtime
        if self.model:
            options["model"] = self.model
        return client.prepare(self.prompt, **options)

    def given(self) -> list[str]:
        """Return the options that the user wrote."""
        return [f"--{name}" for name, value in vars(self).items() if value is not None]


def is_workflow(body: dict[str, Any]) -> bool:
    """Return True if a file holds a workflow of ComfyUI instead of a task: its graph, or what the editor saves."""
    if "nodes" in body and "links" in body:
        raise Refused("the file is what ComfyUI's editor saves; export it with Workflow > Export (API)")
    return bool(body) and all(isinstance(node, dict) and "class_type" in node for node in body.values())


def workflow_request(workflow: dict[str, Any], options: PromptOptions, client: Client) -> dict[str, Any]:
    """Return the task of a workflow. `--input` is uploaded in place of each input that has the name of its file."""
    picture = options.input
    if picture is not None:
        workflow = {node_id: _with_picture(node, picture) for node_id, node in workflow.items()}
        if not any(picture in _inputs_of(node).values() for node in workflow.values()):
            raise WrongUsage(
                f"no input of the workflow is {picture.name!r}; write this name into the node that reads the file"
            )
    given: TaskOptions = {"workflow": workflow, "id": options.id or f"cli-{secrets.token_hex(4)}"}
    if options.runtime:
        given["runtime"] = options.runtime
    return client.prepare(**given)


def _with_picture(node: dict[str, Any], picture: Path) -> dict[str, Any]:
    """Return a node that reads the picture wherever it names its file."""
    read = {name: picture for name, value in _inputs_of(node).items() if value == picture.name}
    return node | {"inputs": _inputs_of(node) | read} if read else node


def _inputs_of(node: dict[str, Any]) -> dict[str, Any]:
    inputs = node.get("inputs")
    return inputs if isinstance(inputs, dict) else {}


def name_options(error: RequestRefused) -> RequestRefused | Refused:
    """Return an error of the API with the options in place of the fields, as the user wrote no field."""
    lines = [f"{_OPTION_OF.get(broken.field, broken.field)}: {broken.message}" for broken in error.fields]
    return Refused("\n".join(lines)) if lines else error


def read_request(text: bytes, *, source: str) -> dict[str, Any]:
    """Return the request in a file; what it must hold is the system's to say."""
    if not text.strip():
        raise Refused(f"{source} is empty; write a task as one JSON object, or use --prompt")
    try:
        body = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise Refused(f"{source} is not JSON: {error}") from None
    if not isinstance(body, dict):
        raise Refused(f"{source} must hold one JSON object, a task of format v1alpha2 or v1alpha1, or a workflow")
    return body


def id_of(body: dict[str, Any]) -> str:
    """Return the id that a request carries."""
    match body:
        case {"task": {"metadata": {"id": str() | int() as id_}}} | {"metadata": {"id": str() | int() as id_}}:
            return str(id_)
        case {"alwayson_scripts": {"id_task": str() | int() as id_}}:
            return str(id_)
    raise Refused("the request has no id: set task.metadata.id (v1alpha2) or alwayson_scripts.id_task (v1alpha1)")

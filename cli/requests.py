"""Requests of users: task files, checked only as far as sending them needs, and tasks made of options."""

import json
import mimetypes
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any, Final
from urllib.parse import urlsplit

from cli.errors import Refused, WrongUsage

#: Option that a field of the request comes from, for the API's messages about it.
_OPTION_OF: Final[Mapping[str, str]] = {
    "task.metadata.id": "--id",
    "task.metadata.runtime": "--runtime",
    "task.content.prompt": "--prompt",
    "task.content.negative_prompt": "--negative",
    "task.content.width": "--size",
    "task.content.height": "--size",
    "task.content.steps": "--steps",
    "task.content.seed": "--seed",
    "task.content.override_settings.sd_model_checkpoint": "--model",
    "task.content.init_images[0]": "--input",
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

    def request(self, *, upload: Callable[[bytes, str], str]) -> dict[str, Any]:
        """Return the task of format v1alpha2; `upload` stores the input picture and returns its link."""
        width, height = self.size or (None, None)
        content = {
            "prompt": self.prompt,
            "negative_prompt": self.negative,
            "width": width,
            "height": height,
            "steps": self.steps,
            "seed": self.seed,
            "override_settings": {"sd_model_checkpoint": self.model} if self.model else None,
            "init_images": [upload(self.input.read_bytes(), _type_of(self.input))] if self.input else None,
        }
        metadata = {
            "id": self.id or f"cli-{secrets.token_hex(4)}",
            "runtime": self.runtime or DEFAULT_RUNTIME,
            "tasktype": "image-to-image" if self.input else "text-to-image",
        }
        return {
            "task": {
                "metadata": metadata,
                "content": {name: value for name, value in content.items() if value is not None},
            }
        }

    def given(self) -> list[str]:
        """Return the options that the user wrote."""
        return [f"--{name}" for name, value in vars(self).items() if value is not None]


#: Runtime of a task from options: that of all documented requests.
DEFAULT_RUNTIME: Final = "sdruntime"


def name_options(error: Refused) -> Refused:
    """Return an error of the API with the options in place of the fields, as the user wrote no field."""
    lines = []
    for line in str(error).splitlines():
        field, separator, rest = line.partition(": ")
        lines.append(f"{_OPTION_OF.get(field, field)}{separator}{rest}")
    return Refused("\n".join(lines))


def read_request(text: bytes, *, source: str) -> dict[str, Any]:
    """Return the request in a file; what it must hold is the system's to say."""
    if not text.strip():
        raise Refused(f"{source} is empty; write a task as one JSON object, or use --prompt")
    try:
        body = json.loads(text)
    except ValueError as error:
        raise Refused(f"{source} is not JSON: {error}") from None
    if not isinstance(body, dict):
        raise Refused(f"{source} must hold one JSON object, a task of format v1alpha2 or v1alpha1")
    return body


def path_of(body: dict[str, Any]) -> str:
    """Return the path of the HTTP API for a body of this shape."""
    return "/v1alpha2" if "task" in body or "metadata" in body else "/v1alpha1"


def id_of(body: dict[str, Any]) -> str:
    """Return the id that a request carries."""
    match body:
        case {"task": {"metadata": {"id": str() | int() as id_}}} | {"metadata": {"id": str() | int() as id_}}:
            return str(id_)
        case {"alwayson_scripts": {"id_task": str() | int() as id_}}:
            return str(id_)
    raise Refused("the request has no id: set task.metadata.id (v1alpha2) or alwayson_scripts.id_task (v1alpha1)")


def file_name(url: str) -> str:
    """Return the last part of a link's path, as the name of the file to save."""
    return PurePosixPath(urlsplit(url).path).name


def _type_of(path: Path) -> str:
    content_type, _ = mimetypes.guess_type(path.name)
    if content_type is None or not content_type.startswith("image/"):
        raise WrongUsage(f"--input: {path} is not a picture by its name; write for example photo.png or photo.jpg")
    return content_type

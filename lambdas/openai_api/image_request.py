"""Requests of OpenAI's images API, and the task that each of them means."""

import base64
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated, Any, Final, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from contract.errors import FieldError, InvalidTask
from contract.json_values import parse_json_object
from contract.model_errors import field_errors
from contract.picture_formats import is_rgba_png
from contract.routing import Catalogue, Runtime
from contract.task import TaskType
from lambdas.http.forms import MULTIPART, is_form, parse_form
from lambdas.openai_api.form_fields import read_fields

#: Folder of the outputs, and prefix of the ids of the tasks.
PREFIX: Final = "openai"
#: Share of the input that a variation replaces: the motif stays, and its details change.
VARIATION_STRENGTH: Final = 0.6
#: The Web UI's resize mode that cuts a picture of another shape. Its default would distort the picture.
CROP_AND_RESIZE: Final = 1
_SIZE: Final = r"^(auto|[1-9][0-9]{1,4}x[1-9][0-9]{1,4})$"
#: Field of a request by the path of the task's field that it becomes.
_FIELD_OF_PATH: Final = {
    "task.metadata.runtime": "model",
    "task.metadata.tasktype": "model",
    "task.content.override_settings.sd_model_checkpoint": "model",
    "task.content.alwayson_scripts.sd_model_checkpoint": "model",
    "task.metadata.output.format": "output_format",
    "task.metadata.output.quality": "output_compression",
    "task.content.width": "size",
    "task.content.height": "size",
    "task.content.n_iter": "n",
    "task.content.steps": "quality",
    "task.content.init_images": "image",
    "task.content.init_images[0]": "image",
}
#: Beginning of the models that OpenAI answers with pictures, not with links, unless the request says otherwise.
_MODELS_WITHOUT_LINKS: Final = ("gpt-image", "chatgpt-image")
#: Field whose own fields count as the request's. The JavaScript client sends it as it is, the Python client does not.
_EXTRA_BODY: Final = "extra_body"
_ONE_PICTURE: Final = (
    "is {} pictures; a Stable Diffusion checkpoint changes one picture and cannot combine several,"
    " so send a request for each"
)
#: The Web UI reads every other mask by its brightness, so it would paint the black part.
_NO_ALPHA: Final = "must be a PNG with an alpha channel (RGBA), because its transparent part is painted"
_LEVEL_OF_QUALITY: Final = {"auto": "medium", "standard": "medium", "hd": "high", "xhigh": "high", "max": "high"}


class ImageCallKind(StrEnum):
    """The calls of the images API; the value is the last part of the path."""

    GENERATIONS = "generations"
    EDITS = "edits"
    VARIATIONS = "variations"


class ImageRequest(BaseModel):
    """Fields of all calls. Further fields are those of the Web UI, which OpenAI's clients send as `extra_body`."""

    model_config = ConfigDict(extra="allow", frozen=True, hide_input_in_errors=True)

    model: str | None = None
    prompt: str = ""
    n: Annotated[int, Field(ge=1, le=10)] = 1
    size: Annotated[str, Field(pattern=_SIZE)] = "auto"
    quality: Literal["auto", "low", "medium", "high", "xhigh", "max", "standard", "hd"] = "auto"
    response_format: Literal["url", "b64_json"] | None = None
    output_format: Literal["png", "jpeg", "webp"] = "png"
    output_compression: Annotated[int, Field(ge=0, le=100)] = 100
    background: Literal["auto", "opaque"] = "auto"
    stream: bool = False
    partial_images: Annotated[int, Field(ge=0, le=3)] = 0
    # These mean something to OpenAI's own service only.
    user: str | None = None
    safety_identifier: str | None = None
    style: str | None = None
    moderation: str | None = None
    input_fidelity: str | None = None

    @property
    def wants_links(self) -> bool:
        """Return True if the answer has links to the pictures, False if it has the pictures."""
        default = "b64_json" if (self.model or "").startswith(_MODELS_WITHOUT_LINKS) else "url"
        return (self.response_format or default) == "url"


@dataclass(frozen=True)
class ImageCall:
    """A call that was read; the pictures are base64."""

    kind: ImageCallKind
    request: ImageRequest
    picture: str | None = None
    mask: str | None = None

    def task(self, task_id: str, *, catalogue: Catalogue) -> dict[str, Any]:
        """Return the v1alpha2 body of the call; raises InvalidTask for an unknown runtime."""
        runtime, checkpoint = _find_model(self.request.model, catalogue)
        metadata = {
            "id": task_id,
            "runtime": runtime.name,
            "tasktype": (TaskType.TEXT_TO_IMAGE if self.picture is None else TaskType.IMAGE_TO_IMAGE).value,
            "prefix": PREFIX,
            "policy": {"preview": self.request.partial_images > 0},
            "output": self._output(),
        }
        return {"task": {"metadata": metadata, "content": self._content(runtime, checkpoint)}}

    def original_field(self, path: str) -> str:
        """Return the field that the sender wrote for the path of a task's field."""
        name = path.removeprefix("task.content.")
        # A sender of `steps` or `width` knows those, and wrote no `quality` or `size`.
        if name.partition(".")[0].partition("[")[0] in (self.request.model_extra or {}):
            return name
        return _FIELD_OF_PATH.get(path, name)

    def _output(self) -> dict[str, Any]:
        request = self.request
        if request.output_format == "png":
            return {}
        # OpenAI counts from 0, and Pillow from 1.
        return {"format": request.output_format, "quality": max(request.output_compression, 1)}

    def _content(self, runtime: Runtime, checkpoint: str) -> dict[str, Any]:
        request = self.request
        level = _LEVEL_OF_QUALITY.get(request.quality, request.quality)
        content = {"prompt": request.prompt, "n_iter": request.n, "steps": getattr(runtime.quality_steps, level)}
        if request.size != "auto":
            content["width"], content["height"] = map(int, request.size.split("x"))
        if self.picture is not None:
            content |= {"init_images": [self.picture], "resize_mode": CROP_AND_RESIZE}
        if self.mask is not None:
            # Both read the transparency of RGBA. OpenAI paints where it is transparent, and the Web UI where it is not.
            content |= {"mask": self.mask, "inpainting_mask_invert": 1}
        if self.kind is ImageCallKind.VARIATIONS:
            content["denoising_strength"] = VARIATION_STRENGTH
        options = {"sd_model_checkpoint": checkpoint} if checkpoint else {}
        own = request.model_extra or {}
        if isinstance(own.get("override_settings"), dict):
            own = own | {"override_settings": options | own["override_settings"]}
        return content | {"override_settings": options} | own


def parse_call(kind: ImageCallKind, body: str | bytes, content_type: str) -> ImageCall:
    """Read a call from JSON or from a form; raises InvalidTask with every broken field, and InvalidJson."""
    if kind is ImageCallKind.GENERATIONS:
        return ImageCall(kind, _validated(parse_json_object(body), ["prompt"]))
    if not is_form(content_type):
        raise InvalidTask(
            [FieldError("body", f"must be of the type {MULTIPART}, with the picture as the file `image`")]
        )
    form = parse_form(body, content_type)
    files: dict[str, list[bytes]] = {"image": [], "mask": []}
    errors = []
    for name, found in form.files.items():
        if (known := name.removesuffix("[]")) in files:
            files[known] += found
        else:
            errors.append(FieldError(name, "is not a file of this call"))
    pictures, masks = files["image"], files["mask"]
    if not pictures:
        errors.append(FieldError("image", "needs one picture as a file; the form has none"))
    errors += [FieldError(name, _ONE_PICTURE.format(len(given))) for name, given in files.items() if len(given) > 1]
    errors += [FieldError("mask", _NO_ALPHA) for mask in masks if not is_rgba_png(mask)]
    if errors:
        raise InvalidTask(errors)
    request = _validated(read_fields(form.texts), ["prompt"] if kind is ImageCallKind.EDITS else [])
    return ImageCall(kind, request, _encoded(pictures[0]), _encoded(masks[0]) if masks else None)


def _validated(fields: Mapping[str, Any], required: Sequence[str]) -> ImageRequest:
    extra = fields.get(_EXTRA_BODY)
    if isinstance(extra, dict):
        fields = extra | {name: value for name, value in fields.items() if name != _EXTRA_BODY}
    given = {name: value for name, value in fields.items() if value is not None}
    errors = [FieldError(name, "is required") for name in required if not given.get(name)]
    try:
        request = ImageRequest.model_validate(given)
    except ValidationError as error:
        errors += field_errors(error)
    if errors:
        raise InvalidTask(errors)
    return request


def _find_model(name: str | None, catalogue: Catalogue) -> tuple[Runtime, str]:
    """Return runtime and checkpoint of `runtime`, `runtime/checkpoint` or a name in `openaiModels`.

    The first SD Web UI is the default.
    """
    if name is None:
        return catalogue.default_webui(), ""
    for runtime in catalogue.runtimes.values():
        if name in runtime.openai_models:
            return runtime, ""
    runtime_name, _, checkpoint = name.partition("/")
    found = catalogue.find(runtime_name)
    if isinstance(found, FieldError):
        raise InvalidTask([found])
    return found, checkpoint


def _encoded(picture: bytes) -> str:
    return base64.b64encode(picture).decode()

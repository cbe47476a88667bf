"""Request of the SD Web UI that carries a task out, built from the task's content."""

import json
from dataclasses import dataclass, replace
from typing import Any, Final

from contract import runpod
from contract.errors import InvalidTask
from contract.task import TaskType
from contract.work import UPSCALING_ENDPOINTS
from runtime_image.webui.errors import UnsupportedTask

TEXT_TO_IMAGE_PATH: Final = f"/{runpod.TEXT_TO_IMAGE_ENDPOINT}"
IMAGE_TO_IMAGE_PATH: Final = f"/{runpod.IMAGE_TO_IMAGE_ENDPOINT}"
UPSCALING_PATH: Final = f"/{runpod.ENDPOINT_OF_TASKTYPE[TaskType.EXTRA_SINGLE_IMAGE]}"
OPTIONS_PATH: Final = "/sdapi/v1/options"
_ANSWERING_PICTURES: Final = runpod.GENERATION_ENDPOINTS | UPSCALING_ENDPOINTS
#: Calls that the Web UI carries out one after the other.
_TAKING_THE_LOCK: Final = _ANSWERING_PICTURES | {runpod.ENDPOINT_OF_TASKTYPE[TaskType.INTERROGATE]}
#: Calls that other requests must not overlap: a generation reads what they change until its end.
_CHANGING_THE_SERVICE: Final = frozenset(
    {
        "sdapi/v1/options",
        "sdapi/v1/refresh-checkpoints",
        "sdapi/v1/refresh-vae",
        "sdapi/v1/refresh-loras",
        "sdapi/v1/refresh-embeddings",
    }
)

#: What the agent decides about the Web UI's files: it stores the pictures itself.
_SAVING: Final = {"save_images": False, "do_not_save_samples": True, "do_not_save_grid": True}


@dataclass(frozen=True)
class WebUiRequest:
    """One call."""

    method: str
    #: Begins with `/`.
    path: str
    #: JSON, None for a GET.
    body: bytes | None
    #: It waits for the Web UI's lock. With the lock, it is what progress shows and an interrupt cuts.
    takes_lock: bool = False
    #: The loaded model makes pictures step by step: checkpoint, sampler and options matter to it.
    generates: bool = False
    #: The answer is worthless without pictures.
    needs_pictures: bool = False
    #: No other request may overlap it.
    is_exclusive: bool = False
    #: It may load another checkpoint while it runs, for example a refiner. If that fails, other requests get other
    #: pictures, so none may overlap it.
    loads_checkpoints: bool = False
    #: The sender asked for an answer without pictures.
    sends_no_pictures: bool = False
    #: The sampler that the answer must name, None if that does not matter.
    sampler_name: str | None = None
    #: Options that it overrides, which the Web UI sets back only if they were set explicitly before.
    overridden_options: frozenset[str] = frozenset()
    #: Options that it changes and the agent itself must set back.
    left_options: frozenset[str] = frozenset()

    @property
    def only_asks(self) -> bool:
        """It only reads the Web UI's lists, or makes it read its folders again."""
        return self.method == "GET" or (self.is_exclusive and not self.generates)

    def with_body(self, body: dict[str, Any]) -> "WebUiRequest":
        """Return the call with its body, if it has one.

        A task cannot decide whether the Web UI saves files, nor whether it restores options after the request.
        """
        if self.method != "POST":
            return self
        if self.generates:
            body = body | _SAVING
        if self.generates and body.get("override_settings"):
            body = {**body, "override_settings_restore_afterwards": not self.left_options}
        return replace(
            self,
            body=json.dumps(body, separators=(",", ":")).encode(),
            sends_no_pictures=self.generates and body.get("send_images") is False,
        )


def content_of(tasktype: TaskType, content: dict[str, Any]) -> tuple[dict[str, Any], str]:
    """Return the part of `content` that is the body of the call, and its path for error messages."""
    if tasktype is not TaskType.WEBUI_API:
        return content, "task.content"
    payload = content.get("payload")
    return (payload if isinstance(payload, dict) else {}), "task.content.payload"


def build_request(tasktype: TaskType, content: dict[str, Any], body: dict[str, Any]) -> WebUiRequest:
    """Return the call for a task.

    Args:
        tasktype: The kind of task.
        content: The task's content, which names the endpoint of a `webui-api` task.
        body: The body from `content_of`, with links replaced.

    Raises:
        InvalidTask, UnsupportedTask: if there is no such call.
    """
    method, endpoint = "POST", runpod.ENDPOINT_OF_TASKTYPE.get(tasktype, "")
    if tasktype is TaskType.WEBUI_API:
        if errors := runpod.check_call(content, "task.content"):
            raise InvalidTask(errors)
        method, endpoint = content["api"]["method"], runpod.endpoint_of(content)
    if not endpoint:
        raise UnsupportedTask(f"this runtime cannot carry out {tasktype.value}")
    request = WebUiRequest(
        method=method,
        path=f"/{endpoint}",
        body=None,
        takes_lock=endpoint in _TAKING_THE_LOCK,
        generates=endpoint in runpod.GENERATION_ENDPOINTS,
        needs_pictures=endpoint in _ANSWERING_PICTURES,
        is_exclusive=method == "POST" and endpoint in _CHANGING_THE_SERVICE,
    )
    return request.with_body(body)

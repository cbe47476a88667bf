"""From a task's content to the one call of the Web UI that carries it out."""

import json
from dataclasses import dataclass, replace
from typing import Any, Final

from contract import runpod
from contract.errors import InvalidTask
from contract.task import TaskType
from runtime_image.webui.errors import UnsupportedTask

TEXT_TO_IMAGE_PATH: Final = f"/{runpod.TEXT_TO_IMAGE_ENDPOINT}"
IMAGE_TO_IMAGE_PATH: Final = f"/{runpod.IMAGE_TO_IMAGE_ENDPOINT}"
UPSCALING_PATHS: Final = frozenset({"/sdapi/v1/extra-single-image", "/sdapi/v1/extra-batch-images"})
OPTIONS_PATH: Final = "/sdapi/v1/options"
#: Calls that the Web UI does not have: the agent carries them out itself.
DOWNLOAD_PATH: Final = "/v1/download"
SYNC_PATH: Final = f"/{runpod.SYNC_ENDPOINT}"
MODEL_CALLS: Final = frozenset({DOWNLOAD_PATH, SYNC_PATH})
_GENERATING: Final = frozenset({runpod.TEXT_TO_IMAGE_ENDPOINT, runpod.IMAGE_TO_IMAGE_ENDPOINT})
_ANSWERING_PICTURES: Final = _GENERATING | {path.removeprefix("/") for path in UPSCALING_PATHS}
#: What the Web UI does one at a time, each behind the other.
_TAKING_THE_LOCK: Final = _ANSWERING_PICTURES | {runpod.ENDPOINT_OF_TASKTYPE[TaskType.INTERROGATE]}
#: Calls that other requests must not overlap: what they change is read all through a generation.
_CHANGING_THE_SERVICE: Final = frozenset(
    {
        "sdapi/v1/options",
        "sdapi/v1/refresh-checkpoints",
        "sdapi/v1/refresh-vae",
        "sdapi/v1/refresh-loras",
        "sdapi/v1/refresh-embeddings",
    }
)


@dataclass(frozen=True)
class WebUiRequest:
    """One call."""

    method: str
    #: Begins with `/`.
    path: str
    #: JSON, None for a GET.
    body: bytes | None
    #: It waits for the Web UI's lock. While it has it, it is what progress tells of and what an interrupt cuts.
    takes_lock: bool = False
    #: It has the loaded model make pictures step by step: checkpoint, sampler and options matter to it.
    generates: bool = False
    #: The answer is worthless without pictures.
    needs_pictures: bool = False
    #: Must have the Web UI to itself.
    exclusive: bool = False
    #: The sender asked for an answer without pictures.
    sends_no_pictures: bool = False
    #: The sampler that the answer must name, None if that does not matter.
    sampler_name: str | None = None
    #: Options that it overrides, which the Web UI sets back only if they were set explicitly before.
    overridden_options: frozenset[str] = frozenset()
    #: Changes options that the agent itself must set back.
    leaves_options: bool = False
    #: Which ones; empty if it does not say.
    left_options: frozenset[str] = frozenset()

    @property
    def only_asks(self) -> bool:
        """Whether it reads what the Web UI knows, or makes it look again: nothing is made."""
        return self.method == "GET" or (self.exclusive and not self.generates)

    def with_body(self, body: dict[str, Any]) -> "WebUiRequest":
        """Return the call with its body, if it has one.

        Whether the Web UI sets options back after the request is not for one task to decide.
        """
        if self.method != "POST":
            return self
        if self.generates and (body.get("override_settings") or body.get("infotext")):
            body = {**body, "override_settings_restore_afterwards": not self.leaves_options}
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
        tasktype: What is to be done.
        content: The task's content, which names the endpoint of a `webui-api` task.
        body: What `content_of` returned, links replaced.

    Raises:
        InvalidTask, UnsupportedTask: if there is no such call.
    """
    method, endpoint = "POST", runpod.ENDPOINT_OF_TASKTYPE.get(tasktype, "")
    if tasktype is TaskType.WEBUI_API:
        if errors := runpod.check_call(content, "task.content"):
            raise InvalidTask(errors)
        method, endpoint = content["api"]["method"], runpod.endpoint_of(content)
    if not endpoint:
        raise UnsupportedTask(f"this runtime cannot carry out {endpoint or tasktype.value}")
    request = WebUiRequest(
        method=method,
        path=f"/{endpoint}",
        body=None,
        takes_lock=endpoint in _TAKING_THE_LOCK,
        generates=endpoint in _GENERATING,
        needs_pictures=endpoint in _ANSWERING_PICTURES,
        exclusive=method == "POST" and endpoint in _CHANGING_THE_SERVICE,
    )
    return request.with_body(body)

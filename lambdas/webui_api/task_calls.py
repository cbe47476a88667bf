"""Calls as tasks: submits each call, waits for its task, and returns the Web UI's response."""

import json
from collections.abc import Callable, Mapping
from http import HTTPStatus
from typing import Any, Final

from contract.errors import FieldError
from contract.formats import Format
from contract.record import Record, Status
from contract.task import TaskType
from contract.webui_values import boolean
from lambdas.http.application import Caller
from lambdas.tasks.caller_tasks import CallerTasks
from lambdas.tasks.webui_responses import (
    FORMAT_FIELD,
    MAX_RESPONSE_BYTES,
    RESPONSE_LINK_FIELD,
    response_link,
    webui_response,
)
from lambdas.webui_api.calls import Call
from lambdas.webui_api.preferences import with_preferences
from lambdas.webui_api.refusals import BridgeResponse, response_to_unfinished
from lambdas.webui_api.sessions import session_of

#: Folder of the outputs of calls, and prefix of the ids of their tasks.
PREFIX: Final = "webui-api"
#: Fields of a request that its response repeats if `include_init_images` is set. Agents do not store them.
_REPEATED_FIELDS: Final = ("init_images", "mask", "latent_mask", "firstpass_image")


class TaskCalls:
    """Runs calls on a replica of their runtime."""

    def __init__(self, *, tasks: CallerTasks, new_id: Callable[[], str]) -> None:
        self._tasks = tasks
        self._new_id = new_id

    def run(self, call: Call, *, caller: Caller, seconds: float) -> BridgeResponse:
        """Return the Web UI's response to a call, or the state of its task after `seconds`.

        Raises the contract's errors if the call does not become a task.
        """
        submitted = self._tasks.submit(
            task_body(call, f"{PREFIX}-{self._new_id()}"),
            caller,
            format_=Format.V1ALPHA2,
            webui_session=session_of(caller.key_name or "", call.runtime.name) if call.generates else None,
        )
        record = self._tasks.wait(submitted, seconds)
        return self._response(call, record) if record.status is Status.COMPLETED else response_to_unfinished(record)

    def _response(self, call: Call, record: Record) -> BridgeResponse:
        body = webui_response(record, self._tasks.outputs)
        if not isinstance(body, dict):
            return BridgeResponse(HTTPStatus.OK.value, body)
        if call.generates and _says(call.payload, "send_images") is False:
            body = {key: value for key, value in body.items() if key != FORMAT_FIELD} | {"images": []}
        body = with_own_parameters(body, call)
        if body.keys() & {FORMAT_FIELD, RESPONSE_LINK_FIELD} or len(json.dumps(json.dumps(body))) > MAX_RESPONSE_BYTES:
            return self._too_large(record)
        return BridgeResponse(HTTPStatus.OK.value, body)

    def _too_large(self, record: Record) -> BridgeResponse:
        detail = (
            f"the answer is larger than the 6 MB that this way can carry; the pictures of task {record.id} are at"
            f" `links` and the rest of it at `{RESPONSE_LINK_FIELD}` for an hour at most, and for longer at"
            f" GET /v1alpha2/tasks/{record.id}: ask for fewer or smaller pictures at once"
        )
        body = {"error": "HTTPException", "detail": detail, "body": "", "errors": ""}
        outputs = self._tasks.outputs
        ours = {"code": "too_large", "id_task": record.id, "links": [outputs.link(uri) for uri in record.image_urls]}
        rest = {RESPONSE_LINK_FIELD: response_link(record, outputs)}
        return BridgeResponse(HTTPStatus.REQUEST_ENTITY_TOO_LARGE.value, body | ours | rest)


def task_body(call: Call, task_id: str) -> dict[str, Any]:
    """Return the v1alpha2 form of a call."""
    content: dict[str, Any] = call.payload
    if call.tasktype is TaskType.WEBUI_API:
        content = {"api": {"method": call.method, "endpoint": f"/{call.endpoint}"}, "payload": call.payload}
    elif call.generates:
        # The output bucket needs the pictures even if the caller does not want them in the response.
        content = with_preferences(call.payload, call.preferences)
        if _says(content, "send_images") is False:
            del content["send_images"]
    metadata = {"id": task_id, "runtime": call.runtime.name, "tasktype": call.tasktype.value, "prefix": PREFIX}
    return {"task": {"metadata": metadata, "content": content}}


def with_own_parameters(body: dict[str, Any], call: Call) -> dict[str, Any]:
    """Return a response whose `parameters` repeat the values of the call, which the task may have changed."""
    parameters, payload = body.get("parameters"), call.payload
    if not isinstance(parameters, dict):
        return body
    if call.preferences:
        parameters = parameters | {"override_settings": payload.get("override_settings")}
    names = _REPEATED_FIELDS if _says(payload, "include_init_images") else ()
    repeated = {name: payload[name] for name in names if name in payload and name in parameters}
    if _says(payload, "send_images") is False and "send_images" in parameters:
        repeated["send_images"] = False
    return body | {"parameters": parameters | repeated}


def _says(payload: Mapping[str, Any], name: str) -> bool | None:
    """Return the value of a field as the Web UI reads it; None without one that it can read, which the edge refuses."""
    errors: list[FieldError] = []
    value = boolean(payload.get(name), name, errors)
    return None if errors else value

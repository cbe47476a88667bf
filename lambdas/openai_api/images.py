"""Calls as tasks: submits each call, waits for its task, and answers with OpenAI's bodies."""

import base64
import json
from collections.abc import Callable
from dataclasses import replace
from itertools import accumulate
from typing import Any, Final

from aws_lambda_powertools.event_handler import Response

from contract.errors import FieldError, InvalidTask, MessageTooLarge
from contract.formats import Format
from contract.record import Record, Status
from lambdas.http.application import Caller
from lambdas.http.responses import json_response
from lambdas.openai_api.image_request import PREFIX, ImageCall, ImageCallKind
from lambdas.openai_api.refusals import unfinished
from lambdas.tasks.caller_tasks import CallerTasks
from lambdas.tasks.output_bucket import OutputGone
from lambdas.tasks.webui_responses import MAX_RESPONSE_BYTES

#: Bytes of all pictures in one response, which base64 makes a third larger; 64 KB are left for the other fields.
MAX_PICTURE_BYTES: Final = (MAX_RESPONSE_BYTES - 64 * 1024) * 3 // 4
#: Beginning of the types of a stream's events, by the call.
_EVENT_OF_CALL: Final = {ImageCallKind.GENERATIONS: "image_generation", ImageCallKind.EDITS: "image_edit"}


class OpenAiImages:
    """Answers the calls of the images API; raises the contract's errors. `new_id` makes the ids of tasks."""

    def __init__(self, *, tasks: CallerTasks, new_id: Callable[[], str]) -> None:
        self._tasks = tasks
        self._new_id = new_id

    def list_models(self) -> dict[str, Any]:
        """Return every value of `model`."""
        return {"object": "list", "data": [_model(name) for name in self._model_names()]}

    def model(self, name: str) -> dict[str, Any]:
        """Return one value of `model`; raises InvalidTask for another one."""
        if name not in self._model_names():
            message = f"there is no model {name[:200]!r}; GET /v1/models lists all"
            raise InvalidTask([FieldError("model", message, "unknown_model")])
        return _model(name)

    def make(self, call: ImageCall, *, caller: Caller, seconds: float) -> Response[str]:
        """Submit a call, wait for its task, and return its pictures, or the state of the task after `seconds`."""
        record = self._submit(call, caller)
        previews: list[bytes] = []
        for current in self._tasks.waiter.watch(record.key, seconds=seconds):
            record = current or record
            if record.preview_url and not record.is_final and len(previews) < call.request.partial_images:
                # A runtime makes a preview every few seconds, so two looks may find the same one.
                previews += [found for found in self._preview(record.preview_url) if found not in previews]
        if record.status is not Status.COMPLETED:
            return unfinished(record, original_field=call.original_field)
        return self._stream(call, record, previews) if call.request.stream else json_response(self._body(call, record))

    def _model_names(self) -> list[str]:
        """Return all names of each runtime, and each checkpoint of a runtime that loads any."""
        runtimes = self._tasks.catalogue.of_type("sdwebui")
        names = [name for runtime in runtimes for name in (runtime.name, *runtime.openai_models)]
        dynamic = [runtime.name for runtime in runtimes if runtime.dynamic_model]
        checkpoints = self._tasks.models.checkpoints() if dynamic else []
        return names + [f"{runtime}/{checkpoint}" for runtime in dynamic for checkpoint in checkpoints]

    def _submit(self, call: ImageCall, caller: Caller) -> Record:
        try:
            task = call.task(f"{PREFIX}-{self._new_id()}", catalogue=self._tasks.catalogue)
            return self._tasks.submit(task, caller, format_=Format.V1ALPHA2)
        except InvalidTask as error:
            details = [replace(detail, field=call.original_field(detail.field)) for detail in error.details]
            raise InvalidTask(details) from None

    def _preview(self, uri: str) -> list[bytes]:
        try:
            return self._tasks.outputs.read_within([uri], max_bytes=MAX_PICTURE_BYTES) or []
        except OutputGone:
            return []

    def _body(self, call: ImageCall, record: Record) -> dict[str, Any]:
        if call.request.wants_links:
            data = [{"url": self._tasks.outputs.link(uri)} for uri in record.image_urls]
        else:
            data = [{"b64_json": picture} for picture in self._pictures(record)]
        body = {"created": _seconds(record), "data": data, **_shape(call), "id_task": record.id}
        unknown = [call.original_field(field) for field in record.unknown_fields or ()]
        return body | ({"unknown_fields": unknown} if unknown else {})

    def _stream(self, call: ImageCall, record: Record, previews: list[bytes]) -> Response[str]:
        """Return the events of a stream at once, because a function of this kind cannot send a response in parts."""
        kind = _EVENT_OF_CALL.get(call.kind, "image_generation")
        common = {"created_at": _seconds(record), **_shape(call)}
        pictures = self._pictures(record)
        # Previews have the room that the pictures leave.
        room = MAX_PICTURE_BYTES - sum(map(len, pictures)) * 3 // 4
        previews = [each for each, size in zip(previews, accumulate(map(len, previews)), strict=True) if size <= room]
        events = [
            {"type": f"{kind}.partial_image", "b64_json": _base64(preview), "partial_image_index": index, **common}
            for index, preview in enumerate(previews)
        ]
        events += [{"type": f"{kind}.completed", "b64_json": picture, **common} for picture in pictures]
        body = "".join(f"event: {event['type']}\ndata: {json.dumps(event)}\n\n" for event in events)
        return Response(status_code=200, content_type="text/event-stream", body=body)

    def _pictures(self, record: Record) -> list[str]:
        pictures = self._tasks.outputs.read_within(record.image_urls, max_bytes=MAX_PICTURE_BYTES)
        if pictures is None:
            raise MessageTooLarge(
                f"the pictures of task {record.id} are larger than the {MAX_PICTURE_BYTES // 1024**2} MB that one"
                ' response can carry; ask for "response_format": "url", or read'
                f" GET /v1alpha2/tasks/{record.id}"
            )
        return [_base64(picture) for picture in pictures]


def _model(name: str) -> dict[str, Any]:
    return {"id": name, "object": "model", "created": 0, "owned_by": "darkroom"}


def _shape(call: ImageCall) -> dict[str, Any]:
    request = call.request
    return {
        "size": request.size,
        "quality": request.quality,
        "background": "opaque",
        "output_format": request.output_format,
    }


def _seconds(record: Record) -> int:
    return (record.completed_at_ms or record.submitted_at_ms) // 1000


def _base64(data: bytes) -> str:
    return base64.b64encode(data).decode()

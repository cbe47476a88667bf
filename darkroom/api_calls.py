"""Calls of Darkroom's HTTP API, each an operation that says how a request is made and its answer is read."""

import json
import math
import random
import secrets
from collections.abc import Callable, Mapping
from http import HTTPStatus
from typing import Any, Final
from urllib.parse import quote, urlencode, urlsplit

from darkroom.batch_calls import BatchCalls
from darkroom.errors import (
    DeadlinePassed,
    Error,
    KeyNotAccepted,
    NoSuchTask,
    NotConfigured,
    RefusedField,
    RequestRefused,
    TaskConflict,
    TooManyRequests,
    Unavailable,
    UnusableInput,
)
from darkroom.http_exchange import HttpCall, HttpReply, NoReply
from darkroom.input_pictures import PictureInput, with_uploads
from darkroom.operation import Item, Iteration, Operation, Pause, send
from darkroom.task_request import ListFilters, TaskOptions, task_request
from darkroom.task_snapshot import AcceptedTask, OutputFile, TaskListPage, TaskSnapshot

#: Answers after which the same request may succeed soon.
_TRANSIENT: Final = frozenset(
    {
        HTTPStatus.TOO_MANY_REQUESTS,
        HTTPStatus.BAD_GATEWAY,
        HTTPStatus.SERVICE_UNAVAILABLE,
        HTTPStatus.GATEWAY_TIMEOUT,
    }
)
#: Seconds before the first repetition; each further one waits twice as long.
FIRST_PAUSE_SECONDS: Final = 0.5
#: Longest pause, also if `Retry-After` asks for a longer one.
LONGEST_PAUSE_SECONDS: Final = 60.0
#: Seconds between two polls of a task. Agents write progress at most every 2 s, but more polls show the end of short
#: tasks sooner.
POLL_SECONDS: Final = 0.5
#: Tasks that are polled in that time. With more tasks, each of them is polled less often.
TASKS_PER_POLL: Final = 4
#: Seconds for which a wait goes on although the API, which has answered before, does not answer.
OUTAGE_SECONDS: Final = 60.0
_ERRORS: Final[Mapping[int, type[RequestRefused]]] = {
    HTTPStatus.UNAUTHORIZED: KeyNotAccepted,
    HTTPStatus.CONFLICT: TaskConflict,
    HTTPStatus.TOO_MANY_REQUESTS: TooManyRequests,
}


class ApiCalls:
    """Makes the operations of one address and key."""

    def __init__(self, *, url: str, key: str, retries: int, clock: Callable[[], float]) -> None:
        self._url = url.rstrip("/")
        self._retries = retries
        self._clock = clock
        # An environment may accept one of the two headers only (`apiKeyHeader`).
        self._headers = {
            "x-api-key": key,
            "authorization": f"Bearer {key}",
            "content-type": "application/json",
            "accept": "application/json",
        }
        self.batches = BatchCalls(call=self._json, clock=clock)

    def prepare(self, prompt: str | None, options: TaskOptions) -> Operation[dict[str, Any]]:
        """Return a request whose pictures are uploaded."""
        if "workflow" in options and not options.get("runtime"):
            options = {**options, "runtime": (yield from self._only_comfyui())}
        task = task_request(prompt, options)
        return {"task": {**task, "content": (yield from with_uploads(task["content"], self.upload))}}

    def _only_comfyui(self) -> Operation[str]:
        """Return the runtime that takes workflows; raise UnusableInput unless there is exactly one."""
        known = (yield from self._json("GET", "/v1alpha2/runtimes"))["runtimes"]
        names = [str(runtime["name"]) for runtime in known if runtime["type"] == "comfyui"]
        if len(names) != 1:
            found = ", ".join(names) or "none"
            raise UnusableInput(f"name the runtime of the workflow; the runtimes of ComfyUI are: {found}")
        return names[0]

    def submit(self, prompt: str | None, options: TaskOptions) -> Operation[AcceptedTask]:
        """Prepare a request, and post it."""
        return (yield from self.submit_request((yield from self.prepare(prompt, options))))

    def submit_request(self, request: Mapping[str, Any] | bytes) -> Operation[AcceptedTask]:
        """Post a whole request, in the format that its form shows."""
        document = _object_of(request)
        body = request if isinstance(request, bytes) else json.dumps(request).encode()
        path = "/v1alpha2" if "task" in document or "metadata" in document else "/v1alpha1"
        return AcceptedTask.of((yield from self._begin(path, body)))

    def retry(self, task_id: str) -> Operation[AcceptedTask]:
        """Run a task again."""
        return AcceptedTask.of((yield from self._begin(f"{_path_of(task_id)}/retry")))

    def get(self, task_id: str) -> Operation[TaskSnapshot]:
        """Read a task."""
        return TaskSnapshot.of((yield from self._json("GET", _path_of(task_id))))

    def cancel(self, task_id: str) -> Operation[TaskSnapshot]:
        """Cancel a task."""
        return TaskSnapshot.of((yield from self._json("DELETE", _path_of(task_id))))

    def page(self, filters: ListFilters) -> Operation[TaskListPage]:
        """Read one page of a listing."""
        given = {name: value for name, value in filters.items() if value is not None}
        return TaskListPage.of((yield from self._json("GET", f"/v1alpha2/tasks?{urlencode(given)}")))

    def list(self, filters: ListFilters) -> Iteration[TaskSnapshot]:
        """Hand out the tasks of all pages."""
        while True:
            page = yield from self.page(filters)
            for task in page.tasks:
                yield Item(task)
            if page.next is None:
                return
            filters = {**filters, "next": page.next}

    def watch(
        self, task_ids: tuple[str, ...], *, timeout_seconds: float | None, stall_seconds: float | None
    ) -> Iteration[TaskSnapshot]:
        """Hand out each task whenever it has changed, until all have ended."""
        started_at = changed_at = self._clock()
        answered_at = -math.inf
        limit = math.inf if timeout_seconds is None else timeout_seconds
        stall_limit = math.inf if stall_seconds is None else stall_seconds
        waiting = list(dict.fromkeys(task_ids))
        positions: dict[str, tuple[object, ...]] = {}
        while waiting:
            for task_id in tuple(waiting):
                try:
                    task = yield from self.get(task_id)
                except Unavailable:
                    if self._clock() - answered_at >= min(stall_limit, OUTAGE_SECONDS):
                        raise
                    continue
                answered_at = self._clock()
                if positions.get(task_id) != task.position:
                    positions[task_id], changed_at = task.position, answered_at
                    if task.is_final:
                        waiting.remove(task_id)
                    yield Item(task)
            now = self._clock()
            if waiting and now - started_at >= limit:
                raise DeadlinePassed(f"still active after {limit:g} s: {', '.join(waiting)}", task_ids=waiting)
            if waiting and now - changed_at >= stall_limit:
                raise DeadlinePassed(f"no progress for {stall_limit:g} s: {', '.join(waiting)}", task_ids=waiting)
            if waiting:
                pause = POLL_SECONDS * max(1.0, len(waiting) / TASKS_PER_POLL)
                yield Pause(min(pause, max(started_at + limit - now, 0)))

    def upload(self, data: bytes, content_type: str) -> Operation[str]:
        """Upload a picture, and return the link by which tasks use it."""
        created = yield from self._json(
            "POST", "/v1alpha2/uploads", json.dumps({"content_type": content_type}).encode()
        )
        form = created["upload"]
        boundary = secrets.token_hex(16)
        headers = {"content-type": f"multipart/form-data; boundary={boundary}"}
        call = HttpCall(form["method"], form["url"], headers, _form(form["fields"], data, boundary))
        yield from self._content(call, what="the upload")
        return str(created["link"])

    def link_to(self, picture: PictureInput) -> Operation[str]:
        """Upload a picture, and return its link; a link remains as it is."""
        return str((yield from with_uploads(picture, self.upload, place="the picture")))

    def call(self, method: str, path: str, document: Mapping[str, Any]) -> Operation[dict[str, Any]]:
        """Send a document to a path, and return the document that the API answers with."""
        return (yield from self._json(method, path, json.dumps(document).encode()))

    def download(self, output: OutputFile) -> Operation[bytes]:
        """Return the content of an output."""
        # A presigned link carries its own authorization; S3 must not see the API key.
        return (yield from self._content(HttpCall("GET", output.url), what=output.name))

    def _content(self, call: HttpCall, *, what: str) -> Operation[bytes]:
        """Return the body of S3's answer to a presigned request."""
        reply = yield from self._repeated(call)
        if not reply.is_success:
            text = reply.body.decode(errors="replace")[:500]
            message = f"{what} was refused by S3 (HTTP {reply.status}); the link may have expired: {text}"
            raise RequestRefused(message, status=reply.status, code="storage_refused")
        return reply.body

    def _begin(self, path: str, body: bytes | None = None) -> Operation[dict[str, Any]]:
        """Send a request that begins a run. A repetition after a lost answer carries the same key and begins none."""
        return (yield from self._json("POST", path, body, {"idempotency-key": secrets.token_hex(16)}))

    def _json(
        self, method: str, path: str, body: bytes | None = None, headers: Mapping[str, str] | None = None
    ) -> Operation[dict[str, Any]]:
        """Return the document that the API answers with."""
        reply = yield from self._repeated(HttpCall(method, self._url + path, self._headers | dict(headers or {}), body))
        try:
            document = json.loads(reply.body)
        except ValueError:
            document = None
        if reply.is_success and isinstance(document, dict):
            return document
        raise _error(self._url, reply, document)

    def _repeated(self, call: HttpCall) -> Operation[HttpReply]:
        """Send a request, again while it may succeed soon. Every request of the client may be repeated."""
        for repetition in range(self._retries + 1):
            reply = yield from send(call)
            if not _may_pass(reply) or repetition == self._retries:
                break
            yield Pause(_pause_seconds(reply, repetition))
        if isinstance(reply, NoReply):
            address = urlsplit(call.url)
            raise Unavailable(f"{address.scheme}://{address.netloc} does not answer: {reply.reason}")
        return reply


def _path_of(task_id: str) -> str:
    return f"/v1alpha2/tasks/{quote(task_id, safe='')}"


def _object_of(request: Mapping[str, Any] | bytes) -> Mapping[str, Any]:
    try:
        document = json.loads(request) if isinstance(request, bytes) else request
    except ValueError as error:
        raise UnusableInput(f"the request is not JSON: {error}") from None
    if not isinstance(document, Mapping):
        raise UnusableInput("the request must be one JSON object, a task of format v1alpha2 or v1alpha1")
    return document


def _may_pass(reply: HttpReply | NoReply) -> bool:
    return reply.may_pass if isinstance(reply, NoReply) else reply.status in _TRANSIENT


def _pause_seconds(reply: HttpReply | NoReply, repetition: int) -> float:
    asked = reply.headers.get("retry-after", "") if isinstance(reply, HttpReply) else ""
    # Clients that failed together must not come back together.
    chosen = FIRST_PAUSE_SECONDS * 2**repetition * random.uniform(0.5, 1)  # noqa: S311 - nothing to guess
    return min(float(asked) if asked.isdecimal() else chosen, LONGEST_PAUSE_SECONDS)


def _error(url: str, reply: HttpReply, document: object) -> Error:
    """Return the error of an answer that is not a success."""
    match document:
        case {"error": {"code": str() as code, "message": str() as message, **rest}}:
            listed = rest.get("details")
        case _ if reply.status == HTTPStatus.UNAUTHORIZED:
            code, message, listed = "unauthorized", "the key is not accepted", None
        case _:
            kind = NotConfigured if reply.status < HTTPStatus.INTERNAL_SERVER_ERROR else Unavailable
            return kind(f"{url} does not answer as Darkroom's HTTP API (HTTP {reply.status}); check the address")
    request_id = reply.headers.get("x-amzn-requestid", "")
    if reply.status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        named = f"{code}, request {request_id}" if request_id else code
        return Unavailable(f"{message} ({named})", request_id=request_id)
    details = [detail for detail in listed if isinstance(detail, dict)] if isinstance(listed, list) else []
    fields = [RefusedField(str(detail.get("field")), str(detail.get("message"))) for detail in details]
    text = "\n".join(f"{broken.field}: {broken.message}" for broken in fields) or f"{message} ({code})"
    refusal = NoSuchTask if code == "task_not_found" else _ERRORS.get(reply.status, RequestRefused)
    return refusal(text, status=reply.status, code=code, fields=fields, request_id=request_id)


def _form(fields: Mapping[str, str], content: bytes, boundary: str) -> bytes:
    """Return a `multipart/form-data` body whose last field is the file."""
    head = "".join(
        f'--{boundary}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'
        for name, value in fields.items()
    )
    file_head = f'--{boundary}\r\nContent-Disposition: form-data; name="file"; filename="file"\r\n\r\n'
    return (head + file_head).encode() + content + f"\r\n--{boundary}--\r\n".encode()

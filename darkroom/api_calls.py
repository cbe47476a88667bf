"""Calls of Darkroom's HTTP API, each an operation that says how a request is made and its answer is read."""

import builtins
import json
import math
import secrets
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final, TypeVar, Unpack
from urllib.parse import quote, urlencode

from darkroom.batch_snapshot import BatchSnapshot, TaskInBatch
from darkroom.errors import DeadlinePassed, TooManyRequests, Unavailable, UnusableInput
from darkroom.http_exchange import HttpCall
from darkroom.input_pictures import PictureInput, with_uploads
from darkroom.json_api import JsonApi, json_body
from darkroom.operation import Item, Iteration, Operation, Pause, before
from darkroom.pictures import FetchedPicture, save_output
from darkroom.task_request import BatchArguments, ListFilters, TaskOptions, TasksToSend, task_request
from darkroom.task_snapshot import AcceptedTask, OutputFile, TaskListPage, TaskReference, TaskSnapshot, id_of_task

Listed = TypeVar("Listed")

#: Seconds between two polls of a task. Agents write progress at most every 2 s, but more polls show the end of short
#: tasks sooner.
POLL_SECONDS: Final = 0.5
#: Tasks that are polled in that time. With more tasks, each of them is polled less often.
TASKS_PER_POLL: Final = 4
#: Seconds between two polls of a batch.
BATCH_POLL_SECONDS: Final = 1.0
#: Seconds for which a wait goes on although the API, which has answered before, does not answer or throttles the key.
OUTAGE_SECONDS: Final = 60.0
#: Python reads a byte of the command line that is no UTF-8 as half a surrogate pair. The API answers with its escape.
_LONE_SURROGATES: Final = "backslashreplace"
_BATCHES: Final = "/v1alpha2/batches"


class ApiCalls:
    """Methods of both clients, which carry out the operations."""

    def __init__(self, *, api: JsonApi, clock: Callable[[], float]) -> None:
        self._api = api
        self._clock = clock

    def submit(self, prompt: str | None = None, **options: Unpack[TaskOptions]) -> Operation[AcceptedTask]:
        """Submit a task made of keyword arguments, and upload the pictures among them."""
        return (yield from self.submit_request((yield from self.prepare(prompt, **options))))

    def prepare(self, prompt: str | None = None, **options: Unpack[TaskOptions]) -> Operation[dict[str, Any]]:
        """Return the request of `submit` without sending it; its pictures are uploaded."""
        if "workflow" in options and not options.get("runtime"):
            options = {**options, "runtime": (yield from self._only_comfyui())}
        task = task_request(prompt, options)
        return {"task": {**task, "content": (yield from with_uploads(task["content"], self._upload))}}

    def submit_request(self, request: Mapping[str, Any] | bytes) -> Operation[AcceptedTask]:
        """Submit a whole request of format v1alpha2 or v1alpha1, as an object or as JSON."""
        document = _object_of(request)
        body = request if isinstance(request, bytes) else json_body(request)
        path = "/v1alpha2" if "task" in document or "metadata" in document else "/v1alpha1"
        return AcceptedTask.of((yield from self._api.begin(path, body)))

    def retry(self, task: TaskReference) -> Operation[AcceptedTask]:
        """Run a task again that failed or timed out, under its id."""
        return AcceptedTask.of((yield from self._api.begin(f"{_path_of(task)}/retry")))

    def get(self, task: TaskReference) -> Operation[TaskSnapshot]:
        """Return a task as it is now."""
        return TaskSnapshot.of((yield from self._api.ask("GET", _path_of(task))))

    def cancel(self, task: TaskReference) -> Operation[TaskSnapshot]:
        """Cancel a waiting or running task."""
        return TaskSnapshot.of((yield from self._api.ask("DELETE", _path_of(task))))

    def page(self, **filters: Unpack[ListFilters]) -> Operation[TaskListPage]:
        """Return one page of a listing."""
        given = {name: value for name, value in filters.items() if value is not None}
        return TaskListPage.of((yield from self._api.ask("GET", f"/v1alpha2/tasks?{_query(given)}")))

    def list(self, **filters: Unpack[ListFilters]) -> Iteration[TaskSnapshot]:
        """Yield all tasks, the newest first. `limit` is the size of the pages in which they are read."""
        while True:
            page = yield from self.page(**filters)
            for task in page.tasks:
                yield Item(task)
            if page.next is None:
                return
            filters = {**filters, "next": page.next}

    def watch(
        self, *tasks: TaskReference, timeout_seconds: float | None = None, stall_seconds: float | None = None
    ) -> Iteration[TaskSnapshot]:
        """Yield each task whenever its state or progress has changed, until all tasks have ended.

        Raise DeadlinePassed after `timeout_seconds` in all, or when no task has changed for `stall_seconds`.
        """
        started_at = changed_at = self._clock()
        answered_at = -math.inf
        limit = math.inf if timeout_seconds is None else timeout_seconds
        stall_limit = math.inf if stall_seconds is None else stall_seconds
        waiting = list(dict.fromkeys(map(id_of_task, tasks)))
        positions: dict[str, tuple[object, ...]] = {}
        while waiting:
            for task_id in tuple(waiting):
                try:
                    task = yield from before(started_at + limit, self.get(task_id), self._clock)
                except (Unavailable, TooManyRequests):
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

    def upload(self, picture: PictureInput) -> Operation[str]:
        """Upload a picture, and return the link by which tasks use it."""
        return str((yield from with_uploads(picture, self._upload, place="the picture")))

    def call(self, method: str, path: str, document: Mapping[str, Any]) -> Operation[dict[str, Any]]:
        """Send a document to a path that has no method here, and return the document of the answer."""
        if not path.startswith("/"):
            # The path would become the end of the host's name, and another host would get the key.
            raise UnusableInput(f"`path` is {path!r}; begin it with a slash, for example /v1alpha2/fleet")
        return (yield from self._api.ask(method, path, json_body(document)))

    def submit_batch(self, tasks: TasksToSend, **options: Unpack[BatchArguments]) -> Operation[BatchSnapshot]:
        """Submit up to 1,000 tasks as one batch: requests as `prepare` returns them, JSON lines, or a JSON array."""
        lines = (json_body(task, f"task {number}") for number, task in enumerate(tasks, 1))
        body = tasks if isinstance(tasks, bytes) else b"\n".join(lines)
        headers = {"content-type": "application/json" if body.lstrip()[:1] == b"[" else "application/x-ndjson"}
        # A repetition after a lost answer has the same id, so it is the same batch.
        given = {"id": f"batch-{secrets.token_hex(8)}", **options}
        query = {name: str(value).lower() if isinstance(value, bool) else value for name, value in given.items()}
        return BatchSnapshot.of((yield from self._api.ask("POST", f"{_BATCHES}?{_query(query)}", body, headers)))

    def get_batch(self, batch_id: str) -> Operation[BatchSnapshot]:
        """Return a batch as it is now."""
        return BatchSnapshot.of((yield from self._api.ask("GET", _path_of_batch(batch_id))))

    def cancel_batch(self, batch_id: str) -> Operation[BatchSnapshot]:
        """Begin to cancel the active tasks of a batch."""
        return BatchSnapshot.of((yield from self._api.ask("DELETE", _path_of_batch(batch_id))))

    def retry_batch(self, batch_id: str) -> Operation[BatchSnapshot]:
        """Submit the tasks of a batch that failed again, as another batch."""
        return BatchSnapshot.of((yield from self._api.ask("POST", f"{_path_of_batch(batch_id)}/retry")))

    def list_batches(self) -> Iteration[BatchSnapshot]:
        """Yield all batches, the newest first."""
        return self._entries(_BATCHES, "batches", BatchSnapshot.of, {})

    def list_batch_tasks(self, batch_id: str, state: str | None = None) -> Iteration[TaskInBatch]:
        """Yield the tasks of a batch in their order, all or those in a state such as `failed`."""
        path = f"{_path_of_batch(batch_id)}/tasks"
        return self._entries(path, "tasks", TaskInBatch.of, {"state": state} if state else {})

    def _entries(
        self, path: str, name: str, view_of: Callable[[Mapping[str, Any]], Listed], query: Mapping[str, str]
    ) -> Iteration[Listed]:
        """Yield the entries of a list, page by page; `name` is the key that holds them."""
        asked = dict(query)
        while True:
            page = yield from self._api.ask("GET", f"{path}?{_query(asked)}")
            for document in page[name]:
                yield Item(view_of(document))
            if page["next"] is None:
                return
            asked["next"] = page["next"]

    def watch_batch(self, batch_id: str, *, timeout_seconds: float | None = None) -> Iteration[BatchSnapshot]:
        """Yield a batch whenever it has changed, until all its tasks have ended. Raise DeadlinePassed in between."""
        deadline = self._clock() + (math.inf if timeout_seconds is None else timeout_seconds)
        last: BatchSnapshot | None = None
        answered_at = -math.inf
        while last is None or not last.is_final:
            try:
                batch = yield from before(deadline, self.get_batch(batch_id), self._clock)
            except (Unavailable, TooManyRequests):
                if self._clock() - answered_at >= OUTAGE_SECONDS or last is None:
                    raise
                batch = last
            else:
                answered_at = self._clock()
            if batch != last:
                yield Item(batch)
            last = batch
            if not batch.is_final:
                if self._clock() >= deadline:
                    message = f"batch {batch_id} is still active after {timeout_seconds:g} s"
                    raise DeadlinePassed(message, task_ids=[batch_id])
                yield Pause(BATCH_POLL_SECONDS)

    def download(self, output: OutputFile) -> Operation[bytes]:
        """Return the content of an output."""
        # A presigned link carries its own authorization; S3 must not see the API key.
        return (yield from self._api.ask_storage(HttpCall("GET", output.url), what=output.name))

    def pictures(self, task: TaskSnapshot) -> Operation[builtins.list[FetchedPicture]]:
        """Return the pictures of a task, with their content."""
        found = []
        for output in task.outputs:
            if output.is_picture:
                data = yield from self.download(output)
                found.append(FetchedPicture(output, data))
        return found

    def save(self, task: TaskSnapshot, folder: Path | str) -> Operation[builtins.list[Path]]:
        """Save the outputs of a task in a folder, and return their paths."""
        saved = []
        for output in task.outputs:
            # No name holds the content: it may be a video of 2 GiB, and the next one is on its way.
            path = save_output(output, (yield from self.download(output)), Path(folder))
            saved.append(path)
        return saved

    def _only_comfyui(self) -> Operation[str]:
        """Return the runtime that takes workflows; raise UnusableInput unless there is exactly one."""
        known = (yield from self._api.ask("GET", "/v1alpha2/runtimes"))["runtimes"]
        names = [str(runtime["name"]) for runtime in known if runtime["type"] == "comfyui"]
        if len(names) != 1:
            found = ", ".join(names) or "none"
            raise UnusableInput(f"name the runtime of the workflow; the runtimes of ComfyUI are: {found}")
        return names[0]

    def _upload(self, data: bytes, content_type: str) -> Operation[str]:
        """Upload a picture, and return the link by which tasks use it."""
        body = json.dumps({"content_type": content_type}).encode()
        created = yield from self._api.ask("POST", "/v1alpha2/uploads", body)
        form = created["upload"]
        boundary = secrets.token_hex(16)
        headers = {"content-type": f"multipart/form-data; boundary={boundary}"}
        call = HttpCall(form["method"], form["url"], headers, _form(form["fields"], data, boundary))
        yield from self._api.ask_storage(call, what="the upload")
        return str(created["link"])


def _path_of(task: TaskReference) -> str:
    return f"/v1alpha2/tasks/{_segment(id_of_task(task), 'task')}"


def _path_of_batch(batch_id: str) -> str:
    return f"{_BATCHES}/{_segment(batch_id, 'batch')}"


def _segment(id_: str, kind: str) -> str:
    """Return an id as a part of a path. Without an id, the path would be that of the list."""
    if not id_:
        raise UnusableInput(f"the id of the {kind} is empty; give the one that its submission has returned")
    return quote(id_, safe="", errors=_LONE_SURROGATES)


def _query(values: Mapping[str, object]) -> str:
    return urlencode(values, errors=_LONE_SURROGATES)


def _object_of(request: Mapping[str, Any] | bytes) -> Mapping[str, Any]:
    try:
        document = json.loads(request) if isinstance(request, bytes) else request
    except ValueError as error:
        raise UnusableInput(f"the request is not JSON: {error}") from None
    if not isinstance(document, Mapping):
        raise UnusableInput("the request must be one JSON object, a task of format v1alpha2 or v1alpha1")
    return document


def _form(fields: Mapping[str, str], content: bytes, boundary: str) -> bytes:
    """Return a `multipart/form-data` body whose last field is the file."""
    head = "".join(
        f'--{boundary}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'
        for name, value in fields.items()
    )
    file_head = f'--{boundary}\r\nContent-Disposition: form-data; name="file"; filename="file"\r\n\r\n'
    return (head + file_head).encode() + content + f"\r\n--{boundary}--\r\n".encode()

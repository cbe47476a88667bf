"""Tasks of a small HTTP API that answers as documented."""

import json
from typing import Any


class FakeApi:
    """Holds tasks; each read moves a task one state on."""

    def __init__(self) -> None:
        self.url = ""
        self.states: dict[str, list[str]] = {}
        self.submitted: list[tuple[str, dict[str, Any]]] = []
        self.queries: list[str] = []
        #: Content types and bodies of the forms that came.
        self.uploaded: list[tuple[str, bytes]] = []
        self.refuses_filters = False
        #: Number of broken fields of a task with the id `broken`.
        self.broken_fields = 2

    def answer(self, method: str, path: str, body: bytes) -> tuple[int, dict[str, Any]]:
        path, _, query = path.partition("?")
        if method == "POST" and path in {"/v1alpha2", "/v1alpha1"}:
            return self.submit(path, json.loads(body))
        if path == "/v1alpha2/uploads":
            form = {"method": "POST", "url": f"{self.url}/form", "fields": {"key": "uploads/x"}}
            return 201, {"link": "s3://tasks/uploads/x.png", "upload": form, "asked": json.loads(body)}
        if path == "/v1alpha2/runtimes":
            runtimes = {"sdruntime": "sdwebui", "comfyui": "comfyui"}
            return 200, {"runtimes": [{"name": name, "type": type_} for name, type_ in runtimes.items()]}
        if query and self.refuses_filters:
            details = [{"field": pair.partition("=")[0], "message": "no"} for pair in query.split("&")]
            shown = [each for each in details if each["field"] != "limit"]
            return 400, {"error": {"code": "invalid_task", "message": "no", "details": shown}}
        if path == "/v1alpha2/tasks":
            self.queries.append(query)
            return 200, {"tasks": [self.task(task_id) for task_id in self.states], "next": "more"}
        return self.answer_of_task(method, path)

    def answer_of_task(self, method: str, path: str) -> tuple[int, dict[str, Any]]:
        if path == "/v1alpha2/batches/posters/tasks":
            return 200, {"tasks": [self.batch_task(*pair) for pair in enumerate(self.states, start=1)], "next": None}
        task_id = path.removeprefix("/v1alpha2/tasks/").removesuffix("/retry")
        if task_id not in self.states:
            return 404, {"error": {"code": "task_not_found", "message": f"there is no task {task_id!r}"}}
        if path.endswith("/retry"):
            self.states[task_id] = ["IN_QUEUE", "COMPLETED"]
            return 200, {"id_task": task_id, "runtime": "sdruntime", "output_location": "s3://b/output/x"}
        if method == "DELETE":
            self.states[task_id] = ["CANCELLED"]
        elif len(self.states[task_id]) > 1:
            self.states[task_id].pop(0)
        return 200, self.task(task_id)

    def submit(self, path: str, body: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        self.submitted.append((path, body))
        metadata = body["task"]["metadata"] if "task" in body else {"id": body["alwayson_scripts"]["id_task"]}
        if metadata["id"] == "broken":
            fields = [("task.metadata.id", "no"), ("task.content.width", "is 9")] * (self.broken_fields // 2)
            details = [{"field": field, "message": message} for field, message in fields]
            return 400, {"error": {"code": "invalid_task", "message": "no; is 9", "details": details}}
        if metadata["id"] == "outage":
            return 503, {"error": {"code": "unavailable", "message": "AWS is away"}}
        self.states.setdefault(metadata["id"], ["IN_QUEUE", "IN_PROGRESS", "COMPLETED"])
        unknown = {"unknown_fields": ["task.content.colour"]} if "colour" in str(body) else {}
        return 200, {"id_task": metadata["id"], "runtime": "sdruntime", "output_location": "s3://b/output/x"} | unknown

    def batch_task(self, number: int, task_id: str) -> dict[str, Any]:
        shown = {"number": number, "id": task_id, "state": self.states[task_id][0].lower()}
        refusal = {"error": {"code": "id_in_use", "message": "no"}}
        return shown | (refusal if shown["state"] == "failed" else {})

    def task(self, task_id: str) -> dict[str, Any]:
        status = self.states[task_id][0]
        outputs = [
            {"s3_url": f"s3://b/output/{task_id}/{task_id}-1a2b-1.png", "url": f"{self.url}/{task_id}-1a2b-1.png?X=1"}
        ]
        return {
            "id": task_id,
            "runtime": "sdruntime",
            "tasktype": "text-to-image",
            "status": status,
            "progress": 1 if status == "COMPLETED" else 0.25,
            "submitted_at": "2026-11-20T10:00:00Z",
            "queue_position": 3 if status == "IN_QUEUE" else None,
            "estimated_start_at": "2026-11-20T10:01:00Z" if status == "IN_QUEUE" else None,
            "outputs": outputs if status == "COMPLETED" else [],
            "error": {"code": "webui_refused", "message": "the Web UI said no"} if status == "FAILED" else None,
        }

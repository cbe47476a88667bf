"""HTTP server: ComfyUI's routes, each also below `/api`. A handler that raises is answered with 500, as by ComfyUI."""

import json
import time
import uuid
from collections.abc import Awaitable, Callable, Collection, Iterable, Mapping
from functools import partial
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

import psutil
from aiohttp import web

from embedded_comfyui.catalogue import MODEL_FOLDERS, NodeDefinition
from embedded_comfyui.clients import FEATURES, ClientConnections
from embedded_comfyui.file_routes import FileRoutes
from embedded_comfyui.folders import ComfyFolders
from embedded_comfyui.jobs import list_jobs, summary
from embedded_comfyui.prompt_queue import PromptQueue, QueuedPrompt
from embedded_comfyui.validation import PromptValidation, error_body
from embedded_comfyui.worker import LATE_FILES
from stub_webui.journal import GenerationJournal, GenerationStep

COMFYUI_VERSION: Final = "0.33.0"
_MAX_BODY_BYTES: Final = 104_857_600
#: Keys that ComfyUI keeps out of the queue and the history.
_SECRETS: Final = ("api_key_comfy_org", "auth_token_comfy_org")
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class ComfyServer:
    """The routes.

    Args:
        arguments: The command line, for `/system_stats`.
    """

    def __init__(
        self,
        *,
        queue: PromptQueue,
        clients: ClientConnections,
        catalogue: Mapping[str, NodeDefinition],
        folders: ComfyFolders,
        faults: Collection[str],
        journal: GenerationJournal | None,
        arguments: list[str],
    ) -> None:
        self._queue, self._clients, self._catalogue, self._folders = queue, clients, catalogue, folders
        self._files = FileRoutes(folders, are_files_late=LATE_FILES in faults)
        self._journal, self._arguments = journal, arguments
        self._number = 0

    def application(self) -> web.Application:
        """Return the application."""
        routes: list[tuple[str, str, Handler]] = [
            ("GET", "/prompt", self._exec_info),
            ("POST", "/prompt", self._submit),
            ("GET", "/queue", self._show_queue),
            ("POST", "/queue", partial(_delete, self._queue.remove)),
            ("GET", "/history", self._history),
            ("GET", "/history/{id}", self._history),
            ("POST", "/history", partial(_delete, self._queue.forget)),
            ("POST", "/interrupt", self._interrupt),
            ("POST", "/free", self._free),
            ("GET", "/object_info", self._object_info),
            ("GET", "/object_info/{name}", self._object_info),
            ("GET", "/system_stats", self._system_stats),
            ("GET", "/models", self._models),
            ("GET", "/models/{folder}", self._models),
            ("GET", "/embeddings", self._embeddings),
            ("GET", "/extensions", self._extensions),
            ("GET", "/features", self._features),
            ("GET", "/view", self._files.view),
            ("POST", "/upload/image", self._files.upload),
            ("POST", "/upload/mask", self._files.upload),
            ("GET", "/ws", self._clients.serve),
        ]
        application = web.Application(client_max_size=_MAX_BODY_BYTES, middlewares=[_refuse_other_origins])
        for method, path, handler in routes:
            for prefix in ("", "/api"):
                application.router.add_route(method, prefix + path, handler)
        application.router.add_get("/api/jobs", self._jobs)
        application.router.add_get("/api/jobs/{id}", self._job)
        application.router.add_post("/api/jobs/cancel", self._cancel_all)
        application.router.add_post("/api/jobs/{id}/cancel", self._cancel)
        application.router.add_get("/{path:.*}", self._page)
        return application

    async def _exec_info(self, _: web.Request) -> web.Response:
        return web.json_response({"exec_info": {"queue_remaining": self._queue.remaining}})

    async def _submit(self, request: web.Request) -> web.Response:
        body = json.loads(await request.text())
        number = float(body["number"]) if "number" in body else self._number
        if "number" not in body and "front" in body and body["front"]:
            number = -number
        self._number += 1
        if "prompt" not in body:
            return _refusal(error_body("no_prompt", "No prompt provided", "No prompt provided"))
        prompt_id = body.get("prompt_id", str(uuid.uuid4()))
        if not _is_uuid(prompt_id):
            details = "prompt_id must be a UUID string in canonical lowercase hyphenated form; "
            details += "omit it to let the server generate one"
            return _refusal(error_body("invalid_prompt_id", "prompt_id must be a valid UUID", details))
        graph = body["prompt"]
        checked = PromptValidation(graph, self._catalogue, self._folders).run(body.get("partial_execution_targets"))
        extra_data = body.get("extra_data", {})
        if "client_id" in body:
            extra_data["client_id"] = body["client_id"]
        if checked.error:
            return _refusal(checked.error, checked.node_errors)
        for secret in _SECRETS:
            extra_data.pop(secret, None)
        extra_data["create_time"] = int(time.time() * 1000)
        prompt = QueuedPrompt(
            number=number, prompt_id=prompt_id, graph=graph, extra_data=extra_data, outputs=checked.outputs
        )
        if self._journal:
            texts = (node.get("inputs", {}).get("text") for node in graph.values())
            text = next((text for text in texts if isinstance(text, str)), "")
            self._journal.record(GenerationStep.ARRIVED, generation=prompt_id, prompt=text)
        self._queue.put(prompt)
        return web.json_response({"prompt_id": prompt_id, "number": number, "node_errors": checked.node_errors})

    async def _show_queue(self, _: web.Request) -> web.Response:
        running, waiting = self._queue.running, self._queue.waiting
        listed = {
            "queue_running": [prompt.listed() for prompt in running],
            "queue_pending": [prompt.listed() for prompt in waiting],
        }
        return web.json_response(listed)

    async def _history(self, request: web.Request) -> web.Response:
        history = self._queue.history
        if prompt_id := request.match_info.get("id"):
            return web.json_response({prompt_id: history[prompt_id]} if prompt_id in history else {})
        query = request.rel_url.query
        entries = list(history.items())
        if "max_items" in query:
            entries = entries[-int(query["max_items"]) :]
        return web.json_response(dict(entries))

    async def _interrupt(self, request: web.Request) -> web.Response:
        self._queue.interrupt((await _json(request)).get("prompt_id"))
        return web.Response()

    async def _free(self, request: web.Request) -> web.Response:
        self._queue.request_free((await _json(request)) | {})
        return web.Response()

    async def _object_info(self, request: web.Request) -> web.Response:
        name = request.match_info.get("name")
        classes = self._catalogue.values() if name is None else filter(None, [self._catalogue.get(name)])
        return web.json_response({found.name: found.information() for found in classes})

    async def _system_stats(self, _: web.Request) -> web.Response:
        memory = psutil.virtual_memory()
        system = {
            "os": "linux",
            "ram_total": memory.total,
            "ram_free": memory.available,
            "comfyui_version": COMFYUI_VERSION,
            "python_version": "3.11",
            "pytorch_version": "2.13.0+cpu",
            "embedded_python": False,
            "deploy_environment": "embedded",
            "argv": self._arguments,
        }
        sizes = {
            f"{prefix}vram_{part}": size
            for prefix in ("", "torch_")
            for part, size in (("total", memory.total), ("free", memory.available))
        }
        return web.json_response(
            {"system": system, "devices": [{"name": "cpu", "type": "cpu", "index": None, **sizes}]}
        )

    async def _models(self, request: web.Request) -> web.Response:
        folder = request.match_info.get("folder")
        if folder is None:
            return web.json_response(MODEL_FOLDERS)
        if folder not in MODEL_FOLDERS:
            return web.Response(status=404)
        return web.json_response(self._folders.model_names(folder))

    async def _embeddings(self, _: web.Request) -> web.Response:
        return web.json_response([Path(name).stem for name in self._folders.model_names("embeddings")])

    async def _extensions(self, _: web.Request) -> web.Response:
        return web.json_response([])

    async def _features(self, _: web.Request) -> web.Response:
        return web.json_response(FEATURES)

    async def _jobs(self, request: web.Request) -> web.Response:
        query = request.rel_url.query
        wanted = query["status"].split(",") if "status" in query else None
        offset, limit = int(query.get("offset", 0)), int(query["limit"]) if "limit" in query else None
        jobs = [summary(job) for job in list_jobs(self._queue) if wanted is None or job["status"] in wanted]
        shown = jobs[offset:][:limit]
        has_more = offset + len(shown) < len(jobs)
        pagination = {"offset": offset, "limit": limit, "total": len(jobs), "has_more": has_more}
        return web.json_response({"jobs": shown, "pagination": pagination})

    async def _job(self, request: web.Request) -> web.Response:
        job = next((job for job in list_jobs(self._queue) if job["id"] == request.match_info["id"]), None)
        return web.json_response(job or {"error": "Job not found"}, status=200 if job else 404)

    async def _cancel(self, request: web.Request) -> web.Response:
        return web.json_response({"cancelled": self._queue.cancel(request.match_info["id"])})

    async def _cancel_all(self, request: web.Request) -> web.Response:
        wanted = (await request.json())["job_ids"]
        if invalid := [job for job in wanted if not _is_uuid(job)]:
            error = {"error": "job_ids contains invalid id(s)", "invalid_ids": invalid}
            return web.json_response(error, status=400)
        return web.json_response({"cancelled": [job for job in wanted if self._queue.cancel(job)]})

    async def _page(self, request: web.Request) -> web.Response:
        if request.match_info["path"]:
            return web.Response(status=404)
        return web.Response(text="<!doctype html><title>ComfyUI</title>", content_type="text/html")


async def _delete(remove: Callable[[Iterable[str] | None], object], request: web.Request) -> web.Response:
    """Remove all entries of the queue or of the history, or some of them."""
    body = await _json(request)
    if body.get("clear"):
        remove(None)
    if "delete" in body:
        remove(body["delete"])
    return web.Response()


async def _json(request: web.Request) -> dict[str, Any]:
    text = await request.text()
    body: dict[str, Any] = json.loads(text) if text else {}
    if not isinstance(body, dict):
        raise TypeError(body)
    return body


@web.middleware
async def _refuse_other_origins(request: web.Request, handler: Handler) -> web.StreamResponse:
    origin = request.headers.get("Origin")
    if origin and urlsplit(origin).netloc != request.host:
        return web.Response(status=403)
    return await handler(request)


def _refusal(error: Mapping[str, Any], node_errors: Mapping[str, Any] | None = None) -> web.Response:
    return web.json_response({"error": error, "node_errors": node_errors or {}}, status=400)


def _is_uuid(text: object) -> bool:
    try:
        return isinstance(text, str) and str(uuid.UUID(text)) == text
    except ValueError:
        return False

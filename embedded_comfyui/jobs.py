"""Jobs of `/api/jobs`: the queue and the history in one list."""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from embedded_comfyui.prompt_queue import PromptQueue, QueuedPrompt

_PREVIEWABLE: Final = frozenset({"images", "gifs", "video", "audio", "3d"})


def list_jobs(queue: PromptQueue) -> Iterator[dict[str, Any]]:
    """Yield all jobs with everything that is known about them, the newest first."""
    for prompt in queue.waiting:
        yield _unfinished(prompt, "pending")
    for prompt in queue.running:
        yield _unfinished(prompt, "in_progress")
    for prompt_id, entry in reversed(queue.history.items()):
        yield _finished(prompt_id, entry)


def summary(job: Mapping[str, Any]) -> dict[str, Any]:
    """Return a job as the list shows it."""
    return {name: value for name, value in job.items() if name not in {"outputs", "execution_status", "workflow"}}


def _unfinished(prompt: QueuedPrompt, status: str) -> dict[str, Any]:
    return _job(prompt.listed(), status) | _workflow_id(prompt.extra_data)


def _finished(prompt_id: str, entry: dict[str, Any]) -> dict[str, Any]:
    status, outputs, prompt = entry["status"], entry["outputs"], entry["prompt"]
    events = dict(map(tuple, status["messages"]))
    name = "completed" if status["completed"] else "cancelled" if "execution_interrupted" in events else "failed"
    files = [
        {**item, "nodeId": node, "mediaType": key}
        for node, ui in outputs.items()
        for key, items in ui.items()
        for item in items
        if isinstance(item, dict)
    ]
    previewable = [file for file in files if file["mediaType"] in _PREVIEWABLE]
    times = [content["timestamp"] for _, content in status["messages"]]
    job = _job([prompt[0], prompt_id, *prompt[2:]], name, times=times, files=len(files), previewable=len(previewable))
    if previewable:
        job["preview_output"] = previewable[0]
    if error := events.get("execution_error"):
        job["execution_error"] = error
    workflow = {"prompt": prompt[2], "extra_data": prompt[3]}
    details = {"outputs": outputs, "execution_status": status, "workflow": workflow}
    return job | _workflow_id(prompt[3]) | details


def _job(
    prompt: list[Any], status: str, *, times: list[int] | None = None, files: int = 0, previewable: int = 0
) -> dict[str, Any]:
    started = {"execution_start_time": times[0], "execution_end_time": times[-1]} if times else {}
    return {
        "id": prompt[1],
        "status": status,
        "priority": prompt[0],
        "create_time": prompt[3]["create_time"],
        **started,
        "outputs_count": files,
        "previewable_outputs_count": previewable,
    }


def _workflow_id(extra_data: Mapping[str, Any]) -> dict[str, Any]:
    try:
        return {"workflow_id": extra_data["extra_pnginfo"]["workflow"]["id"]}
    except (KeyError, TypeError):
        return {}

"""Smoke test after a deployment: one small picture from each runtime."""

import json
import secrets
from collections.abc import Iterator

from rich.console import Console

from cli.api_client import ApiClient
from cli.doctor.finding import Finding, Level, ok
from cli.errors import CommandError
from cli.waiting import wait_for_tasks
from stacks.config import RuntimeConfig


def smoke_test(
    runtime: RuntimeConfig, checkpoint: str | None, *, api: ApiClient, timeout_seconds: float, console: Console
) -> Iterator[Finding]:
    """Submit a task, wait for its end, and check its picture. The first replica needs minutes to start."""
    task_id = f"doctor-{secrets.token_hex(4)}"
    content: dict[str, object] = {"prompt": "a lighthouse", "width": 64, "height": 64, "steps": 2}
    if checkpoint is not None:
        content["override_settings"] = {"sd_model_checkpoint": checkpoint}
    metadata = {"id": task_id, "runtime": runtime.name, "tasktype": "text-to-image", "prefix": "doctor"}
    try:
        api.submit("/v1alpha2", json.dumps({"task": {"metadata": metadata, "content": content}}).encode())
        ended = wait_for_tasks([task_id], read_task=api.task, timeout_seconds=timeout_seconds, console=console)
    except CommandError as error:
        yield Finding(Level.PROBLEM, f"{runtime.name}: {error}", f"look at the task: darkroom status {task_id}")
        return
    task = ended[task_id]
    pictures = [output for output in task["outputs"] if not output["s3_url"].endswith(".out")]
    if task["status"] != "COMPLETED" or not pictures:
        reason = (task.get("error") or {}).get("message", "no picture came")
        yield Finding(Level.PROBLEM, f"{runtime.name}: the task is {task['status']}: {reason}")
    else:
        yield ok(f"{runtime.name}: made {pictures[0]['s3_url']}")

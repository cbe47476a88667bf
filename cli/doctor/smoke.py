"""Smoke test after a deployment: one small picture from each runtime."""

import secrets
from collections.abc import Iterator
from typing import Final

from cli.doctor.finding import Finding, ok, problem
from cli.environment_options import program_of
from cli.session import Session
from cli.waiting import show_until_the_end
from darkroom import Client, Error
from darkroom.task_request import TaskOptions
from stacks.config import RuntimeConfig

#: Workflow that needs no model, because ComfyUI loads what a workflow names.
_WORKFLOW: Final = {
    "1": {"class_type": "EmptyImage", "inputs": {"width": 64, "height": 64, "batch_size": 1, "color": 8421504}},
    "2": {"class_type": "SaveImage", "inputs": {"filename_prefix": "doctor", "images": ["1", 0]}},
}


def smoke_test(
    runtime: RuntimeConfig, checkpoint: str | None, *, client: Client, timeout_seconds: float, session: Session
) -> Iterator[Finding]:
    """Submit a task, wait for its end, and check its picture. The first replica needs minutes to start."""
    task_id = f"doctor-{secrets.token_hex(4)}"
    options: TaskOptions = {"id": task_id, "runtime": runtime.name, "prefix": "doctor"}
    prompt = None if runtime.type == "comfyui" else "a lighthouse"
    options |= {"workflow": _WORKFLOW} if prompt is None else {"width": 64, "height": 64, "steps": 2}
    if checkpoint is not None:
        options["model"] = checkpoint
    try:
        client.submit(prompt, **options)
        changes = client.watch(task_id, timeout_seconds=timeout_seconds)
        (task,) = show_until_the_end(changes, console=session.console).values()
    except Error as error:
        yield problem(f"{runtime.name}: {error}", f"look at the task: {program_of(session.choice)} status {task_id}")
        return
    pictures = [output for output in task.outputs if output.is_picture]
    if not task.is_completed or not pictures:
        reason = task.error.message if task.error else "no picture came"
        yield problem(f"{runtime.name}: the task is {task.status}: {reason}")
    else:
        yield ok(f"{runtime.name}: made {pictures[0].s3_url}")

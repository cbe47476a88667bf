"""Tasks for unit tests of the agent."""

from typing import Any

from contract.lease import Lease
from contract.message import TaskMessage
from contract.task import Metadata, Task
from contract.tenancy import scoped
from runtime_image.agent.core.claimed_task import ClaimedTask, TaskPhase
from runtime_image.agent.core.task_queue import ReceivedMessage
from runtime_image.webui.request import WebUiRequest
from tests.unit.runtime_image.agent.fakes import TENANT, FakeCall, FakeEngine

GENERATION = WebUiRequest("POST", "/sdapi/v1/txt2img", b"{}", takes_lock=True, generates=True, needs_pictures=True)

UPSCALING = WebUiRequest("POST", "/sdapi/v1/extra-batch-images", b"{}", takes_lock=True, needs_pictures=True)


def task_message(task_id: str = "cat", *, checkpoint: str | None = None, **changes: Any) -> TaskMessage:
    metadata = {"id": task_id, "runtime": "sdruntime", "tasktype": "text-to-image", **changes}
    task = Task(metadata=Metadata.model_validate(metadata), content={"prompt": task_id})
    return TaskMessage(
        task=task, tenant=TENANT, run_id="1a2b", checkpoint=checkpoint, submitted_at_ms=1_700_000_000_000
    )


def received(body: str = "", message_id: str = "m-1", receive_count: int = 1) -> ReceivedMessage:
    return ReceivedMessage(message_id, f"handle-{message_id}", body, receive_count, received_at=1000.0)


def held_task(
    task_id: str = "cat", *, request: WebUiRequest = GENERATION, checkpoint: str | None = None, **changes: Any
) -> ClaimedTask:
    return ClaimedTask(
        message=received(message_id=task_id),
        lease=Lease(scoped(TENANT, task_id), "1a2b", "me/1"),
        task_message=task_message(task_id, checkpoint=checkpoint, **changes),
        attempt=1,
        claimed_at=1000.0,
        lease_until=1050.0,
        phase=TaskPhase.GENERATING,
        stage="generate",
        call=FakeCall(request, FakeEngine(name=checkpoint), checkpoint),
    )

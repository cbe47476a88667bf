"""Output of a finished task in the form of its RunPod endpoint: the Web UI's response, or the files of a workflow."""

from typing import Any

from contract.record import Record
from contract.task import TaskType
from lambdas.tasks.output_bucket import OutputBucket
from lambdas.tasks.webui_responses import MAX_RESPONSE_BYTES, WebUiResponses
from lambdas.tasks.workflow_responses import WorkflowResponses


class JobResponses:
    """Reads the outputs of tasks of all types."""

    def __init__(self, *, outputs: OutputBucket) -> None:
        self._webui = WebUiResponses(outputs=outputs)
        self._workflows = WorkflowResponses(outputs=outputs)

    def read(self, record: Record, *, max_bytes: int = MAX_RESPONSE_BYTES) -> Any:
        """Return the output of a completed task; it has at most `max_bytes` as a JSON string."""
        responses = self._workflows if record.tasktype == TaskType.PIPELINE else self._webui
        return responses.read(record, max_bytes=max_bytes)

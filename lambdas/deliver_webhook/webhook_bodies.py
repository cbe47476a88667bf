"""Bodies of webhooks in the format of the submission: the callback, or RunPod's body of a job."""

from typing import Any, Final

from contract.batch import Ended
from contract.callback import callback_for
from contract.checkpoint import with_requested_checkpoint
from contract.formats import Format
from contract.json_values import compact_json
from contract.pipeline.graph import graph_of
from contract.record import Record
from contract.runpod_jobs import job_body
from contract.task import TaskType
from lambdas.runtime.observability import logger
from lambdas.tasks.job_output import job_output
from lambdas.tasks.output_bucket import OutputBucket, OutputGone
from lambdas.tasks.stored_message import stored_message
from lambdas.tasks.webui_responses import MAX_RESPONSE_BYTES
from task_store.task_bucket import MessageLost, TaskBucket

#: Bytes of a request that the body repeats. Of a larger request it repeats only `api`, because payloads and workflows
#: hold pictures.
MAX_INPUT_BYTES: Final = MAX_RESPONSE_BYTES // 2


class WebhookBodies:
    """Makes bodies; the large parts of RunPod's bodies come from S3."""

    def __init__(self, *, task_bucket: TaskBucket, outputs: OutputBucket) -> None:
        self._task_bucket = task_bucket
        self._outputs = outputs

    def render(self, record: Ended) -> bytes:
        """Return the body for a final record or batch."""
        if isinstance(record, Record) and record.format == Format.RUNPOD.value:
            return compact_json(self._job(record)).encode()
        return compact_json(callback_for(record)).encode()

    def _job(self, record: Record) -> dict[str, Any]:
        request = self._request(record)
        output = self._output(record, MAX_RESPONSE_BYTES - len(compact_json(request))) if record.error is None else None
        ended_at_ms = record.completed_at_ms or 0
        return job_body(record, now_ms=ended_at_ms, output=output) | {"input": request, "webhook": record.webhook}

    def _output(self, record: Record, max_bytes: int) -> Any:
        try:
            return job_output(record, self._outputs, max_bytes=max_bytes)
        except OutputGone:
            # The receiver learns of the end of the task even without the output.
            logger().warning("webhook_without_output", task_id=record.id, run_id=record.run_id)
            return None

    def _request(self, record: Record) -> dict[str, Any] | None:
        try:
            content = stored_message(record, bucket=self._task_bucket).task.content
        except MessageLost:
            logger().warning("webhook_without_input", task_id=record.id, run_id=record.run_id)
            return None
        if record.requested_checkpoint:
            content = with_requested_checkpoint(content, record.requested_checkpoint)
        is_large = len(compact_json(content)) > MAX_INPUT_BYTES
        if record.tasktype == TaskType.PIPELINE:
            return {} if is_large else {"workflow": graph_of(content)}
        return {"api": content.get("api")} if is_large else content

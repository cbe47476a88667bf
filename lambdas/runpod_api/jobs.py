"""RunPod jobs: run, wait, status, stream, cancel and retry of one task."""

from collections.abc import Callable
from typing import Any
from uuid import UUID

from contract.errors import TaskNotFound
from contract.formats import Format
from contract.json_values import parse_json_object
from contract.record import Record, Status
from contract.runpod_jobs import job_body, job_id, progress_of
from contract.tenancy import Tenant
from lambdas.http.application import Caller
from lambdas.tasks.caller_tasks import CallerTasks
from lambdas.tasks.job_output import job_output


class RunpodJobs:
    """Answers with RunPod's bodies; raises the contract's errors. `new_uuid` makes the ids of jobs."""

    def __init__(self, *, tasks: CallerTasks, now_ms: Callable[[], int], new_uuid: Callable[[], UUID]) -> None:
        self._tasks = tasks
        self._now_ms = now_ms
        self._new_uuid = new_uuid

    def run(self, runtime: str, body: str | bytes, *, caller: Caller) -> dict[str, Any]:
        """Submit a job."""
        submitted = self._submit(runtime, body, caller, is_sync=False)
        unknown = submitted.unknown_fields
        return _brief(submitted) | ({"unknown_fields": list(unknown)} if unknown else {})

    def run_and_wait(self, runtime: str, body: str | bytes, *, seconds: float, caller: Caller) -> dict[str, Any]:
        """Submit a job and wait for its end. After `seconds` the response is its present status."""
        record = self._tasks.wait(self._submit(runtime, body, caller, is_sync=True), seconds)
        return self._show(record) if record.is_final else _brief(record)

    def status(self, runtime: str, task_id: str, *, tenant: Tenant) -> dict[str, Any]:
        """Return a job with its progress or its result."""
        return self._show(self._tasks.read(task_id, tenant, runtime=runtime))

    def wait(self, runtime: str, task_id: str, *, seconds: float, tenant: Tenant) -> dict[str, Any]:
        """Wait for the end of a job, `seconds` at most, and return it as `status` does."""
        return self._show(self._tasks.wait(self._tasks.read(task_id, tenant, runtime=runtime), seconds))

    def stream(self, runtime: str, task_id: str, *, tenant: Tenant) -> dict[str, Any]:
        """Return the news of a job: its progress while it runs, then its output, once.

        RunPod's own client polls until it receives a final state without news. It would poll a cancelled job for ever,
        so this call answers that a cancelled job does not exist.
        """
        record = self._tasks.read(task_id, tenant, runtime=runtime)
        parts: list[dict[str, Any]] = []
        match record.status:
            case Status.CANCELLED:
                raise TaskNotFound(f"job {task_id} was cancelled, so it has nothing to stream")
            case Status.IN_PROGRESS:
                parts = [{"output": self._progress(record)}]
            case Status.COMPLETED if record.streamed_at_ms is None:
                parts = [{"output": job_output(record, self._tasks.outputs)}]
                if not self._tasks.repository.mark_streamed(record):
                    parts = []
        return {"status": record.status.value, "stream": parts}

    def cancel(self, runtime: str, task_id: str, *, tenant: Tenant) -> dict[str, Any]:
        """Cancel a waiting or running job."""
        return _brief(self._tasks.cancel(self._tasks.read(task_id, tenant, runtime=runtime)))

    def retry(self, runtime: str, task_id: str, *, caller: Caller) -> dict[str, Any]:
        """Retry a job that failed or timed out."""
        previous = self._tasks.read(task_id, caller.tenant, runtime=runtime)
        retried = self._tasks.submission.retry(previous, submission_id=caller.request_id, key_name=caller.key_name)
        return _brief(retried)

    def _submit(self, runtime: str, body: str | bytes, caller: Caller, *, is_sync: bool) -> Record:
        self._tasks.catalogue.require(runtime)
        return self._tasks.submit(
            parse_json_object(body),
            caller,
            format_=Format.RUNPOD,
            runtime_name=runtime,
            generated_id=job_id(self._new_uuid(), is_sync=is_sync),
        )

    def _show(self, record: Record) -> dict[str, Any]:
        output = None
        if record.status is Status.COMPLETED:
            output = job_output(record, self._tasks.outputs)
        elif record.status is Status.IN_PROGRESS:
            output = self._progress(record)
        return job_body(record, now_ms=self._now_ms(), output=output)

    def _progress(self, record: Record) -> dict[str, Any]:
        return progress_of(record, link=self._tasks.outputs.link)


def _brief(record: Record) -> dict[str, Any]:
    return {"id": record.id, "status": record.status.value}

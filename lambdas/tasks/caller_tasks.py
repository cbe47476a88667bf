"""Tasks of the callers of the HTTP API, the same for every way in: submits them, and waits for their end."""

from dataclasses import dataclass
from typing import Any

from contract.formats import Format
from contract.record import Record
from lambdas.http.application import Caller
from lambdas.tasks.checkpoint_catalogue import CheckpointCatalogue
from lambdas.tasks.known_tasks import KnownTasks
from lambdas.tasks.submission import TaskSubmission
from lambdas.tasks.waiter import TaskWaiter


@dataclass(frozen=True, kw_only=True)
class CallerTasks(KnownTasks):
    """Also submits tasks, and waits for their end."""

    models: CheckpointCatalogue
    submission: TaskSubmission
    waiter: TaskWaiter

    def submit(
        self,
        body: dict[str, Any],
        caller: Caller,
        *,
        format_: Format,
        submission_id: str | None = None,
        runtime_name: str | None = None,
        generated_id: str = "",
        webui_session: str | None = None,
    ) -> Record:
        """Submit a task as `TaskSubmission.submit` does; each request is one submission without a `submission_id`."""
        return self.submission.submit(
            body,
            submission_id=submission_id or caller.request_id,
            format_=format_,
            runtime_name=runtime_name,
            generated_id=generated_id,
            tenant=caller.tenant,
            key_name=caller.key_name,
            webui_session=webui_session,
        )

    def wait(self, record: Record, seconds: float) -> Record:
        """Return a task when it has ended, or as it is after `seconds`."""
        return record if record.is_final else self.waiter.until_final(record.key, seconds=seconds) or record

"""Record of a task that is submitted, and the message that its runtime gets."""

import hashlib

from contract.errors import MessageTooLarge
from contract.json_values import canonical_json, check_nested, compact_json
from contract.message import TaskMessage
from contract.pipeline.graph import prompt_of
from contract.record import MAX_EARLIER_SUBMISSIONS, Record, Status, listed_prompt
from contract.redaction import without_secrets
from contract.runpod import called_endpoint
from contract.storage import MAX_INLINE_MESSAGE_BYTES, MAX_MESSAGE_BYTES, run_id_of_submission
from contract.submission import Submission
from contract.task import TaskType
from contract.tenancy import scoped
from lambdas.tasks.stored_message import message_place


def new_record(
    submission: Submission, submission_id: str, now_ms: int, previous: Record | None, tenant: str
) -> tuple[Record, str, str]:
    """Return the record, the message body to publish, and the one to store, which holds no secret."""
    task = submission.task
    metadata = task.metadata
    # Most formats are less deep than the message, and its readers refuse what is too deep.
    check_nested({"task": {"metadata": {"context": metadata.context}, "content": task.content}})
    run_id = run_id_of_submission(scoped(tenant, metadata.id), submission_id)
    message = TaskMessage(
        task=task,
        tenant=tenant,
        run_id=run_id,
        checkpoint=submission.checkpoint,
        etags=dict(submission.etags),
        submitted_at_ms=now_ms,
    )
    body = message.to_body()
    if len(body) > MAX_MESSAGE_BYTES:
        raise MessageTooLarge(
            f"the task takes {len(body)} bytes of JSON; {MAX_MESSAGE_BYTES} are allowed:"
            " pass links to pictures instead of base64"
        )
    storable = task.model_copy(update={"content": without_secrets(task)})
    stored_body = body if storable == task else message.model_copy(update={"task": storable}).to_body()
    if stored_body != body and len(body) > MAX_INLINE_MESSAGE_BYTES:
        # The replica would read the stored message, without the secret.
        raise MessageTooLarge(
            f"the task takes {len(body)} bytes of JSON; {MAX_INLINE_MESSAGE_BYTES} are allowed with a key or token,"
            " which is never stored: pass links to pictures instead of base64"
        )
    is_workflow = metadata.tasktype is TaskType.PIPELINE
    record = Record(
        tenant=tenant,
        id=metadata.id,
        run_id=run_id,
        status=Status.IN_QUEUE,
        runtime=metadata.runtime,
        tasktype=metadata.tasktype.value,
        format=submission.format.value,
        prefix=metadata.prefix,
        endpoint=called_endpoint(metadata.tasktype, task.content),
        context=compact_json(metadata.context),
        webhook=metadata.webhook,
        prompt=listed_prompt({"prompt": prompt_of(task.content)} if is_workflow else task.content),
        checkpoint=submission.checkpoint,
        requested_checkpoint=submission.requested_checkpoint,
        requested_runtime=submission.requested_runtime,
        moved_fields=dict(submission.moved_fields) or None,
        unknown_fields=submission.unknown_fields or None,
        submission_id=submission_id,
        fingerprint=_fingerprint(submission),
        earlier_submission_ids=remembered_submissions(previous),
        **message_place(stored_body, metadata, run_id),
        has_secret=stored_body != body or None,
        execution_timeout_ms=metadata.policy.execution_timeout_ms,
        ttl_ms=metadata.policy.ttl_ms,
        low_priority=metadata.policy.low_priority,
        submitted_at_ms=now_ms,
    )
    return record, body, stored_body


def remembered_submissions(previous: Record | None) -> tuple[str, ...]:
    """Return the submissions whose redeliveries the run after `previous` must recognize."""
    earlier = (*previous.earlier_submission_ids, previous.submission_id) if previous else ()
    return earlier[-MAX_EARLIER_SUBMISSIONS:]


def _fingerprint(submission: Submission) -> str:
    # Without defaults, because the field of a newer release would make the same request another one.
    content = submission.task.model_dump(mode="json", exclude_defaults=True) | {"checkpoint": submission.checkpoint}
    return hashlib.sha256(canonical_json(content).encode()).hexdigest()

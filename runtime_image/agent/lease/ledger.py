"""The task table as the agent writes it: claim, keep, report, hand back and finish, each a conditional write."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

from botocore.exceptions import ClientError

from contract import transitions
from contract.errors import DarkroomError, TaskExpired
from contract.record import Record, Status
from contract.replica import sign_of_life
from contract.transitions import Outcome
from runtime_image.agent.core.errors import LeaseLost
from runtime_image.process.aws import error_code
from runtime_image.process.clock import Clock

if TYPE_CHECKING:
    from types_boto3_dynamodb import DynamoDBClient


class Claim(NamedTuple):
    """Which run is held, and the name under which its lease is."""

    task_id: str
    run: str
    owner: str


class ProgressReport(NamedTuple):
    """How far a task is."""

    permille: int
    #: What is known of `contract.record.SAMPLING_KEYS`.
    sampling: Mapping[str, int]
    #: Where the newest preview of the picture lies; None if there is none, or nobody wants it.
    preview_url: str | None = None
    #: What is known of `contract.record.MODELS_KEYS`, while the task waits for its models.
    models: Mapping[str, int] | None = None


class Ledger:
    """Writes of one agent. Every method raises LeaseLost if the record does not allow the write (any more)."""

    def __init__(self, *, client: "DynamoDBClient", table_name: str, retention_seconds: int, clock: Clock) -> None:
        self._client = client
        self._table_name = table_name
        self._retention_seconds = retention_seconds
        self._clock = clock

    def read(self, task_id: str) -> Record | None:
        """Return the record as it is now."""
        answer = self._client.get_item(TableName=self._table_name, Key={"id": task_id}, ConsistentRead=True)
        item = answer.get("Item")
        return Record.from_item(item) if item else None

    def check_held(self, claim: Claim) -> bool:
        """Look whether a claimed task is still ours, and tell whether its caller wants it interrupted.

        That is cheaper than a write, which every look would be otherwise.
        """
        answer = self._client.get_item(
            TableName=self._table_name,
            Key={"id": claim.task_id},
            ConsistentRead=True,
            ProjectionExpression="run, #status, lease_owner, interrupted_at_ms",
            ExpressionAttributeNames={"#status": "status"},
        )
        item: dict[str, Any] = dict(answer.get("Item") or {})
        interrupted_at_ms = item.pop("interrupted_at_ms", None)
        if item != {"run": claim.run, "status": Status.IN_PROGRESS.value, "lease_owner": claim.owner}:
            raise LeaseLost
        return interrupted_at_ms is not None

    def claim(self, claim: Claim, *, lease_seconds: float) -> int:
        """Take the task; return how often it has been claimed."""
        request = transitions.claim(
            claim.task_id,
            claim.run,
            owner=claim.owner,
            now_ms=self._clock.now_ms(),
            lease_ms=int(lease_seconds * 1000),
        )
        answer = self._write(request | {"ReturnValues": "UPDATED_NEW"})
        return int(answer["Attributes"]["attempts"])

    def renew(self, claim: Claim, *, lease_seconds: float) -> None:
        """Keep a claimed task."""
        now_ms, lease_ms = self._clock.now_ms(), int(lease_seconds * 1000)
        self._write(transitions.renew(claim.task_id, claim.run, owner=claim.owner, now_ms=now_ms, lease_ms=lease_ms))

    def report_progress(self, claim: Claim, report: ProgressReport) -> None:
        """Write how far a claimed task is."""
        self._write(
            transitions.report_progress(
                claim.task_id,
                claim.run,
                owner=claim.owner,
                progress_permille=report.permille,
                sampling=report.sampling,
                models=report.models,
                preview_url=report.preview_url,
            )
        )

    def hand_back(self, claim: Claim, *, due_at_ms: int, error: DarkroomError | None) -> None:
        """Return a claimed task to the queue; `due_at_ms` is the end of its `ttl`."""
        self._write(
            transitions.hand_back(
                claim.task_id,
                claim.run,
                owner=claim.owner,
                now_ms=self._clock.now_ms(),
                due_at_ms=due_at_ms,
                error=error.as_dict() if error else None,
            )
        )

    def finish(self, claim: Claim, outcome: Outcome) -> None:
        """Commit how a claimed task ended."""
        self._write(
            transitions.finish(
                claim.task_id,
                claim.run,
                outcome,
                owner=claim.owner,
                now_ms=self._clock.now_ms(),
                retention_seconds=self._retention_seconds,
            )
        )

    def sign_of_life(self, replica: str, runtime: str) -> None:
        """Say that this replica is there."""
        self._write(sign_of_life(replica, runtime, now_ms=self._clock.now_ms()))

    def expire(self, task_id: str, run: str) -> None:
        """End a task that waited for longer than its `ttl`."""
        error = TaskExpired("the task waited in its queue for longer than its ttl").as_dict()
        self._write(
            transitions.settle(
                task_id,
                run,
                Outcome(Status.TIMED_OUT, error=error),
                now_ms=self._clock.now_ms(),
                retention_seconds=self._retention_seconds,
                expected=(Status.IN_QUEUE,),
            )
        )

    def _write(self, request: dict[str, Any]) -> Any:
        try:
            return self._client.update_item(TableName=self._table_name, **request)
        except ClientError as error:
            if error_code(error) == "ConditionalCheckFailedException":
                raise LeaseLost from error
            raise

"""Plain model of a task's record: what each conditional write may do, and when DynamoDB must refuse it."""

import itertools
from collections.abc import Iterator
from typing import Any, ClassVar

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from contract import transitions, webhook
from contract.lease import Lease, ProgressReport
from contract.record import (
    ACTIVE_STATUSES,
    FINAL_STATUSES,
    LEASE_GRACE_MS,
    MAX_ATTEMPTS,
    MODELS_KEYS,
    PUBLISH_GRACE_MS,
    SAMPLING_KEYS,
    Record,
    Status,
    due_shard,
)
from contract.transitions import Outcome
from tests.harness.records import make_record

LEASE_MS = 60_000
TABLE = "tasks"
OWNERS = st.sampled_from(["one", "two"])
COMPLETED = Outcome(Status.COMPLETED, image_urls=("s3://b/k",), output_url="s3://b/o")
FAILURES = [Outcome(status, error={"code": "c", "message": "m"}) for status in FINAL_STATUSES if status != "COMPLETED"]

#: The states that may follow a state within one run. Final states are sticky; a replica that cannot finish releases
#: its task to the queue.
TRANSITIONS = {
    Status.IN_QUEUE: frozenset({Status.IN_PROGRESS, Status.FAILED, Status.CANCELLED, Status.TIMED_OUT}),
    Status.IN_PROGRESS: frozenset({Status.IN_QUEUE, *FINAL_STATUSES}),
    **dict.fromkeys(FINAL_STATUSES, frozenset[Status]()),
}


def record(submission_id: str, *, now_ms: int, run: str, id_: str = "a") -> Record:
    return make_record(id=id_, run_id=run, submission_id=submission_id, message="{}", submitted_at_ms=now_ms)


class Machine(RuleBasedStateMachine):
    """One id, two replicas, writes in any order, and a clock."""

    #: The test sets it. One table serves all examples, each with its own id.
    table_client: ClassVar[Any]
    numbers: ClassVar[Iterator[int]] = itertools.count()

    def __init__(self) -> None:
        super().__init__()
        self.client = self.table_client
        self.id = f"task-{next(self.numbers)}"
        self.now_ms = 1_000_000
        self.expected: Record | None = None

    def write(self, request: dict[str, Any], *, allowed: bool) -> bool:
        operation = self.client.put_item if "Item" in request else self.client.update_item
        try:
            operation(TableName=TABLE, **request)
        except self.client.exceptions.ConditionalCheckFailedException:
            assert not allowed
            return False
        assert allowed
        return True

    def expect(self, **changes: Any) -> None:
        assert self.expected
        after = changes.get("status", self.expected.status)
        assert after == self.expected.status or after in TRANSITIONS[self.expected.status]
        self.expected = self.expected.model_copy(update=changes)

    @property
    def run(self) -> str:
        return self.expected.run_id if self.expected else "0000"

    @property
    def status(self) -> Status | None:
        return self.expected.status if self.expected else None

    def lease(self, owner: str) -> Lease:
        return Lease(self.id, self.run, owner)

    def held_by(self, owner: str, run: str) -> bool:
        expected = self.expected
        return bool(
            expected and expected.run_id == run and expected.status == "IN_PROGRESS" and expected.lease_owner == owner
        )

    def free(self) -> bool:
        expected = self.expected
        if not expected or expected.is_final:
            return False
        return expected.status == "IN_QUEUE" or (expected.lease_expires_at_ms or 0) < self.now_ms

    @initialize()
    def first(self) -> None:
        self.create("s0")

    @rule(submission_id=st.sampled_from(["s0", "s1", "s2"]))
    def create(self, submission_id: str) -> None:
        before = self.expected
        new = record(submission_id, id_=self.id, now_ms=self.now_ms, run=f"{int(self.run, 16) + 1:04x}")
        if before and before.submission_id == submission_id:
            with pytest.raises(ValueError, match="own submission"):
                transitions.create(new, after=before)
            return
        allowed = before is None or before.is_final
        if self.write(transitions.create(new, after=before), allowed=allowed):
            self.expected = new
            self.expect(next_check_at_ms=self.now_ms + PUBLISH_GRACE_MS)

    @rule(submission_id=st.sampled_from(["s0", "s1", "s2"]))
    def create_after_what_is_no_longer_so(self, submission_id: str) -> None:
        assert self.expected
        new = record(f"new-{submission_id}", id_=self.id, now_ms=self.now_ms, run=f"{int(self.run, 16) + 1:04x}")
        self.write(transitions.create(new), allowed=False)
        for changes in ({"run_id": "ffff"}, {"submission_id": "other"}):
            stale = self.expected.model_copy(update=changes)
            self.write(transitions.create(new, after=stale), allowed=False)

    @rule()
    def create_under_the_digits_of_the_last_run(self) -> None:
        assert self.expected
        new = record("new", id_=self.id, now_ms=self.now_ms, run=self.run)
        with pytest.raises(ValueError, match="digits"):
            transitions.create(new, after=self.expected)

    @rule(
        state=st.sampled_from(webhook.WebhookState),
        status=st.sampled_from([None, 200, 503]),
        error=st.sampled_from([None, "no answer"]),
    )
    def record_webhook(self, state: webhook.WebhookState, status: int | None, error: str | None) -> None:
        assert self.expected
        request = webhook.record_attempt(self.id, self.run, state, status=status, error=error)
        if self.write(request, allowed=self.expected.is_final and self.expected.webhook_state != "delivered"):
            attempts = self.expected.webhook_attempts + 1
            self.expect(
                webhook_state=state.value,
                webhook_attempts=attempts,
                webhook_last_status=status,
                webhook_last_error=error,
            )

    @rule()
    def redeliver_webhook(self) -> None:
        assert self.expected
        request = webhook.record_redelivery(self.id, self.run, limit=2)
        redeliveries = self.expected.webhook_redeliveries
        if self.write(request, allowed=self.expected.is_final and redeliveries < 2):
            self.expect(webhook_state="pending", webhook_redeliveries=redeliveries + 1)

    @rule()
    def defer(self) -> None:
        assert self.expected
        request = transitions.defer(self.id, now_ms=self.now_ms, next_check_at_ms=self.now_ms + 1)
        next_check_at_ms = self.expected.next_check_at_ms
        if self.write(request, allowed=next_check_at_ms is not None and next_check_at_ms <= self.now_ms):
            self.expect(next_check_at_ms=self.now_ms + 1)

    @rule()
    def publish(self) -> None:
        assert self.expected
        allowed = self.expected.status == "IN_QUEUE" and self.expected.published_at_ms is None
        if self.write(transitions.mark_published(self.expected, now_ms=self.now_ms), allowed=allowed):
            expires_at_ms = self.expected.submitted_at_ms + self.expected.ttl_ms
            self.expect(published_at_ms=self.now_ms, next_check_at_ms=expires_at_ms)

    @rule(owner=OWNERS)
    def claim(self, owner: str) -> None:
        request = transitions.claim(self.lease(owner), now_ms=self.now_ms, lease_ms=LEASE_MS)
        assert self.expected
        if self.write(request, allowed=self.free() and self.expected.attempts < MAX_ATTEMPTS):
            self.expect(
                status=Status.IN_PROGRESS,
                lease_owner=owner,
                worker_id=owner,
                lease_expires_at_ms=self.now_ms + LEASE_MS,
                next_check_at_ms=self.now_ms + LEASE_MS + LEASE_GRACE_MS,
                started_at_ms=self.now_ms,
                attempts=self.expected.attempts + 1,
                progress_permille=0,
                sampling=None,
                models=None,
            )

    @rule(owner=OWNERS)
    def renew(self, owner: str) -> None:
        request = transitions.renew(self.lease(owner), now_ms=self.now_ms, lease_ms=LEASE_MS)
        if self.write(request, allowed=self.held_by(owner, self.run)):
            lease_expires_at_ms = self.now_ms + LEASE_MS
            self.expect(lease_expires_at_ms=lease_expires_at_ms, next_check_at_ms=lease_expires_at_ms + LEASE_GRACE_MS)

    @rule(
        owner=OWNERS,
        progress=st.integers(0, 1000),
        sampling=st.dictionaries(st.sampled_from(SAMPLING_KEYS), st.integers(0, 150)),
        models=st.dictionaries(st.sampled_from(MODELS_KEYS), st.integers(0, 10**12)),
    )
    def report_progress(self, owner: str, progress: int, sampling: dict[str, int], models: dict[str, int]) -> None:
        request = transitions.report_progress(self.lease(owner), ProgressReport(progress, sampling, models=models))
        if self.write(request, allowed=self.held_by(owner, self.run)):
            self.expect(progress_permille=progress, sampling=sampling or None, models=models or None)

    @rule()
    def interrupt(self) -> None:
        request = transitions.interrupt(self.id, self.run, now_ms=self.now_ms)
        if self.write(request, allowed=self.status == "IN_PROGRESS"):
            self.expect(interrupted_at_ms=self.now_ms)

    @rule(
        owner=OWNERS,
        error=st.none() | st.just({"code": "c", "message": "m"}),
        left_ms=st.sampled_from([0, LEASE_GRACE_MS + 1]),
    )
    def release(self, owner: str, error: dict[str, Any] | None, left_ms: int) -> None:
        ends_at_ms = self.now_ms + left_ms
        request = transitions.release(self.lease(owner), now_ms=self.now_ms, next_check_at_ms=ends_at_ms, error=error)
        if self.write(request, allowed=self.held_by(owner, self.run)):
            assert self.expected
            self.expect(
                status=Status.IN_QUEUE,
                sampling=None,
                models=None,
                lease_owner=None,
                lease_expires_at_ms=None,
                started_at_ms=None,
                last_error=error or self.expected.last_error,
                next_check_at_ms=max(ends_at_ms, self.now_ms + LEASE_GRACE_MS),
            )

    @rule()
    def release_unleased(self) -> None:
        request = transitions.release_unleased(self.id, self.run, now_ms=self.now_ms)
        if self.write(request, allowed=self.free()):
            self.expect(
                status=Status.IN_QUEUE,
                sampling=None,
                models=None,
                lease_owner=None,
                lease_expires_at_ms=None,
                started_at_ms=None,
                published_at_ms=None,
                next_check_at_ms=self.now_ms + PUBLISH_GRACE_MS,
            )

    @rule(owner=OWNERS, outcome=st.sampled_from([COMPLETED, *FAILURES]))
    def finish(self, owner: str, outcome: Outcome) -> None:
        request = transitions.finish(self.lease(owner), outcome, now_ms=self.now_ms, retention_seconds=60)
        self.end(request, outcome, allowed=self.held_by(owner, self.run))

    @rule(outcome=st.sampled_from(FAILURES))
    def finish_active(self, outcome: Outcome) -> None:
        assert self.expected
        request = transitions.finish_active(self.id, self.run, outcome, now_ms=self.now_ms, retention_seconds=60)
        self.end(request, outcome, allowed=self.expected.status in ACTIVE_STATUSES)

    @rule(outcome=st.sampled_from(FAILURES))
    def finish_unleased(self, outcome: Outcome) -> None:
        request = transitions.finish_unleased(self.id, self.run, outcome, now_ms=self.now_ms, retention_seconds=60)
        self.end(request, outcome, allowed=self.free())

    @rule(owner=OWNERS, outcome=st.sampled_from(FAILURES))
    def late_writes_of_an_older_run(self, owner: str, outcome: Outcome) -> None:
        now_ms = self.now_ms
        lease = Lease(self.id, "ffff", owner)
        for request in (
            transitions.claim(lease, now_ms=now_ms, lease_ms=LEASE_MS),
            transitions.renew(lease, now_ms=now_ms, lease_ms=LEASE_MS),
            transitions.report_progress(lease, ProgressReport(1, {})),
            transitions.release(lease, now_ms=now_ms, next_check_at_ms=now_ms, error=None),
            transitions.finish(lease, outcome, now_ms=now_ms, retention_seconds=1),
            transitions.finish_active(self.id, "ffff", outcome, now_ms=now_ms, retention_seconds=1),
            transitions.finish_unleased(self.id, "ffff", outcome, now_ms=now_ms, retention_seconds=1),
            webhook.record_attempt(self.id, "ffff", webhook.WebhookState.FAILED, status=200, error=None),
            webhook.record_redelivery(self.id, "ffff"),
        ):
            self.write(request, allowed=False)

    @rule(milliseconds=st.sampled_from([1, LEASE_MS // 2, LEASE_MS + 1]))
    def time_passes(self, milliseconds: int) -> None:
        self.now_ms += milliseconds

    def end(self, request: dict[str, Any], outcome: Outcome, *, allowed: bool) -> None:
        if self.write(request, allowed=allowed):
            assert self.expected
            self.expect(
                status=outcome.status,
                image_urls=outcome.image_urls,
                output_url=outcome.output_url,
                error=outcome.error,
                picture_count=len(outcome.image_urls) or None,
                error_code=outcome.error["code"] if outcome.error else None,
                completed_at_ms=self.now_ms,
                expires_at=self.now_ms // 1000 + 60,
                progress_permille=1000 if outcome.status == "COMPLETED" else self.expected.progress_permille,
                sampling=None,
                models=None,
                lease_owner=None,
                lease_expires_at_ms=None,
                last_error=None,
                next_check_at_ms=None,
            )

    @invariant()
    def the_table_holds_what_the_model_says(self) -> None:
        if self.expected is None:
            return
        item = self.client.get_item(TableName=TABLE, Key={"id": self.id}, ConsistentRead=True)["Item"]
        found = Record.from_item(item)
        indexed = {"due_shard", "active_runtime"}
        assert found.model_dump(exclude=indexed) == self.expected.model_dump(exclude=indexed)
        # The reaper finds every active run, and never a final one.
        assert found.due_shard == (None if found.is_final else due_shard(found.key))
        assert found.active_runtime == (None if found.is_final else found.runtime)
        if not found.is_final:
            assert found.expires_at is None

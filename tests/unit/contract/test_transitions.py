"""Conditional writes, run against DynamoDB's expression engine (moto) and compared with a plain model."""

from collections.abc import Iterator
from functools import partial

import pytest
from hypothesis import settings
from hypothesis.stateful import run_state_machine_as_test
from moto import mock_aws
from types_boto3_dynamodb import DynamoDBClient

from contract import transitions, webhook
from contract.record import LEASE_GRACE_MS, MAX_ATTEMPTS, Record, Status
from contract.transitions import Outcome
from tests.unit.contract.transition_model import COMPLETED, LEASE_MS, TABLE, Machine, record
from tests.unit.lambdas.harness import dynamodb_client


@pytest.fixture
def table() -> Iterator[DynamoDBClient]:
    with mock_aws():
        client = dynamodb_client()
        client.create_table(
            TableName=TABLE,
            KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
            AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
            BillingMode="PAY_PER_REQUEST",
        )
        yield client


@pytest.mark.parametrize("examples", [8, pytest.param(40, marks=pytest.mark.slow)])
def test_any_order_of_writes_keeps_the_rules(table: DynamoDBClient, examples: int) -> None:
    Machine.table_client = table
    run_state_machine_as_test(Machine, settings=settings(max_examples=examples, stateful_step_count=20, deadline=None))


def test_a_run_with_many_messages_is_claimed_three_times_at_most(table: DynamoDBClient) -> None:
    Machine.table_client = table
    machine = Machine()
    machine.first()
    for _ in range(MAX_ATTEMPTS + 1):
        machine.claim("one")
        machine.release("one", None, 0)
    machine.the_table_holds_what_the_model_says()


def test_every_write_that_is_allowed_keeps_the_rules(table: DynamoDBClient) -> None:
    """Few random orders reach a replica that still holds its lease."""
    Machine.table_client = table
    machine = Machine()
    machine.first()
    for passed_ms, write in (
        (1, machine.publish),
        (1, partial(machine.claim, "one")),
        (1, partial(machine.renew, "one")),
        (1, partial(machine.report_progress, "one", 500, {"sampling_step": 1}, {"bytes": 2})),
        (1, machine.interrupt),
        (1, partial(machine.release, "one", {"code": "c", "message": "m"}, LEASE_GRACE_MS + 1)),
        (LEASE_GRACE_MS + 1, machine.defer),
        (1, partial(machine.claim, "two")),
        (LEASE_MS + 1, machine.release_unleased),
        (1, partial(machine.claim, "one")),
        (1, partial(machine.finish, "one", COMPLETED)),
        (1, partial(machine.record_webhook, webhook.WebhookState.DELIVERED, 200, None)),
        (1, machine.redeliver_webhook),
    ):
        machine.now_ms += passed_ms
        before = machine.expected
        write()
        assert machine.expected != before, "the write was refused"
        machine.the_table_holds_what_the_model_says()
    assert machine.status is Status.COMPLETED


def test_context_and_errors_come_back_unchanged(table: DynamoDBClient) -> None:
    context = '{"price":1.10,"big":123456789012345678901234567890,"empty":""}'
    new = record("s", now_ms=1, run="0001").model_copy(update={"context": context, "last_error": {"code": "x"}})
    table.put_item(TableName=TABLE, **transitions.create(new))
    found = Record.from_item(table.get_item(TableName=TABLE, Key={"id": "a"})["Item"])
    assert found.context == context
    assert found.context_value["big"] == 123456789012345678901234567890
    assert found.last_error == {"code": "x"}


def test_only_the_holder_of_a_run_completes_it() -> None:
    for settle in (transitions.finish_active, transitions.finish_unleased):
        with pytest.raises(ValueError, match="holds a run"):
            settle("a", "0001", COMPLETED, now_ms=1, retention_seconds=1)


def test_an_outcome_is_final_and_has_an_error_unless_it_completed() -> None:
    error = {"code": "x", "message": "x"}
    for status, given, reason in [
        (Status.IN_QUEUE, error, "is not a final state"),
        (Status.COMPLETED, error, "has an error, and only that"),
        (Status.FAILED, None, "has an error, and only that"),
    ]:
        with pytest.raises(ValueError, match=reason):
            Outcome(status, error=given)

"""Records and messages of other releases: functions and replicas are replaced one after the other, and rolled back.

Release 0.2.0 wrote the literals, and a record lives for weeks. A field that became required would make it unreadable.
"""

import json
from collections.abc import Callable
from typing import Any, Final

import pytest

from contract.batch import Batch, ended_item
from contract.message import TaskMessage
from contract.record import Record, Status
from contract.webhook import decode_webhook, encode_webhook

METADATA: Final = {
    "id": "order-7",
    "runtime": "sdruntime",
    "tasktype": "text-to-image",
    "context": {"n": 1},
    "webhook": "https://shop.example/hook",
    "policy": {"ttl": 60000},
}
MESSAGE: Final = {
    "task": {"metadata": METADATA, "content": {"prompt": "A dog"}},
    "run": "1f0c",
    "checkpoint": "sd15.safetensors",
    "submitted_at_ms": 1763700000000,
}
RECORD: Final = {
    "id": "order-7",
    "run": "1f0c",
    "status": "COMPLETED",
    "runtime": "sdruntime",
    "tasktype": "text-to-image",
    "format": "v1alpha2",
    "prefix": "output",
    "endpoint": "sdapi/v1/txt2img",
    "context": '{"n":1}',
    "webhook": "https://shop.example/hook",
    "submission_id": "s",
    "fingerprint": "f",
    "earlier_submission_ids": [],
    "message": json.dumps(MESSAGE),
    "execution_timeout_ms": 600000,
    "ttl_ms": 60000,
    "low_priority": False,
    "submitted_at_ms": 1763700000000,
    "worker_id": "pod-1",
    "attempts": 1,
    "retries": 0,
    "progress_permille": 1000,
    "image_urls": ["s3://out/output/order-7/order-7-1f0c-1.png"],
    "webhook_attempts": 0,
}
#: The first release with batches is the next one.
BATCH: Final = {
    "id": "batch/nightly",
    "run": "0123456789abcdef",
    "status": "IN_PROGRESS",
    "submission_id": "s",
    "fingerprint": "f",
    "task_count": 3,
    "submitted_at_ms": 1763700000000,
    "tasks_active": [1, 2],
}
#: Parts whose names senders choose, or which hold any JSON.
FREE: Final = {"context", "content"}
READERS: Final[dict[str, tuple[Callable[[Any], object], Any]]] = {
    "message": (TaskMessage.model_validate, MESSAGE),
    "message with an output request": (
        TaskMessage.model_validate,
        MESSAGE | {"task": {"metadata": METADATA | {"output": {}}, "content": {}}},
    ),
    "record": (ended_item, RECORD),
    "record with copies": (ended_item, RECORD | {"deliveries": [{"url": "s3://shop/7.png"}]}),
    "batch": (ended_item, BATCH),
    "webhook": (lambda record: decode_webhook(json.dumps({"record": record})), RECORD),
}


def with_unknown_fields(value: Any) -> Any:
    """Return a value with a field that this release does not know in each of its objects."""
    match value:
        case dict():
            known = {name: item if name in FREE else with_unknown_fields(item) for name, item in value.items()}
            return known | {"of_a_newer_release": {"n": 1}}
        case list():
            return [with_unknown_fields(item) for item in value]
    return value


@pytest.mark.parametrize("name", READERS)
def test_a_reader_ignores_what_a_newer_release_added(name: str) -> None:
    read, document = READERS[name]
    assert read(with_unknown_fields(document)) == read(document)


def test_a_message_of_0_2_0_names_its_task() -> None:
    message = TaskMessage.model_validate(MESSAGE)
    assert (message.task_key, message.run_id, message.checkpoint) == ("order-7", "1f0c", "sd15.safetensors")
    assert message.task.metadata.context == {"n": 1}


def test_a_record_of_0_2_0_is_shown_and_sent_as_it_ended() -> None:
    record = Record.from_item(RECORD)
    assert (record.key, record.status, record.context_value) == ("order-7", Status.COMPLETED, {"n": 1})
    assert record.image_urls == ("s3://out/output/order-7/order-7-1f0c-1.png",)
    assert decode_webhook(encode_webhook(record)) == record


def test_a_batch_needs_no_field_that_came_later() -> None:
    batch = Batch.from_item(BATCH)
    assert (batch.id, sorted(batch.active)) == ("nightly", [1, 2])

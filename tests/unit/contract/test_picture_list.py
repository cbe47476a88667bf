"""Whatever a legal task makes, its record, its callback and its webhook fit into what AWS accepts."""

import json
from typing import Any, Final

import pytest

from contract import transitions
from contract.callback import callback_attributes, callback_for, rejection
from contract.errors import WEBUI_RESPONSE, FieldError, InvalidTask
from contract.folder import MAX_PREFIX_BYTES
from contract.json_values import compact_json, size_bytes
from contract.lease import Lease
from contract.picture_list import MAX_LISTED_BYTES, fitting_error, listed
from contract.record import MAX_EARLIER_SUBMISSIONS, Record, Status
from contract.storage import MAX_RECORD_MESSAGE_BYTES, image_key
from contract.submission import MAX_UNKNOWN_FIELDS
from contract.task import MAX_CONTEXT_BYTES, MAX_WEBHOOK_LENGTH
from contract.transitions import Outcome
from contract.webhook import encode_webhook
from contract.webui_values import MAX_SHOWN
from tests.harness.records import make_record

#: Bytes of a message of SNS and of one of SQS, with its attributes.
MAX_MESSAGE: Final = 256 * 1024
#: Bytes of an item of DynamoDB.
MAX_ITEM: Final = 400 * 1024
TASK_ID: Final = "i" * 128
LONG_PREFIX: Final = "é" * (MAX_PREFIX_BYTES // 2)
#: Contexts of 32 KiB that grow as much as they can in ASCII, and inside another JSON text.
CONTEXTS: Final = {
    "plain": "a" * (MAX_CONTEXT_BYTES - 2),
    "quotation marks": '"' * (MAX_CONTEXT_BYTES // 2 - 1),
    "two units": "\U0001f600" * ((MAX_CONTEXT_BYTES - 2) // 4),
    "three bytes": "日" * ((MAX_CONTEXT_BYTES - 2) // 3),
}
LEASE: Final = Lease("a", "1a2b", "me")
ERROR: Final[dict[str, Any]] = {
    "code": "webui_refused",
    "message": "ü\\" * 5000,
    WEBUI_RESPONSE: {"body": "b" * 200_000},
}


def uris(count: int, *, prefix: str = "output") -> list[str]:
    return [f"s3://{'b' * 63}/{image_key(prefix, TASK_ID, 'f' * 16 + '.3', n, 'webp')}" for n in range(1, count + 1)]


def largest_record(context: str, **changes: Any) -> Record:
    assert size_bytes(context) <= MAX_CONTEXT_BYTES
    pictures = listed(uris(1000, prefix=LONG_PREFIX))
    values: dict[str, Any] = {
        "id": TASK_ID,
        "tenant": "t" * 40,
        "prefix": LONG_PREFIX,
        "status": Status.COMPLETED,
        "context": compact_json(context),
        "webhook": "https://" + "w" * (MAX_WEBHOOK_LENGTH - 8),
        "message": "m" * MAX_RECORD_MESSAGE_BYTES,
        "earlier_submission_ids": ("s" * 128,) * MAX_EARLIER_SUBMISSIONS,
        "moved_fields": {f"task.content.payload.init_images[{n}]": "task.content.payload.infotext" for n in range(150)},
        "unknown_fields": ("task.content.payload." + "\U0001f600" * MAX_SHOWN,) * MAX_UNKNOWN_FIELDS,
        "checkpoint": "c" * 1024,
        "requested_checkpoint": "c" * 1024,
        "image_urls": pictures,
        "image_count": 1000,
        "manifest_url": pictures[0],
        "output_url": pictures[0],
        "error": fitting_error(ERROR),
        "last_error": fitting_error(ERROR),
    }
    return make_record(**(values | changes))


@pytest.mark.parametrize("context", CONTEXTS.values(), ids=CONTEXTS)
def test_the_largest_record_fits_everywhere(context: str) -> None:
    record = largest_record(context)
    assert len(json.dumps(record.to_item(), ensure_ascii=False).encode()) < MAX_ITEM
    body, attributes = compact_json(callback_for(record)), compact_json(callback_attributes(record))
    assert len(body) + len(attributes) < MAX_MESSAGE
    assert len(encode_webhook(record)) < MAX_MESSAGE


@pytest.mark.parametrize("context", CONTEXTS.values(), ids=CONTEXTS)
def test_the_largest_rejection_fits(context: str) -> None:
    message = {"metadata": {"id": TASK_ID, "context": context}}
    refused = InvalidTask([FieldError("é" * 20_000, "is unknown")] * 50)
    callback = rejection(refused, body=message, message_id="m")
    assert len(compact_json(callback)) < MAX_MESSAGE
    assert callback["context"] == context
    assert callback["error"]["cut"] is True
    assert callback["error"]["message"].startswith("é")


def test_a_callback_that_is_cut_says_so() -> None:
    whole = uris(500)
    record = make_record(
        status=Status.COMPLETED, image_urls=listed(whole), image_count=500, manifest_url="s3://b/m.json"
    )
    callback = callback_for(record)
    assert callback["image_url"] == whole[: len(callback["image_url"])]
    assert 0 < len(callback["image_url"]) < 500
    assert (callback["image_count"], callback["manifest_url"]) == (500, "s3://b/m.json")


def test_usual_lists_are_whole() -> None:
    """A legal task of 420 pictures had a callback that no topic accepts, so all callbacks behind it waited."""
    whole = [f"s3://outputbucket/{image_key('output', 'test-t2i', 'f' * 16, n, 'png')}" for n in range(1, 421)]
    assert listed(whole) == tuple(whole)
    assert len(compact_json(listed(uris(1000, prefix=LONG_PREFIX)))) <= MAX_LISTED_BYTES + 1
    assert "manifest_url" not in callback_for(make_record(status=Status.COMPLETED, image_urls=tuple(whole)))


def test_an_error_that_fits_is_unchanged() -> None:
    error = {"code": "c", "message": "m", WEBUI_RESPONSE: {"status": 422}}
    assert fitting_error(error) is error


@pytest.mark.parametrize("name", ["finish", "release"])
def test_a_long_error_is_cut_before_it_is_written(name: str) -> None:
    if name == "finish":
        outcome = Outcome(Status.FAILED, error=ERROR)
        request = transitions.finish(LEASE, outcome, now_ms=1, retention_seconds=1)
    else:
        request = transitions.release(LEASE, now_ms=1, next_check_at_ms=1, error=ERROR)
    assert len(compact_json(request)) < 2 * 32 * 1024

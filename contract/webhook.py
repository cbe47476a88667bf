"""Webhooks: the message on their queue, the schedule of their attempts, and the id of a delivery."""

import hashlib
import json
from enum import StrEnum
from typing import Final
from urllib.parse import urlsplit

from contract.json_values import compact_json
from contract.record import Record

#: Seconds between one attempt and the next: an hour in all, short at first, since most failures are.
PAUSES_SECONDS: Final = (10, 30, 60, 180, 420, 900, 2000)
MAX_WEBHOOK_ATTEMPTS: Final = len(PAUSES_SECONDS) + 1


class WebhookState(StrEnum):
    """State of the webhook of a run."""

    PENDING = "pending"
    DELIVERED = "delivered"
    FAILED = "failed"


def webhook_id(record: Record) -> str:
    """Return the id that every delivery of one run's webhook shares, and no other run's."""
    text = f"{record.id}\n{record.run_id}\n{record.submission_id}"
    return f"msg_{hashlib.sha256(text.encode()).hexdigest()[:32]}"


def endpoint_group(url: str) -> str:
    """Return the name under which the queue counts what is for one endpoint: as many turns for each as for another."""
    return hashlib.sha256(urlsplit(url).netloc.lower().encode()).hexdigest()


def encode_webhook(record: Record) -> str:
    """Return the message of a run that ended: the record as it was, since the next run of the id replaces it."""
    return compact_json({"record": record.to_item()})


def decode_webhook(body: str) -> Record:
    """Return the record of a message."""
    return Record.from_item(json.loads(body)["record"])

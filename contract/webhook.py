"""Webhooks: message on their queue, schedule of their attempts, and id of a delivery."""

import hashlib
import json
from enum import StrEnum
from typing import Final
from urllib.parse import urlsplit

from contract.json_values import compact_json
from contract.record import Record

#: Seconds between two attempts: an hour in all. The first pauses are short, because most failures are.
PAUSES_SECONDS: Final = (10, 30, 60, 180, 420, 900, 2000)
MAX_WEBHOOK_ATTEMPTS: Final = len(PAUSES_SECONDS) + 1


class WebhookState(StrEnum):
    """State of the webhook of a run."""

    PENDING = "pending"
    DELIVERED = "delivered"
    FAILED = "failed"


def webhook_id(record: Record) -> str:
    """Return the id of a run's webhook, equal for all its deliveries and different for every other run."""
    text = f"{record.id}\n{record.run_id}\n{record.submission_id}"
    return f"msg_{hashlib.sha256(text.encode()).hexdigest()[:32]}"


def endpoint_group(url: str) -> str:
    """Return the message group of an endpoint. The queue serves all groups fairly."""
    return hashlib.sha256(urlsplit(url).netloc.lower().encode()).hexdigest()


def encode_webhook(record: Record) -> str:
    """Return the message of a finished run. It holds the record, because the next run of the id replaces it."""
    return compact_json({"record": record.to_item()})


def decode_webhook(body: str) -> Record:
    """Return the record of a message."""
    return Record.from_item(json.loads(body)["record"])

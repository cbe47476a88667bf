"""Webhooks: message on their queue, schedule of their attempts, id of a delivery, and their part of the record."""

import hashlib
import json
from enum import StrEnum
from typing import Any, Final

from contract.batch import Batch, Ended, ended_item
from contract.conditional_update import Request, status_in, update
from contract.errors import WEBUI_RESPONSE
from contract.json_values import compact_json
from contract.record import FINAL_STATUSES

#: Seconds between two attempts: an hour in all. The first pauses are short, because most failures are. SQS delays no
#: message by more than 900 seconds.
PAUSES_SECONDS: Final = (10, 30, 60, 180, 600, 900, 900, 900)
MAX_WEBHOOK_ATTEMPTS: Final = len(PAUSES_SECONDS) + 1
#: Further deliveries of a run's webhook that callers may ask for. Each has the whole schedule of attempts.
MAX_REDELIVERIES: Final = 5


class WebhookState(StrEnum):
    """State of the webhook of a run."""

    PENDING = "pending"
    DELIVERED = "delivered"
    FAILED = "failed"


def webhook_id(ended: Ended) -> str:
    """Return the id of the webhook of a run or batch, equal for all its deliveries and different for every other."""
    text = f"{ended.id}\n{ended.run_id}\n{ended.submission_id}"
    return f"msg_{hashlib.sha256(text.encode()).hexdigest()[:32]}"


def encode_webhook(ended: Ended) -> str:
    """Return the message of a finished run or batch. It holds the record, because the next run of the id replaces it.

    No webhook repeats the Web UI's response to a refused task, with which the message might not fit into the queue.
    Nor does it repeat the errors of a batch's refused tasks.
    """
    if isinstance(ended, Batch):
        item = ended.model_copy(update={"refusals": {}}).to_item()
        return compact_json({"record": {name: _listed(value) for name, value in item.items()}})
    error = {name: value for name, value in (ended.error or {}).items() if name != WEBUI_RESPONSE} or None
    return compact_json({"record": ended.model_copy(update={"error": error, "last_error": None}).to_item()})


def decode_webhook(body: str) -> Ended:
    """Return the record or batch of a message."""
    return ended_item(json.loads(body)["record"])


def _listed(value: object) -> object:
    return sorted(value) if isinstance(value, set) else value


def record_attempt(
    task_key: str, run_id: str, state: WebhookState, *, status: int | None, error: str | None
) -> Request:
    """Record the result of an attempt to deliver the webhook of a final run, unless one has delivered it already.

    A queue or stream may bring a webhook twice, and a failure of the second message must not hide the delivery.
    """
    final = _final(run_id)
    known = {"webhook_last_status": status, "webhook_last_error": error}
    return update(
        task_key,
        set_={"webhook_state": state.value, **{name: value for name, value in known.items() if value is not None}},
        add={"webhook_attempts": 1},
        remove=[name for name, value in known.items() if value is None],
        where=f"{final['where']} AND (attribute_not_exists(webhook_state) OR webhook_state <> :delivered)",
        values={**final["values"], ":delivered": WebhookState.DELIVERED.value},
    )


def record_redelivery(task_key: str, run_id: str, *, limit: int = MAX_REDELIVERIES) -> Request:
    """Record that the webhook of a final run is due for another delivery, of which it may have `limit`."""
    final = _final(run_id)
    return update(
        task_key,
        set_={"webhook_state": WebhookState.PENDING.value},
        add={"webhook_redeliveries": 1},
        where=f"{final['where']} AND (attribute_not_exists(webhook_redeliveries) OR webhook_redeliveries < :limit)",
        values={**final["values"], ":limit": limit},
    )


def _final(run_id: str) -> dict[str, Any]:
    condition, values = status_in(FINAL_STATUSES)
    return {"where": f"run = :run AND {condition}", "values": {":run": run_id, **values}}

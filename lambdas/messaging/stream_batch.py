"""Batch from the task table's stream: runs and batches of tasks that ended, up to the first that must wait.

Lambda repeats every change after the first that failed. So a change that can never be settled is set aside at once.
Otherwise it would delay all those behind it.
"""

from collections.abc import Callable, Mapping
from typing import Any, Final

from aws_lambda_powertools.utilities.data_classes.dynamo_db_stream_event import DynamoDBRecord

from contract.batch import Ended, ended_item
from contract.json_values import compact_json
from contract.record import KEY_ATTRIBUTE
from contract.tenancy import name_in
from lambdas.runtime.observability import count, logger
from task_store.refusals import may_pass

#: Item of the table in plain Python values, from the stream.
Image = Mapping[str, Any]
#: Milliseconds before the end of the function at which it begins no further change: time for two calls without an
#: answer, each of seven seconds. A function that is cut off repeats what it has settled.
STOP_BEFORE_END_MS: Final = 15_000
#: Calls of AWS in all. Lambda itself repeats a change, and further calls would exceed the time above.
MAX_ATTEMPTS: Final = 1
#: Characters of the reason in a message about a change that was set aside.
_MAX_REASON_LENGTH: Final = 1000


def ended_run(old_image: Image | None, new_image: Image | None) -> Ended | None:
    """Return the run or batch that this change ended; None for every other change, such as a deletion by TTL."""
    if not new_image:
        return None
    record = ended_item(new_image)
    if not record.is_final:
        return None
    # Nothing else of the old image is read, because a replica of another release may have written it.
    if old_image and (old_image["run"], old_image["status"]) == (record.run_id, record.status):
        return None
    return record


class EndedRuns:
    """Settles the runs of a batch one after the other. `set_aside` sends a message to the operators' queue."""

    def __init__(self, *, settle: Callable[[Ended], None], set_aside: Callable[[str], None]) -> None:
        self._settle = settle
        self._set_aside = set_aside

    def process(self, event: Mapping[str, Any], context: Any) -> dict[str, Any]:
        """Settle the runs; return the response that names the first change that Lambda must repeat."""
        for raw in event["Records"]:
            change = DynamoDBRecord(raw).dynamodb
            if change is None:
                continue
            if context.get_remaining_time_in_millis() < STOP_BEFORE_END_MS:
                logger().info("batch_continues_later", sequence_number=change.sequence_number)
                return _from(change.sequence_number)
            try:
                if record := ended_run(change.old_image, change.new_image):
                    self._settle(record)
            except Exception as error:  # noqa: BLE001 - Lambda repeats the change, or the operators receive it
                task_id = name_in((change.new_image or {}).get(KEY_ATTRIBUTE, ""))
                logger().exception("change_not_settled", task_id=task_id, sequence_number=change.sequence_number)
                if may_pass(error) or not self._is_set_aside(change.new_image, change.sequence_number, error):
                    return _from(change.sequence_number)
        return {"batchItemFailures": []}

    def _is_set_aside(self, image: Image | None, sequence_number: str | None, error: Exception) -> bool:
        named = {name: str((image or {}).get(name)) for name in ("id", "run", "status")}
        reason = f"{type(error).__name__}: {error}"[:_MAX_REASON_LENGTH]
        try:
            self._set_aside(compact_json(named | {"sequence_number": sequence_number, "reason": reason}))
        except Exception:  # noqa: BLE001 - Lambda repeats the change
            logger().exception("change_not_set_aside", sequence_number=sequence_number)
            return False
        count("ChangesSetAside")
        return True


def _from(sequence_number: str | None) -> dict[str, Any]:
    return {"batchItemFailures": [{"itemIdentifier": sequence_number}]}

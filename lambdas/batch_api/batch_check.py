"""Check of a batch: each task as if it were sent alone, and the errors of all of them at once."""

import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import cache
from typing import Final

from contract.errors import FieldError, InvalidTask, MessageTooLarge
from contract.formats import Format
from contract.pipeline.graph import EXTRA_DATA
from contract.pipeline.workflow_check import HasObject
from contract.redaction import without_secrets
from contract.routing import Catalogue, FindCheckpoint
from contract.submission import Submission, parse_submission
from contract.task_v1alpha1 import is_v1alpha1
from contract.tenancy import Tenant
from lambdas.batch_api.batch_request import PlacedTask, id_in, stem_of, with_id
from lambdas.tasks.batch_tasks import BatchTask
from lambdas.tasks.output_destination import check_destination
from lambdas.tasks.own_links import OwnLinks

#: Errors that one response names. Each broken task has its share of them.
MAX_BATCH_ERRORS: Final = 1000
#: Seconds for the whole check. API Gateway gives up after 29.
CHECK_SECONDS: Final = 18.0
#: Concurrent checks of the objects that tasks link, each of which waits for S3 twice.
LINK_THREADS: Final = 8


@dataclass(frozen=True, kw_only=True)
class BatchCheck:
    """Checks the tasks of a batch. `clock` returns monotonic seconds."""

    catalogue: Catalogue
    find_checkpoint: FindCheckpoint
    has_object: HasObject
    own_links: OwnLinks
    clock: Callable[[], float] = time.monotonic

    def check(self, tasks: Sequence[PlacedTask], *, batch_id: str, tenant: Tenant) -> Sequence[BatchTask]:
        """Return the tasks with their ids; one without an id is named after batch and number.

        Raises:
            InvalidTask: tasks have broken fields; each is named with its place.
            MessageTooLarge: the check takes too long.
        """
        deadline = self.clock() + CHECK_SECONDS
        stem = stem_of(batch_id)
        # Many tasks name one checkpoint.
        find_checkpoint, has_object = cache(self.find_checkpoint), cache(self.has_object)
        errors: dict[int, list[FieldError]] = {}
        checked: list[tuple[int, PlacedTask, Submission]] = []
        places: dict[str, str] = {}
        for number, placed in enumerate(tasks, start=1):
            self._keep_within(deadline)
            task = placed if id_in(placed.body) else replace(placed, body=with_id(placed.body, f"{stem}-{number}"))
            try:
                submission = self._parse(task, find_checkpoint, has_object)
                check_destination(submission, tenant)
                _refuse_second(submission, task.place, places)
            except InvalidTask as error:
                errors[number] = _placed(task, error)
            else:
                checked.append((number, task, submission))

        def check_links(entry: tuple[int, PlacedTask, Submission]) -> None:
            number, task, submission = entry
            self._keep_within(deadline)
            try:
                self.own_links.etags(submission, tenant)
            except InvalidTask as error:
                errors[number] = _placed(task, error)

        with ThreadPoolExecutor(LINK_THREADS) as threads:
            # The loop raises what a thread has raised.
            for _ in threads.map(check_links, checked):
                continue
        if errors:
            raise InvalidTask(_share(errors))
        return [BatchTask(submission.task.metadata.id, task.body) for _, task, submission in checked]

    def _parse(self, task: PlacedTask, find_checkpoint: FindCheckpoint, has_object: HasObject) -> Submission:
        submission = parse_submission(
            task.body,
            catalogue=self.catalogue,
            find_checkpoint=find_checkpoint,
            has_object=has_object,
            format_=Format.V1ALPHA1 if is_v1alpha1(task.body) else Format.V1ALPHA2,
        )
        content = submission.task.content
        if without_secrets(submission.task) != content:
            message = "holds a token or an address with a query, which a batch must not store; send this task alone"
            place = "payload" if "payload" in content else EXTRA_DATA
            raise InvalidTask([FieldError(submission.original_field(f"task.content.{place}"), message)])
        if any("?" in link for link in submission.task.metadata.output.put_links):
            message = "holds an address with a query, which a batch must not store; send this task alone"
            raise InvalidTask([FieldError(submission.original_field("task.metadata.output.put_links"), message)])
        return submission

    def _keep_within(self, deadline: float) -> None:
        if self.clock() > deadline:
            raise MessageTooLarge(
                f"the check of the tasks takes longer than {CHECK_SECONDS:g} s; send fewer tasks in each batch"
            )


def _refuse_second(submission: Submission, place: str, places: dict[str, str]) -> None:
    """Refuse a second task with an id, because it would be another run of the first or in conflict with it."""
    task_id = submission.task.metadata.id
    if task_id in places:
        message = f"duplicate id {task_id!r}, as in {places[task_id].rstrip(': .')}; write a different id, or none"
        raise InvalidTask([FieldError(submission.original_field("task.metadata.id"), message)])
    places[task_id] = place


def _placed(task: PlacedTask, error: InvalidTask) -> list[FieldError]:
    return [replace(detail, field=f"{task.place}{detail.field}") for detail in error.details]


def _share(errors: Mapping[int, Sequence[FieldError]]) -> list[FieldError]:
    """Return the errors in the order of the tasks, of each broken task the same number at the most."""
    share = max(MAX_BATCH_ERRORS // len(errors), 1)
    # Expanded tasks repeat the errors of the line that they come from.
    return list(dict.fromkeys(detail for number in sorted(errors) for detail in errors[number][:share]))

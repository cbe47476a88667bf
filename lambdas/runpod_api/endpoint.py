"""RunPod endpoint of a runtime: its health, and the purge of its queue."""

from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final

from contract.heartbeat import HEARTBEAT_EXPIRY_MS
from contract.record import Status
from contract.routing import Catalogue
from contract.tenancy import Tenant, scoped
from lambdas.runtime.observability import count, logger
from lambdas.tasks import outcomes
from task_store.indexes import ActiveRun
from task_store.repository import TaskRepository

#: Tasks of one read of an index: some 100 KB in 20 ms.
PAGE_SIZE: Final = 500
#: Reads of the index of all tasks for one response, which the tenants that its caller sees share. With the page size,
#: they bound the number of counted tasks.
MAX_COUNTED_PAGES: Final = 10
#: Reads of the index of active tasks for one response.
MAX_ACTIVE_PAGES: Final = 100
#: Concurrent conditional writes during a purge. DynamoDB answers each in some 10 ms.
PARALLEL_WRITES: Final = 8


class RunpodEndpoint:
    """Answers with RunPod's bodies. `clock` returns monotonic seconds."""

    def __init__(
        self, *, catalogue: Catalogue, repository: TaskRepository, now_ms: Callable[[], int], clock: Callable[[], float]
    ) -> None:
        self._catalogue = catalogue
        self._repository = repository
        self._now_ms = now_ms
        self._clock = clock

    def health(self, runtime: str, *, tenant: Tenant) -> dict[str, Any]:
        """Return the numbers of a tenant's jobs, and of all replicas, by state.

        Active jobs are counted up to 50,000. Ended jobs are counted among the newest 5,000 tasks of the runtime.
        A replica is idle if it sent a heartbeat in the last minutes and runs no task.
        """
        self._catalogue.require(runtime)
        active: Counter[Status] = Counter()
        workers: set[str] = set()
        for number, page in enumerate(self._repository.active_runs(runtime, page_size=PAGE_SIZE), 1):
            active.update(run.status for run in page if tenant.sees(run.key))
            workers |= {run.worker_id for run in page if run.status is Status.IN_PROGRESS and run.worker_id}
            if number == MAX_ACTIVE_PAGES:
                break
        seen = self._repository.live_replicas(runtime, since_ms=self._now_ms() - HEARTBEAT_EXPIRY_MS)
        ended = self._ended(runtime, tenant)
        return {
            "jobs": {
                "completed": ended[Status.COMPLETED],
                "failed": ended[Status.FAILED] + ended[Status.TIMED_OUT],
                "inProgress": active[Status.IN_PROGRESS],
                "inQueue": active[Status.IN_QUEUE],
                "retried": ended["retried"],
            },
            "workers": {"idle": len(seen - workers), "running": len(workers)},
        }

    def purge(self, runtime: str, *, deadline: float, tenant: Tenant) -> dict[str, Any]:
        """Cancel every waiting job of a tenant, and return their number. Running jobs continue.

        At `deadline` (monotonic seconds) the purge of a long queue stops with the status "incomplete". The same call
        continues with the rest.
        """
        self._catalogue.require(runtime)
        removed, is_complete = 0, True
        pages = self._repository.active_runs(runtime, page_size=PAGE_SIZE)
        with ThreadPoolExecutor(PARALLEL_WRITES) as writers:
            for page in pages:
                waiting = (run for run in page if run.status is Status.IN_QUEUE and tenant.sees(run.key))
                removed += sum(writers.map(self._remove, waiting))
                if self._clock() >= deadline:
                    is_complete = not next(pages, [])
                    break
        logger().info("queue_purged", runtime=runtime, removed=removed, is_complete=is_complete)
        count("TasksCancelled", removed, runtime=runtime)
        return {"removed": removed, "status": "completed" if is_complete else "incomplete"}

    def _remove(self, run: ActiveRun) -> bool:
        # A replica may have claimed the run since the index was read. The write then does nothing.
        return self._repository.finish_waiting(run, outcomes.cancelled())

    def _ended(self, runtime: str, tenant: Tenant) -> Counter[str]:
        found: Counter[str] = Counter()
        pages = max(MAX_COUNTED_PAGES // len(tenant.visible), 1)
        for owner in tenant.visible:
            key: dict[str, Any] | None = None
            for _ in range(pages):
                items, key = self._repository.newest(scoped(owner, runtime), limit=PAGE_SIZE, start_key=key)
                found.update(item["status"] for item in items)
                found["retried"] += sum(bool(item.get("retries")) for item in items)
                if key is None:
                    break
        return found

"""Jobs of the Comfy API: each is a task of a runtime of ComfyUI."""

import uuid
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Final

from contract.errors import FieldError, IdInUse, InvalidTask, MessageTooLarge, TaskFinished
from contract.formats import Format
from contract.json_values import compact_json
from contract.pipeline.graph import graph_of
from contract.record import Record, Status
from contract.tenancy import Tenant
from lambdas.comfy_api.assets import ComfyAssets
from lambdas.comfy_api.bodies import ComfyJob, ComfyJobPage, ComfyJobSummary, ComfyOutput, JobWorkflow
from lambdas.comfy_api.job_request import parse_job
from lambdas.comfy_api.job_view import job_body, job_summary
from lambdas.comfy_api.refusals import AssetNotFound, KeyUsedAgain
from lambdas.http.application import Caller
from lambdas.tasks.caller_tasks import CallerTasks
from lambdas.tasks.output_bucket import OutputGone
from lambdas.tasks.stored_message import stored_message
from lambdas.tasks.task_view import TaskPage
from lambdas.tasks.webui_responses import MAX_RESPONSE_BYTES
from lambdas.tasks.workflow_files import workflow_files

#: Concurrent reads of what S3 knows of a job's outputs, each some 20 ms.
PARALLEL_READS: Final = 8
#: Pages of a listing among which jobs with the asked labels are searched for one response.
MAX_SEARCHED_PAGES: Final = 5
_LABEL: Final = "metadata["


class ComfyJobs:
    """Answers with the Comfy API's bodies; raises the contract's errors. `address` is the path of the API."""

    def __init__(self, *, tasks: CallerTasks, assets: ComfyAssets, retention_seconds: int) -> None:
        self._tasks = tasks
        self._assets = assets
        self._retention_ms = retention_seconds * 1000

    def create(
        self, runtime: str, body: str | bytes, *, idempotency_key: str | None, caller: Caller, address: str
    ) -> ComfyJob:
        """Submit a job; raises KeyUsedAgain for a repetition."""
        self._tasks.catalogue.require(runtime)
        request = parse_job(body)
        job_id = str(uuid.uuid4())
        if idempotency_key:
            job_id = str(uuid.uuid5(uuid.NAMESPACE_OID, f"{caller.key_name}\n{runtime}\n{idempotency_key}"))
            if self._tasks.repository.read(caller.tenant.key_of(job_id)):
                raise _used_again(job_id)

        def link_to(asset_id: str) -> str | None:
            try:
                return self._assets.location(asset_id, tenant=caller.tenant)
            except (AssetNotFound, OutputGone):
                return None

        try:
            task = request.task(job_id, runtime=runtime, link_to=link_to)
            record = self._tasks.submit(task, caller, format_=Format.COMFY)
        except IdInUse:
            # Another call with the key was faster.
            raise _used_again(job_id) from None
        return self._show(record, caller.tenant, address)

    def show(self, runtime: str, job_id: str, *, tenant: Tenant, address: str) -> ComfyJob:
        """Return a job with its progress or its outputs."""
        return self._show(self._tasks.read(job_id, tenant, runtime=runtime), tenant, address)

    def cancel(self, runtime: str, job_id: str, *, tenant: Tenant, address: str) -> ComfyJob:
        """Cancel a waiting or running job; an ended one stays as it is."""
        record = self._tasks.read(job_id, tenant, runtime=runtime)
        try:
            record = self._tasks.cancel(record)
        except TaskFinished:
            record = self._tasks.read(job_id, tenant)
        return self._show(record, tenant, address)

    def workflow(self, runtime: str, job_id: str, *, tenant: Tenant) -> JobWorkflow:
        """Return the graph of a job, whose assets are links.

        Raises:
            MessageLost: it is no longer stored.
            MessageTooLarge: it holds files as base64 that no response has room for.
        """
        record = self._tasks.read(job_id, tenant, runtime=runtime)
        graph = graph_of(stored_message(record, bucket=self._tasks.task_bucket).task.content)
        if len(compact_json(compact_json(graph))) > MAX_RESPONSE_BYTES:
            raise MessageTooLarge(
                f"the workflow of job {job_id} holds files and is larger than a response; read"
                f" /v1alpha2/tasks/{job_id}/request, which leaves them out"
            )
        return {"workflow": graph, "format": "api"}

    def list(self, runtime: str, parameters: Mapping[str, str] | None, *, tenant: Tenant) -> ComfyJobPage:
        """Return a page of the jobs of a runtime, the newest first, and the cursor of the next page."""
        self._tasks.catalogue.require(runtime)
        given = dict(parameters or {})
        labels = {
            name.removeprefix(_LABEL)[:-1]: given.pop(name)
            for name in tuple(given)
            if name.startswith(_LABEL) and name.endswith("]")
        }
        if unknown := sorted(given.keys() - {"limit", "cursor"}):
            message = "is not a parameter of this call; write any of limit, cursor, metadata[LABEL]"
            raise InvalidTask([FieldError(name[:40], message) for name in unknown])
        query = {"runtime": runtime} | ({"limit": given["limit"]} if "limit" in given else {})
        cursor = given.get("cursor")
        jobs: list[ComfyJobSummary] = []
        for _ in range(MAX_SEARCHED_PAGES):
            page = self._page(query | ({"next": cursor} if cursor else {}), tenant)
            keys = (tenant.key_of(task["id"]) for task in page["tasks"])
            records = (self._tasks.repository.read(key, is_current=False) for key in keys)
            summaries = (job_summary(record, job_id=tenant.id_of(record.key)) for record in records if record)
            jobs += [job for job in summaries if labels.items() <= job["metadata"].items()]
            cursor = page["next"]
            if jobs or not cursor:
                break
        return {"jobs": jobs, "next_cursor": cursor} if cursor else {"jobs": jobs}

    def _page(self, query: Mapping[str, str], tenant: Tenant) -> TaskPage:
        try:
            return self._tasks.list(query, tenant)
        except InvalidTask as error:
            message = "is not what an earlier answer gave as next_cursor; leave it out to begin anew"
            cursor = FieldError("cursor", message)
            raise InvalidTask([cursor if each.field == "next" else each for each in error.details]) from None

    def _show(self, record: Record, tenant: Tenant, address: str) -> ComfyJob:
        # An administrator knows the jobs of others by other ids than their owners.
        job_id = tenant.id_of(record.key)
        outputs: list[ComfyOutput] = []
        if record.status is Status.COMPLETED:
            with ThreadPoolExecutor(PARALLEL_READS) as readers:
                files = workflow_files(record, self._tasks.outputs)
                outputs = list(readers.map(lambda file: self._assets.describe_output(job_id, file), files))
        return job_body(
            record,
            job_id=job_id,
            outputs=outputs,
            queue_position=self._tasks.places.of(record).position,
            retention_ms=self._retention_ms,
            address=address,
        )


def _used_again(job_id: str) -> KeyUsedAgain:
    return KeyUsedAgain(f"this Idempotency-Key has made job {job_id} already; read that job")

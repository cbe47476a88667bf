"""Links of a request into the environment's own buckets: each reaches an object of the sender, as it is at submission.

Agents read own buckets by the ETags in the message only. So no task reads the upload or output of another tenant, and
an upload cannot be replaced after its task was checked. A tag marks the objects that tasks link, because the agents'
roles may read no others.
"""

from collections.abc import Iterator
from typing import Any, Final

from contract.errors import FieldError, InvalidTask
from contract.links import links_in
from contract.pipeline.graph_inputs import possible_file_inputs
from contract.pipeline.node_list import core_nodes
from contract.storage import LINKED_TAG, TENANT_METADATA, S3Location, is_key
from contract.submission import Submission
from contract.task import Task, TaskType
from contract.tenancy import SHARED, Tenant
from contract.upload import MAX_LINKS, UPLOAD_FOLDER
from contract.webui_content import call_of
from guarded_http.errors import LinkRefused
from lambdas.runtime.aws_errors import is_missing

_SCHEME: Final = "s3://"


class OwnLinks:
    """Checks links into the task bucket's uploads and the output bucket."""

    def __init__(self, *, client: Any, task_bucket: str, output_bucket: str) -> None:
        self._client = client
        self._task_bucket = task_bucket
        self._output_bucket = output_bucket

    def etags(self, submission: Submission, tenant: Tenant) -> dict[str, str]:
        """Return the ETag of each linked object, by link; raises InvalidTask for links that the tenant may not use."""
        errors: list[FieldError] = []
        found: dict[str, str] = {}
        for field, link in _links_of(submission.task):
            location = _location(link) if link.lstrip()[: len(_SCHEME)].lower() == _SCHEME else None
            if location is None or location.bucket not in {self._task_bucket, self._output_bucket} or link in found:
                # An agent refuses other buckets unless the environment names them.
                continue
            if len(found) + len(errors) == MAX_LINKS:
                errors.append(
                    FieldError(
                        submission.original_field("task.content"),
                        f"holds more than {MAX_LINKS} links, the most of one task",
                    )
                )
                break
            etag = self._etag(location, tenant)
            if etag is None:
                message = f"the link {link[:200]!r} leads to no upload or output of yours; upload the picture first"
                errors.append(FieldError(submission.original_field(field), message, LinkRefused.code))
            else:
                found[link] = etag
        if errors:
            raise InvalidTask(errors)
        return found

    def upload(self, link: str, tenant: Tenant) -> S3Location | None:
        """Return the location of an upload of the tenant; None for every other link."""
        location = _location(link) if link.startswith(_SCHEME) else None
        if location is None or location.bucket != self._task_bucket:
            return None
        return location if _is_own_upload(location.key.split("/"), tenant) else None

    def _etag(self, location: S3Location, tenant: Tenant) -> str | None:
        """Return the ETag of an object that the tenant may read, and mark it as linked; None for every other one."""
        segments = location.key.split("/")
        is_upload = location.bucket == self._task_bucket
        if is_upload and not _is_own_upload(segments, tenant):
            return None
        try:
            head = self._client.head_object(Bucket=location.bucket, Key=location.key)
            owner = head["Metadata"].get(TENANT_METADATA, SHARED.name)
            if not is_upload and tenant != SHARED and owner not in tenant.visible:
                return None
            tags = [{"Key": key, "Value": value} for key, value in LINKED_TAG.items()]
            self._client.put_object_tagging(Bucket=location.bucket, Key=location.key, Tagging={"TagSet": tags})
        except self._client.exceptions.ClientError as error:
            if is_missing(error):
                return None
            raise
        return str(head["ETag"])


def _is_own_upload(segments: list[str], tenant: Tenant) -> bool:
    if {".", ".."} & set(segments) or segments[0] != UPLOAD_FOLDER:
        return False
    return tenant == SHARED or (len(segments) > 2 and segments[1] in tenant.visible)  # noqa: PLR2004 - folder, tenant, name


def _location(link: str) -> S3Location | None:
    bucket, _, key = link.strip()[len(_SCHEME) :].partition("/")
    return S3Location(bucket, key) if is_key(key) else None


def _links_of(task: Task) -> Iterator[tuple[str, str]]:
    if task.metadata.tasktype is not TaskType.PIPELINE:
        _, body, field = call_of(task.metadata.tasktype, task.content)
        yield from links_in(body, field)
        return
    # The other texts of a workflow are never fetched.
    for given in possible_file_inputs(task.content, core_nodes()):
        yield from links_in(given.value, given.path())

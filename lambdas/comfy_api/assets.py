"""Assets of the Comfy API: uploads, which workflows use as inputs, and the files that jobs made."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import quote, unquote

from contract.errors import FieldError, InvalidTask
from contract.media_formats import detect_medium
from contract.picture_formats import HEAD_BYTES
from contract.record import Status
from contract.storage import S3Location, is_key
from contract.tenancy import Tenant
from contract.upload import new_upload_name, upload_key
from lambdas.comfy_api.bodies import ComfyAsset, ComfyOutput, FileKind
from lambdas.comfy_api.refusals import AssetInUse, AssetNotFound
from lambdas.http.forms import MULTIPART, is_form, parse_form
from lambdas.http.responses import moment
from lambdas.runtime.aws_errors import head_object
from lambdas.tasks.output_bucket import LINK_SECONDS, OutputBucket
from lambdas.tasks.workflow_files import WorkflowFile, workflow_files
from task_store.repository import TaskRepository

#: Key of an upload's metadata in S3: its name at the sender, in percent-encoding.
FILE_PATH_METADATA: Final = "file-path"
#: Characters of this name. S3 takes 2 KB of metadata, and a character has up to 12 in percent-encoding.
MAX_FILE_PATH: Final = 150
#: Characters of the id of an asset. DynamoDB and S3 would refuse a long one like a failure of theirs.
MAX_ASSET_ID: Final = 200
_KINDS: Final[Mapping[str, FileKind]] = {"image": "image", "video": "video", "audio": "audio", "text": "text"}


def output_id(job_id: str, number: int) -> str:
    """Return the id of the asset that is an output of a job. Uploads end in the extension of a file instead."""
    return f"{job_id}.{number}"


@dataclass(kw_only=True, eq=False)
class ComfyAssets:
    """Stores, finds and removes assets. `now_ms` returns epoch milliseconds."""

    client: Any
    bucket: str
    outputs: OutputBucket
    repository: TaskRepository
    now_ms: Callable[[], int]

    def upload(self, body: str | bytes, content_type: str, *, tenant: Tenant) -> ComfyAsset:
        """Store the file of a form, and return its asset."""
        if not is_form(content_type):
            raise InvalidTask([FieldError("body", f"must be of the type {MULTIPART}, with the file as `file`")])
        form = parse_form(body, content_type)
        files = form.files.get("file", [])
        if len(files) != 1:
            raise InvalidTask([FieldError("file", f"needs one file; the form has {len(files)}")])
        found = detect_medium(files[0][:HEAD_BYTES])
        if found is None or not found.extension:
            name = found.name if found else "of an unknown format"
            raise InvalidTask([FieldError("file", f"is {name}; send a picture, a video or a sound")])
        asset_id = f"{new_upload_name()}.{found.extension}"
        file_path = (form.texts.get("file_path") or [asset_id])[-1]
        self.client.put_object(
            Bucket=self.bucket,
            Key=upload_key(tenant.name, asset_id),
            Body=files[0],
            ContentType=found.content_type,
            Metadata={FILE_PATH_METADATA: quote(file_path[:MAX_FILE_PATH])},
        )
        return {**self.show(asset_id, tenant=tenant), "created_new": True}

    def show(self, asset_id: str, *, tenant: Tenant) -> ComfyAsset:
        """Return an asset; raises AssetNotFound."""
        uri = self.location(asset_id, tenant=tenant)
        head = self._head(uri)
        shown: ComfyAsset = {
            "id": asset_id,
            "hash": None,
            "size_bytes": head["ContentLength"],
            "content_type": head["ContentType"],
            "file_path": unquote(head["Metadata"].get(FILE_PATH_METADATA, "")) or uri.rpartition("/")[2],
            "created_at": moment(int(head["LastModified"].timestamp() * 1000)),
            "url": self.outputs.link(uri),
            "url_expires_at": self._link_expires_at(),
        }
        if _is_output(asset_id):
            shown["job_id"] = asset_id.rpartition(".")[0]
        return shown

    def location(self, asset_id: str, *, tenant: Tenant) -> str:
        """Return the `s3://` URI of an asset; raises AssetNotFound for an output that is not there."""
        if len(asset_id) > MAX_ASSET_ID or not asset_id.isprintable():
            raise _not_found(asset_id)
        if not _is_output(asset_id):
            return self._upload(asset_id, tenant).uri
        job_id, _, number = asset_id.rpartition(".")
        record = self.repository.read(tenant.key_of(job_id))
        files = workflow_files(record, self.outputs) if record and record.status is Status.COMPLETED else []
        for file in files:
            if str(file.number) == number:
                return file.uri
        raise _not_found(asset_id)

    def content(self, asset_id: str, *, tenant: Tenant) -> str:
        """Return a link to the content of an asset; raises AssetNotFound."""
        uri = self.location(asset_id, tenant=tenant)
        self._head(uri)
        return self.outputs.link(uri)

    def remove(self, asset_id: str, *, tenant: Tenant) -> None:
        """Remove an upload; raises AssetInUse for the output of a job."""
        if _is_output(asset_id):
            raise AssetInUse("an output stays as long as its job; its retention removes both")
        location = self._upload(asset_id, tenant)
        self._head(location.uri)
        self.client.delete_object(Bucket=location.bucket, Key=location.key)

    def describe_output(self, job_id: str, file: WorkflowFile) -> ComfyOutput:
        """Return a file of a job as the API lists it."""
        head = self._head(file.uri)
        return {
            "node_id": file.node_id,
            "name": file.filename,
            "type": _kind(head["ContentType"], file.filename),
            "content_type": head["ContentType"],
            "size_bytes": head["ContentLength"],
            "id": output_id(job_id, file.number),
            "hash": None,
            "job_id": job_id,
            "url": self.outputs.link(file.uri),
            "url_expires_at": self._link_expires_at(),
        }

    def _link_expires_at(self) -> str:
        return moment(self.now_ms() + LINK_SECONDS * 1000)

    def _upload(self, asset_id: str, tenant: Tenant) -> S3Location:
        return S3Location(self.bucket, upload_key(tenant.name, asset_id))

    def _head(self, uri: str) -> Mapping[str, Any]:
        location = S3Location.of(uri)
        head = head_object(self.client, location) if is_key(location.key) else None
        if head is None:
            raise _not_found(uri.rpartition("/")[2])
        return head


def _not_found(asset_id: str) -> AssetNotFound:
    return AssetNotFound(f"there is no asset {asset_id[:128]!r}: it was never there, or its retention has ended")


def _is_output(asset_id: str) -> bool:
    job_id, _, number = asset_id.rpartition(".")
    return bool(job_id) and number.isascii() and number.isdigit()


def _kind(content_type: str, filename: str) -> FileKind:
    """Return the kind of a file in the words of the Comfy API."""
    if filename.endswith(".latent"):
        return "latent"
    return _KINDS.get(content_type.partition("/")[0], "file")

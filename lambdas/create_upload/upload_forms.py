"""Presigned forms for uploads; S3 enforces the type and the size for which a form was signed."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, Final

from typing_extensions import TypedDict

from contract.errors import FieldError, InvalidTask
from contract.json_values import describe, parse_json_object
from contract.storage import S3Location
from contract.upload import MAX_UPLOAD_BYTES, UPLOAD_TYPES, new_upload_name, upload_key
from lambdas.http.responses import Moment

#: Seconds for which a form works: enough for 50 MiB over a slow connection.
FORM_SECONDS: Final = 900


class UploadForm(TypedDict):
    """A form to be sent as `multipart/form-data`, with the picture as its last field, `file`."""

    method: str
    url: str
    fields: dict[str, str]


class CreatedUpload(TypedDict):
    """A form for one upload, and the link to what will be there."""

    link: str
    upload: UploadForm
    max_bytes: int
    expires_at: Moment


def upload_form(
    body: str | bytes,
    *,
    client: Any,
    bucket: str,
    tenant: str,
    now_ms: int,
    new_name: Callable[[], str] = new_upload_name,
) -> CreatedUpload:
    """Return the form for one upload and the link to what will be there; raises the contract's errors."""
    content_type = _content_type(parse_json_object(body))
    location = S3Location(bucket, upload_key(tenant, f"{new_name()}.{UPLOAD_TYPES[content_type]}"))
    form = client.generate_presigned_post(
        Bucket=location.bucket,
        Key=location.key,
        Fields={"Content-Type": content_type},
        Conditions=[{"Content-Type": content_type}, ["content-length-range", 1, MAX_UPLOAD_BYTES]],
        ExpiresIn=FORM_SECONDS,
    )
    expires_at = datetime.fromtimestamp(now_ms // 1000 + FORM_SECONDS, tz=UTC)
    return {
        "link": location.uri,
        "upload": {"method": "POST", "url": form["url"], "fields": form["fields"]},
        "max_bytes": MAX_UPLOAD_BYTES,
        "expires_at": expires_at.isoformat().replace("+00:00", "Z"),
    }


def _content_type(body: dict[str, Any]) -> str:
    value = body.get("content_type")
    errors = [FieldError(name[:40], "is not known; there is content_type") for name in body if name != "content_type"]
    if not isinstance(value, str) or value not in UPLOAD_TYPES:
        found = repr(value[:40]) if isinstance(value, str) else describe(value)
        errors.append(FieldError("content_type", f"is {found}; write any of {', '.join(UPLOAD_TYPES)}"))
    if errors:
        raise InvalidTask(errors)
    return str(value)

"""Uploading inputs that are too large for a request."""

from http import HTTPStatus
from typing import Final

from contract import errors
from contract.upload import UPLOAD_TYPES
from docs.openapi.operation import Body, Operation, choice
from lambdas.create_upload.upload_forms import CreatedUpload

OPERATIONS: Final = (
    Operation(
        "POST",
        "/v1alpha2/uploads",
        "createUpload",
        "Get a form for uploading an input picture",
        "UploadForms",
        {HTTPStatus.CREATED: CreatedUpload},
        errors=(errors.InvalidTask, errors.InvalidJson),
        body=Body(
            {
                "type": "object",
                "required": ["content_type"],
                "properties": {"content_type": choice(UPLOAD_TYPES)},
                "additionalProperties": False,
            },
            {"png": {"content_type": "image/png"}},
        ),
    ),
)

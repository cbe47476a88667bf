"""Form and destination of a task's pictures that its sender asks for."""

import re
from functools import partial
from typing import Annotated, Any, Final, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationInfo,
    WithJsonSchema,
    field_validator,
    model_validator,
)

from contract.folder import check_folder
from contract.https_url import check_https_url
from contract.json_values import without_nulls
from contract.storage import S3Location

#: Formats whose encoder drops details.
LOSSY_FORMATS: Final = frozenset({"jpeg", "webp", "avif"})


#: Characters of a presigned link; the token of a role alone has about 1,500.
MAX_PUT_LINK_LENGTH: Final = 4096
#: Links of one task. Its message travels with them, and the environment's limit of pictures is usually lower.
MAX_PUT_LINKS: Final = 64
_S3_URI: Final = re.compile(r"s3://([a-z0-9][a-z0-9.-]{1,61}[a-z0-9])/(.+)", re.ASCII | re.DOTALL)
_PUT_LINK_SCHEMA: Final[dict[str, Any]] = {"type": "string", "format": "uri", "pattern": "^https://"}


def _check_destination(value: str) -> str:
    found = _S3_URI.fullmatch(value)
    if not found:
        raise ValueError("names no folder of a bucket; write s3://bucket/folder")
    return S3Location(found[1], check_folder(found[2])).uri


def _check_number(value: object) -> object:
    if isinstance(value, list | tuple) and len(value) > MAX_PUT_LINKS:
        raise ValueError(f"is an array; write at most {MAX_PUT_LINKS} entries")
    return value


class OutputRequest(BaseModel):
    """`metadata.output` of a task. The defaults store each picture byte for byte as the engine made it."""

    model_config = ConfigDict(extra="ignore", frozen=True, hide_input_in_errors=True)

    format: Literal["png", "jpeg", "webp", "avif"] | None = Field(
        default=None, description="Format of the stored pictures; without it that of the Web UI's answer"
    )
    quality: Annotated[int, Field(ge=1, le=100)] | None = Field(
        default=None, description="Of jpeg, webp and avif; 90 if it is left out"
    )
    metadata: bool = Field(
        default=True, description="false leaves the generation parameters, and every other text, out of the pictures"
    )
    thumbnails: bool = Field(default=True, description="false stores no thumbnails")

    destination: Annotated[str, AfterValidator(_check_destination)] | None = Field(
        default=None,
        description="s3://bucket/folder that gets a copy of each picture; `outputDestinations` of the environment"
        " allows it",
    )
    put_links: Annotated[
        tuple[
            Annotated[
                str,
                AfterValidator(partial(check_https_url, max_length=MAX_PUT_LINK_LENGTH)),
                WithJsonSchema(_PUT_LINK_SCHEMA),
            ],
            ...,
        ],
        Field(max_length=MAX_PUT_LINKS),
        # Before the links are checked: pydantic keeps an error of each, which took gigabytes for a million.
        BeforeValidator(_check_number),
    ] = Field(default=(), description="https links that accept a PUT; the first gets the first picture, and so on")

    _null_means_absent = model_validator(mode="before")(without_nulls)

    @field_validator("put_links")
    @classmethod
    def _one_destination(cls, value: tuple[str, ...], info: ValidationInfo) -> tuple[str, ...]:
        if value and info.data.get("destination") is not None:
            raise ValueError("cannot be combined with `destination`; write one of the two")
        return value

    @field_validator("quality")
    @classmethod
    def _format_has_a_quality(cls, value: int | None, info: ValidationInfo) -> int | None:
        if value is not None and info.data.get("format") not in LOSSY_FORMATS:
            raise ValueError(f"needs a `format` of {', '.join(sorted(LOSSY_FORMATS))}; a png keeps every detail")
        return value

    @property
    def changes_pictures(self) -> bool:
        """Return True unless the pictures stay as the engine made them."""
        return self.format is not None or not self.metadata

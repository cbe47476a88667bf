"""Task in the v1alpha2 format, the only format behind the edge."""

import re
from enum import StrEnum
from functools import partial
from typing import Annotated, Any, Final

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, WithJsonSchema, model_validator

from contract.folder import check_folder
from contract.https_url import check_https_url
from contract.json_values import size_bytes, without_nulls
from contract.output_request import OutputRequest

#: Letters, digits, `.`, `_`, `-`; starts with a letter or digit; 128 characters at most.
ID_PATTERN: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,127}", re.ASCII)
#: UTF-8 bytes of `context` as compact JSON; it travels in every callback, whose limit is SNS's 256 KiB.
MAX_CONTEXT_BYTES: Final = 32 * 1024
#: Characters of a webhook URL.
MAX_WEBHOOK_LENGTH: Final = 2048
DEFAULT_PREFIX: Final = "output"
#: Short form of the checks below for the API's description.
ID_SCHEMA: Final[dict[str, Any]] = {
    "description": "Letters, digits, '.', '_', '-'; no '..'; an integer is taken as text",
    "anyOf": [{"type": "string", "pattern": f"^{ID_PATTERN.pattern}$"}, {"type": "integer"}],
}
WEBHOOK_SCHEMA: Final[dict[str, Any]] = {
    "description": "Gets the outcome, too",
    "type": "string",
    "format": "uri",
    "pattern": "^https://",
    "maxLength": MAX_WEBHOOK_LENGTH,
}

#: Milliseconds; bounds and defaults are those of RunPod's `policy`.
MIN_EXECUTION_TIMEOUT_MS: Final = 5_000
MIN_TTL_MS: Final = 10_000
MAX_POLICY_MS: Final = 7 * 24 * 3600 * 1000
DEFAULT_EXECUTION_TIMEOUT_MS: Final = 600_000
DEFAULT_TTL_MS: Final = 24 * 3600 * 1000


class TaskType(StrEnum):
    """Kind of a task: a workflow of ComfyUI (`pipeline`), or a call of the SD Web UI, which `webui-api` names."""

    TEXT_TO_IMAGE = "text-to-image"
    IMAGE_TO_IMAGE = "image-to-image"
    EXTRA_SINGLE_IMAGE = "extra-single-image"
    EXTRA_BATCH_IMAGES = "extra-batch-images"
    INTERROGATE = "interrogate"
    PNG_INFO = "png-info"
    WEBUI_API = "webui-api"
    PIPELINE = "pipeline"

    @classmethod
    def _missing_(cls, value: object) -> "TaskType | None":
        # The documents of the older format use the singular.
        return cls.EXTRA_BATCH_IMAGES if value == "extra-batch-image" else None


def _id_from_json(value: object) -> object:
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else value


def _check_id(value: str) -> str:
    if not ID_PATTERN.fullmatch(value):
        raise ValueError("use 1 to 128 letters, digits, '.', '_' or '-', beginning with a letter or a digit")
    if ".." in value:
        raise ValueError("'..' is not allowed in an id")
    return value


def _check_context(value: object) -> object:
    size = size_bytes(value)
    if size > MAX_CONTEXT_BYTES:
        raise ValueError(f"is {size} bytes of JSON; {MAX_CONTEXT_BYTES} are allowed")
    return value


class Policy(BaseModel):
    """Time limits of a task in milliseconds and how urgent it is, named as RunPod names them."""

    model_config = ConfigDict(serialize_by_alias=True, extra="ignore", frozen=True, hide_input_in_errors=True)

    execution_timeout_ms: int = Field(
        default=DEFAULT_EXECUTION_TIMEOUT_MS,
        alias="executionTimeout",
        ge=MIN_EXECUTION_TIMEOUT_MS,
        le=MAX_POLICY_MS,
        description="From pick-up to the end; past it the generation is interrupted and the task is TIMED_OUT",
    )
    ttl_ms: int = Field(
        default=DEFAULT_TTL_MS,
        alias="ttl",
        ge=MIN_TTL_MS,
        le=MAX_POLICY_MS,
        description="From submission to pick-up; past it a waiting task is TIMED_OUT",
    )
    low_priority: bool = Field(
        default=False,
        alias="lowPriority",
        description="The task waits until a replica has nothing else to do, and no replica is started for it",
    )
    preview: bool = Field(
        default=False,
        description="While the task runs, the Web UI's preview of its picture can be had beside the progress",
    )

    _null_means_absent = model_validator(mode="before")(without_nulls)


TaskId = Annotated[str, BeforeValidator(_id_from_json), AfterValidator(_check_id), WithJsonSchema(ID_SCHEMA)]
Context = Annotated[Any, AfterValidator(_check_context), Field(description="Comes back in the callback")]
Webhook = Annotated[
    str, AfterValidator(partial(check_https_url, max_length=MAX_WEBHOOK_LENGTH)), WithJsonSchema(WEBHOOK_SCHEMA)
]


class Metadata(BaseModel):
    """Everything about a task except what the Web UI is asked to make."""

    model_config = ConfigDict(extra="ignore", frozen=True, hide_input_in_errors=True)

    id: TaskId
    runtime: Annotated[str, Field(min_length=1, max_length=128, description="Name of a configured runtime")]
    tasktype: TaskType
    prefix: Annotated[str, AfterValidator(check_folder), Field(description="Folder in the output bucket")] = (
        DEFAULT_PREFIX
    )
    context: Context = None
    webhook: Webhook | None = None
    policy: Policy = Policy()
    output: OutputRequest = OutputRequest()

    _null_means_absent = model_validator(mode="before")(without_nulls)


class Task(BaseModel):
    """A v1alpha2 task. `content` is the body of the matching Web UI endpoint, or the workflow of a pipeline."""

    model_config = ConfigDict(extra="ignore", frozen=True, hide_input_in_errors=True)

    metadata: Metadata
    content: dict[str, Any]

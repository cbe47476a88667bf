"""Bodies of the Comfy API's answers."""

from typing import Annotated, Any, Literal, NotRequired

from pydantic import Field
from typing_extensions import TypedDict

from lambdas.http.responses import Link, Moment


class ComfyAsset(TypedDict):
    """A file that workflows use or have made."""

    id: str
    #: Darkroom computes no hashes of content.
    hash: None
    size_bytes: int
    content_type: str
    file_path: str
    created_at: Moment
    url: Link
    url_expires_at: Moment
    job_id: NotRequired[str]
    created_new: NotRequired[bool]


FileKind = Literal["image", "video", "audio", "text", "file", "latent"]


class ComfyOutput(TypedDict):
    """A file that a job made; `id` is that of an asset."""

    node_id: str
    name: str
    type: FileKind
    content_type: str
    size_bytes: int
    id: str
    hash: None
    job_id: str
    url: Link
    url_expires_at: Moment


class ComfyProgress(TypedDict):
    """How far a running job is."""

    value: Annotated[float, Field(description="From 0 to 1")]
    nodes_done: int
    nodes_total: int
    current_node: str | None
    current_node_class: str | None
    step: int | None
    steps: int | None


class ComfyJobError(TypedDict):
    """Why a job failed, and at which node if at one."""

    code: str
    message: str
    node_id: str | None
    class_type: str | None
    traceback: None


class JobLinks(TypedDict):
    """Paths of the further calls, from the root of the server."""

    self: str
    events: str
    cancel: str


ComfyStatus = Literal["queued", "running", "succeeded", "canceled", "failed"]


class ComfyJob(TypedDict):
    """A job with its progress or its outputs."""

    id: str
    status: ComfyStatus
    created_at: Moment
    started_at: Moment | None
    completed_at: Moment | None
    expires_at: Moment
    queue_position: int | None
    progress: ComfyProgress | None
    outputs: list[ComfyOutput]
    error: ComfyJobError | None
    #: Labels of the job, which are the context of its task.
    metadata: dict[str, str]
    urls: JobLinks


class ComfyJobSummary(TypedDict):
    """A job of a listing."""

    id: str
    status: ComfyStatus
    create_time: Moment
    update_time: Moment
    metadata: dict[str, str]


class ComfyJobPage(TypedDict):
    """Jobs of a runtime, the newest first, and what to pass as `cursor` for those that follow."""

    jobs: list[ComfyJobSummary]
    next_cursor: NotRequired[str]


class JobWorkflow(TypedDict):
    """The graph of a job, whose assets are links."""

    workflow: dict[str, Any]
    format: Literal["api"]


class NodeProblem(TypedDict):
    """One broken field of a node."""

    type: str
    message: str
    details: str
    extra_info: dict[str, str]


class NodeProblems(TypedDict):
    """All that is wrong with a node."""

    errors: list[NodeProblem]
    dependent_outputs: list[str]


class RefusalDetails(TypedDict):
    """What is wrong, by node."""

    node_errors: dict[str, NodeProblems]


class ComfyError(TypedDict):
    """Error in the form of the Comfy API."""

    code: str
    message: str
    details: NotRequired[RefusalDetails]


class ComfyRefusal(TypedDict):
    """Body of every response that is not a success."""

    error: ComfyError

"""Settings of the agent, read from the environment once, at its start."""

from pathlib import Path
from typing import Annotated, Final, Literal, Self

from pydantic import ByteSize, Field, Json, model_validator

from contract.routing import Limits
from runtime_image.process.engine_settings import EngineSettings

#: Seconds; SQS allows 12 hours. Below two the whole seconds of SQS leave no room for a renewal.
MIN_VISIBILITY_TIMEOUT_SECONDS: Final = 2
MAX_VISIBILITY_TIMEOUT_SECONDS: Final = 43_200

#: Fields that an orchestrator's adapter needs.
_NEEDED_BY: Final = {
    "kubernetes": ("pod_name", "pod_namespace", "kubernetes_service_host"),
    "ecs": ("ecs_agent_uri", "ecs_container_metadata_uri_v4"),
}


class AgentSettings(EngineSettings):
    """Variables of `python -m runtime_image.agent`, in addition to AWS's own (region, endpoint, credentials)."""

    runtime: str = Field(min_length=1, description="Name of the runtime whose tasks this agent carries out")
    queue_url: str = Field(min_length=1, description="The runtime's queue")
    low_priority_queue_url: str | None = Field(
        default=None, description="The runtime's queue of tasks that wait until its other queue is empty"
    )
    task_table: str = Field(min_length=1, description="Name of the task table")
    task_bucket: str = Field(min_length=1, description="Bucket of messages that were too large for a topic")
    output_bucket: str = Field(min_length=1, description="Bucket that gets pictures and answers")
    node_list: Path | None = Field(
        default=None,
        description="File with the image's classes of nodes; without it those of ComfyUI itself",
    )
    allowed_nodes: Json[tuple[str, ...]] = Field(
        default=("*",), description="Patterns of the classes of nodes that workflows may use (comfyui)"
    )
    disallowed_nodes: Json[tuple[str, ...]] = Field(
        default=(), description="Patterns of the classes of nodes that workflows may not use (comfyui)"
    )
    api_nodes: bool = Field(
        default=False, description="Whether workflows may use nodes that call comfy.org's services (comfyui)"
    )
    retention_seconds: int = Field(gt=0, description="How long a finished task's record can be read")
    visibility_timeout_seconds: int = Field(
        default=60,
        ge=MIN_VISIBILITY_TIMEOUT_SECONDS,
        le=MAX_VISIBILITY_TIMEOUT_SECONDS,
        description="How long a task stays with an agent that has vanished",
    )
    link_buckets: Json[tuple[str, ...]] = Field(
        default=(), description="Buckets that s3:// links may name, or `bucket/folder/`"
    )
    allowed_link_hosts: Json[tuple[str, ...]] = Field(
        default=(),
        description="Host or host:port that links may reach although the address is not public; without a port, on"
        " ports 80 and 443",
    )
    limits: Json[Limits] = Field(default=Limits(), description="Limits of the runtime, as in the environment file")
    allowed_options: Json[tuple[str, ...]] = Field(
        default=(), description="Options of the Web UI that webui-api tasks may set permanently, for all callers"
    )
    orchestrator: Literal["none", "kubernetes", "ecs"] = Field(
        default="none", description="Orchestrator of this replica, which learns whether the replica works"
    )
    pod_name: str = Field(default="", description="The pod's name, by the downward API (kubernetes)")
    pod_namespace: str = Field(default="", description="The pod's namespace, by the downward API (kubernetes)")
    kubernetes_service_host: str = Field(default="", description="Set by Kubernetes")
    kubernetes_service_port: int = Field(default=443, description="Set by Kubernetes")
    service_account_directory: Path = Field(
        default=Path("/var/run/secrets/kubernetes.io/serviceaccount"),
        description="Folder of the token and the authority of the pod's service account (kubernetes)",
    )
    ecs_agent_uri: str = Field(default="", description="Set by ECS")
    ecs_container_metadata_uri_v4: str = Field(default="", description="Set by ECS")
    ending_file: Path = Field(
        default=Path("/run/node/ending"), description="File that exists once the end of the machine is announced (ecs)"
    )
    environment: str = Field(default="", description="Name of the environment, a dimension of the metrics")
    status_file: Path | None = Field(
        default=None, description="File with the replica's state as JSON, written once a second"
    )
    engine_ready_file: Path | None = Field(
        default=None,
        description="File that exists while the engine accepts calls; without it the agent waits for the engine's port,"
        " and three seconds longer",
    )
    otel_exporter_otlp_endpoint: str = Field(
        default="", description="Destination of OpenTelemetry's spans; without it none are sent"
    )
    hang_seconds: Annotated[float, Field(gt=0)] = Field(
        default=300.0,
        description="Seconds without progress of the engine that count as a hang; twice as many before a first"
        " step, and for upscaling",
    )
    model_bucket: str = Field(default="", description="Bucket of models that tasks name; if empty, no model is fetched")
    models_max_bytes: ByteSize | None = Field(
        default=None, gt=0, description="Limit on fetched models, such as 200GiB; without it the disk is the limit"
    )
    hf_endpoint: str = Field(
        default="https://huggingface.co", pattern=r"^https?://[^/\s]+", description="The hub of the call v1/sync"
    )
    grace_period_seconds: Annotated[float, Field(gt=0)] = Field(
        default=110.0, description="Seconds from SIGTERM to the end of the agent"
    )

    @model_validator(mode="after")
    def _orchestrator_can_be_reached(self) -> Self:
        needed = _NEEDED_BY.get(self.orchestrator, ())
        if missing := [name.upper() for name in needed if not getattr(self, name)]:
            raise ValueError(f"ORCHESTRATOR is {self.orchestrator} and needs {', '.join(missing)}")
        return self

"""The environment variables of a runtime's container, the same for every engine and for the local system."""

import json
from dataclasses import dataclass
from typing import Final

from contract.upload import UPLOAD_FOLDER
from stacks.config import Environment, RuntimeConfig

#: Where the Web UI listens inside the container.
WEBUI_URL: Final = "http://127.0.0.1:7860"
#: Where the Web UI looks for its models inside the container.
MODELS_DIRECTORY: Final = "/models"
#: Where the supervisor finds how far the download of the models is.
MODELS_STATE_FILE: Final = "/var/darkroom/models.json"


@dataclass(frozen=True)
class RuntimeResources:
    """What the stacks made for a runtime, by name."""

    queue_url: str
    task_table: str
    task_bucket: str
    output_bucket: str
    model_bucket: str


def runtime_environment(
    runtime: RuntimeConfig, environment: Environment, resources: RuntimeResources
) -> dict[str, str]:
    """Return every variable that the processes in a container of `runtime` read, and those of the environment file."""
    return {
        **runtime.extra_env,
        "RUNTIME": runtime.name,
        "QUEUE_URL": resources.queue_url,
        "TASK_TABLE": resources.task_table,
        "TASK_BUCKET": resources.task_bucket,
        "OUTPUT_BUCKET": resources.output_bucket,
        "MODEL_BUCKET": resources.model_bucket,
        "MODELS_DIRECTORY": MODELS_DIRECTORY,
        "MODEL_FILENAME": runtime.model_filename or "",
        # The disk is the limit: it is the container's own.
        "MODELS_MAX_BYTES": "",
        "MODELS_STATE_FILE": MODELS_STATE_FILE,
        "WEBUI_URL": WEBUI_URL,
        "RETENTION_SECONDS": str(environment.retention_seconds),
        "VISIBILITY_TIMEOUT_SECONDS": str(runtime.visibility_timeout_seconds),
        # A picture just made is the likeliest input of the next task, and whoever may submit one may read it anyway.
        "LINK_BUCKETS": json.dumps(
            [*environment.link_buckets, resources.output_bucket, f"{resources.task_bucket}/{UPLOAD_FOLDER}/"]
        ),
        "ALLOWED_OPTIONS": json.dumps(runtime.allowed_options),
        "ALLOWED_LINK_HOSTS": json.dumps(environment.allowed_link_hosts),
        "GRACE_PERIOD_SECONDS": str(runtime.finishing_seconds),
        "LOG_LEVEL": environment.log_level,
    }

"""What the container sets itself, so that an environment file may not."""

from typing import Final

#: Variables of the agent, the supervisor and the model downloader.
RESERVED_VARIABLES: Final = frozenset(
    {
        "ALLOWED_LINK_HOSTS",
        "ALLOWED_OPTIONS",
        "BAKED_MODELS_DIRECTORY",
        "COMMANDLINE_ARGS",
        "ENDING_FILE",
        "ENVIRONMENT",
        "GRACE_PERIOD_SECONDS",
        "HANG_SECONDS",
        "HEALTH_PORT",
        "HF_ENDPOINT",
        "LINK_BUCKETS",
        "LOG_LEVEL",
        "LOW_PRIORITY_QUEUE_URL",
        "MODELS_DIRECTORY",
        "MODELS_MAX_BYTES",
        "MODELS_STATE_FILE",
        "MODEL_BUCKET",
        "MODEL_FILENAME",
        "ORCHESTRATOR",
        "OUTPUT_BUCKET",
        "POD_NAME",
        "POD_NAMESPACE",
        "QUEUE_URL",
        "RETENTION_SECONDS",
        "RUNTIME",
        "SERVICE_ACCOUNT_DIRECTORY",
        "STATUS_FILE",
        "TASK_BUCKET",
        "TASK_TABLE",
        "VISIBILITY_TIMEOUT_SECONDS",
        "WEBUI_COMMAND",
        "WEBUI_URL",
    }
)
#: What AWS, its orchestrators and Python set in a container: wrong values there look like missing rights.
RESERVED_PREFIXES: Final = ("AWS_", "ECS_", "KUBERNETES_", "PYTHON")
#: Arguments of the Web UI without which nobody could reach it, or find its models and outputs.
RESERVED_ARGUMENTS: Final = frozenset(
    {
        "--api",
        "--api-auth",
        "--api-server-stop",
        "--ckpt",
        "--ckpt-dir",
        "--data-dir",
        "--gradio-auth",
        "--listen",
        "--models-dir",
        "--ngrok",
        "--nowebui",
        "--port",
        "--server-name",
        "--share",
        "--subpath",
    }
)


def is_reserved_variable(name: str) -> bool:
    """Tell whether a variable of this name is not the environment file's to set."""
    return name in RESERVED_VARIABLES or name.startswith(RESERVED_PREFIXES)

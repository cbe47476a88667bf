"""Checks of an environment file that several of its parts share: unique entries and reserved names."""

import re
from collections.abc import Callable
from typing import Any, Final, TypeVar

from pydantic import AfterValidator

_Item = TypeVar("_Item")

#: Tags of the environment file. A resource has 50 at most, some of which Darkroom and the engines add.
MAX_TAGS: Final = 40
_TAG_KEY: Final = re.compile(r"(?!aws:)[\w .:/=+@-]{1,128}", re.IGNORECASE)
_TAG_VALUE: Final = re.compile(r"[\w .:/=+@-]{0,256}")

#: Variables of the agent, the supervisor and the model downloader, which the container sets itself.
RESERVED_VARIABLES: Final = frozenset(
    {
        "ALLOWED_LINK_HOSTS",
        "ALLOWED_NODES",
        "ALLOWED_OPTIONS",
        "API_NODES",
        "BAKED_MODELS_DIRECTORY",
        "COMFYUI_INPUT_FOLDER",
        "COMFYUI_MAX_BYTES",
        "COMFYUI_OUTPUT_FOLDER",
        "COMFYUI_TEMP_FOLDER",
        "COMFYUI_URL",
        "COMMANDLINE_ARGS",
        "DISALLOWED_NODES",
        "ENDING_FILE",
        "ENGINE_READY_FILE",
        "ENVIRONMENT",
        "GRACE_PERIOD_SECONDS",
        "HANG_SECONDS",
        "HEALTH_PORT",
        "HF_ENDPOINT",
        "LIMITS",
        "LINK_BUCKETS",
        "LOG_LEVEL",
        "LOW_PRIORITY_QUEUE_URL",
        "MODELS_DIRECTORY",
        "MODELS_MAX_BYTES",
        "MODELS_STATE_FILE",
        "MODEL_BUCKET",
        "MODEL_FILENAME",
        "NODE_LIST",
        "ORCHESTRATOR",
        "OUTPUT_BUCKET",
        "POD_NAME",
        "POD_NAMESPACE",
        "PRELOAD",
        "QUEUE_URL",
        "RETENTION_SECONDS",
        "RUNTIME",
        "RUNTIME_TYPE",
        "SERVICE_ACCOUNT_DIRECTORY",
        "STATUS_FILE",
        "TASK_BUCKET",
        "TASK_TABLE",
        "VISIBILITY_TIMEOUT_SECONDS",
        "WEBUI_COMMAND",
        "WEBUI_HOST",
        "WEBUI_HOST_PORT",
        "WEBUI_URL",
        "WEBUI_VARIABLES",
    }
)
#: Prefixes of AWS, its orchestrators and Python. Wrong values of these look like missing permissions.
RESERVED_PREFIXES: Final = ("AWS_", "ECS_", "KUBERNETES_", "PYTHON")
#: Arguments of an engine by which the agent reaches it and finds its models and outputs, and those by which a request
#: or a model could run code or reach the internet.
RESERVED_ARGUMENTS: Final = frozenset(
    {
        "--allow-code",
        "--api",
        "--api-auth",
        "--api-nodes",
        "--api-server-stop",
        "--auto-launch",
        "--base-directory",
        "--ckpt",
        "--ckpt-dir",
        "--comfy-api-base",
        "--cpu",
        "--data-dir",
        "--database-url",
        "--disable-safe-unpickle",
        "--enable-cors-header",
        "--enable-insecure-extension-access",
        "--enable-manager",
        "--extra-model-paths-config",
        "--front-end-root",
        "--front-end-version",
        "--gradio-auth",
        "--input-directory",
        "--listen",
        "--models-dir",
        "--models-directory",
        "--multi-user",
        "--ngrok",
        "--nowebui",
        "--output-directory",
        "--port",
        "--server-name",
        "--share",
        "--subpath",
        "--temp-directory",
        "--tls-certfile",
        "--tls-keyfile",
        "--ui-settings-file",
        "--user-directory",
    }
)


def is_reserved_variable(name: str) -> bool:
    """Return True if an environment file must not set a variable of this name."""
    return name in RESERVED_VARIABLES or name.startswith(RESERVED_PREFIXES)


def check_tags(tags: dict[str, str]) -> dict[str, str]:
    """Return the tags; raise ValueError if AWS refuses them on any resource."""
    if len(tags) > MAX_TAGS:
        raise ValueError(f"has {len(tags)} entries; write at most {MAX_TAGS}")
    for key, value in tags.items():
        if not _TAG_KEY.fullmatch(key):
            raise ValueError(
                f"{key!r} is not the key of a tag; write 1 to 128 letters, digits, spaces and _ . : / = + - @, without"
                " aws: at the beginning"
            )
        if not _TAG_VALUE.fullmatch(value):
            raise ValueError(f"{key} is {value!r}; write at most 256 letters, digits, spaces and _ . : / = + - @")
    return tags


def matches(pattern: re.Pattern[str], advice: str) -> AfterValidator:
    """Return a validator that refuses text other than the pattern's, with advice on the value to write."""

    def check(value: str) -> str:
        if not pattern.fullmatch(value):
            raise ValueError(f"is {value!r}; write {advice}")
        return value

    return AfterValidator(check)


def all_different(what: str, key: Callable[[Any], object] = lambda item: item) -> AfterValidator:
    """Return a validator of lists that refuses two items with the same `key`. The error calls it `what`."""
    return AfterValidator(lambda items: unique(items, key, what))


def unique(items: tuple[_Item, ...], key: Callable[[_Item], object], what: str) -> tuple[_Item, ...]:
    """Return the items; raise ValueError if two of them have the same `key`. The error calls it `what`."""
    seen: dict[object, int] = {}
    for index, item in enumerate(items):
        if key(item) in seen:
            raise ValueError(f"entries {seen[key(item)]} and {index} have the same {what}; give each its own")
        seen[key(item)] = index
    return items

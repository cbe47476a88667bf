"""Parts of a replica's cold start: the events that report them, and the metrics that are extracted from the logs.

A replica waits for a node, the image, the models and the Web UI, and then for the end of its first task.
"""

from typing import Final, NamedTuple


class ColdStartPart(NamedTuple):
    """A part of a cold start."""

    metric: str
    #: Event of the log, and its field with the seconds.
    event: str
    event_field: str
    #: Name in the answers of the HTTP API.
    field: str


COLD_START_PARTS: Final = (
    ColdStartPart("NodeSeconds", "replica_placed", "node_seconds", "node_seconds"),
    ColdStartPart("PullSeconds", "replica_placed", "pull_seconds", "image_seconds"),
    ColdStartPart("ModelSeconds", "models_fetched", "seconds", "model_seconds"),
    ColdStartPart("WebUiSeconds", "webui_prepared", "answered_after_seconds", "webui_seconds"),
    ColdStartPart("ReadySeconds", "webui_prepared", "ready_after_seconds", "ready_seconds"),
    ColdStartPart("FirstTaskSeconds", "first_task_completed", "seconds", "first_task_seconds"),
)


def log_metrics_namespace(environment: str) -> str:
    """Return the namespace of the metrics that are extracted from an environment's logs."""
    return f"Darkroom/{environment}"

"""Trace collector of a replica: receives the agent's spans over HTTP and sends them to X-Ray."""

import json
from collections.abc import Mapping
from typing import Final

from stacks.pinned_versions import PINS

IMAGE: Final = PINS["COLLECTOR_IMAGE"]
CONTAINER: Final = "collector"
#: Address to which the agent sends its spans. The containers of a replica share it.
ENDPOINT: Final = "http://127.0.0.1:4318"
#: Variable that gives the agent this address.
ENDPOINT_VARIABLE: Final = "OTEL_EXPORTER_OTLP_ENDPOINT"
#: MiB. Spans are a few kilobytes for each task.
MEMORY_MIB: Final = 192
_CONFIGURATION: Final = {
    "receivers": {"otlp": {"protocols": {"http": {"endpoint": ENDPOINT.removeprefix("http://")}}}},
    "processors": {"batch": {"timeout": "5s"}},
    # Metrics of the collector's own calls would require a further permission.
    "exporters": {"awsxray": {"telemetry": {"enabled": False}}},
    "service": {"pipelines": {"traces": {"receivers": ["otlp"], "processors": ["batch"], "exporters": ["awsxray"]}}},
}


def collector_variables(region: str) -> Mapping[str, str]:
    """Return the collector's environment, with the region because it cannot reach the instance metadata."""
    return {"AOT_CONFIG_CONTENT": json.dumps(_CONFIGURATION), "AWS_REGION": region}

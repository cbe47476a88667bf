"""The collector beside a replica that is traced: takes the agent's spans over HTTP and hands them to X-Ray."""

import json
from collections.abc import Mapping
from typing import Final

#: AWS's build of OpenTelemetry's collector.
IMAGE: Final = "public.ecr.aws/aws-observability/aws-otel-collector:v0.43.3"
CONTAINER: Final = "collector"
#: Where the agent sends its spans; the containers of a replica share the address.
ENDPOINT: Final = "http://127.0.0.1:4318"
#: What tells the agent so.
ENDPOINT_VARIABLE: Final = "OTEL_EXPORTER_OTLP_ENDPOINT"
#: MiB. Spans are a few kilobytes for each task.
MEMORY_MIB: Final = 192
_CONFIGURATION: Final = {
    "receivers": {"otlp": {"protocols": {"http": {"endpoint": ENDPOINT.removeprefix("http://")}}}},
    "processors": {"batch": {"timeout": "5s"}},
    # Metrics of its own calls are another right that nobody needs.
    "exporters": {"awsxray": {"telemetry": {"enabled": False}}},
    "service": {"pipelines": {"traces": {"receivers": ["otlp"], "processors": ["batch"], "exporters": ["awsxray"]}}},
}


def collector_variables(region: str) -> Mapping[str, str]:
    """Return the environment of the collector's container; metadata, where it would ask for the region, is cut off."""
    return {"AOT_CONFIG_CONTENT": json.dumps(_CONFIGURATION), "AWS_REGION": region}

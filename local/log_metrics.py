"""Metrics in the logs of functions and replicas, which CloudWatch extracts on AWS and this module writes to it here."""

import asyncio
import datetime as dt
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

from contract.cold_start import COLD_START_PARTS, log_metrics_namespace
from contract.errors import InvalidJson
from contract.json_values import parse_json_object

#: Seconds between two looks at the logs. CloudWatch itself shows a metric within minutes.
POLL_SECONDS: Final = 5.0
#: Metrics of one call of PutMetricData (CloudWatch quotas).
_MAX_METRICS: Final = 1000
#: Only lines with one of these are parsed.
_MARKS: Final = (b'"_aws"', *{f'"{part.event}"'.encode() for part in COLD_START_PARTS})


class LogMetrics:
    """Reads what the log files below a folder have gained, and writes its metrics to CloudWatch."""

    def __init__(self, *, folder: Path, client: Any, environment: str) -> None:
        self.name = f"metrics in the logs of {folder}"
        self._folder = folder
        self._client = client
        self._cold_starts = log_metrics_namespace(environment)
        #: Bytes of each file that were read.
        self._offsets: dict[Path, int] = {}

    async def poll(self) -> None:
        """Wait, and write the metrics of the new lines."""
        await asyncio.sleep(POLL_SECONDS)
        await asyncio.to_thread(self.collect)

    def collect(self) -> None:
        """Write the metrics of the new lines."""
        found: dict[str, list[dict[str, Any]]] = {}
        for line in self._new_lines():
            for namespace, metric in _metrics(line, self._cold_starts):
                found.setdefault(namespace, []).append(metric)
        for namespace, metrics in found.items():
            for first in range(0, len(metrics), _MAX_METRICS):
                self._client.put_metric_data(Namespace=namespace, MetricData=metrics[first : first + _MAX_METRICS])

    def _new_lines(self) -> Iterator[dict[str, Any]]:
        for file in sorted(self._folder.rglob("*.log")):
            offset = self._offsets.get(file, 0)
            with file.open("rb") as log:
                log.seek(offset)
                # A process may be writing the last line.
                whole, newline, _ = log.read().rpartition(b"\n")
            self._offsets[file] = offset + len(whole) + len(newline)
            for line in whole.splitlines():
                if any(mark in line for mark in _MARKS):
                    with suppress(InvalidJson):
                        yield parse_json_object(line)


def _metrics(line: Mapping[str, Any], cold_starts: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield the metrics of a line, each with its namespace."""
    for directive in line.get("_aws", {}).get("CloudWatchMetrics", ()):
        at = dt.datetime.fromtimestamp(line["_aws"]["Timestamp"] / 1000, tz=dt.UTC)
        for names in directive["Dimensions"]:
            dimensions = [{"Name": name, "Value": str(line[name])} for name in names]
            for metric in directive["Metrics"]:
                value = line[metric["Name"]]
                values = value if isinstance(value, list) else [value]
                yield (
                    directive["Namespace"],
                    {
                        "MetricName": metric["Name"],
                        "Dimensions": dimensions,
                        "Timestamp": at,
                        "Value": sum(values) / len(values),
                        "Unit": metric["Unit"],
                    },
                )
    for part in COLD_START_PARTS:
        seconds = line.get(part.event_field)
        if line.get("event") == part.event and isinstance(seconds, int | float) and seconds >= 0:
            metric = {"MetricName": part.metric, "Timestamp": line["time"], "Value": seconds, "Unit": "Seconds"}
            yield cold_starts, metric

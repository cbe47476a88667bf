"""The container's metrics in Prometheus' format."""

import shutil
from collections.abc import Iterator
from pathlib import Path

from prometheus_client import CollectorRegistry, Counter, Gauge, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from runtime_image.supervisor.condition import Condition
from runtime_image.supervisor.models_state import ModelsState
from runtime_image.supervisor.report_file import read_report


class Metrics:
    """Counters that the loop raises, and gauges that are read when they are asked for."""

    def __init__(
        self, *, runtime: str, condition: Condition, models_directory: Path, models_state_file: Path | None
    ) -> None:
        self._registry = CollectorRegistry()
        Gauge(
            "darkroom_runtime_info", "The runtime that the container serves", ["runtime"], registry=self._registry
        ).labels(runtime).set(1)
        self._webui_restarts = Counter(
            "darkroom_webui_restarts", "Starts of the Web UI after its end", ["reason"], registry=self._registry
        )
        self._agent_restarts = Counter(
            "darkroom_agent_restarts", "Starts of the agent after an end of its own", registry=self._registry
        )
        self._registry.register(_Now(condition, models_directory, models_state_file))

    def webui_restarted(self, reason: str) -> None:
        """Count a restart of the Web UI."""
        self._webui_restarts.labels(reason).inc()

    def agent_restarted(self) -> None:
        """Count a restart of the agent."""
        self._agent_restarts.inc()

    def page(self) -> bytes:
        """Return the page of /metrics."""
        return generate_latest(self._registry)


class _Now(Collector):
    """What holds at the moment of the question."""

    def __init__(self, condition: Condition, models_directory: Path, models_state_file: Path | None) -> None:
        self._condition = condition
        self._models_directory = models_directory
        self._models_state_file = models_state_file

    def collect(self) -> Iterator[Metric]:
        condition, status = self._condition, self._condition.agent_status
        yield _gauge("darkroom_webui_ready", "1 if the Web UI can work", condition.webui_ready)
        yield _gauge("darkroom_webui_resident_bytes", "Resident size of the Web UI", condition.webui_resident_bytes)
        yield _gauge("darkroom_agent_running", "1 if the agent runs", condition.agent_running)
        yield from self._models()
        yield from self._disk()
        if status is None:
            return
        yield _gauge("darkroom_agent_ready", "1 if the agent takes tasks", status.ready)
        yield _gauge("darkroom_tasks_held", "Tasks that the agent has taken and not ended", status.held)
        yield _gauge("darkroom_busy_share", "Part of the agent's life in which the Web UI was busy", status.busy_share)
        yield _counter("darkroom_busy_seconds", "Seconds in which the Web UI was busy", status.busy_seconds)
        yield _counter("darkroom_agent_up_seconds", "Seconds since the agent's start", status.up_seconds)
        ended = CounterMetricFamily("darkroom_tasks_ended", "Tasks by how they ended here", labels=["ending"])
        for ending, count in status.tasks.items():
            ended.add_metric([ending], count)
        yield ended
        loaded = GaugeMetricFamily("darkroom_checkpoint_info", "The checkpoint that is loaded", labels=["checkpoint"])
        if status.checkpoint:
            loaded.add_metric([status.checkpoint], 1)
        yield loaded

    def _models(self) -> Iterator[Metric]:
        state = read_report(self._models_state_file, ModelsState)
        if state is None:
            return
        yield _gauge("darkroom_models_files", "Files that the runtime needs from the start", state.files)
        yield _gauge("darkroom_models_files_done", "Those of them that are on disk", state.files_done)
        yield _gauge("darkroom_models_bytes", "Bytes that the runtime needs from the start", state.bytes)
        yield _gauge("darkroom_models_bytes_done", "Those of them that are on disk", state.bytes_done)
        yield _gauge("darkroom_models_bytes_per_second", "How fast they come", state.bytes_per_second)

    def _disk(self) -> Iterator[Metric]:
        try:
            disk = shutil.disk_usage(self._models_directory)
        except OSError:
            # The folder is made by the first download.
            return
        yield _gauge("darkroom_models_disk_bytes", "Size of the disk of the models", disk.total)
        yield _gauge("darkroom_models_disk_free_bytes", "Free bytes on the disk of the models", disk.free)


def _gauge(name: str, text: str, value: float) -> Metric:
    return GaugeMetricFamily(name, text, value=float(value))


def _counter(name: str, text: str, value: float) -> Metric:
    return CounterMetricFamily(name, text, value=value)

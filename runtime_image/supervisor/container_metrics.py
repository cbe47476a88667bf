"""Metrics of the container in Prometheus' format."""

import shutil
from collections.abc import Iterator
from pathlib import Path

from prometheus_client import CollectorRegistry, Counter, Info, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from runtime_image.model_downloader.progress import ProgressSnapshot
from runtime_image.process.status_file import read_status_file
from runtime_image.supervisor.container_status import ContainerStatus


class ContainerMetrics(Collector):
    """Counters that the loop raises, and gauges that each request reads."""

    def __init__(
        self, *, runtime: str, status: ContainerStatus, models_directory: Path, models_state_file: Path | None
    ) -> None:
        self._registry = CollectorRegistry()
        info = Info("darkroom_runtime", "The runtime that the container serves", registry=self._registry)
        info.info({"runtime": runtime})
        self._webui_restarts = Counter(
            "darkroom_webui_restarts", "Starts of the Web UI after its end", ["reason"], registry=self._registry
        )
        self._agent_restarts = Counter(
            "darkroom_agent_restarts", "Starts of the agent after an unexpected end", registry=self._registry
        )
        self._status = status
        self._models_directory = models_directory
        self._models_state_file = models_state_file
        self._registry.register(self)

    def count_webui_restart(self, reason: str) -> None:
        """Count a restart of the Web UI."""
        self._webui_restarts.labels(reason).inc()

    def count_agent_restart(self) -> None:
        """Count a restart of the agent."""
        self._agent_restarts.inc()

    def page(self) -> bytes:
        """Return the page of /metrics."""
        return generate_latest(self._registry)

    def collect(self) -> Iterator[Metric]:
        """Yield the gauges as they are now."""
        status = self._status
        yield _gauge("darkroom_webui_ready", "1 if the Web UI can work", status.webui_ready)
        yield _gauge("darkroom_webui_resident_bytes", "Resident size of the Web UI", status.webui_resident_bytes)
        yield _gauge("darkroom_agent_running", "1 if the agent runs", status.agent_running)
        yield from self._agent()
        yield from self._models()
        yield from self._disk()

    def _agent(self) -> Iterator[Metric]:
        agent = self._status.agent_status
        if agent is None:
            return
        yield _gauge("darkroom_agent_ready", "1 if the agent accepts tasks", agent.ready)
        yield _gauge("darkroom_tasks_held", "Tasks that the agent has claimed and not ended", agent.held)
        yield _gauge("darkroom_busy_share", "Part of the agent's life in which the Web UI was busy", agent.busy_share)
        yield CounterMetricFamily(
            "darkroom_busy_seconds", "Seconds in which the Web UI was busy", value=agent.busy_seconds
        )
        yield CounterMetricFamily(
            "darkroom_agent_up_seconds", "Seconds since the agent's start", value=agent.up_seconds
        )
        ended = CounterMetricFamily("darkroom_tasks_ended", "Tasks by how they ended here", labels=["ending"])
        for ending, count in agent.tasks.items():
            ended.add_metric([ending], count)
        yield ended
        loaded = GaugeMetricFamily("darkroom_checkpoint_info", "The checkpoint that is loaded", labels=["checkpoint"])
        if agent.checkpoint:
            loaded.add_metric([agent.checkpoint], 1)
        yield loaded

    def _models(self) -> Iterator[Metric]:
        download = read_status_file(self._models_state_file, ProgressSnapshot)
        if download is None:
            return
        yield _gauge("darkroom_models_files", "Files that the runtime needs from the start", download.files)
        yield _gauge("darkroom_models_files_done", "Those of them that are on disk", download.files_done)
        yield _gauge("darkroom_models_bytes", "Bytes that the runtime needs from the start", download.bytes)
        yield _gauge("darkroom_models_bytes_done", "Those of them that are on disk", download.bytes_done)
        yield _gauge("darkroom_models_bytes_per_second", "Speed of the download", download.bytes_per_second)

    def _disk(self) -> Iterator[Metric]:
        try:
            disk = shutil.disk_usage(self._models_directory)
        except OSError:
            # The first download makes the folder.
            return
        yield _gauge("darkroom_models_disk_bytes", "Size of the disk of the models", disk.total)
        yield _gauge("darkroom_models_disk_free_bytes", "Free bytes on the disk of the models", disk.free)


def _gauge(name: str, text: str, value: float) -> Metric:
    return GaugeMetricFamily(name, text, value=float(value))

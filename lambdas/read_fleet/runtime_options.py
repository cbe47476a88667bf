"""Runtimes as a caller sees them: what a task may ask of each, and the names that its Web UI knows."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final, Literal

from typing_extensions import TypedDict

from contract.heartbeat import HEARTBEAT_EXPIRY_MS
from contract.routing import Catalogue, Limits, Runtime
from lambdas.http.responses import Moment, moment
from lambdas.tasks.checkpoint_catalogue import CheckpointCatalogue
from lambdas.tasks.list_cache import ListCache
from task_store.repository import TaskRepository

#: Call of the bridge for Web UI clients that fills each list, and the key with the name of an entry.
_LISTS: Final = {
    "samplers": ("sdapi/v1/samplers", "name"),
    "schedulers": ("sdapi/v1/schedulers", "label"),
    "upscalers": ("sdapi/v1/upscalers", "name"),
    "styles": ("sdapi/v1/prompt-styles", "name"),
}


class RuntimeHead(TypedDict):
    """A runtime, and what a task may ask of it."""

    name: str
    type: Literal["sdwebui", "comfyui"]
    #: True if each task names its checkpoint; otherwise an SD Web UI serves `model_filename` only.
    dynamic_model: bool
    model_filename: str | None
    limits: Limits
    longest_task_seconds: int


class RuntimeList(TypedDict):
    """The runtimes of an environment in the order of its file; the first one is the default."""

    runtimes: list[RuntimeHead]


class RuntimeOptions(RuntimeHead):
    """A runtime with the names that its tasks may use."""

    #: Replicas that run.
    replicas: int
    #: Checkpoints that tasks may name.
    checkpoints: list[str]
    loras: list[str]
    #: Names that a replica listed last; null until a program asks for them at `/runtimes/{name}/sdapi/v1/…`.
    samplers: list[str] | None
    schedulers: list[str] | None
    upscalers: list[str] | None
    styles: list[str] | None
    #: When a replica listed the oldest of these.
    listed_at: Moment | None
    #: Mean seconds of each part of the environment's cold starts of the last day; null where nothing was measured.
    cold_start: dict[str, float | None]


@dataclass(frozen=True, kw_only=True)
class RuntimeDirectory:
    """Answers requests about runtimes; none of them starts a replica."""

    catalogue: Catalogue
    repository: TaskRepository
    models: CheckpointCatalogue
    lists: ListCache
    cold_starts: Callable[[], dict[str, float | None]]
    now_ms: Callable[[], int]

    def list(self) -> RuntimeList:
        """Return all runtimes."""
        return {"runtimes": [_head(runtime) for runtime in self.catalogue.runtimes.values()]}

    def show(self, name: str) -> RuntimeOptions:
        """Return a runtime with its options; raises RuntimeNotFound."""
        runtime = self.catalogue.require(name)
        lists: dict[str, list[str] | None] = dict.fromkeys(_LISTS)
        read_at_ms = []
        for option, (endpoint, key) in _LISTS.items():
            if cached := self.lists.latest(name, endpoint):
                lists[option] = _names(cached.body, key)
                read_at_ms.append(cached.read_at_ms)
        since_ms = self.now_ms() - HEARTBEAT_EXPIRY_MS
        return {
            **_head(runtime),
            "replicas": len(self.repository.live_replicas(name, since_ms=since_ms)),
            "checkpoints": [runtime.model_filename] if runtime.model_filename else self.models.checkpoints(),
            "loras": self.models.loras(),
            "samplers": lists["samplers"],
            "schedulers": lists["schedulers"],
            "upscalers": lists["upscalers"],
            "styles": lists["styles"],
            "listed_at": moment(min(read_at_ms)) if read_at_ms else None,
            "cold_start": self.cold_starts(),
        }


def _head(runtime: Runtime) -> RuntimeHead:
    limits: Any = runtime.limits.model_dump(mode="json")
    return {
        "name": runtime.name,
        "type": runtime.type,
        "dynamic_model": runtime.dynamic_model,
        "model_filename": runtime.model_filename,
        "limits": limits,
        "longest_task_seconds": runtime.longest_task_seconds,
    }


def _names(entries: Any, key: str) -> list[str]:
    return [str(entry[key]) for entry in entries if isinstance(entry, dict) and entry.get(key)]

"""Answers about a new environment, and the environment file that they mean."""

from dataclasses import dataclass, replace
from typing import Any, Final, Self

import yaml

#: What a runtime serves if each task names its checkpoint.
ANY_MODEL: Final = "any"
_HEADER: Final = """\
# yaml-language-server: $schema=schema.json
# Environment {name}, written by `darkroom init`. docs/reference/configuration.md explains every key.
"""


@dataclass(frozen=True)
class RuntimeAnswers:
    """Answers about one runtime."""

    name: str = "sdruntime"
    #: File of the only checkpoint, or `any`.
    model: str = "v1-5-pruned-emaonly.safetensors"
    instance_types: tuple[str, ...] = ()
    max_replicas: str = "4"

    def document(self) -> dict[str, Any]:
        """Return the runtime as the file describes it."""
        model = {"dynamicModel": True} if self.model == ANY_MODEL else {"modelFilename": self.model}
        types = {"instanceTypes": list(self.instance_types)} if self.instance_types else {}
        return {"name": self.name, **model, **types, "scaling": {"maxReplicas": _number(self.max_replicas)}}


@dataclass(frozen=True)
class EnvironmentAnswers:
    """Answers about an environment. Their defaults are an environment without a mistake."""

    name: str = "mine"
    engine: str = "eks"
    region: str = "eu-central-1"
    zones: tuple[str, ...] = ()
    administrators: tuple[str, ...] = ()
    api_keys: tuple[str, ...] = ("default",)
    alarm_addresses: tuple[str, ...] = ()
    runtimes: tuple[RuntimeAnswers, ...] = ()

    @property
    def default_zones(self) -> tuple[str, ...]:
        """Two zones that nearly every region has; EKS needs two."""
        return (f"{self.region}a", f"{self.region}b")

    def with_runtime(self, runtime: RuntimeAnswers) -> Self:
        """Return the answers with one more runtime."""
        return replace(self, runtimes=(*self.runtimes, runtime))

    def document(self) -> dict[str, Any]:
        """Return the content of the environment file."""
        document: dict[str, Any] = {"name": self.name, "region": self.region, "engine": self.engine}
        if self.engine != "none":
            document["network"] = {"zones": list(self.zones or self.default_zones)}
        if self.administrators:
            document["administrators"] = list(self.administrators)
        document["apiKeys"] = [{"name": name} for name in self.api_keys]
        if self.alarm_addresses:
            subscribers = [{"protocol": "email", "endpoint": address} for address in self.alarm_addresses]
            document["alarms"] = {"subscribers": subscribers}
        document["runtimes"] = [runtime.document() for runtime in self.runtimes or (RuntimeAnswers(),)]
        return document

    def text(self) -> str:
        """Return the environment file."""
        return _HEADER.format(name=self.name) + yaml.safe_dump(self.document(), sort_keys=False)


def _number(text: str) -> int | str:
    """Return the number of a text; another text stays as it is, for the check of the file to name."""
    return int(text) if text.isascii() and text.isdigit() else text

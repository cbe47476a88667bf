"""Scaling policy: KEDA's rules on the queue's length add and remove replicas."""

import json
import math
from collections import deque
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import yaml

ENVIRONMENTS: Final = Path(__file__).parents[2] / "environments"
#: Seconds between two decisions of the HorizontalPodAutoscaler, which KEDA leaves the numbers above one to.
DECISION_SECONDS: Final = 15
#: Part by which need and replicas must differ for the HorizontalPodAutoscaler to act.
TOLERANCE: Final = 0.1


@dataclass(frozen=True)
class ScalingPolicy:
    """The `scaling` of a runtime. Times are in seconds."""

    name: str
    min_replicas: int
    max_replicas: int
    tasks_per_replica: int
    cooldown_seconds: int
    polling_seconds: int
    #: Whether tasks that are being worked on count as need (KEDA's `scaleOnInFlight`).
    counts_in_flight: bool = True


def policy_of(environment: str, runtime: str | None) -> ScalingPolicy:
    """Return the policy of a runtime (the first one by default) in an environment file, a name or a path."""
    path = Path(environment)
    if path.suffix not in {".yaml", ".yml"}:
        path = ENVIRONMENTS / f"{environment}.yaml"
    runtimes = yaml.safe_load(path.read_text(encoding="utf-8"))["runtimes"]
    names = [entry["name"] for entry in runtimes]
    if runtime is not None and runtime not in names:
        raise ValueError(f"{path} has no runtime {runtime!r}; it has {', '.join(names)}")
    scaling = next(entry for entry in runtimes if runtime in {None, entry["name"]}).get("scaling", {})
    values = default_scaling() | scaling
    return ScalingPolicy(
        name=path.stem,
        min_replicas=values["minReplicas"],
        max_replicas=values["maxReplicas"],
        tasks_per_replica=values["tasksPerReplica"],
        cooldown_seconds=values["cooldownSeconds"],
        polling_seconds=values["pollingSeconds"],
    )


def default_scaling() -> dict[str, Any]:
    """Return the defaults of `scaling`, from the schema of environment files."""
    schema = json.loads((ENVIRONMENTS / "schema.json").read_text(encoding="utf-8"))
    return {key: value["default"] for key, value in schema["$defs"]["Scaling"]["properties"].items()}


@dataclass
class Scaler:
    """Decides how many replicas there should be. Keeps what it has asked for; the machines follow."""

    policy: ScalingPolicy
    wanted: int = 0
    #: Time and need of the decisions within the cooldown: what was needed then is kept.
    _needs: deque[tuple[float, int]] = field(default_factory=deque)

    def decide(self, now: float, *, waiting: int, in_flight: int) -> int:
        """Return the number of replicas wanted now."""
        policy = self.policy
        tasks = waiting + (in_flight if policy.counts_in_flight else 0)
        need = math.ceil(tasks / policy.tasks_per_replica)
        if self.wanted and need and abs(tasks / policy.tasks_per_replica / self.wanted - 1) <= TOLERANCE:
            need = self.wanted
        need = min(max(need, policy.min_replicas), policy.max_replicas)
        self._needs.append((now, need))
        while self._needs[0][0] < now - policy.cooldown_seconds:
            self._needs.popleft()
        self.wanted = max(need for _, need in self._needs)
        return self.wanted

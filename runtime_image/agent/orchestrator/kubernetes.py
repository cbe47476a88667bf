"""Kubernetes: the pod's deletion cost shows the ReplicaSet's controller which replicas are idle.

https://kubernetes.io/docs/concepts/workloads/controllers/replicaset/#pod-deletion-cost
"""

import json
import ssl
from pathlib import Path
from typing import Final

from runtime_image.agent.orchestrator.http import OrchestratorClient
from runtime_image.agent.orchestrator.orchestrator import OrchestratorRefused, Placement, placement_of

ANNOTATION: Final = "controller.kubernetes.io/pod-deletion-cost"
#: Pods with lower costs go first. A pod without the annotation counts as 0.
IDLE_COST: Final = 0
BUSY_COST: Final = 1000


class Kubernetes:
    """Patches its own pod, with the token of the pod's service account."""

    #: An annotation stays.
    renew_seconds: float | None = None

    def __init__(self, *, api_url: str, namespace: str, pod_name: str, service_account_directory: Path) -> None:
        self._client = OrchestratorClient(base_url=api_url)
        self._path = f"/api/v1/namespaces/{namespace}/pods/{pod_name}"
        self._directory = service_account_directory

    def report(self, *, busy: bool) -> Placement:
        """Set the deletion cost; the answer is the pod, so that reading it needs no further right."""
        cost = BUSY_COST if busy else IDLE_COST
        try:
            # Read each time: the kubelet replaces the token within the hour, and the authority when it changes.
            token = (self._directory / "token").read_text(encoding="ascii").strip()
            authorities = ssl.create_default_context(cafile=str(self._directory / "ca.crt"))
        except (OSError, ValueError) as error:
            raise OrchestratorRefused(f"no service account in {self._directory}: {error}") from error
        _, text = self._client.call(
            "PATCH",
            self._path,
            {"metadata": {"annotations": {ANNOTATION: str(cost)}}},
            headers={"Authorization": f"Bearer {token}", "Content-Type": "application/merge-patch+json"},
            authorities=authorities,
        )
        try:
            return placement_of(json.loads(text))
        except (ValueError, TypeError, AttributeError, RecursionError):
            # The report matters; the answer only serves a metric.
            return {}

    def is_ending(self) -> bool:
        """Return False: Kubernetes drains a node before its end, and sends SIGTERM."""
        return False

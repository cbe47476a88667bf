"""Orchestrators of a replica, Kubernetes or ECS, which learn whether it works, so that idle replicas go first.

https://kubernetes.io/docs/concepts/workloads/controllers/replicaset/#pod-deletion-cost
https://docs.aws.amazon.com/AmazonECS/latest/developerguide/task-scale-in-protection-endpoint.html
https://docs.aws.amazon.com/AmazonECS/latest/developerguide/task-metadata-endpoint-v4.html
"""

import json
import ssl
from collections.abc import Mapping
from http import HTTPStatus
from pathlib import Path
from typing import Any, Final

import httpcore

from runtime_image.agent.orchestrator.placement import Placement, placement_of, placement_of_task
from runtime_image.agent.settings import AgentSettings

#: Seconds; the endpoints are on the same machine or in the same cluster.
TIMEOUT_SECONDS: Final = 5.0
#: Characters of an answer that an error quotes.
MAX_QUOTED: Final = 200

#: Annotation of a pod. Pods with lower costs go first, and one without the annotation counts as 0.
ANNOTATION: Final = "controller.kubernetes.io/pod-deletion-cost"
IDLE_COST: Final = 0
BUSY_COST: Final = 1000

#: Minutes for which a protection of ECS holds (it allows 1 to 2,880). A replica that vanished delays the service's
#: scale-in for that long.
PROTECTION_MINUTES: Final = 10
#: Part of that time after which it is renewed: two renewals may fail.
RENEW_AFTER: Final = 1 / 3
_PROTECTION_PATH: Final = "/task-protection/v1/state"
_TASK_PATH: Final = "/task"


class OrchestratorRefused(Exception):
    """Raised when an orchestrator accepts no report now; the report is repeated later."""


class Orchestrator:
    """Interface of orchestrators, called from one thread, and that of a process without one."""

    #: Seconds after which the same report must be repeated; None if it holds until it is changed.
    renew_seconds: float | None = None

    def report(self, *, busy: bool) -> Placement:  # noqa: ARG002 - nothing learns of it
        """Report whether the replica works, so that idle replicas go first. Raises OrchestratorRefused.

        Returns the orchestrator's answer about the replica's own start, if it gave one.
        """
        return {}

    def is_ending(self) -> bool:
        """Return True if the machine under the replica ends soon. Raises OrchestratorRefused."""
        return False


class Kubernetes(Orchestrator):
    """Patches its own pod, with the token of the pod's service account. The annotation stays.

    Kubernetes drains a node before its end, and sends SIGTERM, so that there is no notice to look for.
    """

    def __init__(self, *, api_url: str, namespace: str, pod_name: str, service_account_directory: Path) -> None:
        self._api_url = api_url
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
        text = _call(
            "PATCH",
            self._api_url,
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


class Ecs(Orchestrator):
    """Calls the container agent; the instance's own metadata is out of a replica's reach."""

    renew_seconds = PROTECTION_MINUTES * 60 * RENEW_AFTER

    def __init__(self, *, agent_url: str, metadata_url: str, ending_file: Path) -> None:
        self._agent_url = agent_url
        self._metadata_url = metadata_url
        self._ending_file = ending_file
        self._placement: Placement | None = None

    def report(self, *, busy: bool) -> Placement:
        """Request the protection, or end it."""
        body = (
            {"ProtectionEnabled": True, "ExpiresInMinutes": PROTECTION_MINUTES}
            if busy
            else {"ProtectionEnabled": False}
        )
        text = _call("PUT", self._agent_url, _PROTECTION_PATH, body)
        try:
            answer = json.loads(text)
            protection = answer["protection"]["ProtectionEnabled"]
        except (ValueError, KeyError, TypeError, RecursionError) as error:
            # A failure ("the deployment is blocked by it", "the task is stopping") comes with status 200, too.
            raise OrchestratorRefused(f"no protection: {text[:500]}") from error
        if protection is not busy:
            raise OrchestratorRefused(f"the protection is {protection}")
        return self._start()

    def is_ending(self) -> bool:
        """Return True if the node has received the two minutes' notice of a spot instance."""
        try:
            return self._ending_file.exists()
        except OSError as error:
            raise OrchestratorRefused(f"{self._ending_file}: {error}") from error

    def _start(self) -> Placement:
        if self._placement is None:
            try:
                self._placement = placement_of_task(json.loads(_call("GET", self._metadata_url, _TASK_PATH)))
            except (OrchestratorRefused, ValueError, TypeError, AttributeError, RecursionError):
                # The report matters; the answer only serves a metric.
                return {}
        return self._placement


def build_orchestrator(settings: AgentSettings) -> Orchestrator:
    """Build the adapter; the settings have been checked to hold what it needs."""
    match settings.orchestrator:
        case "kubernetes":
            return Kubernetes(
                api_url=f"https://{_in_url(settings.kubernetes_service_host)}:{settings.kubernetes_service_port}",
                namespace=settings.pod_namespace,
                pod_name=settings.pod_name,
                service_account_directory=settings.service_account_directory,
            )
        case "ecs":
            return Ecs(
                agent_url=settings.ecs_agent_uri,
                metadata_url=settings.ecs_container_metadata_uri_v4,
                ending_file=settings.ending_file,
            )
        case "none":
            return Orchestrator()


def _call(
    method: str,
    base_url: str,
    path: str,
    body: Mapping[str, Any] | None = None,
    *,
    headers: Mapping[str, str] | None = None,
    authorities: ssl.SSLContext | None = None,
) -> str:
    """Return the body of a successful answer, over a new connection, because calls are minutes apart.

    Args:
        method: The HTTP method.
        base_url: The endpoint.
        path: Begins with `/`.
        body: Sent as JSON.
        headers: In addition to the content type of a body, which they may replace.
        authorities: Trusted authorities, for https.

    Raises:
        OrchestratorRefused: on any other status than 200, or without an answer.
    """
    content = None if body is None else json.dumps(body).encode()
    all_headers: dict[bytes | str, bytes | str] = {"Content-Type": "application/json"} if content else {}
    all_headers.update(headers or {})
    url, timeouts = base_url.rstrip("/") + path, dict.fromkeys(("connect", "read", "write", "pool"), TIMEOUT_SECONDS)
    called = f"{method} {path}"
    try:
        with httpcore.ConnectionPool(ssl_context=authorities) as pool:
            answer = pool.request(method, url, headers=all_headers, content=content, extensions={"timeout": timeouts})
    except (httpcore.NetworkError, httpcore.TimeoutException, httpcore.ProtocolError, OSError) as error:
        raise OrchestratorRefused(f"{called}: {type(error).__name__}: {error}") from error
    text = answer.content.decode(errors="replace")
    if answer.status != HTTPStatus.OK:
        raise OrchestratorRefused(f"{called}: {answer.status} {text[:MAX_QUOTED]}")
    return text


def _in_url(host: str) -> str:
    return f"[{host}]" if ":" in host else host

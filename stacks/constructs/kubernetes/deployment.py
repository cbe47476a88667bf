"""Deployment of a runtime's replicas: an unprivileged container with GPUs each, and an optional trace collector."""

from collections.abc import Mapping
from typing import Any, Final

from stacks.config import RuntimeConfig
from stacks.constructs.kubernetes.names import RUNTIME, RUNTIME_LABEL, Manifest, metadata, namespace_of
from stacks.constructs.runtime import trace_collector
from stacks.constructs.runtime.environment_variables import HEALTH_PORT
from stacks.constructs.runtime.replica_limits import (
    USER_ID,
    WRITABLE_FOLDERS,
    replica_disk_gib,
    replica_memory_mib,
    replica_millicpus,
)

#: Seconds after which a container that is not ready is restarted. A large model may take minutes.
START_SECONDS: Final = 1_200
#: Seconds until a rollout without progress counts as failed: time for a node, an image and a model.
PROGRESS_SECONDS: Final = 2_400
#: Thousandths of a processor for the trace collector.
COLLECTOR_MILLICPUS: Final = 64
#: Containers without privileges and with a read-only root.
_CONFINED: Final = {
    "allowPrivilegeEscalation": False,
    "readOnlyRootFilesystem": True,
    "capabilities": {"drop": ["ALL"]},
}


def namespace(runtime: RuntimeConfig) -> Manifest:
    """Return the namespace, which admits confined pods only."""
    return {
        "apiVersion": "v1",
        "kind": "Namespace",
        "metadata": {
            "name": namespace_of(runtime),
            "labels": {RUNTIME_LABEL: runtime.name, "pod-security.kubernetes.io/enforce": "restricted"},
        },
    }


def service_account(runtime: RuntimeConfig) -> Manifest:
    """Return the service account of the runtime's role."""
    return {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": metadata(runtime)}


def disruption_budget(runtime: RuntimeConfig) -> Manifest:
    """Return the budget, which never blocks an eviction.

    An eviction announces a spot interruption to a pod, and Karpenter checks the budget for it too. A lower bound would
    be reached while a runtime grows from zero, because most replicas are not ready yet. The ready ones on a reclaimed
    node would then get no warning before it ends. The node pools limit how many nodes are replaced at once.
    """
    return {
        "apiVersion": "policy/v1",
        "kind": "PodDisruptionBudget",
        "metadata": metadata(runtime),
        "spec": {
            "maxUnavailable": "100%",
            "unhealthyPodEvictionPolicy": "AlwaysAllow",
            "selector": {"matchLabels": {RUNTIME_LABEL: runtime.name}},
        },
    }


def deployment(
    runtime: RuntimeConfig, *, image: str, environment: Mapping[str, str], region: str, tracing: bool
) -> Manifest:
    """Return the deployment. The scaler sets the number of replicas."""
    labels = {RUNTIME_LABEL: runtime.name}
    if tracing:
        environment = {**environment, trace_collector.ENDPOINT_VARIABLE: trace_collector.ENDPOINT}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": metadata(runtime),
        "spec": {
            "selector": {"matchLabels": labels},
            "progressDeadlineSeconds": PROGRESS_SECONDS,
            "revisionHistoryLimit": 3,
            # No GPU beyond maxReplicas: old replicas stop before new ones start.
            "strategy": {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 0, "maxUnavailable": "25%"}},
            "template": {
                "metadata": {"labels": labels},
                "spec": {
                    "serviceAccountName": RUNTIME,
                    "enableServiceLinks": False,
                    "terminationGracePeriodSeconds": runtime.stop_seconds,
                    "nodeSelector": labels,
                    "tolerations": [
                        {"key": "nvidia.com/gpu", "operator": "Exists", "effect": "NoSchedule"},
                        {
                            "key": RUNTIME_LABEL,
                            "operator": "Equal",
                            "value": runtime.name,
                            "effect": "NoSchedule",
                        },
                    ],
                    "securityContext": {
                        "runAsNonRoot": True,
                        "runAsUser": USER_ID,
                        "runAsGroup": USER_ID,
                        "fsGroup": USER_ID,
                        "seccompProfile": {"type": "RuntimeDefault"},
                    },
                    **({"initContainers": [_collector(region)]} if tracing else {}),
                    "containers": [_container(runtime, image, environment)],
                    # A replica that uses more than its share is evicted, and no other replica of its node.
                    "volumes": [
                        {"name": name, "emptyDir": {"sizeLimit": f"{replica_disk_gib(runtime)}Gi"}}
                        for name in WRITABLE_FOLDERS
                    ],
                },
            },
        },
    }


def _container(runtime: RuntimeConfig, image: str, environment: Mapping[str, str]) -> dict[str, Any]:
    return {
        "name": RUNTIME,
        "image": image,
        "imagePullPolicy": "IfNotPresent",
        "env": [
            *({"name": name, "value": value} for name, value in environment.items()),
            {"name": "POD_NAME", "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}},
            {"name": "POD_NAMESPACE", "valueFrom": {"fieldRef": {"fieldPath": "metadata.namespace"}}},
        ],
        "ports": [{"name": "health", "containerPort": HEALTH_PORT, "protocol": "TCP"}],
        "resources": _resources(runtime),
        "startupProbe": {**_probe("/healthz", period=10), "failureThreshold": START_SECONDS // 10},
        "livenessProbe": {**_probe("/healthz", period=10), "failureThreshold": 6},
        "readinessProbe": _probe("/readyz", period=5),
        "securityContext": _CONFINED,
        "volumeMounts": [{"name": name, "mountPath": path} for name, path in WRITABLE_FOLDERS.items()],
    }


def _probe(path: str, *, period: int) -> dict[str, Any]:
    return {"httpGet": {"path": path, "port": "health"}, "periodSeconds": period, "timeoutSeconds": 5}


def _resources(runtime: RuntimeConfig) -> dict[str, dict[str, str]]:
    """Return the requests of a replica: every instance type fits as many replicas as it has GPUs for."""
    memory = f"{replica_memory_mib(runtime)}Mi"
    gpus = str(runtime.gpus_per_replica)
    return {
        "requests": {
            "cpu": f"{replica_millicpus(runtime)}m",
            "memory": memory,
            "ephemeral-storage": f"{replica_disk_gib(runtime)}Gi",
            "nvidia.com/gpu": gpus,
        },
        # More memory than this is a leak. A restart of the Web UI is better than a failed node.
        "limits": {"memory": memory, "nvidia.com/gpu": gpus},
    }


def _collector(region: str) -> dict[str, Any]:
    """Return the trace collector: a sidecar that ends after the replica, whose last spans it still sends."""
    memory = f"{trace_collector.MEMORY_MIB}Mi"
    variables = trace_collector.collector_variables(region)
    return {
        "name": trace_collector.CONTAINER,
        "image": trace_collector.IMAGE,
        "restartPolicy": "Always",
        "env": [{"name": name, "value": value} for name, value in variables.items()],
        "resources": {
            "requests": {"cpu": f"{COLLECTOR_MILLICPUS}m", "memory": memory},
            "limits": {"memory": memory},
        },
        "securityContext": _CONFINED,
    }

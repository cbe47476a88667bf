"""The replicas of a runtime: one container with a GPU each, without rights on its node."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from stacks.config import RuntimeConfig
from stacks.constructs.kubernetes.names import RUNTIME, RUNTIME_LABEL, Manifest, metadata, namespace_of
from stacks.constructs.replica_limits import (
    USER_ID,
    WRITABLE_FOLDERS,
    replica_disk_gib,
    replica_memory_mib,
    replica_millicpus,
)
from stacks.constructs.runtime_environment import HEALTH_PORT

#: Seconds from which on a container that does not get ready is started anew; a large model may take minutes.
START_SECONDS: Final = 1_200
#: Seconds until a rollout without progress counts as failed: a node, an image and a model later.
PROGRESS_SECONDS: Final = 2_400


def namespace(runtime: RuntimeConfig) -> Manifest:
    """Return the namespace, which admits nothing but confined pods."""
    return {
        "apiVersion": "v1",
        "kind": "Namespace",
        "metadata": {
            "name": namespace_of(runtime),
            "labels": {RUNTIME_LABEL: runtime.name, "pod-security.kubernetes.io/enforce": "restricted"},
        },
    }


def service_account(runtime: RuntimeConfig) -> Manifest:
    """Return the service account, to which the runtime's role is handed."""
    return {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": metadata(runtime)}


def disruption_budget(runtime: RuntimeConfig) -> Manifest:
    """Return the budget, which never withholds an eviction.

    An eviction is how a pod hears of a spot interruption, and Karpenter asks the budget then too. Any lower bound would
    be reached just when a fleet grows from zero, where most replicas are not ready yet: the ready ones on a node that
    is taken away would hear nothing until it is gone. How many nodes are replaced at a time, the node pools say.
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
    runtime: RuntimeConfig, *, image: str, environment: Mapping[str, str], sidecars: Sequence[dict[str, Any]]
) -> Manifest:
    """Return the deployment; how many replicas there are is the scaler's business and not said here."""
    labels = {RUNTIME_LABEL: runtime.name}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": metadata(runtime),
        "spec": {
            "selector": {"matchLabels": labels},
            "progressDeadlineSeconds": PROGRESS_SECONDS,
            "revisionHistoryLimit": 3,
            # No GPU beyond maxReplicas: the old replicas make room for the new ones.
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
                    **({"initContainers": list(sidecars)} if sidecars else {}),
                    "containers": [_container(runtime, image, environment)],
                    # A replica that takes more than its share is evicted, rather than another of its node.
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
        "securityContext": {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        },
        "volumeMounts": [{"name": name, "mountPath": path} for name, path in WRITABLE_FOLDERS.items()],
    }


def _probe(path: str, *, period: int) -> dict[str, Any]:
    return {"httpGet": {"path": path, "port": "health"}, "periodSeconds": period, "timeoutSeconds": 5}


def _resources(runtime: RuntimeConfig) -> dict[str, dict[str, str]]:
    """Return what a replica asks for: so much that as many fit on a node as its GPUs are for, on any instance type."""
    memory = f"{replica_memory_mib(runtime)}Mi"
    gpus = str(runtime.gpus_per_replica)
    return {
        "requests": {
            "cpu": f"{replica_millicpus(runtime)}m",
            "memory": memory,
            "ephemeral-storage": f"{replica_disk_gib(runtime)}Gi",
            "nvidia.com/gpu": gpus,
        },
        # More memory than this is a leak: better that the Web UI is restarted than that the node fails.
        "limits": {"memory": memory, "nvidia.com/gpu": gpus},
    }

"""Deployment of a runtime's replicas: each has an agent, a Web UI without keys, and an optional trace collector."""

from collections.abc import Mapping
from typing import Any, Final

from stacks.config import RuntimeConfig
from stacks.constructs.kubernetes.names import RUNTIME, RUNTIME_LABEL, WEBUI, Manifest, metadata, namespace_of
from stacks.constructs.runtime import trace_collector
from stacks.constructs.runtime.environment_variables import HEALTH_PORT, WITHOUT_WEBUI
from stacks.constructs.runtime.images import WEBUI_HOST_COMMAND
from stacks.constructs.runtime.replica_limits import (
    MODELS_DIRECTORY,
    MODELS_VOLUME,
    USER_ID,
    WEBUI_FOLDER_MIB,
    WEBUI_FOLDERS,
    WEBUI_USER_ID,
    WRITABLE_FOLDERS,
    container_shares,
    replica_disk_gib,
    shared_folders,
)

#: Seconds after which a container that is not ready is restarted. A large model may take minutes.
START_SECONDS: Final = 1_200
#: Seconds until a rollout without progress counts as failed: time for a node, an image and a model.
PROGRESS_SECONDS: Final = 2_400
#: Thousandths of a processor for the trace collector.
COLLECTOR_MILLICPUS: Final = 64
#: Folder in which Kubernetes puts the token of a pod's service account, and the volume that does so here.
ACCOUNT_FOLDER: Final = "/var/run/secrets/kubernetes.io/serviceaccount"
ACCOUNT_VOLUME: Final = "account"
#: Seconds until the token is replaced, as in the volume that Kubernetes would add to every container.
TOKEN_SECONDS: Final = 3_607
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
    runtime: RuntimeConfig,
    *,
    image: str,
    environment: Mapping[str, str],
    webui_environment: Mapping[str, str],
    region: str,
    tracing: bool,
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
                # EKS adds the role's credentials to all other containers.
                "metadata": {"labels": labels, "annotations": {"eks.amazonaws.com/skip-containers": WEBUI}},
                "spec": {
                    "serviceAccountName": RUNTIME,
                    "automountServiceAccountToken": False,
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
                    "containers": [
                        _agent_container(runtime, image, environment, region),
                        _webui_container(runtime, image, webui_environment),
                    ],
                    "volumes": _volumes(runtime),
                },
            },
        },
    }


def _volumes(runtime: RuntimeConfig) -> list[dict[str, Any]]:
    return [
        # A replica that uses more than its share is evicted, and no other replica of its node.
        *(
            {"name": name, "emptyDir": {"sizeLimit": f"{replica_disk_gib(runtime, engine='eks')}Gi"}}
            for name in (*WRITABLE_FOLDERS, *shared_folders(runtime))
        ),
        *(
            {"name": name, "emptyDir": {"medium": "Memory", "sizeLimit": f"{WEBUI_FOLDER_MIB}Mi"}}
            for name in WEBUI_FOLDERS
        ),
        {"name": ACCOUNT_VOLUME, "projected": {"sources": _token_sources()}},
    ]


def _token_sources() -> list[dict[str, Any]]:
    """Return what Kubernetes would add to every container of the pod."""
    authority = {"name": "kube-root-ca.crt", "items": [{"key": "ca.crt", "path": "ca.crt"}]}
    namespace = {"path": "namespace", "fieldRef": {"fieldPath": "metadata.namespace"}}
    return [
        {"serviceAccountToken": {"path": "token", "expirationSeconds": TOKEN_SECONDS}},
        {"configMap": authority},
        {"downwardAPI": {"items": [namespace]}},
    ]


def _agent_container(runtime: RuntimeConfig, image: str, environment: Mapping[str, str], region: str) -> dict[str, Any]:
    return {
        "name": RUNTIME,
        "image": image,
        "imagePullPolicy": "IfNotPresent",
        "env": [
            *({"name": name, "value": value} for name, value in {**environment, **WITHOUT_WEBUI}.items()),
            # EKS adds it only together with the credentials, and without it every AWS client fails unclearly.
            *({"name": name, "value": region} for name in ("AWS_REGION", "AWS_DEFAULT_REGION")),
            {"name": "POD_NAME", "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}},
            {"name": "POD_NAMESPACE", "valueFrom": {"fieldRef": {"fieldPath": "metadata.namespace"}}},
        ],
        "ports": [{"name": "health", "containerPort": HEALTH_PORT, "protocol": "TCP"}],
        "resources": _agent_resources(runtime),
        "startupProbe": {**_probe("/healthz", period=10), "failureThreshold": START_SECONDS // 10},
        "livenessProbe": {**_probe("/healthz", period=10), "failureThreshold": 6},
        "readinessProbe": _probe("/readyz", period=5),
        "securityContext": _CONFINED,
        "volumeMounts": [
            *_mounts({**WRITABLE_FOLDERS, **shared_folders(runtime)}),
            {"name": ACCOUNT_VOLUME, "mountPath": ACCOUNT_FOLDER, "readOnly": True},
        ],
    }


def _webui_container(runtime: RuntimeConfig, image: str, environment: Mapping[str, str]) -> dict[str, Any]:
    """Return the container that runs strangers' work. It has no token, no role, and reads models only."""
    return {
        "name": WEBUI,
        "image": image,
        "imagePullPolicy": "IfNotPresent",
        "command": list(WEBUI_HOST_COMMAND),
        "env": [{"name": name, "value": value} for name, value in environment.items()],
        "resources": _webui_resources(runtime),
        "securityContext": {**_CONFINED, "runAsUser": WEBUI_USER_ID, "runAsGroup": WEBUI_USER_ID},
        "volumeMounts": [
            {"name": MODELS_VOLUME, "mountPath": MODELS_DIRECTORY, "readOnly": True},
            *_mounts({**WEBUI_FOLDERS, **shared_folders(runtime)}),
        ],
    }


def _mounts(folders: Mapping[str, str]) -> list[dict[str, Any]]:
    return [{"name": name, "mountPath": path} for name, path in folders.items()]


def _probe(path: str, *, period: int) -> dict[str, Any]:
    return {"httpGet": {"path": path, "port": "health"}, "periodSeconds": period, "timeoutSeconds": 5}


def _agent_resources(runtime: RuntimeConfig) -> dict[str, dict[str, str]]:
    """Return the requests: every instance type fits as many replicas as it has GPUs for."""
    share, _ = container_shares(runtime)
    memory = f"{share.memory_mib}Mi"
    return {
        "requests": {
            "cpu": f"{share.millicpus}m",
            "memory": memory,
            "ephemeral-storage": f"{replica_disk_gib(runtime, engine='eks')}Gi",
        },
        "limits": {"memory": memory},
    }


def _webui_resources(runtime: RuntimeConfig) -> dict[str, dict[str, str]]:
    """Return the requests, by the same rule as the agent's, with the GPUs."""
    _, share = container_shares(runtime)
    # More memory than this is a leak. A restart of the Web UI is better than a failed node.
    limits = {"memory": f"{share.memory_mib}Mi", "nvidia.com/gpu": str(runtime.gpus_per_replica)}
    return {"requests": {"cpu": f"{share.millicpus}m", **limits}, "limits": limits}


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

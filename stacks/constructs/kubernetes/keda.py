"""KEDA, which scales runtimes by their queues from zero to `maxReplicas`: its chart, its role and its objects."""

from typing import Any, Final

from aws_cdk import aws_iam
from constructs import Construct

from stacks.config import RuntimeConfig
from stacks.constructs.kubernetes.cluster import KubernetesCluster, pod_principal
from stacks.constructs.kubernetes.names import RUNTIME, Manifest, metadata
from stacks.pinned_versions import PINS, tag_and_digest

REPOSITORY: Final = "https://kedacore.github.io/charts"
NAMESPACE: Final = "keda"
#: Service account that the chart gives the operator.
SERVICE_ACCOUNT: Final = "keda-operator"
#: Failed polls of the queue in a row after which the number of replicas is kept.
FAILURE_THRESHOLD: Final = 3

#: KEDA runs on the nodes of the cluster's own pods, and never on GPU nodes.
_VALUES: Final[dict[str, Any]] = {
    "tolerations": [{"key": "CriticalAddonsOnly", "operator": "Exists"}],
    "nodeSelector": {"karpenter.sh/nodepool": "system"},
    # Without the operator no GPU is switched on or off. The second one takes over while a node is replaced.
    "operator": {"replicaCount": 2},
    "podDisruptionBudget": {"operator": {"minAvailable": 1}},
    "priorityClassName": "system-cluster-critical",
    "serviceAccount": {"operator": {"create": True, "name": SERVICE_ACCOUNT}},
    # The chart writes a tag after a repository, so a digest can follow the tag.
    "image": {
        "keda": {"tag": tag_and_digest(PINS["KEDA_OPERATOR_IMAGE"])},
        "metricsApiServer": {"tag": tag_and_digest(PINS["KEDA_METRICS_SERVER_IMAGE"])},
        "webhooks": {"tag": tag_and_digest(PINS["KEDA_WEBHOOKS_IMAGE"])},
    },
}


class Keda(Construct):
    """KEDA's chart at a fixed version, and its operator's role."""

    def __init__(self, scope: Construct, id_: str, *, cluster: KubernetesCluster) -> None:
        super().__init__(scope, id_)
        self._role = aws_iam.Role(self, "Role", assumed_by=pod_principal(NAMESPACE, SERVICE_ACCOUNT))
        identity = cluster.identify("Identity", role=self._role, namespace=NAMESPACE, service_account=SERVICE_ACCOUNT)
        self._chart = cluster.install(
            "KedaChart",
            chart="keda",
            repository=REPOSITORY,
            version=PINS["KEDA_VERSION"],
            namespace=NAMESPACE,
            values=_VALUES,
        )
        self._chart.node.add_dependency(identity)

    def watch(self, scope: Construct, id_: str, *, queue_arn: str) -> aws_iam.Policy:
        """Allow KEDA to poll a queue. The policy belongs to `scope`, so that it is removed with the runtime."""
        policy = aws_iam.Policy(
            scope,
            id_,
            statements=[aws_iam.PolicyStatement(actions=["sqs:GetQueueAttributes"], resources=[queue_arn])],
            roles=[self._role],
        )
        policy.node.add_dependency(self._chart)
        return policy


def trigger_authentication(runtime: RuntimeConfig) -> Manifest:
    """Return the credentials with which KEDA polls the queue: its own pod identity."""
    return {
        "apiVersion": "keda.sh/v1alpha1",
        "kind": "TriggerAuthentication",
        "metadata": metadata(runtime),
        "spec": {"podIdentity": {"provider": "aws", "identityOwner": "keda"}},
    }


def scaled_object(runtime: RuntimeConfig, *, queue_url: str, region: str) -> Manifest:
    """Return the scaling rule: one replica for every `tasksPerReplica` tasks, waiting or running."""
    scaling = runtime.scaling
    # KEDA allows no maximum of 0; the annotation keeps the number of replicas at 0.
    maximum = max(scaling.max_replicas, 1)
    paused: dict[str, Any] = (
        {} if scaling.max_replicas else {"annotations": {"autoscaling.keda.sh/paused-replicas": "0"}}
    )
    return {
        "apiVersion": "keda.sh/v1alpha1",
        "kind": "ScaledObject",
        "metadata": metadata(runtime, **paused),
        "spec": {
            "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": RUNTIME},
            "pollingInterval": scaling.polling_seconds,
            "cooldownPeriod": scaling.cooldown_seconds,
            "minReplicaCount": scaling.min_replicas,
            "maxReplicaCount": maximum,
            # While KEDA cannot read the queue, all replicas stay, and at least one.
            "fallback": {
                "failureThreshold": FAILURE_THRESHOLD,
                "replicas": max(scaling.min_replicas, 1),
                "behavior": "currentReplicasIfHigher",
            },
            "advanced": {
                "restoreToOriginalReplicaCount": False,
                "horizontalPodAutoscalerConfig": {
                    "behavior": {
                        # Add all needed replicas at once: nodes take minutes, so waiting costs more than it saves.
                        "scaleUp": {
                            "stabilizationWindowSeconds": 0,
                            "policies": [{"type": "Pods", "value": maximum, "periodSeconds": 15}],
                        },
                        # Keep the highest need within the cooldown. Idle pods are deleted first, because busy ones
                        # have a higher deletion cost. A busy pod finishes its task within its grace period.
                        "scaleDown": {
                            "stabilizationWindowSeconds": scaling.cooldown_seconds,
                            "policies": [{"type": "Percent", "value": 100, "periodSeconds": 60}],
                        },
                    }
                },
            },
            "triggers": [
                {
                    "type": "aws-sqs-queue",
                    "authenticationRef": {"name": RUNTIME},
                    "metadata": {
                        "queueURL": queue_url,
                        "awsRegion": region,
                        "queueLength": str(scaling.tasks_per_replica),
                        # The first message starts a replica.
                        "activationQueueLength": "0",
                        # A running task is a message in flight. Without this, busy replicas would be removed.
                        "scaleOnInFlight": "true",
                        "scaleOnDelayed": "false",
                    },
                }
            ],
        },
    }

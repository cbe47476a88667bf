"""When replicas come and go: KEDA looks at the runtime's queue, from zero to `maxReplicas` and back."""

from typing import Final

from stacks.config import RuntimeConfig
from stacks.constructs.kubernetes.names import RUNTIME, Manifest, metadata

#: Failed looks at the queue in a row after which the number of replicas is held.
FAILURE_THRESHOLD: Final = 3


def trigger_authentication(runtime: RuntimeConfig) -> Manifest:
    """Return with whose rights KEDA looks at the queue: its own, by its own pod identity."""
    return {
        "apiVersion": "keda.sh/v1alpha1",
        "kind": "TriggerAuthentication",
        "metadata": metadata(runtime),
        "spec": {"podIdentity": {"provider": "aws", "identityOwner": "keda"}},
    }


def scaled_object(runtime: RuntimeConfig, *, queue_url: str, region: str) -> Manifest:
    """Return the rule: a replica for every so many tasks, waiting or running."""
    scaling = runtime.scaling
    return {
        "apiVersion": "keda.sh/v1alpha1",
        "kind": "ScaledObject",
        "metadata": metadata(runtime),
        "spec": {
            "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": RUNTIME},
            "pollingInterval": scaling.polling_seconds,
            "cooldownPeriod": scaling.cooldown_seconds,
            "minReplicaCount": scaling.min_replicas,
            "maxReplicaCount": scaling.max_replicas,
            # When the queue cannot be read, whoever works goes on, and there is at least one.
            "fallback": {
                "failureThreshold": FAILURE_THRESHOLD,
                "replicas": max(scaling.min_replicas, 1),
                "behavior": "currentReplicasIfHigher",
            },
            "advanced": {
                "restoreToOriginalReplicaCount": False,
                "horizontalPodAutoscalerConfig": {
                    "behavior": {
                        # All that are needed at once: nodes take minutes, so hesitating costs more than it saves.
                        "scaleUp": {
                            "stabilizationWindowSeconds": 0,
                            "policies": [{"type": "Pods", "value": scaling.max_replicas, "periodSeconds": 15}],
                        },
                        # The most that was needed within the cooldown is kept. Idle pods go first: busy ones have a
                        # higher deletion cost, and finish their task within their grace period.
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
                        # More than none: the first message starts a replica.
                        "activationQueueLength": "0",
                        # A task that runs is a message in flight; without it busy replicas would be taken away.
                        "scaleOnInFlight": "true",
                        "scaleOnDelayed": "false",
                    },
                }
            ],
        },
    }

"""KEDA, which scales runtimes by their queues: its chart, its role, and its right to look at each queue."""

from typing import Any, Final

from aws_cdk import aws_iam
from constructs import Construct

from stacks.constructs.kubernetes.cluster import KubernetesCluster, pod_principal

CHART_VERSION: Final = "2.20.1"
REPOSITORY: Final = "https://kedacore.github.io/charts"
NAMESPACE: Final = "keda"
#: The name that the chart gives the operator's service account.
SERVICE_ACCOUNT: Final = "keda-operator"

#: KEDA runs on the nodes of the cluster's own pods, and nothing of it on GPUs.
_VALUES: Final[dict[str, Any]] = {
    "tolerations": [{"key": "CriticalAddonsOnly", "operator": "Exists"}],
    "nodeSelector": {"karpenter.sh/nodepool": "system"},
    "serviceAccount": {"operator": {"create": True, "name": SERVICE_ACCOUNT}},
}


class Keda(Construct):
    """The chart, at one version, and its operator's role."""

    def __init__(self, scope: Construct, id_: str, *, cluster: KubernetesCluster) -> None:
        super().__init__(scope, id_)
        self._role = aws_iam.Role(self, "Role", assumed_by=pod_principal(NAMESPACE, SERVICE_ACCOUNT))
        identity = cluster.identify("Identity", role=self._role, namespace=NAMESPACE, service_account=SERVICE_ACCOUNT)
        self._chart = cluster.install(
            "KedaChart",
            chart="keda",
            repository=REPOSITORY,
            version=CHART_VERSION,
            namespace=NAMESPACE,
            values=_VALUES,
        )
        self._chart.node.add_dependency(identity)

    def watch(self, scope: Construct, id_: str, *, queue_arn: str) -> aws_iam.Policy:
        """Let KEDA look at a queue; the policy belongs to `scope`, so that it comes and goes with the runtime."""
        policy = aws_iam.Policy(
            scope,
            id_,
            statements=[aws_iam.PolicyStatement(actions=["sqs:GetQueueAttributes"], resources=[queue_arn])],
            roles=[self._role],
        )
        policy.node.add_dependency(self._chart)
        return policy

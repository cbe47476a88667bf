"""EKS stack: a cluster in Auto Mode, and in it each runtime with its nodes and its scaler."""

from typing import Any

from aws_cdk import CfnOutput, Stack
from constructs import Construct

from stacks.constructs.kubernetes import rbac
from stacks.constructs.kubernetes.cluster import KubernetesCluster
from stacks.constructs.kubernetes.keda import Keda
from stacks.constructs.kubernetes.log_shipping import LogShipping
from stacks.constructs.kubernetes.network_policy import use_network_policies
from stacks.constructs.kubernetes.runtime import RuntimeOnKubernetes
from stacks.constructs.monitoring.cold_start_metrics import ColdStartMetrics
from stacks.constructs.runtime.images import RuntimeImages
from stacks.exports import EngineResources


class EksStack(Stack):
    """EKS cluster of an environment and its runtimes."""

    def __init__(
        self,
        scope: Construct,
        id_: str,
        *,
        resources: EngineResources,
        **stack: Any,
    ) -> None:
        super().__init__(scope, id_, **stack)
        environment = resources.environment
        cluster = KubernetesCluster(
            self,
            "Kubernetes",
            environment=environment,
            network=resources.gpu_network(self),
            api_cidrs=resources.network.kubernetes_api_cidrs,
        )
        # EKS may have created this object itself.
        network_policies = cluster.apply("NetworkPolicies", use_network_policies(), overwrite=True)
        admission = cluster.apply("AdmissionPolicy", rbac.admission_policy(), rbac.admission_policy_binding())
        logs = LogShipping(self, "Logs", cluster=cluster, environment=environment)
        ColdStartMetrics(self, "ColdStart", log_group=logs.log_group, environment_name=environment.name)
        keda = Keda(self, "Keda", cluster=cluster)
        images = RuntimeImages(self, "Image", project=resources.project)
        queues = resources.messaging.queues(self)
        for runtime in environment.runtimes:
            on_kubernetes = RuntimeOnKubernetes(
                self,
                f"Runtime{runtime.pascal_name}",
                cluster=cluster,
                keda=keda,
                resources=resources,
                runtime=runtime,
                queue=queues[runtime.name],
                image=images.uri_for(runtime),
            )
            # Without them the first replica could patch other pods, and its node would not limit what it reaches.
            on_kubernetes.node.add_dependency(network_policies, admission)
        CfnOutput(self, "ClusterName", value=cluster.name, description="For aws eks update-kubeconfig --name")
        CfnOutput(self, "RuntimeLogGroup", value=logs.log_group.log_group_name, description="Logs of all replicas")

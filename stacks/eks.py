"""EKS stack: a cluster in Auto Mode, and in it each runtime with its nodes and its scaler."""

from pathlib import Path
from typing import Any

from aws_cdk import CfnOutput, Stack
from constructs import Construct

from stacks.config import Environment, Network
from stacks.constructs.kubernetes import rbac
from stacks.constructs.kubernetes.cluster import KubernetesCluster
from stacks.constructs.kubernetes.keda import Keda
from stacks.constructs.kubernetes.log_shipping import LogShipping
from stacks.constructs.kubernetes.network_policy import use_network_policies
from stacks.constructs.kubernetes.runtime import RuntimeOnKubernetes
from stacks.constructs.monitoring.cold_start_metrics import ColdStartMetrics
from stacks.constructs.runtime.environment_variables import RuntimeResources, runtime_environment
from stacks.constructs.runtime.gpu_network import ExistingNetwork, NewNetwork
from stacks.constructs.runtime.images import RuntimeImages
from stacks.exports import MessagingExports, StorageExports


class EksStack(Stack):
    """EKS cluster of an environment and its runtimes."""

    def __init__(
        self,
        scope: Construct,
        id_: str,
        *,
        environment: Environment,
        network: Network,
        new_network: NewNetwork | None,
        storage: StorageExports,
        messaging: MessagingExports,
        project: Path,
        **stack: Any,
    ) -> None:
        super().__init__(scope, id_, **stack)
        gpu_network = new_network or ExistingNetwork(self, "Network", network=network)
        cluster = KubernetesCluster(
            self,
            "Kubernetes",
            environment=environment,
            network=gpu_network,
            api_cidrs=network.kubernetes_api_cidrs,
        )
        # EKS may have created this object itself.
        cluster.apply("NetworkPolicies", use_network_policies(), overwrite=True)
        cluster.apply("AdmissionPolicy", rbac.admission_policy(), rbac.admission_policy_binding())
        logs = LogShipping(self, "Logs", cluster=cluster, environment=environment)
        ColdStartMetrics(self, "ColdStart", log_group=logs.log_group, environment_name=environment.name)
        keda = Keda(self, "Keda", cluster=cluster)
        images = RuntimeImages(self, "Image", project=project)
        for runtime in environment.runtimes:
            queue = messaging.runtime_queues[runtime.name]
            RuntimeOnKubernetes(
                self,
                f"Runtime{runtime.pascal_name}",
                cluster=cluster,
                keda=keda,
                environment=environment,
                runtime=runtime,
                queue=queue,
                storage=storage,
                image=images.uri_for(runtime),
                variables=runtime_environment(runtime, environment, RuntimeResources.of(queue, storage)),
            )
        CfnOutput(self, "ClusterName", value=cluster.name, description="For aws eks update-kubeconfig --name")
        CfnOutput(self, "RuntimeLogGroup", value=logs.log_group.log_group_name, description="Logs of all replicas")

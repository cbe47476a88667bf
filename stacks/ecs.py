"""ECS stack: a cluster, and in it each runtime with its nodes and its scaling."""

from typing import Any

from aws_cdk import CfnOutput, Stack
from constructs import Construct

from stacks.constructs.ecs.cluster import EcsCluster
from stacks.constructs.ecs.runtime import RuntimeOnEcs
from stacks.constructs.ecs.scaling_metrics import publish_scaling_metrics
from stacks.constructs.functions.task_function import FunctionPlatform
from stacks.constructs.runtime.images import RuntimeImages
from stacks.exports import EngineResources


class EcsStack(Stack):
    """ECS cluster of an environment and its runtimes."""

    def __init__(
        self,
        scope: Construct,
        id_: str,
        *,
        resources: EngineResources,
        platform: FunctionPlatform,
        **stack: Any,
    ) -> None:
        super().__init__(scope, id_, **stack)
        environment = resources.environment
        cluster = EcsCluster(
            self,
            "Ecs",
            name=environment.cluster_name,
            network=resources.gpu_network(self),
            allowed_link_hosts=environment.allowed_link_hosts,
        )
        images = RuntimeImages(self, "Image", project=resources.project)
        services: dict[str, list[str]] = {}
        queues = resources.messaging.queues(self)
        for runtime in environment.runtimes:
            on_ecs = RuntimeOnEcs(
                self,
                f"Runtime{runtime.pascal_name}",
                cluster=cluster,
                resources=resources,
                runtime=runtime,
                queue=queues[runtime.name],
                images=images,
            )
            services[runtime.name] = [service.name for service in on_ecs.services]
        publish_scaling_metrics(self, platform=platform, cluster_name=cluster.name, queues=queues, services=services)
        CfnOutput(self, "ClusterName", value=cluster.name, description="For aws ecs list-services --cluster")

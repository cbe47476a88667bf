"""A service of a runtime with its own nodes, bought in one way, and the number of its replicas."""

from collections.abc import Mapping
from typing import Final

from aws_cdk import aws_cloudwatch, aws_ecs
from constructs import Construct

from stacks.config import Purchase, RuntimeConfig
from stacks.constructs.ecs.cluster import EcsCluster
from stacks.constructs.ecs.fleet_figures import FleetFigures
from stacks.constructs.ecs.gpu_nodes import GpuNodes
from stacks.constructs.ecs.scaling import ServiceScaling

#: How a service's name ends.
SUFFIXES: Final[Mapping[Purchase, str]] = {"spot": "spot", "onDemand": "on-demand"}


class RuntimeService(Construct):
    """`scaling` decides how many replicas there are; `name` is known without a reference."""

    def __init__(
        self,
        scope: Construct,
        id_: str,
        *,
        environment_name: str,
        cluster: EcsCluster,
        runtime: RuntimeConfig,
        purchase: Purchase,
        definition: aws_ecs.CfnTaskDefinition,
        minimum: int,
    ) -> None:
        super().__init__(scope, id_)
        self._figures = FleetFigures(environment_name)
        self.name = f"{runtime.name}-{SUFFIXES[purchase]}"
        nodes = GpuNodes(self, "Nodes", cluster=cluster, runtime=runtime, purchase=purchase)
        kind = aws_ecs.CfnService
        service = kind(
            self,
            "Service",
            cluster=cluster.cluster.ref,
            service_name=self.name,
            task_definition=definition.ref,
            # Without a number ECS starts one replica, before there is a model for it to load. A deployment that changes
            # the service sets it to this again: all replicas are replaced then anyway, busy ones after their task.
            desired_count=minimum,
            capacity_provider_strategy=[
                kind.CapacityProviderStrategyItemProperty(capacity_provider=nodes.provider.ref, weight=1)
            ],
            # No GPU beyond maxReplicas: the old replicas make room for the new ones.
            deployment_configuration=kind.DeploymentConfigurationProperty(
                minimum_healthy_percent=0,
                maximum_percent=100,
                deployment_circuit_breaker=kind.DeploymentCircuitBreakerProperty(enable=True, rollback=True),
            ),
            network_configuration=kind.NetworkConfigurationProperty(
                awsvpc_configuration=kind.AwsVpcConfigurationProperty(
                    subnets=cluster.network.subnet_ids,
                    security_groups=[cluster.security_group.security_group_id],
                    assign_public_ip="DISABLED",
                )
            ),
            # Few nodes that are full, so that the others become empty and go.
            placement_strategies=[kind.PlacementStrategyProperty(type="binpack", field="memory")],
            propagate_tags="SERVICE",
            enable_ecs_managed_tags=True,
        )
        service.node.add_dependency(cluster.capacity)
        self.scaling = ServiceScaling(
            self,
            "Scaling",
            cluster_name=cluster.name,
            service_name=self.name,
            minimum=minimum,
            scaling=runtime.scaling,
        )
        self.scaling.node.add_dependency(service)

    def desired(self) -> aws_cloudwatch.Metric:
        """Replicas that were asked for."""
        return self._figures.of_service("ReplicasDesired", self.name)

    def running(self) -> aws_cloudwatch.Metric:
        """Replicas whose container has started."""
        return self._figures.of_service("ReplicasRunning", self.name)

"""ECS service of a runtime with one purchase option, its nodes and its scaling."""

from aws_cdk import aws_cloudwatch, aws_ecs
from constructs import Construct

from stacks.config import Environment, Purchase, RuntimeConfig
from stacks.config.capacity import PURCHASE_NAMES
from stacks.constructs.ecs.cluster import EcsCluster
from stacks.constructs.ecs.gpu_nodes import GpuNodes
from stacks.constructs.ecs.scaling import ServiceScaling
from stacks.constructs.monitoring.metrics import metric


class RuntimeService(Construct):
    """Service whose `scaling` sets the number of replicas; `name` is known without a reference."""

    def __init__(
        self,
        scope: Construct,
        id_: str,
        *,
        environment: Environment,
        cluster: EcsCluster,
        runtime: RuntimeConfig,
        purchase: Purchase,
        definition: aws_ecs.CfnTaskDefinition,
        minimum: int,
    ) -> None:
        super().__init__(scope, id_)
        self._environment = environment
        self.name = f"{runtime.name}-{PURCHASE_NAMES[purchase]}"
        nodes = GpuNodes(self, "Nodes", cluster=cluster, runtime=runtime, purchase=purchase)
        kind = aws_ecs.CfnService
        service = kind(
            self,
            "Service",
            cluster=cluster.cluster.ref,
            service_name=self.name,
            task_definition=definition.ref,
            # Without a number ECS starts one replica before its model exists. A deployment that changes the service
            # resets the number. It replaces all replicas anyway, busy ones after their task.
            desired_count=minimum,
            capacity_provider_strategy=[
                kind.CapacityProviderStrategyItemProperty(capacity_provider=nodes.provider.ref, weight=1)
            ],
            # No GPU beyond maxReplicas: old replicas stop before new ones start.
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
            # Fill few nodes, so that the others become empty and are removed.
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
        """Return the number of desired replicas."""
        return self._metric("ReplicasDesired")

    def running(self) -> aws_cloudwatch.Metric:
        """Return the number of replicas whose container has started."""
        return self._metric("ReplicasRunning")

    def _metric(self, name: str) -> aws_cloudwatch.Metric:
        return metric(name, "Maximum", environment=self._environment.name, service=self.name)

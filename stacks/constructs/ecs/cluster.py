"""ECS cluster of an environment, with the role and the security group of its nodes."""

from aws_cdk import Aws, aws_ec2, aws_ecs, aws_iam
from constructs import Construct

from stacks.constructs.permissions import allow
from stacks.constructs.runtime.gpu_network import GpuNetwork


class EcsCluster(Construct):
    """Cluster without capacity: each runtime creates its nodes and adds their capacity provider.

    `name` is known without a reference. A resource that requires the ready cluster depends on `capacity`.
    """

    def __init__(self, scope: Construct, id_: str, *, name: str, network: GpuNetwork) -> None:
        super().__init__(scope, id_)
        self.name = name
        self.network = network
        self.cluster = aws_ecs.CfnCluster(
            self,
            "Cluster",
            cluster_name=name,
            # Container Insights counts the nodes for the dashboard.
            cluster_settings=[aws_ecs.CfnCluster.ClusterSettingsProperty(name="containerInsights", value="enabled")],
        )
        self.arn = f"arn:{Aws.PARTITION}:ecs:{Aws.REGION}:{Aws.ACCOUNT_ID}:cluster/{name}"
        self._providers: list[str] = []
        self.capacity = aws_ecs.CfnClusterCapacityProviderAssociations(
            self,
            "Capacity",
            cluster=self.cluster.ref,
            capacity_providers=self._providers,
            # Each service names its own provider; there is no default.
            default_capacity_provider_strategy=[],
        )
        self.security_group = aws_ec2.SecurityGroup(
            self,
            "Replicas",
            vpc=network.vpc,
            # A change of this text would replace the group.
            description="Nodes and replicas: they call out, and nobody calls them",
            allow_all_outbound=True,
        )
        self.node_role = self._create_node_role()

    def add_provider(self, provider: aws_ecs.CfnCapacityProvider) -> None:
        """Allow services of the cluster to use a capacity provider."""
        self._providers.append(provider.ref)
        self.capacity.capacity_providers = self._providers

    def _create_node_role(self) -> aws_iam.Role:
        """Return the role of ECS's agent on a node. Images and logs belong to the task's execution role."""
        role = aws_iam.Role(self, "NodeRole", assumed_by=aws_iam.ServicePrincipal("ec2.amazonaws.com"))
        allow(role, "ecs:DeregisterContainerInstance", "ecs:RegisterContainerInstance", on=self.arn)
        instances = f"arn:{Aws.PARTITION}:ecs:{Aws.REGION}:{Aws.ACCOUNT_ID}:container-instance/{self.name}/*"
        allow(
            role,
            "ecs:Poll",
            "ecs:StartTelemetrySession",
            "ecs:SubmitAttachmentStateChanges",
            "ecs:SubmitContainerStateChange",
            "ecs:SubmitTaskStateChange",
            "ecs:UpdateContainerInstancesState",
            on=[self.arn, instances],
            wildcard_reason="A node gets its id when it joins; the permission covers the nodes of this cluster",
        )
        allow(
            role,
            "ecs:DiscoverPollEndpoint",
            on="*",
            wildcard_reason="The agent requests its endpoint before it has an identity; IAM takes no ARN",
        )
        return role

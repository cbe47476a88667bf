"""The ECS cluster of an environment, and what its nodes may do and reach."""

from aws_cdk import Aws, aws_ec2, aws_ecs, aws_iam
from constructs import Construct

from stacks.constructs.acknowledgement import acknowledge_wildcard
from stacks.constructs.fleet_network import FleetNetwork


class EcsCluster(Construct):
    """A cluster without capacity of its own: each runtime brings its nodes and `join`s them.

    `name` is known without a reference; whatever needs the cluster to be ready depends on `capacity`.
    """

    def __init__(self, scope: Construct, id_: str, *, name: str, network: FleetNetwork) -> None:
        super().__init__(scope, id_)
        self.name = name
        self.network = network
        self.cluster = aws_ecs.CfnCluster(
            self,
            "Cluster",
            cluster_name=name,
            # The number of nodes, which the dashboard shows.
            cluster_settings=[aws_ecs.CfnCluster.ClusterSettingsProperty(name="containerInsights", value="enabled")],
        )
        self.arn = f"arn:{Aws.PARTITION}:ecs:{Aws.REGION}:{Aws.ACCOUNT_ID}:cluster/{name}"
        self._providers: list[str] = []
        self.capacity = aws_ecs.CfnClusterCapacityProviderAssociations(
            self,
            "Capacity",
            cluster=self.cluster.ref,
            capacity_providers=self._providers,
            # Each service names its own; nothing is placed by default.
            default_capacity_provider_strategy=[],
        )
        self.security_group = aws_ec2.SecurityGroup(
            self,
            "Replicas",
            vpc=network.vpc,
            description="Nodes and replicas: they call out, and nobody calls them",
            allow_all_outbound=True,
        )
        self.node_role = self._make_node_role()

    def join(self, provider: aws_ecs.CfnCapacityProvider) -> None:
        """Let services of the cluster use a capacity provider."""
        self._providers.append(provider.ref)
        self.capacity.capacity_providers = self._providers

    def _make_node_role(self) -> aws_iam.Role:
        """Return what ECS's agent on a node may do; images and logs are the task's own role's business."""
        role = aws_iam.Role(self, "NodeRole", assumed_by=aws_iam.ServicePrincipal("ec2.amazonaws.com"))
        role.add_to_policy(
            aws_iam.PolicyStatement(
                actions=["ecs:DeregisterContainerInstance", "ecs:RegisterContainerInstance"], resources=[self.arn]
            )
        )
        instances = f"arn:{Aws.PARTITION}:ecs:{Aws.REGION}:{Aws.ACCOUNT_ID}:container-instance/{self.name}/*"
        role.add_to_policy(
            aws_iam.PolicyStatement(
                actions=[
                    "ecs:Poll",
                    "ecs:StartTelemetrySession",
                    "ecs:SubmitAttachmentStateChanges",
                    "ecs:SubmitContainerStateChange",
                    "ecs:SubmitTaskStateChange",
                    "ecs:UpdateContainerInstancesState",
                ],
                resources=[self.arn, instances],
            )
        )
        acknowledge_wildcard(
            role, instances, "A node gets its id when it joins; it may speak for those of this cluster"
        )
        role.add_to_policy(aws_iam.PolicyStatement(actions=["ecs:DiscoverPollEndpoint"], resources=["*"]))
        acknowledge_wildcard(role, "*", "The agent asks for its endpoint before it is anyone; IAM takes no ARN")
        return role

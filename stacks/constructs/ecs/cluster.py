"""ECS cluster of an environment, with the role and the security group of its nodes."""

from collections.abc import Sequence
from typing import Final

from aws_cdk import Aws, aws_ec2, aws_ecs, aws_iam
from constructs import Construct

from stacks.constructs.nag_suppressions import suppress
from stacks.constructs.permissions import allow
from stacks.constructs.runtime.egress import DNS_PORT, LAST_PORT, PRIVATE_CIDRS, private_ports, public_cidrs
from stacks.constructs.runtime.gpu_network import GpuNetwork

#: Egress rules of a security group (Amazon VPC quotas, "Inbound or outbound rules per security group").
MAX_RULES: Final = 60


class EcsCluster(Construct):
    """Cluster without capacity: each runtime creates its nodes and adds their capacity provider.

    `name` is known without a reference. A resource that requires the ready cluster depends on `capacity`.
    """

    def __init__(
        self, scope: Construct, id_: str, *, name: str, network: GpuNetwork, allowed_link_hosts: Sequence[str]
    ) -> None:
        super().__init__(scope, id_)
        self.name = name
        self.network = network
        self.cluster = aws_ecs.CfnCluster(
            self,
            "Cluster",
            cluster_name=name,
            cluster_settings=[aws_ecs.CfnCluster.ClusterSettingsProperty(name="containerInsights", value="disabled")],
        )
        suppress(
            self.cluster,
            "AwsSolutions-ECS4",
            "Container Insights has a price for each cluster, service and task; the environment's own metrics are"
            " those that its alarms and its dashboard read",
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
            allow_all_outbound=False,
        )
        _allow_egress(self.security_group, allowed_link_hosts)
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


def _allow_egress(group: aws_ec2.SecurityGroup, allowed_link_hosts: Sequence[str]) -> None:
    """Allow what EKS's network policy allows. Security groups do not filter link-local addresses at all.

    Raises:
        ValueError: if the hosts of links have more ports than a security group has rules.
    """
    tcp_ports = private_ports(allowed_link_hosts)
    public = public_cidrs()
    if len(public) + (len(tcp_ports) + 2) * len(PRIVATE_CIDRS) > MAX_RULES:
        raise ValueError(
            f"allowedLinkHosts: the hosts have {len(tcp_ports)} ports, and a security group has rules for"
            f" {(MAX_RULES - len(public)) // len(PRIVATE_CIDRS) - 2}; serve the links on fewer ports, for example 443"
        )
    port = aws_ec2.Port
    for cidr in public:
        group.add_egress_rule(aws_ec2.Peer.ipv4(cidr), port.tcp_range(1, LAST_PORT), "Links may name any port")
    for cidr in PRIVATE_CIDRS:
        for number in tcp_ports:
            group.add_egress_rule(aws_ec2.Peer.ipv4(cidr), port.tcp(number), "AWS services and links")
        for dns in (port.tcp(DNS_PORT), port.udp(DNS_PORT)):
            group.add_egress_rule(aws_ec2.Peer.ipv4(cidr), dns, "Names")

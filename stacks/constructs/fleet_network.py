"""The network of the GPUs: private subnets without public addresses, and short ways to the services they call."""

from collections.abc import Iterator
from typing import Final

from aws_cdk import Annotations, RemovalPolicy, aws_ec2
from constructs import Construct

from stacks.config import Network
from stacks.constructs.log_group import RetainedLogGroup

#: Addresses of a public subnet: NAT gateways are all that is in it, and AWS takes five of each subnet.
PUBLIC_SUBNET_BITS: Final = 26

_SERVICE: Final = aws_ec2.InterfaceVpcEndpointAwsService
#: The endpoints that a name in the environment file stands for.
_ENDPOINTS: Final = {
    "ecr": {"Ecr": _SERVICE.ECR, "EcrDocker": _SERVICE.ECR_DOCKER},
    "ec2": {"Ec2": _SERVICE.EC2},
    "ecs": {"Ecs": _SERVICE.ECS, "EcsAgent": _SERVICE.ECS_AGENT, "EcsTelemetry": _SERVICE.ECS_TELEMETRY},
    "eks": {"Eks": _SERVICE.EKS},
    "eks-auth": {"EksAuth": _SERVICE.EKS_AUTH},
    "logs": {"Logs": _SERVICE.CLOUDWATCH_LOGS},
    "monitoring": {"Monitoring": _SERVICE.CLOUDWATCH_MONITORING},
    "sns": {"Sns": _SERVICE.SNS},
    "sqs": {"Sqs": _SERVICE.SQS},
    "sts": {"Sts": _SERVICE.STS},
}


class FleetNetwork(Construct):
    """What the engines know of the network, whoever made it."""

    vpc: aws_ec2.IVpc

    @property
    def subnets(self) -> list[aws_ec2.ISubnet]:
        """The private subnets, in which alone there are GPUs."""
        return self.vpc.private_subnets

    @property
    def subnet_ids(self) -> list[str]:
        """Their ids."""
        return [subnet.subnet_id for subnet in self.subnets]


class ExistingNetwork(FleetNetwork):
    """A network that somebody else looks after; nothing is looked up and nothing is changed in it."""

    def __init__(self, scope: Construct, id_: str, *, network: Network) -> None:
        super().__init__(scope, id_)
        self.vpc = aws_ec2.Vpc.from_vpc_attributes(
            self,
            "Vpc",
            vpc_id=network.vpc_id or "",
            availability_zones=list(network.zones),
            private_subnet_ids=list(network.subnet_ids),
        )
        Annotations.of(self).acknowledge_warning(
            "@aws-cdk/aws-ec2:noSubnetRouteTableId", "Nothing is routed here: the network is looked after elsewhere"
        )


class NewNetwork(FleetNetwork):
    """A network with a private and a small public subnet in each zone; only NAT gateways are in the public ones."""

    def __init__(
        self,
        scope: Construct,
        id_: str,
        *,
        network: Network,
        log_retention_days: int,
        removal_policy: RemovalPolicy,
    ) -> None:
        super().__init__(scope, id_)
        vpc = aws_ec2.Vpc(
            self,
            "Vpc",
            ip_addresses=aws_ec2.IpAddresses.cidr(network.cidr),
            availability_zones=list(network.zones),
            nat_gateways=1 if network.nat == "one" else len(network.zones),
            subnet_configuration=[
                aws_ec2.SubnetConfiguration(
                    name="Public",
                    subnet_type=aws_ec2.SubnetType.PUBLIC,
                    cidr_mask=PUBLIC_SUBNET_BITS,
                    map_public_ip_on_launch=False,
                ),
                aws_ec2.SubnetConfiguration(name="Private", subnet_type=aws_ec2.SubnetType.PRIVATE_WITH_EGRESS),
            ],
            # It would take a function with rights on all security groups; nothing here uses the default one.
            restrict_default_security_group=False,
        )
        self.vpc = vpc
        vpc.add_flow_log(
            "FlowLog",
            destination=aws_ec2.FlowLogDestination.to_cloud_watch_logs(
                RetainedLogGroup(self, "FlowLogs", retention_days=log_retention_days, removal_policy=removal_policy)
            ),
            traffic_type=aws_ec2.FlowLogTrafficType.ALL,
            max_aggregation_interval=aws_ec2.FlowLogMaxAggregationInterval.TEN_MINUTES,
        )
        vpc.add_gateway_endpoint("S3", service=aws_ec2.GatewayVpcEndpointAwsService.S3)
        vpc.add_gateway_endpoint("DynamoDb", service=aws_ec2.GatewayVpcEndpointAwsService.DYNAMODB)
        if network.interface_endpoints:
            self._add_interface_endpoints(vpc, network)

    def _add_interface_endpoints(self, vpc: aws_ec2.Vpc, network: Network) -> None:
        group = aws_ec2.SecurityGroup(
            self, "Endpoints", vpc=vpc, description="AWS services from within the network", allow_all_outbound=False
        )
        group.add_ingress_rule(aws_ec2.Peer.ipv4(network.cidr), aws_ec2.Port.HTTPS, "Whoever is in the network")
        for name, service in _interface_endpoints(network):
            vpc.add_interface_endpoint(
                name, service=service, private_dns_enabled=True, security_groups=[group], open=False
            )


def _interface_endpoints(network: Network) -> Iterator[tuple[str, aws_ec2.InterfaceVpcEndpointAwsService]]:
    for name in network.interface_endpoints:
        yield from _ENDPOINTS[name].items()

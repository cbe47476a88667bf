"""Network of the GPU nodes: private subnets without public addresses, and endpoints of AWS services."""

from typing import Final

from aws_cdk import Annotations, aws_ec2
from constructs import Construct

from stacks.config import Environment, Network
from stacks.constructs.retention import RetainedLogGroup

#: Prefix of a public subnet. It contains NAT gateways only, and AWS reserves five addresses of each subnet.
PUBLIC_SUBNET_BITS: Final = 26

_SERVICE: Final = aws_ec2.InterfaceVpcEndpointAwsService
#: VPC endpoints of each service name in the environment file.
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


class GpuNetwork(Construct):
    """Network as the engines use it, new or existing."""

    vpc: aws_ec2.IVpc

    @property
    def subnets(self) -> list[aws_ec2.ISubnet]:
        """Private subnets, in which all GPU nodes run."""
        return self.vpc.private_subnets

    @property
    def subnet_ids(self) -> list[str]:
        """Ids of the private subnets."""
        return [subnet.subnet_id for subnet in self.subnets]


class ExistingNetwork(GpuNetwork):
    """Network of another owner. Synthesis looks nothing up, and deployment changes nothing in it."""

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
            "@aws-cdk/aws-ec2:noSubnetRouteTableId", "This stack adds no routes: the network has another owner"
        )


class NewNetwork(GpuNetwork):
    """Network with a private and a small public subnet in each zone. NAT gateways alone use the public ones."""

    def __init__(
        self,
        scope: Construct,
        id_: str,
        *,
        environment: Environment,
        network: Network,
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
            # This would require a function with permissions on all security groups, and the default group is unused.
            restrict_default_security_group=False,
        )
        self.vpc = vpc
        vpc.add_flow_log(
            "FlowLog",
            destination=aws_ec2.FlowLogDestination.to_cloud_watch_logs(
                RetainedLogGroup(self, "FlowLogs", environment=environment)
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
        for named in network.interface_endpoints:
            for name, service in _ENDPOINTS[named].items():
                vpc.add_interface_endpoint(
                    name, service=service, private_dns_enabled=True, security_groups=[group], open=False
                )

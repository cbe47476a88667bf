"""Network of the GPU nodes: a new one for the environment, or an existing one."""

from ipaddress import IPv4Network
from typing import Annotated, Final, Literal, Self

from pydantic import AfterValidator, Field, model_validator

from contract.routing import CamelModel
from stacks.config.validation import unique

#: Services that replicas call besides S3 and DynamoDB, whose gateway endpoints are free.
InterfaceEndpoint = Literal["sqs", "ecr", "logs", "sts", "sns", "ec2", "eks", "eks-auth", "ecs", "monitoring"]

_ZONE: Final = r"^[a-z]{2}(-[a-z]+)+-\d+[a-z]$"
_SUBNET: Final = r"^subnet-[0-9a-f]{8,17}$"
_VPC: Final = r"^vpc-[0-9a-f]{8,17}$"
#: Addresses that EKS refuses among those that may reach its API over the internet.
_RESERVED_ADDRESSES: Final = tuple(
    map(
        IPv4Network,
        ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16"),
    )
)
_ADDRESSES: Final = r"^(\d{1,3}\.){3}\d{1,3}/([1-9]|[12]\d|3[0-2])$"
#: A prefix of 16 to 22 bits: /16 is the largest VPC, and a subnet per zone below /22 is too small for many nodes.
_CIDR: Final = r"^(\d{1,3}\.){3}\d{1,3}/(1[6-9]|2[0-2])$"


def _check_cidr(value: str) -> str:
    _read_range(value, "10.0.0.0/16")
    return value


def _check_api_cidr(value: str) -> str:
    addresses = _read_range(value, "203.0.113.7/32")
    if any(addresses.overlaps(reserved) for reserved in _RESERVED_ADDRESSES):
        raise ValueError(
            f"is {value!r}, which has reserved addresses; write addresses of the internet, for example 203.0.113.7/32:"
            " the network's own addresses reach the API anyway"
        )
    return value


def _read_range(value: str, example: str) -> IPv4Network:
    try:
        return IPv4Network(value)
    except ValueError:
        raise ValueError(
            f"is {value!r}, which is not the first address of such a range; write for example {example}"
        ) from None


class Network(CamelModel):
    """Network of the GPU nodes. With `vpcId` it is yours and stays unchanged, otherwise a new one is created."""

    zones: tuple[Annotated[str, Field(pattern=_ZONE)], ...] = Field(
        min_length=1,
        description="availability zones, for example eu-central-1a: those of a new network, or the zone of each subnet"
        " of an existing one; more zones have more spot capacity",
    )
    cidr: Annotated[str, Field(pattern=_CIDR), AfterValidator(_check_cidr)] = Field(
        default="10.0.0.0/16", description="addresses of a new network"
    )
    nat: Literal["one", "perZone"] = Field(
        default="one",
        description="NAT gateways of a new network: one for all, or one per zone, which survives a zone's failure",
    )
    interface_endpoints: tuple[InterfaceEndpoint, ...] = Field(
        default=(),
        description="services that a new network reaches without NAT, each for a price per hour and zone; S3 and"
        " DynamoDB are always included and free",
    )
    kubernetes_api_cidrs: tuple[Annotated[str, Field(pattern=_ADDRESSES), AfterValidator(_check_api_cidr)], ...] = (
        Field(
            default=(),
            description="addresses that may reach the Kubernetes API over the internet, for example 203.0.113.7/32; by"
            " default only the network reaches it",
        )
    )
    vpc_id: Annotated[str, Field(pattern=_VPC)] | None = Field(
        default=None, description="an existing network; null creates a new one"
    )
    subnet_ids: tuple[Annotated[str, Field(pattern=_SUBNET)], ...] = Field(
        default=(), description="private subnets of the existing network with internet access, in the order of `zones`"
    )

    @model_validator(mode="after")
    def _new_or_existing(self) -> Self:
        unique(self.interface_endpoints, lambda endpoint: endpoint, "service")
        unique(self.subnet_ids, lambda subnet: subnet, "id")
        if self.vpc_id is None:
            unique(self.zones, lambda zone: zone, "zone")
            if self.subnet_ids:
                raise ValueError("subnetIds belong to an existing network; write its vpcId, or leave them out")
        else:
            if len(self.subnet_ids) != len(self.zones):
                raise ValueError(
                    f"zones has {len(self.zones)} entries and subnetIds {len(self.subnet_ids)}; write the zone of each"
                    " subnet, in the same order"
                )
            for field, key in (("cidr", "cidr"), ("nat", "nat"), ("interface_endpoints", "interfaceEndpoints")):
                if field in self.model_fields_set:
                    raise ValueError(f"{key} describes a new network; leave it out, or leave vpcId out")
        return self

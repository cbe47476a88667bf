"""Where the GPUs live: a network made for the environment, or an existing one."""

from typing import Annotated, Final, Literal, Self

from pydantic import AfterValidator, Field, model_validator

from contract.routing import CamelModel
from stacks.config.validation import unique

#: The services that replicas call besides S3 and DynamoDB, which have gateway endpoints that cost nothing.
InterfaceEndpoint = Literal["sqs", "ecr", "logs", "sts", "sns", "ec2", "eks", "eks-auth", "ecs", "monitoring"]

_ZONE: Final = r"^[a-z]{2}(-[a-z]+)+-\d+[a-z]$"
_SUBNET: Final = r"^subnet-[0-9a-f]{8,17}$"
_VPC: Final = r"^vpc-[0-9a-f]{8,17}$"
_ADDRESSES: Final = r"^(\d{1,3}\.){3}\d{1,3}/([1-9]|[12]\d|3[0-2])$"
#: A prefix of 16 to 22 bits: VPCs end at /16, and below /22 a subnet per zone has no room for a fleet.
_CIDR: Final = r"^(\d{1,3}\.){3}\d{1,3}/(1[6-9]|2[0-2])$"


def _check_cidr(value: str) -> str:
    address, _, bits = value.partition("/")
    octets = [int(octet) for octet in address.split(".")]
    number = int.from_bytes(bytes(octets)) if max(octets) < 256 else None  # noqa: PLR2004  # a byte
    if number is None or number % 2 ** (32 - int(bits)):
        raise ValueError(f"is {value!r}, which is not the first address of such a range; write 10.0.0.0/16")
    return value


class Network(CamelModel):
    """Where the GPUs live. With `vpcId` it is yours and nothing in it is changed, else one is made."""

    zones: tuple[Annotated[str, Field(pattern=_ZONE)], ...] = Field(
        min_length=1,
        description="availability zones, such as eu-central-1a: for a new network those to use, for an existing one"
        " the zone of each subnet; more zones find more spot capacity",
    )
    cidr: Annotated[str, Field(pattern=_CIDR), AfterValidator(_check_cidr)] = Field(
        default="10.0.0.0/16", description="addresses of a new network"
    )
    nat: Literal["one", "perZone"] = Field(
        default="one",
        description="NAT gateways of a new network: one for all zones, or one in each, which survives a zone's failure",
    )
    interface_endpoints: tuple[InterfaceEndpoint, ...] = Field(
        default=(),
        description="services of a new network that are reached without NAT, each for a price per hour and zone;"
        " S3 and DynamoDB always are, for nothing",
    )
    kubernetes_api_cidrs: tuple[Annotated[str, Field(pattern=_ADDRESSES)], ...] = Field(
        default=(),
        description="addresses, such as 203.0.113.7/32, from which the Kubernetes API is reached over the internet;"
        " none: only from within the network",
    )
    vpc_id: Annotated[str, Field(pattern=_VPC)] | None = Field(
        default=None, description="an existing network; null makes a new one"
    )
    subnet_ids: tuple[Annotated[str, Field(pattern=_SUBNET)], ...] = Field(
        default=(), description="private subnets of the existing network with a way out, in the order of `zones`"
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

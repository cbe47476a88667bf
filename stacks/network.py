"""Network stack: the GPU network of an environment that does not name an existing one."""

from typing import Any

from aws_cdk import CfnOutput, Stack
from constructs import Construct

from stacks.config import Environment, Network
from stacks.constructs.runtime.gpu_network import NewNetwork


class NetworkStack(Stack):
    """Separate stack, because it is the slowest to create and the last to be removed."""

    def __init__(self, scope: Construct, id_: str, *, environment: Environment, network: Network, **stack: Any) -> None:
        super().__init__(scope, id_, **stack)
        self.network = NewNetwork(self, "Network", environment=environment, network=network)
        CfnOutput(self, "VpcId", value=self.network.vpc.vpc_id, description="The network of the GPUs")

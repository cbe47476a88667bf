"""Where the GPUs live: the network of an environment with an engine that does not name an existing one."""

from typing import Any

from aws_cdk import CfnOutput, Stack
from constructs import Construct

from stacks.config import Environment, Network
from stacks.constructs.fleet_network import NewNetwork
from stacks.constructs.removal import removal_policy_of


class NetworkStack(Stack):
    """It stands by itself because it is the slowest to make and the last to go."""

    def __init__(self, scope: Construct, id_: str, *, environment: Environment, network: Network, **stack: Any) -> None:
        super().__init__(scope, id_, **stack)
        self.network = NewNetwork(
            self,
            "Network",
            network=network,
            log_retention_days=environment.log_retention_days,
            removal_policy=removal_policy_of(environment),
        )
        CfnOutput(self, "VpcId", value=self.network.vpc.vpc_id, description="The network of the GPUs")

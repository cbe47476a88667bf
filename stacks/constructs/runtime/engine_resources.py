"""Resources of an environment that the stack of either engine uses."""

from dataclasses import dataclass
from pathlib import Path

from constructs import Construct

from stacks.config import Environment, Network
from stacks.constructs.runtime.gpu_network import ExistingNetwork, GpuNetwork, NewNetwork
from stacks.exports import MessagingExports, StorageExports


@dataclass(frozen=True)
class EngineResources:
    """The environment with its network, storage and queues; `project` contains the Dockerfile of the runtimes."""

    environment: Environment
    network: Network
    new_network: NewNetwork | None
    storage: StorageExports
    messaging: MessagingExports
    project: Path

    def gpu_network(self, scope: Construct) -> GpuNetwork:
        """Return the network of the GPU nodes; `scope` is the stack that refers to an existing one."""
        return self.new_network or ExistingNetwork(scope, "Network", network=self.network)

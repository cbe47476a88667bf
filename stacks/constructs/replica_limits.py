"""What a replica's container is limited to, whichever engine runs it: user, folders, and its share of a node."""

import math
from collections.abc import Sequence
from typing import Final

from stacks.config import GpuInstance, RuntimeConfig
from stacks.constructs.runtime_environment import MODELS_DIRECTORY

#: User and group of the container's processes, as in runtime_image/Dockerfile.
USER_ID: Final = 10_001
#: The container's writable folders; everything else is read-only.
WRITABLE_FOLDERS: Final = {"models": MODELS_DIRECTORY, "temporary": "/tmp", "state": "/var/darkroom"}  # noqa: S108  # in the container
#: Part of a node's processors and memory that its replicas get; the system and the engine's agents take the rest.
NODE_SHARE: Final = 0.75


def replicas_by_instance(runtime: RuntimeConfig) -> Sequence[tuple[GpuInstance, int]]:
    """Return each type of node with the number of replicas that it has GPUs for."""
    return [(instance, instance.gpus // runtime.gpus_per_replica) for instance in runtime.instances]


def replica_memory_mib(runtime: RuntimeConfig) -> int:
    """Return the MiB for each replica, so that a node of any of its types holds as many as it has GPUs for."""
    memory_gib = min(instance.memory_gib / replicas for instance, replicas in replicas_by_instance(runtime))
    return math.floor(memory_gib * 1024 * NODE_SHARE)


def replica_millicpus(runtime: RuntimeConfig) -> int:
    """Return the thousandths of processors for each replica, as for the memory."""
    vcpus = min(instance.vcpus / replicas for instance, replicas in replicas_by_instance(runtime))
    return math.floor(vcpus * 1000 * NODE_SHARE)

"""What a replica's container is limited to, whichever engine runs it: user, folders, and its share of a node."""

import math
from collections.abc import Sequence
from typing import Final

from stacks.config import GpuInstance, RuntimeConfig

#: Where the models lie in the container; the bucket's folders are the Web UI's.
MODELS_DIRECTORY: Final = "/models"
#: User and group of the container's processes, as in runtime_image/Dockerfile.
USER_ID: Final = 10_001
#: The container's writable folders; everything else is read-only.
WRITABLE_FOLDERS: Final = {"models": MODELS_DIRECTORY, "temporary": "/tmp", "state": "/var/darkroom"}  # noqa: S108  # in the container
#: Part of a node's processors and memory that its replicas get; the system and the engine's agents take the rest.
NODE_SHARE: Final = 0.75
#: Part of a node's disk that its replicas get; images and the system take the rest, and a tenth stays free for kubelet.
DISK_SHARE: Final = 0.5
#: Part of a replica's disk that its models may take; pictures on their way and logs take the rest.
MODELS_SHARE: Final = 0.9
#: Part of a replica's memory past which the Web UI restarts between two tasks; the agent and the supervisor take some
#: hundred MiB of the rest, and at the whole the kernel ends a process, in the middle of a task.
WEBUI_MEMORY_SHARE: Final = 0.85


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


def replica_disk_gib(runtime: RuntimeConfig) -> int:
    """Return the GiB of disk for each replica, as for the memory."""
    # Local NVMe, where there is some, takes the disk's place.
    disk_gib = min(
        (instance.local_nvme_gb * 10**9 / 2**30 if instance.local_nvme_gb else runtime.disk.size_gib) / replicas
        for instance, replicas in replicas_by_instance(runtime)
    )
    return math.floor(min(disk_gib, runtime.disk.size_gib) * DISK_SHARE)


def models_mib(runtime: RuntimeConfig) -> int:
    """Return the MiB of fetched models that a replica keeps; beyond that the least recently used make room."""
    return math.floor(replica_disk_gib(runtime) * 1024 * MODELS_SHARE)


def webui_memory_mib(runtime: RuntimeConfig) -> int:
    """Return the MiB past which a replica's Web UI restarts between two tasks."""
    return math.floor(replica_memory_mib(runtime) * WEBUI_MEMORY_SHARE)

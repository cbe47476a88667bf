"""Limits of a replica's container, the same for every engine: user, folders, and its share of a node."""

import math
from collections.abc import Sequence
from typing import Final

from stacks.config import GpuInstance, RuntimeConfig

#: Folder of the models in the container. The bucket has the folders of the Web UI.
MODELS_DIRECTORY: Final = "/models"
#: User and group of the container's processes, as in runtime_image/Dockerfile.
USER_ID: Final = 10_001
#: The container's writable folders; everything else is read-only.
WRITABLE_FOLDERS: Final = {"models": MODELS_DIRECTORY, "temporary": "/tmp", "state": "/var/darkroom"}  # noqa: S108  # in the container
#: Part of a node's processors and memory for its replicas; the system and the engine's agents use the rest.
NODE_SHARE: Final = 0.75
#: Part of a node's disk for its replicas. Images and the system use the rest, and kubelet requires a free tenth.
DISK_SHARE: Final = 0.5
#: Part of a replica's disk for its models; pictures and logs use the rest.
MODELS_SHARE: Final = 0.9
#: Part of a replica's memory above which the Web UI restarts between two tasks. The agent and the supervisor use some
#: hundred MiB of the rest. At the whole memory the kernel kills a process in the middle of a task.
WEBUI_MEMORY_SHARE: Final = 0.85


def replicas_by_instance(runtime: RuntimeConfig) -> Sequence[tuple[GpuInstance, int]]:
    """Return each instance type with the number of replicas for which it has GPUs."""
    return [(instance, instance.gpus // runtime.gpus_per_replica) for instance in runtime.instances]


def replica_memory_mib(runtime: RuntimeConfig) -> int:
    """Return the MiB of each replica, so that every instance type fits as many replicas as it has GPUs for."""
    memory_gib = min(instance.memory_gib / replicas for instance, replicas in replicas_by_instance(runtime))
    return math.floor(memory_gib * 1024 * NODE_SHARE)


def replica_millicpus(runtime: RuntimeConfig) -> int:
    """Return the thousandths of a processor of each replica, by the same rule as the memory."""
    vcpus = min(instance.vcpus / replicas for instance, replicas in replicas_by_instance(runtime))
    return math.floor(vcpus * 1000 * NODE_SHARE)


def replica_disk_gib(runtime: RuntimeConfig) -> int:
    """Return the GiB of disk of each replica, by the same rule as the memory."""
    # Local NVMe replaces the disk where an instance type has it.
    disk_gib = min(
        (instance.local_nvme_gb * 10**9 / 2**30 if instance.local_nvme_gb else runtime.disk.size_gib) / replicas
        for instance, replicas in replicas_by_instance(runtime)
    )
    return math.floor(min(disk_gib, runtime.disk.size_gib) * DISK_SHARE)


def models_mib(runtime: RuntimeConfig) -> int:
    """Return the MiB of downloaded models that a replica keeps. Beyond it the least recently used are removed."""
    return math.floor(replica_disk_gib(runtime) * 1024 * MODELS_SHARE)


def webui_memory_mib(runtime: RuntimeConfig) -> int:
    """Return the MiB above which a replica's Web UI restarts between two tasks."""
    return math.floor(replica_memory_mib(runtime) * WEBUI_MEMORY_SHARE)

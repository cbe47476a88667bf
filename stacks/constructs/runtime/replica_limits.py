"""Limits of a replica's containers, the same for every engine: users, folders, and their shares of a node."""

import math
from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple

from stacks.config import GpuInstance, RuntimeConfig

#: Folder of the models in the container. The bucket has the folders of the Web UI.
MODELS_DIRECTORY: Final = "/models"
#: Volume of that folder, which both containers of a replica mount.
MODELS_VOLUME: Final = "models"
#: User and group of the agent's container, as in runtime_image/Dockerfile.
USER_ID: Final = 10_001
#: User and group of the Web UI's container, as in runtime_image/Dockerfile.
WEBUI_USER_ID: Final = 10_002
#: Writable folders of the agent's container; everything else is read-only.
WRITABLE_FOLDERS: Final = {MODELS_VOLUME: MODELS_DIRECTORY, "temporary": "/tmp", "state": "/var/darkroom"}  # noqa: S108  # in the container
#: Volume and folder that ComfyUI shares with the agent: inputs, outputs and temporary files, also long videos.
EXCHANGE_VOLUME: Final = "exchange"
EXCHANGE_FOLDER: Final = "/var/comfyui"
#: Writable folders of the Web UI's container, both in memory: a file beyond their size is an error of its task alone.
WEBUI_FOLDERS: Final = {"webui-temporary": "/tmp", "webui-state": "/var/darkroom"}  # noqa: S108  # in the container
#: MiB of each. The Web UI keeps its options and hashes of models there; outputs are answers of its API.
WEBUI_FOLDER_MIB: Final = 256
#: Part of a replica's processors and memory for its agent, which holds the pictures of a few tasks.
AGENT_SHARE: Final = 0.1
#: Part of a node's processors and memory for its replicas; the system and the engine's agents use the rest.
NODE_SHARE: Final = 0.75
#: Part of a node's disk for its replicas. Images and the system use the rest, and kubelet requires a free tenth.
DISK_SHARE: Final = 0.5
#: Part of a replica's disk for its models; pictures and logs use the rest.
MODELS_SHARE: Final = 0.9
#: Part of a replica's memory above which the Web UI restarts between two tasks. The agent has its share, and the Web
#: UI's folders use the rest. At the memory of its container the kernel kills the Web UI in the middle of a task.
WEBUI_MEMORY_SHARE: Final = 0.85


class ContainerShare(NamedTuple):
    """Memory and processors of a container."""

    memory_mib: int
    millicpus: int


def shared_folders(runtime: RuntimeConfig) -> Mapping[str, str]:
    """Return the folder by volume that both containers of a replica write to."""
    return {EXCHANGE_VOLUME: EXCHANGE_FOLDER} if runtime.type == "comfyui" else {}


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


def container_shares(runtime: RuntimeConfig) -> tuple[ContainerShare, ContainerShare]:
    """Return what the agent's container and the Web UI's container get of a replica."""
    memory_mib, millicpus = replica_memory_mib(runtime), replica_millicpus(runtime)
    agent = ContainerShare(math.ceil(memory_mib * AGENT_SHARE), math.ceil(millicpus * AGENT_SHARE))
    return agent, ContainerShare(memory_mib - agent.memory_mib, millicpus - agent.millicpus)


def replica_disk_gib(runtime: RuntimeConfig, *, engine: str) -> int:
    """Return the GiB of disk of each replica, by the same rule as the memory."""
    disk_gib = min(
        (_nvme_gib(instance, engine) or runtime.disk.size_gib) / replicas
        for instance, replicas in replicas_by_instance(runtime)
    )
    return math.floor(min(disk_gib, runtime.disk.size_gib) * DISK_SHARE)


def models_mib(runtime: RuntimeConfig, *, engine: str) -> int:
    """Return the MiB of downloaded models that a replica keeps. Beyond it the least recently used are removed."""
    return math.floor(replica_disk_gib(runtime, engine=engine) * 1024 * MODELS_SHARE)


def _nvme_gib(instance: GpuInstance, engine: str) -> int:
    """Return the GiB of local NVMe that replaces the disk of a node.

    A node on ECS uses one of its NVMe disks (`stacks.constructs.ecs.user_data`). EKS Auto Mode joins them all; together
    they must be larger than the disk.
    """
    return instance.nvme_disk_gib if engine == "ecs" else instance.local_nvme_gib


def webui_memory_mib(runtime: RuntimeConfig) -> int:
    """Return the MiB above which a replica's Web UI restarts between two tasks."""
    return math.floor(replica_memory_mib(runtime) * WEBUI_MEMORY_SHARE)

"""Shares of a node's disk: what the replicas of one node may fill together leaves room for their neighbours."""

import pytest

from stacks.config import GPU_INSTANCES, Disk, GpuInstance, RuntimeConfig
from stacks.config.gpu_instances import GPU_FAMILIES
from stacks.constructs.runtime.replica_limits import models_mib, replica_disk_gib, replicas_by_instance

#: GiB of a node's disk for the images, and for what ComfyUIs write until their supervisors see it.
FREE_GIB = 40
#: Largest `sizeGib`.
MAX_DISK_GIB = 16_384
SHARED = [
    instance
    for instance in GPU_INSTANCES.values()
    if instance.gpus > 1 and "comfyui" in GPU_FAMILIES[instance.family].built_images
]


@pytest.mark.parametrize("engine", ["eks", "ecs"])
@pytest.mark.parametrize("instance", SHARED, ids=lambda instance: instance.name)
def test_models_and_files_of_all_replicas_of_a_node_fit_on_its_disk(instance: GpuInstance, engine: str) -> None:
    runtime = RuntimeConfig(
        name="comfy",
        type="comfyui",
        instance_types=(instance.name,),
        disk=Disk(size_gib=min(instance.local_nvme_gib, MAX_DISK_GIB)),
    )
    ((_, replicas),) = replicas_by_instance(runtime)
    assert replicas == instance.gpus
    used_gib = replicas * (models_mib(runtime, engine=engine) / 1024 + replica_disk_gib(runtime, engine=engine))
    # A node on ECS mounts one of its disks.
    disk_gib = instance.nvme_disk_gib if engine == "ecs" else instance.local_nvme_gib
    assert used_gib + FREE_GIB <= disk_gib


def test_families_give_each_replica_a_node_of_its_own() -> None:
    runtime = RuntimeConfig(name="comfy", type="comfyui", gpu_families=("g4dn", "g5", "g6", "g6e", "g7e"))
    assert {replicas for _, replicas in replicas_by_instance(runtime)} == {1}

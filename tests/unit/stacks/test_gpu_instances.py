"""Our table of instance types against a recorded answer of EC2's DescribeInstanceTypes, which moto ships."""

import gzip
import json
from pathlib import Path
from typing import Any

import moto
import pytest

from stacks.config.gpu_instances import GPU_FAMILIES, GPU_INSTANCES


@pytest.fixture(scope="module")
def recorded() -> dict[str, dict[str, Any]]:
    file = Path(moto.__file__).parent / "ec2" / "resources" / "instance_types.json.gz"
    types: dict[str, dict[str, Any]] = json.loads(gzip.decompress(file.read_bytes()))
    return {
        name: body
        for name, body in types.items()
        if body.get("GpuInfo") and body["ProcessorInfo"]["SupportedArchitectures"] == ["x86_64"]
    }


def test_each_instance_type_is_what_ec2_says_of_it(recorded: dict[str, dict[str, Any]]) -> None:
    for instance in GPU_INSTANCES.values():
        body = recorded[instance.name]
        (gpus,) = body["GpuInfo"]["Gpus"]
        assert gpus["Manufacturer"] == "NVIDIA"
        assert gpus["Name"] == GPU_FAMILIES[instance.family].gpu
        assert gpus["MemoryInfo"]["SizeInMiB"] == instance.gpu_memory_mib
        assert gpus["Count"] == instance.gpus
        assert body["VCpuInfo"]["DefaultVCpus"] == instance.vcpus
        assert body["MemoryInfo"]["SizeInMiB"] == instance.memory_gib * 1024
        assert body.get("InstanceStorageInfo", {}).get("TotalSizeInGB", 0) == instance.local_nvme_gb
        (disks,) = body["InstanceStorageInfo"]["Disks"]
        assert disks["Count"] == instance.nvme_disks


def test_no_instance_type_with_whole_nvidia_gpus_is_missing(recorded: dict[str, dict[str, Any]]) -> None:
    whole = {name for name, body in recorded.items() if body["GpuInfo"]["Gpus"][0]["Count"]}
    assert {name for name in whole if not name.endswith(".metal")} == GPU_INSTANCES.keys()


def test_each_family_has_sizes() -> None:
    assert {instance.family for instance in GPU_INSTANCES.values()} == GPU_FAMILIES.keys()

"""EC2 instance types with GPUs, on which runtimes can run.

The source is EC2's DescribeInstanceTypes (a test compares with a recorded response). NVIDIA and x86_64 only, because
there is no image for others. Families with fractions of a GPU (g6f, gr6f) are left out.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True)
class GpuFamily:
    """Properties that all sizes of a family share."""

    gpu: str
    gpu_memory_mib: int
    #: EKS Auto Mode starts it (its user guide, "Instance types").
    in_auto_mode: bool = True
    #: Types of runtime whose image in runtime_image/ has a PyTorch with code for the GPU.
    built_images: tuple[str, ...] = ("sdwebui", "comfyui")


@dataclass(frozen=True)
class GpuInstance:
    """EC2 instance type with GPUs."""

    name: str
    gpus: int
    vcpus: int
    memory_gib: int
    local_nvme_gb: int
    #: Disks of equal size that the local NVMe consists of.
    nvme_disks: int = 1

    @property
    def family(self) -> str:
        """Family of the instance type, the part of its name before the dot."""
        return self.name.partition(".")[0]

    @property
    def local_nvme_gib(self) -> int:
        """GiB of local NVMe, rounded down; 0 without any."""
        return self.local_nvme_gb * 10**9 // 2**30

    @property
    def nvme_disk_gib(self) -> int:
        """GiB of one disk of the local NVMe."""
        return self.local_nvme_gib // self.nvme_disks

    @property
    def gpu_memory_mib(self) -> int:
        """MiB of memory of each GPU."""
        return GPU_FAMILIES[self.family].gpu_memory_mib


#: The SD Web UI's torch is built for CUDA 12.1, which ends before Blackwell, and ComfyUI's for CUDA 12.8, which begins
#: after Volta.
_BLACKWELL: Final = ("comfyui",)
_VOLTA: Final = ("sdwebui",)
GPU_FAMILIES: Final = {
    "g4dn": GpuFamily("T4", 16_384),
    "g5": GpuFamily("A10G", 22_888),
    "g6": GpuFamily("L4", 22_888),
    "g6e": GpuFamily("L40S", 45_776),
    "g7": GpuFamily("RTX PRO 4500", 32_768, in_auto_mode=False, built_images=_BLACKWELL),
    "g7e": GpuFamily("RTX PRO Server 6000", 98_304, built_images=_BLACKWELL),
    "gr6": GpuFamily("L4", 22_888),
    "p3dn": GpuFamily("V100", 32_768, built_images=_VOLTA),
    "p4d": GpuFamily("A100", 40_960),
    "p4de": GpuFamily("A100", 81_920),
    "p5": GpuFamily("H100", 81_920),
    "p5e": GpuFamily("H200", 144_384),
    "p5en": GpuFamily("H200", 144_384),
    "p6-b200": GpuFamily("B200", 183_359, built_images=_BLACKWELL),
    "p6-b300": GpuFamily("B300", 275_040, built_images=_BLACKWELL),
}

#: Name, GPUs, vCPUs, GiB of memory, GB of local NVMe and, if there are several, its disks; the smallest of a family
#: first.
_INSTANCES: Final = (
    ("g4dn.xlarge", 1, 4, 16, 125),
    ("g4dn.2xlarge", 1, 8, 32, 225),
    ("g4dn.4xlarge", 1, 16, 64, 225),
    ("g4dn.8xlarge", 1, 32, 128, 900),
    ("g4dn.12xlarge", 4, 48, 192, 900),
    ("g4dn.16xlarge", 1, 64, 256, 900),
    ("g5.xlarge", 1, 4, 16, 250),
    ("g5.2xlarge", 1, 8, 32, 450),
    ("g5.4xlarge", 1, 16, 64, 600),
    ("g5.8xlarge", 1, 32, 128, 900),
    ("g5.12xlarge", 4, 48, 192, 3_800),
    ("g5.16xlarge", 1, 64, 256, 1_900),
    ("g5.24xlarge", 4, 96, 384, 3_800),
    ("g5.48xlarge", 8, 192, 768, 7_600, 2),
    ("g6.xlarge", 1, 4, 16, 250),
    ("g6.2xlarge", 1, 8, 32, 450),
    ("g6.4xlarge", 1, 16, 64, 600),
    ("g6.8xlarge", 1, 32, 128, 900, 2),
    ("g6.12xlarge", 4, 48, 192, 3_760, 4),
    ("g6.16xlarge", 1, 64, 256, 1_880, 2),
    ("g6.24xlarge", 4, 96, 384, 3_760, 4),
    ("g6.48xlarge", 8, 192, 768, 7_520, 8),
    ("g6e.xlarge", 1, 4, 32, 250),
    ("g6e.2xlarge", 1, 8, 64, 450),
    ("g6e.4xlarge", 1, 16, 128, 600),
    ("g6e.8xlarge", 1, 32, 256, 900, 2),
    ("g6e.12xlarge", 4, 48, 384, 3_800, 2),
    ("g6e.16xlarge", 1, 64, 512, 1_900, 2),
    ("g6e.24xlarge", 4, 96, 768, 3_800, 2),
    ("g6e.48xlarge", 8, 192, 1_536, 7_600, 4),
    ("g7.2xlarge", 1, 8, 32, 440),
    ("g7.4xlarge", 1, 16, 64, 875),
    ("g7.8xlarge", 1, 32, 128, 930),
    ("g7.12xlarge", 2, 48, 192, 1_900),
    ("g7.24xlarge", 4, 96, 384, 3_800),
    ("g7.48xlarge", 8, 192, 768, 7_600, 2),
    ("g7e.2xlarge", 1, 8, 64, 1_900),
    ("g7e.4xlarge", 1, 16, 128, 1_900),
    ("g7e.8xlarge", 1, 32, 256, 1_900),
    ("g7e.12xlarge", 2, 48, 512, 3_800),
    ("g7e.24xlarge", 4, 96, 1_024, 7_600, 2),
    ("g7e.48xlarge", 8, 192, 2_048, 15_200, 4),
    ("gr6.4xlarge", 1, 16, 128, 600),
    ("gr6.8xlarge", 1, 32, 256, 900, 2),
    ("p3dn.24xlarge", 8, 96, 768, 1_800, 2),
    ("p4d.24xlarge", 8, 96, 1_152, 8_000, 8),
    ("p4de.24xlarge", 8, 96, 1_152, 8_000, 8),
    ("p5.4xlarge", 1, 16, 256, 3_800),
    ("p5.48xlarge", 8, 192, 2_048, 30_400, 8),
    ("p5e.48xlarge", 8, 192, 2_048, 30_400, 8),
    ("p5en.48xlarge", 8, 192, 2_048, 30_400, 8),
    ("p6-b200.48xlarge", 8, 192, 2_048, 30_400, 8),
    ("p6-b300.48xlarge", 8, 192, 4_096, 30_400, 8),
)
GPU_INSTANCES: Final = {row[0]: GpuInstance(*row) for row in _INSTANCES}


def sizes_of(families: Iterable[str], gpus: int) -> tuple[GpuInstance, ...]:
    """Return the types of these families with exactly so many GPUs, so that each fits one replica."""
    wanted = set(families)
    return tuple(instance for instance in GPU_INSTANCES.values() if instance.family in wanted and instance.gpus == gpus)

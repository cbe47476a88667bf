"""A GPU node of ECS boots under a real systemd, and its agent joins the cluster."""

from pathlib import Path

import pytest

from tests.infrastructure.booted_node import boot
from tests.infrastructure.ecs_replicas import node_of
from tests.infrastructure.templates import Templates

NVME = 'printf "/dev/nvme0n1 Amazon Elastic Block Store\\n/dev/nvme1n1 Amazon EC2 NVMe Instance Storage\\n"'
NO_NVME = 'printf "/dev/nvme0n1 Amazon Elastic Block Store\\n"'
#: Last line of the user data, without which the stop of Docker has cancelled the start of ECS's agent.
START = "systemctl enable --now --no-block ecs.service\n"


@pytest.mark.parametrize(
    ("disks", "status"),
    [(NVME, 0), (NVME, 1), (NO_NVME, 0)],
    ids=["local NVMe", "local NVMe that cannot be formatted", "no local NVMe"],
)
def test_the_agent_of_a_node_starts_whatever_its_disks_are(
    ecs: Templates, tmp_path: Path, disks: str, status: int
) -> None:
    script = node_of(ecs, "sdruntime-spot")["UserData"]["Fn::Base64"]
    states = boot(script, tmp_path, programs={"lsblk": disks, "mkfs.xfs": f"exit {status}"})
    assert states == ["active", "active", "active"]


def test_the_stop_of_docker_would_keep_the_agent_from_starting(ecs: Templates, tmp_path: Path) -> None:
    script = node_of(ecs, "sdruntime-spot")["UserData"]["Fn::Base64"]
    assert script.endswith(START)
    states = boot(script.removesuffix(START), tmp_path, programs={"lsblk": NVME, "mkfs.xfs": "true"})
    assert states == ["active", "active", "inactive"]

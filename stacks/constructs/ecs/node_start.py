"""What a GPU node does when it starts: joins its cluster, and puts Docker's data on local NVMe where it has some."""

from typing import Final

#: Images and writable volumes, with them the models, are read and written at NVMe's speed instead of a network disk's.
#: The node joins the cluster in any case: a replica on the slower disk is better than a node that is paid for nothing.
_SCRIPT: Final = """#!/bin/bash
cat >> /etc/ecs/ecs.config <<'CONFIG'
ECS_CLUSTER={cluster}
ECS_ENABLE_GPU_SUPPORT=true
ECS_ENABLE_SPOT_INSTANCE_DRAINING=true
ECS_ENABLE_CONTAINER_METADATA=false
ECS_DISABLE_PRIVILEGED=true
ECS_IMAGE_PULL_BEHAVIOR=prefer-cached
ECS_CONTAINER_STOP_TIMEOUT={stop_seconds}s
CONFIG

use_local_nvme() {{
  local disk
  disk=$(lsblk --nodeps --noheadings --paths --output NAME,MODEL | awk '/Instance Storage/ {{ print $1; exit }}')
  test -n "$disk" || return 0
  systemctl stop docker.socket docker.service
  mkfs.xfs -f "$disk" && mkdir -p /var/lib/docker && mount -o noatime "$disk" /var/lib/docker
  systemctl start docker.service
}}
use_local_nvme || systemctl start docker.service
"""


def node_start(*, cluster: str, stop_seconds: int) -> str:
    """Return the script.

    Args:
        cluster: Name of the ECS cluster.
        stop_seconds: How long the node waits for a container that it was told to stop.
    """
    return _SCRIPT.format(cluster=cluster, stop_seconds=stop_seconds)

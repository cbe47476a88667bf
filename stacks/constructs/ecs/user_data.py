"""User data of a GPU node: join the cluster, put Docker's data on local NVMe, and watch for the spot notice."""

from typing import Final

#: Folder of the node in which `ENDING_FILE` appears when EC2 announces the end of the node.
NOTICE_FOLDER: Final = "/run/darkroom"
ENDING_FILE: Final = "ending"

#: Replicas cannot read the spot notice themselves: the same address gives the node's credentials, so it is blocked for
#: them. SELinux's switch is how ECS's agent declares that it supports `dockerSecurityOptions`.
#:
#: Images and writable volumes, with them the models, are read and written at NVMe's speed instead of a network disk's.
#: The node joins the cluster in any case: a replica on the slower disk is better than an unused node.
#:
#: ECS's agent keeps the volumes of a stopped replica, with its models, for three hours by default, and with the pull
#: behavior `prefer-cached` every image for ever. Replicas that end one after the other, or a few releases, would fill
#: the disk. An unused image stays for a day, because the next replica may start before ECS removes the empty node.
_SCRIPT: Final = """#!/bin/bash
cat >> /etc/ecs/ecs.config <<'CONFIG'
ECS_CLUSTER={cluster}
ECS_ENABLE_GPU_SUPPORT=true
ECS_ENABLE_SPOT_INSTANCE_DRAINING=true
ECS_ENABLE_CONTAINER_METADATA=false
ECS_DISABLE_PRIVILEGED=true
ECS_SELINUX_CAPABLE=true
ECS_AWSVPC_BLOCK_IMDS=true
ECS_IMAGE_PULL_BEHAVIOR=once
ECS_IMAGE_MINIMUM_CLEANUP_AGE=24h
ECS_ENGINE_TASK_CLEANUP_WAIT_DURATION=1m
ECS_CONTAINER_STOP_TIMEOUT={stop_seconds}s
CONFIG

mkdir -p {folder}
cat > /usr/local/bin/watch-spot-notice <<'WATCH'
#!/bin/bash
metadata=http://169.254.169.254/latest
until
  token=$(curl -sf -m 5 -X PUT -H 'X-aws-ec2-metadata-token-ttl-seconds: 60' $metadata/api/token) &&
  curl -sf -m 5 -o /dev/null -H "X-aws-ec2-metadata-token: $token" $metadata/meta-data/spot/instance-action
do
  sleep 5
done
touch {folder}/{file}
WATCH
chmod 755 /usr/local/bin/watch-spot-notice
systemd-run --unit=watch-spot-notice --property=Restart=on-failure /usr/local/bin/watch-spot-notice

use_local_nvme() {{
  local disk
  disk=$(lsblk --nodeps --noheadings --paths --output NAME,MODEL | awk '/Instance Storage/ {{ print $1; exit }}')
  test -n "$disk" || return 0
  systemctl stop docker.socket docker.service
  mkfs.xfs -f "$disk" && mkdir -p /var/lib/docker && mount -o noatime "$disk" /var/lib/docker
}}
use_local_nvme
# The stop of Docker has also cancelled the start of ECS's agent, which requires it. This script runs before that start,
# so it must not wait for it.
systemctl start docker.service
systemctl enable --now --no-block ecs.service
"""


def user_data(*, cluster: str, stop_seconds: int) -> str:
    """Return the script that a node runs at its start.

    Args:
        cluster: Name of the ECS cluster.
        stop_seconds: Seconds that the node waits for a stopping container.
    """
    return _SCRIPT.format(cluster=cluster, stop_seconds=stop_seconds, folder=NOTICE_FOLDER, file=ENDING_FILE)

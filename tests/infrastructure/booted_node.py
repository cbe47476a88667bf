"""Boot of a GPU node under a real systemd, in namespaces that end with the boot."""

import os
import shutil
import subprocess
from pathlib import Path
from typing import Final

import pytest

#: Units of AWS's image that matter to the order: Docker, cloud-init, which runs the user data, and ECS's agent. Their
#: dependencies are those of the image.
_UNITS: Final = {
    "docker.socket": "[Unit]\nDefaultDependencies=no\n[Socket]\nListenStream=%t/docker.sock\n",
    "docker.service": (
        "[Unit]\nDefaultDependencies=no\nRequires=docker.socket\nAfter=docker.socket\n"
        "[Service]\nExecStart=/bin/sleep infinity\n"
    ),
    # In the image nothing orders the two. Docker is up long before the user data run.
    "cloud-final.service": (
        "[Unit]\nDefaultDependencies=no\nAfter=docker.service\n"
        "[Service]\nType=oneshot\nRemainAfterExit=yes\nEnvironment=PATH={programs}:/usr/bin:/bin\n"
        "ExecStart=/bin/bash {user_data}\n"
    ),
    "ecs.service": (
        "[Unit]\nDefaultDependencies=no\nPartOf=docker.service\nWants=docker.service\n"
        "After=docker.service cloud-final.service\n"
        "[Service]\nExecStart=/bin/sleep infinity\n[Install]\nWantedBy=boot.target\n"
    ),
    "boot.target": "[Unit]\nDefaultDependencies=no\nWants=docker.service cloud-final.service ecs.service\n",
}
#: Programs of the node that would change this machine.
_PROGRAMS: Final = {
    "systemctl": 'exec /usr/bin/systemctl --user "$@"',
    "systemd-run": 'exec /usr/bin/systemd-run --user "$@"',
    "mount": "true",
    "curl": "true",
}
#: Exit status of `_BOOT` where systemd cannot run.
_IMPOSSIBLE: Final = 77
_BOOT: Final = """
mount -t tmpfs tmpfs /run && mkdir -p /run/systemd/system /run/user || exit 77
export XDG_RUNTIME_DIR=/run/user XDG_CONFIG_HOME={folder}/config SYSTEMD_UNIT_PATH={folder}/units
{systemd} --user --unit=boot.target &
until systemctl --user show-environment >/dev/null 2>&1; do
  kill -0 $! 2>/dev/null || exit 77
  sleep 0.05
done
until systemctl --user show --property=ActiveState --value cloud-final.service | grep -qE 'active$|failed' &&
  test -z "$(systemctl --user list-jobs --no-legend 2>/dev/null | grep -v 'No jobs')"
do
  sleep 0.05
done
for unit in cloud-final docker ecs; do
  systemctl --user show --property=ActiveState --value $unit.service
done
"""


def install(programs: dict[str, str], folder: Path) -> None:
    """Put scripts in place of a node's programs."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, body in programs.items():
        (folder / name).write_text(f"#!/bin/bash\n{body}\n")
        (folder / name).chmod(0o755)


def boot(user_data: str, folder: Path, *, programs: dict[str, str]) -> list[str]:
    """Return the states of cloud-init, Docker and ECS's agent after a boot.

    Skips the test on a machine without systemd, and without the rights to run it in namespaces.
    """
    systemd = next((path for path in ("/usr/lib/systemd/systemd", "/lib/systemd/systemd") if Path(path).exists()), None)
    if systemd is None or not all(map(shutil.which, ("systemctl", "unshare"))):
        pytest.skip("this machine has no systemd, systemctl or unshare")
    install(_PROGRAMS | programs, folder / "programs")
    script = folder / "user-data"
    for path, name in (("/etc/ecs/", "ecs/"), ("/usr/local/bin", "programs"), ("/var/lib/docker", "docker")):
        user_data = user_data.replace(path, f"{folder}/{name}")
    (folder / "ecs").mkdir(exist_ok=True)
    script.write_text(user_data)
    (folder / "units").mkdir(exist_ok=True)
    for name, text in _UNITS.items():
        (folder / "units" / name).write_text(text.format(programs=folder / "programs", user_data=script))
    user = [] if os.geteuid() == 0 else ["--user", "--map-root-user"]
    namespaces = ["unshare", *user, "--mount", "--pid", "--fork", "--mount-proc", "--kill-child"]
    result = subprocess.run(
        [*namespaces, "bash", "-c", _BOOT.format(folder=folder, systemd=systemd)],
        capture_output=True,
        text=True,
        check=False,
    )
    if result.returncode == _IMPOSSIBLE or "unshare" in result.stderr:
        pytest.skip("systemd cannot run in namespaces of this machine, which root may make")
    return result.stdout.split()

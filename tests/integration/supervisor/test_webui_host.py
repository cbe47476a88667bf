"""Supervisor and Web UI in two containers: the host starts, measures, ends and restarts the Web UI."""

import os
import shlex
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import psutil
import pytest

from contract.record import Status
from runtime_image.process.exit_codes import ExitCode
from runtime_image.process.host_messages import LOOPBACK, HostMessage
from tests.harness.logs import read_events
from tests.integration.agent.harness import PROJECT, eventually
from tests.integration.supervisor.container import (
    LONG,
    PATIENCE_SECONDS,
    Container,
    ContainerHarness,
    variables_of,
    wait_for_generation,
)

#: Variables by which a container of ECS or EKS gets its role, and others that the Web UI must not have.
KEYS = {
    "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI": "/v2/credentials/secret",
    "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE": "/var/run/secrets/token",
    "AWS_SECRET_ACCESS_KEY": "secret",
    "ECS_CONTAINER_METADATA_URI_V4": "http://169.254.170.2/v4/secret",
    "KUBERNETES_SERVICE_HOST": "10.0.0.1",
    "HF_TOKEN": "secret",
}


class HostHarness:
    """The container of the Web UI: its host as a process."""

    def __init__(self, harness: ContainerHarness) -> None:
        self._harness = harness
        self._log_file = harness.directory / "host.log"
        self._port = harness.directory / "unused"
        with socket.create_server((LOOPBACK, 0)) as free:
            self.port = free.getsockname()[1]
        self.start()

    def start(self, *, webui_command: str = "") -> None:
        variables = {
            **KEYS,
            "PATH": os.defpath,
            "PYTHONPATH": str(PROJECT),
            "PYTORCH_CUDA_ALLOC_CONF": "x",
            "WEBUI_VARIABLES": '["PYTORCH_CUDA_ALLOC_CONF"]',
            "WEBUI_COMMAND": webui_command or self._harness.webui_command,
            "WEBUI_HOST_PORT": str(self.port),
        }
        with self._log_file.open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "runtime_image.webui_host"], env=variables, cwd=PROJECT, stdout=log, stderr=log
            )

    def events(self, event: str, **fields: object) -> list[dict[str, object]]:
        return read_events(self._log_file, event, **fields)

    def start_container(self, **changes: object) -> Container:
        return self._harness.start(WEBUI_HOST=f"{LOOPBACK}:{self.port}", WEBUI_COMMAND="false", **changes)


@pytest.fixture
def host(harness: ContainerHarness) -> Iterator[HostHarness]:
    host = HostHarness(harness)
    try:
        yield host
    finally:
        host.process.kill()
        host.process.wait()


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux shows the variables of a process")
def test_the_web_ui_works_without_keys(harness: ContainerHarness, host: HostHarness) -> None:
    container = host.start_container()
    harness.submit("cat")
    harness.wait_for("cat", Status.COMPLETED, PATIENCE_SECONDS)

    for pid in (harness.webui_pid(), host.process.pid):
        assert not KEYS.keys() & variables_of(pid).keys()
        assert "secret" not in "".join(variables_of(pid).values())
    webui = psutil.Process(harness.webui_pid())
    assert webui.ppid() == host.process.pid
    assert variables_of(webui.pid)["PYTORCH_CUDA_ALLOC_CONF"] == "x"
    assert not [name for name in variables_of(webui.pid) if name.endswith(("_BUCKET", "_URL", "_TABLE"))]
    # The lines of the Web UI are in the supervisor's log, as if it had started it.
    assert container.events("webui_output", process="webui", line="Loading")
    eventually(lambda: (container.metric("darkroom_webui_resident_bytes") or 0) > 2**20, "the size", PATIENCE_SECONDS)

    container.stop()

    assert container.exit_code() is ExitCode.STOPPED
    assert [line["child"] for line in container.events("child_ended")] == ["agent", "webui"]
    assert host.process.poll() is None


def test_a_web_ui_that_ends_or_hangs_is_replaced(harness: ContainerHarness, host: HostHarness) -> None:
    container = host.start_container(HANG_SECONDS=1)
    container.wait_until_ready()

    os.kill(harness.webui_pid(), signal.SIGKILL)
    assert container.wait_for("child_ended", child="webui")["status"] == -signal.SIGKILL
    eventually(lambda: len(harness.recorded("starts")) == 2, "the second start", PATIENCE_SECONDS)
    container.wait_until_ready()
    os.kill(harness.webui_pid(), signal.SIGSTOP)

    container.wait_for("webui_replaced", reason="unhealthy")
    container.wait_for("child_killed", child="webui")
    eventually(lambda: len(harness.recorded("starts")) == 3, "the third start", PATIENCE_SECONDS)


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux lets a process adopt orphans")
def test_a_process_that_left_its_group_ends_with_its_web_ui(harness: ContainerHarness, host: HostHarness) -> None:
    host.process.kill()
    host.process.wait()
    pid_file = harness.directory / "escaped"
    escape = f"setsid sh -c 'echo $$ > {pid_file}; exec sleep 600' & exec {harness.webui_command}"
    host.start(webui_command=shlex.join(["sh", "-c", escape]))
    container = host.start_container()
    container.wait_until_ready()
    escaped = int(pid_file.read_text())
    assert psutil.pid_exists(escaped)

    os.kill(harness.webui_pid(), signal.SIGKILL)

    container.wait_for("child_ended", child="webui")
    assert not psutil.pid_exists(escaped)


def test_the_end_of_either_container_ends_the_web_ui(harness: ContainerHarness, host: HostHarness) -> None:
    container = host.start_container()
    container.wait_until_ready()
    first = harness.webui_pid()

    host.process.kill()
    host.process.wait()

    assert container.wait_for("child_ended", child="webui")["status"] == -signal.SIGKILL
    container.wait_for("child_not_started")
    eventually(lambda: not psutil.pid_exists(first), "the end of the Web UI", PATIENCE_SECONDS)
    host.start()
    eventually(lambda: harness.webui_pid() != first, "the next Web UI", PATIENCE_SECONDS)
    container.wait_until_ready()
    second = harness.webui_pid()

    container.process.kill()

    eventually(lambda: not psutil.pid_exists(second), "the end of the Web UI", PATIENCE_SECONDS)
    assert host.process.poll() is None


def test_connections_that_a_supervisor_has_left_cost_no_time(host: HostHarness) -> None:
    eventually(lambda: host.events("webui_host_started"), "the host", PATIENCE_SECONDS)
    # The first client occupies the host, so that the others wait and are left before it accepts them.
    with started_webui(host):
        for _ in range(3):
            socket.create_connection((LOOPBACK, host.port)).close()
    eventually(lambda: len(host.events("webui_not_started")) == 3, "three refusals", PATIENCE_SECONDS)
    assert {event["reason"] for event in host.events("webui_not_started")} == {"the supervisor has left"}


def test_a_web_ui_ends_after_a_line_that_names_no_signal(host: HostHarness) -> None:
    eventually(lambda: host.events("webui_host_started"), "the host", PATIENCE_SECONDS)
    with started_webui(host) as control:
        control.sendall(b"group SIGTE\n")
        eventually(lambda: host.events("child_ended"), "the end of the Web UI", PATIENCE_SECONDS)


@contextmanager
def started_webui(host: HostHarness) -> Iterator[socket.socket]:
    """Start a Web UI as a supervisor does; yield the connection to the host."""
    with socket.create_connection((LOOPBACK, host.port)) as control, control.makefile("rb") as lines:
        port = HostMessage.model_validate_json(lines.readline()).output_port
        with socket.create_connection((LOOPBACK, port or 0)):
            assert HostMessage.model_validate_json(lines.readline()).pid
            yield control


def test_a_stop_of_both_containers_lets_the_task_end(harness: ContainerHarness, host: HostHarness) -> None:
    container = host.start_container()
    harness.submit("long", LONG)
    wait_for_generation(harness, "long")

    # Kubernetes asks all containers of a pod to end at once.
    host.process.terminate()
    container.stop()

    assert container.exit_code() is ExitCode.STOPPED
    assert harness.read("long").status is Status.COMPLETED
    assert host.process.wait(PATIENCE_SECONDS) == ExitCode.STOPPED


def test_a_host_that_never_comes_ends_the_container(harness: ContainerHarness) -> None:
    with socket.create_server((LOOPBACK, 0)) as silent:
        container = harness.start(
            WEBUI_HOST=f"{LOOPBACK}:{silent.getsockname()[1]}", START_DEADLINE_SECONDS=1, WEBUI_COMMAND="false"
        )
        assert container.exit_code() is ExitCode.START_DEADLINE_PASSED
    assert container.events("child_not_started")

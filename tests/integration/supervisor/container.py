"""Harness of the supervisor's tests: the supervisor as a process, with the real agent and the stub Web UI."""

import shlex
import signal
import socket
import subprocess
import sys
import urllib.error
import urllib.request
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import uuid4

import psutil

from contract.record import Status
from runtime_image.process.exit_codes import ExitCode
from stub_webui.web_ui import StubWebUi
from tests.harness.logs import read_events
from tests.integration.agent.harness import (
    CHECKPOINT,
    PROJECT,
    Harness,
    eventually,
)

#: Seconds for anything to happen; only a failing test waits for so long.
PATIENCE_SECONDS = 60.0
#: Steps of 10 ms: long enough to be caught in mid-generation, short enough to wait for.
LONG = {"prompt": "long", "steps": 150}
RUN = """
import sys
from runtime_image.supervisor.__main__ import main
sys.exit(main(models_command=sys.argv[1:]) if sys.argv[1:] else main())
"""


@dataclass
class Container:
    """One `python -m runtime_image.supervisor` and all that it has started."""

    process: subprocess.Popen[bytes]
    log_file: Path

    def events(self, event: str, **fields: object) -> list[dict[str, Any]]:
        """Return the logged lines of this event that have these fields."""
        return read_events(self.log_file, event, **fields)

    def wait_for(self, event: str, count: int = 1, **fields: object) -> dict[str, Any]:
        """Return the line once it has been logged so many times."""

        def lines() -> list[dict[str, Any]]:
            found = self.events(event, **fields)
            assert len(found) >= count or self.process.poll() is None, f"ended with {self.process.returncode}"
            return found if len(found) >= count else []

        return eventually(lines, f"{count} times {event} {fields}", PATIENCE_SECONDS)[count - 1]

    def agent_pid(self) -> int:
        """Return the process id of the agent, which only Linux shows."""
        pid = self.process.pid
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
        is_agent = [b"runtime_image.agent" in Path(f"/proc/{child}/cmdline").read_bytes() for child in children]
        return int(children[is_agent.index(True)])

    def get(self, path: str) -> tuple[int, str]:
        """Return status and body of the health server's answer."""
        port = self.wait_for("supervisor_started")["health_port"]
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=10) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode()

    def metric(self, name: str) -> float | None:
        """Return a metric, or None if the page lacks it."""
        lines = self.get("/metrics")[1].splitlines()
        return next((float(line.rpartition(" ")[2]) for line in lines if line.startswith(f"{name} ")), None)

    def wait_until_ready(self) -> None:
        eventually(lambda: self.get("/readyz")[0] == 200, "being ready", PATIENCE_SECONDS)

    def stop(self) -> None:
        self.process.send_signal(signal.SIGTERM)

    def exit_code(self) -> ExitCode:
        """Return the exit code. No process that the container started may exist then."""
        code = ExitCode(self.process.wait(PATIENCE_SECONDS))
        pids = [line["pid"] for line in self.events("child_started")]
        assert not [pid for pid in pids if psutil.pid_exists(pid)]
        return code


@dataclass
class ContainerHarness(Harness):
    """Harness of the agent whose Web UI runs inside the container."""

    webui: StubWebUi = field(default_factory=StubWebUi)

    containers: list[Container] = field(default_factory=list)

    def __post_init__(self) -> None:
        super().__post_init__()
        self.port_holder = held_port()
        self.port = int(self.port_holder.getsockname()[1])
        self.webui_url = f"http://127.0.0.1:{self.port}"
        self.folder = self.directory / "webui"
        self.folder.mkdir()
        self.model_bucket = f"models-{uuid4().hex[:12]}"
        self.s3.create_bucket(Bucket=self.model_bucket)
        self.s3.put_object(Bucket=self.model_bucket, Key=f"Stable-diffusion/{CHECKPOINT}", Body=bytes(2048))

    def request_fault(self, fault: str) -> None:
        """Make the Web UI, or the one that is started next, misbehave."""
        (self.folder / fault).touch()

    def recorded(self, file: str) -> list[str]:
        """Return what the Web UIs have recorded: their `starts` or their `generations`."""
        path = self.folder / file
        return path.read_text().splitlines() if path.exists() else []

    def webui_pid(self) -> int:
        return int(eventually(lambda: self.recorded("starts"), "the Web UI's start", PATIENCE_SECONDS)[-1])

    @property
    def webui_command(self) -> str:
        """The command line of the stub Web UI."""
        return shlex.join(
            [sys.executable, "-m", "stub_webui", "--port", str(self.port), "--faults-folder", str(self.folder)]
        )

    def start(self, *models_command: str, **changes: object) -> Container:
        """Start a container; `changes` are variables, `models_command` replaces the downloader if it is given."""
        variables = {
            "WEBUI_COMMAND": self.webui_command,
            "WEBUI_RESTARTS": 2,
            "MODELS_DIRECTORY": self.directory,
            "MODEL_FILENAME": CHECKPOINT,
            "MODEL_BUCKET": self.model_bucket if models_command else "",
            "STATUS_FILE": self.directory / "status.json",
            "HEALTH_PORT": 0,
            "LOG_LEVEL": "INFO",
        }
        log_file = self.directory / f"container-{len(self.containers)}.log"
        with log_file.open("wb") as log:
            process = subprocess.Popen(
                [sys.executable, "-c", RUN, *models_command],
                env=self.environment(**(variables | changes)),
                cwd=PROJECT,
                stdout=log,
                stderr=subprocess.STDOUT,
            )
        self.containers.append(Container(process, log_file))
        return self.containers[-1]


def wait_for_generation(harness: ContainerHarness, task_id: str) -> None:
    harness.wait_for(task_id, Status.IN_PROGRESS, PATIENCE_SECONDS)
    harness.eventually(lambda: harness.recorded("generations"), "the generation", PATIENCE_SECONDS)


def variables_of(pid: int) -> dict[str, str]:
    """Return the environment variables of a process, which only Linux shows."""
    return dict(
        entry.split("=", 1) for entry in Path(f"/proc/{pid}/environ").read_bytes().decode().split("\0") if entry
    )


def held_port() -> socket.socket:
    """Return a socket that reserves its port for programs that name its number, as the Web UI does."""
    holder = socket.socket()
    holder.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    holder.bind(("127.0.0.1", 0))
    return holder

import json
import logging
from dataclasses import asdict
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contract.settings import InvalidEnvironment
from runtime_image.model_downloader.progress import ProgressSnapshot
from runtime_image.process.clock import Clock
from runtime_image.process.exit_codes import ExitCode
from runtime_image.process.logs import EventLog
from runtime_image.process.status_file import AgentStatus, read_status_file
from runtime_image.supervisor.__main__ import check_machine
from runtime_image.supervisor.container_metrics import ContainerMetrics
from runtime_image.supervisor.container_status import STUCK_SECONDS, ContainerStatus
from runtime_image.supervisor.health_server import HealthServer
from runtime_image.supervisor.managed_process import HEALTHY_SECONDS, LONGEST_PAUSE_SECONDS, RestartPolicy
from runtime_image.supervisor.model_download import ModelDownload
from runtime_image.supervisor.settings import SupervisorSettings
from tests.unit.runtime_image.supervisor.fakes import FakeProcess

ENVIRONMENT = {"RUNTIME": "r", "WEBUI_COMMAND": "webui --port 7860", "WEBUI_URL": "http://127.0.0.1:7860"}


def test_pauses_grow_up_to_the_longest_and_end() -> None:
    policy = RestartPolicy(limit=9)
    pauses = [policy.record_end(0) for _ in range(10)]
    assert pauses == [0.5, 1, 2, 4, 8, 16, 32, LONGEST_PAUSE_SECONDS, LONGEST_PAUSE_SECONDS, None]


def test_long_service_begins_a_new_row_and_short_service_does_not() -> None:
    policy = RestartPolicy(limit=1)
    assert policy.record_end(0) == 0.5
    policy.mark_healthy(10)
    assert policy.record_end(10 + HEALTHY_SECONDS) == 0.5
    policy.mark_healthy(1000)
    assert policy.record_end(1000 + HEALTHY_SECONDS - 1) is None


def test_settings() -> None:
    settings = SupervisorSettings.from_environment(
        {**ENVIRONMENT, "WEBUI_COMMAND": "env -C '/opt/my webui' python", "WEBUI_MEMORY_LIMIT": "12GiB"}
    )
    assert settings.webui_command == ("env", "-C", "/opt/my webui", "python")
    assert settings.webui_memory_limit == 12 * 1024**3
    assert (settings.agent_grace_period_seconds, settings.agent_stop_seconds) == (103, 105)


@given(st.floats(min_value=0.1, max_value=7200))
def test_the_grace_period_has_room_for_both(seconds: float) -> None:
    settings = SupervisorSettings.from_environment({**ENVIRONMENT, "GRACE_PERIOD_SECONDS": str(seconds)})
    assert 0 < settings.agent_grace_period_seconds < settings.agent_stop_seconds
    assert settings.agent_stop_seconds + settings.webui_stop_seconds <= seconds * 1.000001


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"WEBUI_COMMAND": ""}, "WEBUI_COMMAND: Field required"),
        ({"WEBUI_COMMAND": "  "}, "WEBUI_COMMAND: "),
        ({"WEBUI_COMMAND": 'python "x'}, "WEBUI_COMMAND: Value error, No closing quotation"),
        ({"WEBUI_URL": "there"}, "WEBUI_URL"),
        ({"WEBUI_MEMORY_LIMIT": "much"}, "WEBUI_MEMORY_LIMIT"),
        ({"WEBUI_RESTARTS": "-1"}, "WEBUI_RESTARTS"),
        ({"HEALTH_PORT": "70000"}, "HEALTH_PORT"),
        ({"START_DEADLINE_SECONDS": "0"}, "START_DEADLINE_SECONDS"),
        ({"WARM_UP": "soon"}, "WARM_UP"),
    ],
)
def test_wrong_settings_are_named(changes: dict[str, str], words: str) -> None:
    with pytest.raises(InvalidEnvironment) as caught:
        SupervisorSettings.from_environment({**ENVIRONMENT, **changes})
    assert words in str(caught.value)


@pytest.mark.parametrize(
    ("variable", "value", "words"),
    [
        ("WEBUI_COMMAND", "/nowhere/webui --api", "WEBUI_COMMAND: there is no program /nowhere/webui"),
        ("STATUS_FILE", "/proc/darkroom/status.json", "STATUS_FILE: /proc/darkroom cannot be made"),
    ],
)
def test_what_the_machine_lacks_is_named(tmp_path: Path, variable: str, value: str, words: str) -> None:
    variables = {**ENVIRONMENT, "WEBUI_COMMAND": "true", "STATUS_FILE": str(tmp_path / "status.json")}
    check_machine(SupervisorSettings.from_environment(variables))
    with pytest.raises(InvalidEnvironment) as caught:
        check_machine(SupervisorSettings.from_environment({**variables, variable: value}))
    assert words in str(caught.value)


@pytest.mark.parametrize(
    "content",
    [None, b"", b"not json", b"[]", b'{"held": -1}', b'{"tasks": {"COMPLETED": "many"}}', b"\xff", b"{" * 9999],
)
def test_a_status_that_cannot_be_read_is_none(tmp_path: Path, content: bytes | None) -> None:
    file = tmp_path / "status.json"
    if content is not None:
        file.write_bytes(content)
    assert read_status_file(file, AgentStatus) is None


def test_a_status_may_lack_fields_and_have_others(tmp_path: Path) -> None:
    file = tmp_path / "status.json"
    file.write_text(json.dumps({"ready": True, "busy_seconds": 3, "up_seconds": 4, "colour": "red"}))
    status = read_status_file(file, AgentStatus)
    assert status is not None
    assert (status.ready, status.held, status.busy_share, status.out_of_memory) == (True, 0, 0.75, 0)
    assert AgentStatus().busy_share == 0


def test_readiness_names_the_first_obstacle() -> None:
    status = ContainerStatus(ticked_at=0)
    reasons = [status.not_ready_reason()]
    for name, value in (
        ("models_on_disk", True),
        ("webui_ready", True),
        ("agent_running", True),
        ("agent_status", AgentStatus(ready=False)),
        ("agent_silent", True),
        ("agent_silent", False),
        ("agent_status", AgentStatus(ready=True)),
        ("stopping", True),
    ):
        setattr(status, name, value)
        reasons.append(status.not_ready_reason())
    assert reasons == [
        "the models are being fetched",
        "the Web UI is not ready",
        "the agent does not run",
        "the agent has not written its status yet",
        "the agent does not accept tasks",
        "the agent has fallen silent",
        "the agent does not accept tasks",
        None,
        "the container stops",
    ]
    assert status.is_alive(STUCK_SECONDS)
    assert not status.is_alive(STUCK_SECONDS + 1)


@pytest.mark.parametrize(
    ("status", "code"),
    [(0, 0), (66, 66), (73, 73), (74, 74), (78, 78), (1, 74), (-9, 74), (69, 74)],
)
def test_every_end_of_the_download_has_a_code(status: int, code: int) -> None:
    models = ModelDownload(
        start=lambda: FakeProcess("models"),
        stop_seconds=5,
        restart_policy=RestartPolicy(limit=0),
        is_needed=True,
        event_log=EventLog(logging.getLogger("test")),
    )
    assert models.start_if_due(0)
    assert models.record_exit(status, now=0) == ExitCode(code)
    assert models.on_disk.is_set() == (status == 0)


def test_a_taken_port_is_an_error(tmp_path: Path) -> None:
    status = ContainerStatus(ticked_at=0)
    state_file = tmp_path / "models.json"
    snapshot = ProgressSnapshot(
        files=3, files_done=1, bytes=9, bytes_done=7, bytes_fetched=0, bytes_per_second=0.0, eta_seconds=None
    )
    state_file.write_text(json.dumps({"state": "fetching", **asdict(snapshot), "updated_at": 1.5}))
    metrics = ContainerMetrics(
        runtime="r", status=status, models_directory=tmp_path / "not-made-yet", models_state_file=state_file
    )
    server = HealthServer(port=0, status=status, metrics=metrics, clock=Clock())
    try:
        with pytest.raises(OSError, match="in use"):
            HealthServer(port=server.port, status=status, metrics=metrics, clock=Clock())
    finally:
        server.stop()
    assert b"darkroom_models_disk" not in metrics.page()
    assert b"darkroom_models_files_done 1.0" in metrics.page()
    state_file.write_text("{")
    assert b"darkroom_models_files" not in metrics.page()

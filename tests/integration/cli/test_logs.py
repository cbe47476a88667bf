"""`darkroom logs` over the files of a local system, and over log groups."""

import json
import re
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import boto3
import pytest
from click.testing import CliRunner

from cli.log_sources import CloudWatchLogs, LocalLogs, as_text, is_task_log_group
from cli.main import main
from tests.harness.aws_endpoint import serve_aws
from tests.harness.local_endpoints import write_local_endpoints

# The tests of the log groups read what the first of them wrote.
pytestmark = pytest.mark.xdist_group("logs")

SNAPSHOTS = Path(__file__).parents[2] / "infrastructure" / "snapshots"
READ_TASK = "Darkroom-prod-Api-ReadTaskLogs6832134F-Ab12Cd34Ef56"
REPLICAS = "Darkroom-prod-Eks-LogsRuntimeLogsC432B569-Ab12Cd34Ef56"
OTHERS = (
    "Darkroom-prod-Api-HttpAccessLogs1CB64BE3-Ab12Cd34Ef56",
    "Darkroom-prod-eu-Api-ReadTaskLogs6832134F-Ab12Cd34Ef56",
    "Darkroom-prod-Network-NetworkFlowLogs2BEC3212-Ab12Cd34Ef56",
)


@pytest.fixture(scope="module")
def aws_logs() -> Iterator[Any]:
    with serve_aws() as url:
        yield boto3.client(
            "logs",
            endpoint_url=url,
            region_name="eu-central-1",
            aws_access_key_id="local",
            aws_secret_access_key="local",
        )


def put(client: Any, group: str, seconds_ago: float, **fields: object) -> None:
    event = {"timestamp": int((time.time() - seconds_ago) * 1000), "message": json.dumps(fields) + "\n"}
    client.put_log_events(logGroupName=group, logStreamName="stream", logEvents=[event])


def test_the_lines_of_a_task_come_from_all_groups_of_its_environment(aws_logs: Any) -> None:
    for group in (READ_TASK, REPLICAS, *OTHERS):
        aws_logs.create_log_group(logGroupName=group)
        aws_logs.create_log_stream(logGroupName=group, logStreamName="stream")
        put(aws_logs, group, 20, event="other", task_id="dog-2")
    put(aws_logs, REPLICAS, 10, level="INFO", event="task_claimed", task_id="dog-1")
    put(aws_logs, READ_TASK, 15, level="INFO", message="task_accepted", task_id="dog-1", service="read_task")
    put(aws_logs, REPLICAS, 9, level="INFO", event="task_claimed", task_id="dog-10")
    for group in OTHERS:
        put(aws_logs, group, 12, event="not of this environment's tasks", task_id="dog-1")
    source = CloudWatchLogs(client=aws_logs, environment="prod", task_id="dog-1", since=time.time() - 60)

    accepted, claimed = source.read()

    assert as_text(accepted) == f"{accepted.time} ReadTask INFO task_accepted task_id=dog-1"
    assert as_text(claimed) == f"{claimed.time} LogsRuntime INFO task_claimed task_id=dog-1"
    assert source.read() == [], "no line comes twice"
    put(aws_logs, REPLICAS, 11, event="late", task_id="dog-1")
    put(aws_logs, REPLICAS, 1, event="new", task_id="dog-1")
    assert [line.line["event"] for line in source.read() if isinstance(line.line, dict)] == ["late", "new"]


def test_all_lines_are_those_since_the_time_asked_for(aws_logs: Any) -> None:
    put(aws_logs, READ_TASK, 7200, event="long ago", task_id="dog-1")
    source = CloudWatchLogs(client=aws_logs, environment="prod", task_id=None, since=time.time() - 60)
    lines = [line.line["task_id"] for line in source.read() if isinstance(line.line, dict)]
    assert set(lines) == {"dog-1", "dog-2", "dog-10"}
    assert len(lines) == 7


def log_groups_in(snapshot: Path) -> Iterator[str]:
    """Yield the logical ids of log groups in a snapshot, which lists resources or shows them whole."""
    logical_id = ""
    for line in snapshot.read_text().splitlines():
        if match := re.match(r" {0,2}(\w+):", line):
            logical_id = match[1]
        if line.endswith(": AWS::Logs::LogGroup"):
            yield logical_id


def test_the_names_of_log_groups_are_those_that_cloudformation_gives() -> None:
    """A group without a name gets that of its stack, its logical id and a random part."""
    found: dict[bool, set[str]] = {True: set(), False: set()}
    for path in SNAPSHOTS.glob("*/*.yaml"):
        for logical_id in log_groups_in(path):
            name = f"Darkroom-prod-{path.stem}-{logical_id}-Ab12Cd34Ef56"
            found[is_task_log_group(name, environment="prod")].add(logical_id[:-8])
    assert found[False] == {"HttpAccessLogs", "NetworkFlowLogs"}
    assert {"ReadTaskLogs", "FailDeadLettersLogs", "LogsRuntimeLogs", "RuntimeDynamicLogs"} <= found[True]


def write_log(folder: Path, name: str, *lines: Mapping[str, object] | str) -> None:
    path = folder / f"{name}.log"
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a") as file:
        file.writelines(f"{line if isinstance(line, str) else json.dumps(line)}\n" for line in lines)


def test_local_files_are_merged_by_time(tmp_path: Path) -> None:
    agent = {"time": "2026-11-29T05:46:52.004+00:00", "level": "INFO", "event": "task_claimed", "task_id": "dog-1"}
    function = {"message": "task_accepted", "timestamp": "2026-11-29 05:46:50,093+0000", "task_id": "dog-1"}
    write_log(tmp_path, "container-sdruntime-1", agent, agent | {"task_id": "dog-2"}, agent | {"task_id": "dog-10"})
    write_log(tmp_path, "functions/Darkroom-local-Api-SubmitTaskA1B32046", function, "Traceback of dog-1")
    source = LocalLogs(folder=tmp_path, task_id="dog-1", since=0)
    assert [as_text(line) for line in source.read()] == [
        "2026-11-29T05:46:50.093Z SubmitTask task_accepted task_id=dog-1",
        "2026-11-29T05:46:50.093Z SubmitTask Traceback of dog-1",
        "2026-11-29T05:46:52.004Z container-sdruntime-1 INFO task_claimed task_id=dog-1",
    ]
    with (tmp_path / "container-sdruntime-1.log").open("a") as file:
        file.write(json.dumps(agent | {"event": "half written"})[:40])
    everything = LocalLogs(folder=tmp_path, task_id=None, since=0)
    assert [len(everything.read()), source.read(), everything.read()] == [5, [], []]
    with (tmp_path / "container-sdruntime-1.log").open("a") as file:
        file.write(json.dumps(agent | {"event": "half written"})[40:] + "\n")
    (line,) = source.read()
    assert "half written" in as_text(line)
    write_log(tmp_path, "container-sdruntime-1", "Traceback of dog-1", agent)
    assert [as_text(line).partition("Z ")[2] for line in source.read()] == [
        "container-sdruntime-1 Traceback of dog-1",
        "container-sdruntime-1 INFO task_claimed task_id=dog-1",
    ]


@pytest.mark.parametrize(
    "line",
    [
        {"task_id": "dog-1"},
        {"message": "the record of dog-1."},
        {"message": "is dog-1... still there?"},
        {"key": "output/dog-1-66b9ddb8359a5384-1.png"},
        {"task": "photos:dog-1"},
        {"nested": [{"id": "dog-1"}]},
        "Traceback: dog-1",
        "(dog-1)",
    ],
    ids=str,
)
def test_a_task_is_found_wherever_its_id_stands(tmp_path: Path, line: Mapping[str, object] | str) -> None:
    write_log(tmp_path, "system", line)
    # The line has no time, so that of its file counts.
    assert LocalLogs(folder=tmp_path, task_id="dog-1", since=0).read()


@pytest.mark.parametrize(
    "other", ["dog-10", "dog-1-b", "dog-1.b", "big-dog-1", "a.dog-1", "dog_dog-1", "dog-1-66b9", "dog-1..b"]
)
def test_a_longer_id_is_another_task(tmp_path: Path, other: str) -> None:
    write_log(tmp_path, "system", {"task_id": other}, f"Traceback of {other}.")
    assert not LocalLogs(folder=tmp_path, task_id="dog-1", since=0).read()


def test_an_administrator_names_a_task_with_its_key(tmp_path: Path) -> None:
    write_log(tmp_path, "system", {"task_id": "photos:dog-1"}, {"task_id": "films:dog-1"}, {"task_id": "dog-1"})
    (line,) = LocalLogs(folder=tmp_path, task_id="photos:dog-1", since=0).read()
    assert line.line == {"task_id": "photos:dog-1"}


def test_the_command_prints_objects_for_programs(tmp_path: Path) -> None:
    write_local_endpoints(tmp_path)
    write_log(tmp_path / "logs", "system", {"time": "2999-01-01T00:00:00+00:00", "event": "here", "task_id": "dog-1"})
    arguments = ["--state-dir", str(tmp_path), "logs", "dog-1"]
    assert CliRunner().invoke(main, arguments).stdout == "2999-01-01T00:00:00.000Z system here task_id=dog-1\n"
    printed = json.loads(CliRunner().invoke(main, [*arguments, "--json"]).stdout)
    assert (printed["source"], printed["line"]["event"]) == ("system", "here")

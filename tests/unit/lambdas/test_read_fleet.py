"""Fleet and runtimes: what they read from the record and from the metrics that functions and agents log."""

import json
import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any
from unittest.mock import MagicMock

import pytest
from botocore.exceptions import ClientError

from contract.cold_start import log_metrics_namespace
from contract.errors import Forbidden, RuntimeNotFound
from contract.heartbeat import heartbeat
from contract.record import Status
from contract.tenancy import SHARED, Tenancy
from contract.transitions import Outcome
from lambdas.read_fleet.fleet_metrics import FleetMetrics, FleetSeries, cold_start_queries, mean_cold_start
from lambdas.read_fleet.fleet_reader import FleetReader, HourlyPrice, fleet_queries
from lambdas.read_fleet.runtime_options import RuntimeDirectory
from lambdas.runtime.observability import count
from lambdas.tasks.checkpoint_catalogue import CheckpointCatalogue
from lambdas.tasks.list_cache import ListCache
from lambdas.tasks.outcomes import DELIVERY_FAILED
from local.log_metrics import LogMetrics
from runtime_image.agent.telemetry.metrics import EmbeddedMetrics
from runtime_image.process.logs import EventLog, JsonFormatter
from task_store.repository import TaskRepository
from tests.unit.lambdas.harness import Harness, MakeTask, client

PRICE: HourlyPrice = {"usd_per_hour": 0.6, "basis": "g6.xlarge, spot"}
TENANTS = Tenancy(names=("shop", "guest", "boss"), administrators=("boss",))


@pytest.fixture
def fleet(harness: Harness) -> Callable[..., FleetReader]:
    def make(engine: str = "none", tenancy: Tenancy | None = None) -> FleetReader:
        runtimes = list(harness.catalogue.runtimes)
        return FleetReader(
            environment="test",
            engine=engine,
            catalogue=harness.catalogue,
            tenancy=tenancy or Tenancy(),
            repository=harness.repository,
            metrics=FleetMetrics(
                client=client("cloudwatch"),
                queries=fleet_queries("test", engine, runtimes),
                clock=lambda: harness.now_ms / 1000,
                now_ms=lambda: harness.now_ms,
            ),
            prices={"sdruntime": PRICE},
            undelivered_webhooks=lambda: 3,
            now_ms=lambda: harness.now_ms,
        )

    return make


def replica_log(folder: Path) -> EventLog:
    """Return the log of a replica in a file of the folder."""
    handler = logging.FileHandler(folder / "container-sdruntime-1.log")
    handler.setFormatter(JsonFormatter())
    logger = logging.getLogger(f"replica in {folder}")
    logger.setLevel(logging.INFO)
    logger.addHandler(handler)
    return EventLog(logger)


def collect(folder: Path, harness: Harness) -> None:
    """Write the metrics of the logs, with the time of the harness instead of that of the machine."""
    for file in folder.glob("*.log"):
        lines = [json.loads(line) for line in file.read_text().splitlines()]
        for line in lines:
            line["time"] = harness.now_ms / 1000
            line.get("_aws", {})["Timestamp"] = harness.now_ms
        file.write_text("".join(f"{json.dumps(line)}\n" for line in lines))
    LogMetrics(folder=folder, client=client("cloudwatch"), environment="test").collect()


def test_the_numbers_are_those_that_functions_and_replicas_log(
    harness: Harness,
    fleet: Callable[..., FleetReader],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # A replica has no such variable, which would become a dimension of its metrics.
    monkeypatch.delenv("POWERTOOLS_SERVICE_NAME")
    log = replica_log(tmp_path)
    agent = EmbeddedMetrics(dimensions={"environment": "test", "runtime": "sdruntime"}, log=log)
    for share in (0.5, 1.0):
        agent.put(counts={"BusyShare": share, "Replicas": 1, "ReadyReplicas": 1})
    agent.put(counts={"Images": 3}, seconds={"TotalSeconds": 2.0})
    log.info("models_fetched", seconds=4.5, files=2)
    log.info("webui_prepared", answered_after_seconds=7.0, ready_after_seconds=9.0)
    count("CallbacksPublished", runtime="sdruntime", status=Status.COMPLETED.value)
    count("CallbacksPublished", runtime="sdruntime", status=Status.TIMED_OUT.value)
    count("DeadLettersUnreadable")
    (tmp_path / "function.log").write_text(capsys.readouterr().out)
    collect(tmp_path, harness)
    found = fleet().read(tenant=SHARED)
    runtime, other = found["runtimes"]
    assert runtime["last_hour"] == {
        "pictures": 3,
        "completed": 1,
        "failed": 0,
        "timed_out": 1,
        "cancelled": 0,
        "replica_hours": round(2 / 60, 3),
        "cost_usd": round(2 / 60 * 0.6, 4),
    }
    assert runtime["last_day"] == runtime["last_hour"]
    assert runtime["busy_share"] == 0.75
    assert runtime["price"] == PRICE
    assert other["last_day"]["cost_usd"] is None, "the price of the other runtime is unknown"
    chart: dict[str, Any] = {**runtime["chart"]}
    assert {len(series) for series in chart.values()} == {288}
    assert {name: series[-1] for name, series in chart.items()} == {
        "pictures": 3,
        "completed": 1,
        "failed": 1,
        "replicas": 2 / 5,
        "busy_share": 0.75,
    }
    assert chart["pictures"][-2] is None
    cold_start = {name: series[-1] for name, series in found["cold_starts"].items()}
    assert cold_start == {
        "node_seconds": None,
        "image_seconds": None,
        "model_seconds": 4.5,
        "webui_seconds": 7.0,
        "ready_seconds": 9.0,
        "first_task_seconds": None,
    }
    assert (found["unreadable_messages"], found["undelivered_webhooks"], found["nodes"]) == (1, 3, None)
    json.dumps(found)


def test_a_line_is_counted_once_and_only_when_it_is_whole(harness: Harness, tmp_path: Path) -> None:
    file = tmp_path / "container.log"
    metrics = LogMetrics(folder=tmp_path, client=client("cloudwatch"), environment="test")
    line = json.dumps({"time": "2023-11-14T22:13:20Z", "event": "models_fetched", "seconds": 2})
    file.write_text(f'no json "models_fetched"\n[1]\n{line[:20]}')
    metrics.collect()
    file.write_text(f"{file.read_text()}{line[20:]}\n")
    for _ in range(2):
        metrics.collect()
    found = client("cloudwatch").get_metric_statistics(
        Namespace="Darkroom/test",
        MetricName="ModelSeconds",
        StartTime="2023-11-14T22:00:00Z",
        EndTime="2023-11-14T23:00:00Z",
        Period=3600,
        Statistics=["SampleCount", "Sum"],
    )
    (point,) = found["Datapoints"]
    assert (point["SampleCount"], point["Sum"]) == (1, 2)


def test_queue_and_replicas_are_those_of_the_record(
    harness: Harness, fleet: Callable[..., FleetReader], make_task: MakeTask
) -> None:
    for number in range(3):
        harness.submit(make_task(f"task-{number}"), f"s{number}")
        harness.now_ms += 1000
    harness.claim("task-0", owner="first/delivery")
    for replica in ("first", "second"):
        harness.dynamodb.update_item(TableName="tasks", **heartbeat(replica, "sdruntime", now_ms=harness.now_ms))
    runtime, other = fleet().read(tenant=SHARED)["runtimes"]
    assert runtime["queue"] == {"waiting": 2, "running": 1, "oldest_seconds": 2, "is_complete": True}
    assert runtime["replicas"] == {"live": 2, "busy": 1}
    assert other["queue"] == {"waiting": 0, "running": 0, "oldest_seconds": None, "is_complete": True}


def test_dead_letters_have_their_reason(
    harness: Harness, fleet: Callable[..., FleetReader], make_task: MakeTask
) -> None:
    for task_id, code in (("lost", DELIVERY_FAILED), ("refused", "webui_refused")):
        harness.submit(make_task(task_id), task_id)
        harness.claim(task_id)
        harness.finish(task_id, Outcome(Status.FAILED, error={"code": code, "message": f"{code} because"}))
    (letter,) = fleet().read(tenant=SHARED)["runtimes"][0]["dead_letters"]
    assert letter == {"id": "lost", "message": "delivery_failed because", "completed_at": "2023-11-14T22:13:20.000Z"}


def test_dead_letters_are_searched_once_a_minute_and_vanish_when_they_are_sent_again(
    harness: Harness, fleet: Callable[..., FleetReader], make_task: MakeTask, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(task_id: str, code: str = DELIVERY_FAILED) -> None:
        harness.claim(task_id)
        harness.finish(task_id, Outcome(Status.FAILED, error={"code": code, "message": "it failed"}))

    searched: list[str] = []
    search = TaskRepository.newest

    def newest(self: TaskRepository, partition: str, **options: Any) -> Any:
        searched.append(partition)
        return search(self, partition, **options)

    monkeypatch.setattr(TaskRepository, "newest", newest)
    reader = fleet()

    def letters() -> list[str]:
        return [letter["id"] for letter in reader.read(tenant=SHARED)["runtimes"][0]["dead_letters"]]

    for name in ("first", "second"):
        harness.submit(make_task(name), name)
    fail("first")
    assert letters() == ["first"]
    fail("second")
    harness.submission.retry(harness.record("first"), submission_id="again", key_name=None)
    assert letters() == []
    fail("first", "webui_refused")
    assert letters() == []
    assert searched == ["sdruntime", "dynamic"]
    harness.now_ms += 60_001
    assert letters() == ["second"]


def test_the_fleet_is_for_keys_that_see_everything(harness: Harness, fleet: Callable[..., FleetReader]) -> None:
    reader = fleet(tenancy=TENANTS)
    assert reader.read(tenant=TENANTS.of_key("boss"))["runtimes"]
    with pytest.raises(Forbidden):
        reader.read(tenant=TENANTS.of_key("shop"))
    only = Tenancy(names=("shop",))
    assert fleet(tenancy=only).read(tenant=only.of_key("shop"))["runtimes"]


def test_nodes_are_counted_as_the_engine_reports_them(harness: Harness, fleet: Callable[..., FleetReader]) -> None:
    cloudwatch = client("cloudwatch")
    at = {"MetricName": "Nodes", "Timestamp": harness.now_ms / 1000, "Value": 2}
    for _ in range(5):
        cloudwatch.put_metric_data(Namespace="Darkroom/test", MetricData=[at])
    dimensions = [{"Name": "environment", "Value": "test"}]
    cloudwatch.put_metric_data(Namespace="Darkroom", MetricData=[{**at, "Value": 4, "Dimensions": dimensions}])
    for engine, nodes in (("eks", 2), ("ecs", 4)):
        found = fleet(engine).read(tenant=SHARED)["nodes"]
        assert found is not None
        assert found[-1] == nodes


def test_cloudwatch_is_asked_once_a_minute(harness: Harness) -> None:
    asked: list[int] = []

    class Counted(FleetMetrics):
        def _measure(self) -> FleetSeries:
            asked.append(harness.now_ms)
            return super()._measure()

    metrics = Counted(
        client=client("cloudwatch"),
        queries=fleet_queries("test", "none", ["sdruntime"]),
        clock=lambda: harness.now_ms / 1000,
        now_ms=lambda: harness.now_ms,
    )
    for seconds in (0, 30, 31):
        harness.now_ms += seconds * 1000
        metrics.read()
    assert len(asked) == 2


@pytest.fixture
def directory(harness: Harness) -> RuntimeDirectory:
    return RuntimeDirectory(
        catalogue=harness.catalogue,
        repository=harness.repository,
        models=harness.models,
        lists=lists(harness),
        cold_starts=lambda: mean_cold_start("test", cold_start_metrics(harness, client("cloudwatch"))),
        now_ms=lambda: harness.now_ms,
    )


def cold_start_metrics(harness: Harness, cloudwatch: Any) -> FleetMetrics:
    queries = list(cold_start_queries("test").values())
    return FleetMetrics(client=cloudwatch, queries=queries, clock=lambda: 0.0, now_ms=lambda: harness.now_ms)


class RefusingCloudWatch:
    """Client of CloudWatch whose account asks too often."""

    def get_paginator(self, operation: str) -> Any:
        raise ClientError({"Error": {"Code": "Throttling", "Message": "Rate exceeded"}}, operation)


def lists(harness: Harness) -> ListCache:
    return ListCache(bucket=harness.task_bucket, now_ms=lambda: harness.now_ms)


def test_runtimes_say_what_a_task_may_ask(directory: RuntimeDirectory) -> None:
    first, second = directory.list()["runtimes"]
    limits: Any = first["limits"]
    assert (first["name"], first["dynamic_model"], first["model_filename"], limits["width"]) == (
        "sdruntime",
        False,
        "v1-5-pruned-emaonly.safetensors",
        1024,
    )
    assert (second["name"], second["dynamic_model"], second["model_filename"]) == ("dynamic", True, None)


def test_options_are_those_that_a_replica_listed_last(harness: Harness, directory: RuntimeDirectory) -> None:
    harness.s3.put_object(Bucket="model-bucket", Key="Lora/styles/ink.safetensors", Body=b"weights")
    harness.s3.put_object(Bucket="model-bucket", Key="Lora/readme.txt", Body=b"text")
    unknown = directory.show("sdruntime")
    assert (unknown["samplers"], unknown["listed_at"], unknown["replicas"]) == (None, None, 0)
    assert unknown["checkpoints"] == ["v1-5-pruned-emaonly.safetensors"]
    assert unknown["loras"] == ["ink"]
    assert directory.show("dynamic")["checkpoints"] == ["painting.safetensors"]
    lists(harness).store("sdruntime", "sdapi/v1/samplers", [{"name": "Euler a"}, {"name": "DDIM"}])
    lists(harness).store("sdruntime", "sdapi/v1/schedulers", [{"name": "karras", "label": "Karras"}])
    harness.now_ms += 24 * 3600 * 1000
    known = directory.show("sdruntime")
    assert (known["samplers"], known["schedulers"]) == (["Euler a", "DDIM"], ["Karras"])
    assert known["listed_at"] == "2023-11-14T22:13:20.000Z"
    lists(harness).expire("sdruntime", "sdapi/v1/samplers")
    assert directory.show("sdruntime")["samplers"] is None
    with pytest.raises(RuntimeNotFound):
        directory.show("nothing")


def test_loras_of_every_page_are_listed() -> None:
    s3 = MagicMock()
    s3.get_paginator("list_objects_v2").paginate.return_value = [
        {"Contents": [{"Key": "Lora/ink.safetensors", "ETag": "1"}]},
        {"Contents": [{"Key": "Lora/styles/chalk.safetensors", "ETag": "2"}]},
    ]
    assert CheckpointCatalogue(client=s3, bucket="model-bucket").loras() == ["chalk", "ink"]


def test_a_runtime_says_how_long_its_environment_takes_to_start(harness: Harness, directory: RuntimeDirectory) -> None:
    for minutes, node_seconds in ((0, 100), (60, 50)):
        at = harness.now_ms / 1000 - minutes * 60
        measured = [
            {"MetricName": name, "Timestamp": at, "Value": value}
            for name, value in (("NodeSeconds", node_seconds), ("PullSeconds", 45))
        ]
        client("cloudwatch").put_metric_data(Namespace=log_metrics_namespace("test"), MetricData=measured)
    assert directory.show("sdruntime")["cold_start"] == {
        "node_seconds": 75,
        "image_seconds": 45,
        "model_seconds": None,
        "webui_seconds": None,
        "ready_seconds": None,
        "first_task_seconds": None,
    }


def test_a_runtime_is_shown_although_cloudwatch_refuses(harness: Harness) -> None:
    cold_start = mean_cold_start("test", cold_start_metrics(harness, RefusingCloudWatch()))
    assert set(cold_start.values()) == {None}

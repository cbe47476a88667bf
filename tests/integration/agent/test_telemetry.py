"""Logs, metrics, status and traces of a real agent."""

import json
from collections.abc import Iterator
from functools import partial
from http.server import ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from contract.record import Status
from runtime_image.process.exit_codes import ExitCode
from stub_webui.png_images import plain_png
from tests.harness.serving import QuietHandler, serving
from tests.integration.agent.aws_trouble import Step, Trouble, TroubledAws
from tests.integration.agent.harness import AgentProcess, Harness

REFUSED_LINK = "http://127.0.0.1:9/x.png"
#: Lines that are about the process and not about one task; its metrics come under the same name as those of tasks.
OF_THE_REPLICA = {
    "agent_started",
    "agent_stopped",
    "metrics",
    "orchestrator_informed",
    "stop_requested",
    "engine_not_ready",
    "engine_ready",
}
TRACE_HEADER = "Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=1"


def has_told_of_trouble(agent: AgentProcess, call: str) -> bool:
    return any(line["event"] == "aws_call_failed" and call in line["reason"] for line in agent.events())


class Collector:
    """Takes spans as an OpenTelemetry collector does."""

    def __init__(self) -> None:
        self.spans: list[Any] = []

    def named(self, name: str) -> list[Any]:
        return [span for span in self.spans if span.name == name]


@pytest.fixture
def collector() -> Iterator[tuple[Collector, str]]:
    found = Collector()

    class Handler(QuietHandler):
        def do_POST(self) -> None:
            request = ExportTraceServiceRequest()
            request.ParseFromString(self.rfile.read(int(self.headers["Content-Length"])))
            for resource in request.resource_spans:
                for scope in resource.scope_spans:
                    found.spans.extend(scope.spans)
            self.send_response(200)
            self.send_header("Content-Length", "0")
            self.end_headers()

    with serving(ThreadingHTTPServer(("127.0.0.1", 0), Handler)) as server:
        yield found, f"http://127.0.0.1:{server.server_port}"


def test_each_task_has_a_line_of_metrics_and_no_line_tells_its_prompt(harness: Harness, tmp_path: Path) -> None:
    status_file = tmp_path / "status.json"
    agent = harness.start_agent_process(LOG_LEVEL="INFO", ENVIRONMENT="dev", STATUS_FILE=status_file)
    harness.submit("cat", {"prompt": "a secret prompt", "steps": 2, "batch_size": 2})
    harness.submit(
        "bad", {"prompt": "a secret prompt", "steps": 2, "init_images": [REFUSED_LINK]}, tasktype="image-to-image"
    )
    harness.wait_for("cat", Status.COMPLETED)
    harness.wait_for("bad", Status.FAILED)

    def metrics() -> dict[str, dict[str, Any]]:
        return {line["task_id"]: line for line in agent.events() if line["event"] == "metrics" and "task_id" in line}

    harness.eventually(lambda: metrics().keys() == {"cat", "bad"}, "a line of metrics for each task")
    line = metrics()["cat"]
    assert (line["environment"], line["runtime"]) == ("dev", "sdruntime")
    assert (line["Images"], line["TasksCompleted"]) == ([2], [1])
    assert line["_aws"]["CloudWatchMetrics"][0]["Dimensions"] == [["environment", "runtime"]]
    assert line["GenerateSeconds"][0] > 0
    assert (metrics()["bad"]["TasksFailed"], metrics()["bad"]["error_code"]) == ([1], "link_refused")

    assert "secret prompt" not in agent.log_file.read_text()

    def is_counted() -> bool:
        status = json.loads(status_file.read_text())
        return bool(status["ready"] and status["tasks"] == {"COMPLETED": 1, "FAILED": 1} and status["held"] == 0)

    harness.eventually(is_counted, "the status file")


def test_every_line_of_a_task_bears_its_id(harness: Harness) -> None:
    """Lines from rarely read places count, too: while AWS is in trouble, and when the Web UI is set up."""
    upload = TroubledAws(harness.endpoint_url, Step("upload", "PUT", ("/output/",)), Trouble.REFUSES, seconds=60)
    harness.s3.put_object(Bucket=harness.link_bucket, Key="inputs/cat.png", Body=plain_png("input"))
    with upload.serve() as url:
        link = TroubledAws(url, Step("fetch a link", "GET", ("/inputs/",)), Trouble.REFUSES, seconds=60)
        with link.serve() as troubled_url:
            agent = harness.start_agent_process(LOG_LEVEL="DEBUG", AWS_ENDPOINT_URL=troubled_url)
            content = {
                "steps": 2,
                "init_images": [f"s3://{harness.link_bucket}/inputs/cat.png"],
                "override_settings": {"CLIP_stop_at_last_layers": 2},
            }
            harness.submit("cat", content, tasktype="image-to-image")
            harness.submit("bad", {"steps": 2, "init_images": [REFUSED_LINK]}, tasktype="image-to-image")
            for trouble, call in ((link, "GetObject"), (upload, "PutObject")):
                harness.eventually(partial(has_told_of_trouble, agent, call), f"a line about {call}")
                trouble.seconds = 0.0
            harness.wait_for("cat", Status.COMPLETED)
            harness.wait_for("bad", Status.FAILED)
            agent.terminate()
            assert agent.exit_code() == ExitCode.STOPPED

    of_tasks = [line for line in agent.events() if line["event"] not in OF_THE_REPLICA]
    assert [line for line in of_tasks if line.get("task_id") not in {"cat", "bad"}] == []
    assert [line for line in of_tasks if line.get("runtime") != "sdruntime"] == []
    seen = {line["event"] for line in of_tasks}
    assert {"aws_call_failed", "engine_set_up", "task_claimed", "task_finished"} <= seen


def test_prompts_are_logged_at_debug_level_only(harness: Harness) -> None:
    agent = harness.start_agent_process(LOG_LEVEL="DEBUG")
    harness.submit("cat", {"prompt": "a secret prompt", "steps": 1})
    harness.wait_for("cat", Status.COMPLETED)

    assert agent.logged("task_content", level="DEBUG", prompt="a secret prompt", task_id="cat")


def test_the_stages_are_spans_of_the_senders_trace(harness: Harness, collector: tuple[Collector, str]) -> None:
    found, url = collector
    agent = harness.start_agent_process(OTEL_EXPORTER_OTLP_ENDPOINT=url)
    message = harness.message("cat", {"prompt": "cat", "steps": 10})
    harness.record(message)
    attribute = {"AWSTraceHeader": {"DataType": "String", "StringValue": TRACE_HEADER}}
    harness.sqs.send_message(
        QueueUrl=harness.queue_url, MessageBody=message.to_body(), MessageSystemAttributes=attribute
    )
    harness.submit("alone", {"prompt": "alone", "steps": 1, "init_images": [REFUSED_LINK]}, tasktype="image-to-image")
    harness.wait_for("cat", Status.COMPLETED)
    harness.wait_for("alone", Status.FAILED)

    # What has not been sent yet is sent before the end.
    agent.terminate()
    assert agent.exit_code() == ExitCode.STOPPED

    tasks = {
        attribute.value.string_value: span
        for span in found.named("task")
        for attribute in span.attributes
        if attribute.key == "darkroom.task_id"
    }
    assert tasks.keys() == {"cat", "alone"}
    cat = tasks["cat"]
    assert cat.trace_id.hex() == "5759e988bd862e3fe1be46a994272793"
    assert cat.parent_span_id.hex() == "53995c3f42cd8ad8"
    assert tasks["alone"].trace_id != cat.trace_id
    assert tasks["alone"].status.message == "link_refused"
    stages = [span for span in found.spans if span.parent_span_id == cat.span_id]
    stages.sort(key=lambda span: span.start_time_unix_nano)
    assert [span.name for span in stages] == ["prepare", "generate", "store"]
    generate = stages[1]
    assert 0.1 <= (generate.end_time_unix_nano - generate.start_time_unix_nano) / 1e9 < 10
    assert cat.start_time_unix_nano <= stages[0].start_time_unix_nano
    assert stages[-1].end_time_unix_nano <= cat.end_time_unix_nano


def test_a_collector_that_is_not_there_harms_nothing(harness: Harness) -> None:
    agent = harness.start_agent_process(OTEL_EXPORTER_OTLP_ENDPOINT="http://127.0.0.1:9")
    harness.submit("cat", {"prompt": "cat", "steps": 1})
    harness.wait_for("cat", Status.COMPLETED)

    agent.terminate()

    assert agent.exit_code(20) == ExitCode.STOPPED

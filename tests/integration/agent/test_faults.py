"""Kills, stops, cancels, poison and time limits, done to a real agent."""

import json
import time
from functools import partial
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from contract.lease import Lease
from contract.record import Status
from contract.transitions import renew
from runtime_image.agent.core.worker_pools import MAX_OUTSTANDING
from runtime_image.process.exit_codes import ExitCode
from tests.integration.agent.aws_trouble import Step, Trouble, TroubledAws
from tests.integration.agent.harness import Harness

#: Seconds after the stop within which what has not begun must be visible again: fewer than those after which it would
#: be visible without the agent.
VISIBLE_SECONDS = 15.0


def test_a_redelivered_finished_task_is_only_deleted(harness: Harness) -> None:
    """Reported of other consumers: after a failed delete the message came again, and was ignored for ever."""
    message = harness.submit("done")
    agent = harness.start_agent()
    harness.wait_for("done", Status.COMPLETED)

    harness.send(message.to_body())
    harness.eventually(lambda: agent.logged("task_already_final"), "the second delivery being dropped")

    harness.wait_until_queue_is_empty()
    assert len(harness.webui.runs) == 1


def test_a_second_message_of_a_running_task_ends_with_it(harness: Harness) -> None:
    agent = harness.start_agent(VISIBILITY_TIMEOUT_SECONDS=4)
    harness.submit("warm-up", {"prompt": "warm-up", "steps": 1})
    harness.wait_for("warm-up", Status.COMPLETED)
    message = harness.submit("twice", {"prompt": "twice", "steps": 500})
    harness.send(message.to_body())
    harness.eventually(lambda: agent.logged("task_redelivered_while_held"), "the second message")

    assert harness.wait_for("twice", Status.COMPLETED).attempts == 1

    assert len(harness.webui.runs_of("twice")) == 1
    harness.wait_until_queue_is_empty()


def test_an_idle_agent_does_not_wait_for_its_grace_period(harness: Harness) -> None:
    agent = harness.start_agent_process(GRACE_PERIOD_SECONDS=600)
    harness.eventually(lambda: agent.logged("engine_ready"), "the agent being ready")

    agent.terminate()

    assert agent.exit_code() == ExitCode.STOPPED


def test_what_the_last_poll_brings_after_the_stop_goes_back(harness: Harness) -> None:
    aws = TroubledAws(harness.endpoint_url, Step("receive", "AmazonSQS.ReceiveMessage"), Trouble.WAITS, seconds=60)
    harness.submit("late")
    with aws.serve() as url:
        agent = harness.start_agent_process(AWS_ENDPOINT_URL=url)
        harness.eventually(lambda: harness.counts() == (0, 1), "the message being on its way")
        agent.terminate()
        harness.eventually(lambda: agent.logged("stop_requested"), "the signal being heard")
        assert agent.is_running

        aws.released.set()

        assert agent.exit_code() == ExitCode.STOPPED
    assert harness.counts() == (1, 0)
    assert not agent.logged("task_claimed")
    record = harness.read("late")
    assert (record.status, record.attempts) == (Status.IN_QUEUE, 0)


def test_sigterm_lets_the_running_task_finish_and_hands_back_the_rest(harness: Harness) -> None:
    agent = harness.start_agent_process()
    harness.submit("warm-up", {"prompt": "warm-up", "steps": 1})
    harness.wait_for("warm-up", Status.COMPLETED)
    for name in ("a", "b", "c", "d", "e"):
        harness.submit(name, {"prompt": name, "steps": 200})
    harness.eventually(lambda: harness.webui.runs_of("a") and agent.logged("task_claimed", attempt=1), "the first task")
    harness.eventually(lambda: sum(line["event"] == "task_claimed" for line in agent.events()) > 3, "tasks held ahead")

    agent.terminate()
    harness.eventually(lambda: agent.logged("stop_requested"), "the signal being heard")

    # Whatever was sent to the Web UI counts as begun, also if it waits there for its turn, or is on its way to it.
    def sent() -> int:
        return harness.webui.calls.count(("POST", "/sdapi/v1/txt2img")) - 1

    harness.eventually(lambda: harness.counts()[0] == 5 - sent(), "what has not begun being visible", VISIBLE_SECONDS)

    assert sent() < 5
    assert agent.exit_code() == ExitCode.STOPPED
    statuses = {name: harness.read(name).status for name in ("a", "b", "c", "d", "e")}
    finished = [name for name, status in statuses.items() if status is Status.COMPLETED]
    assert set(statuses.values()) == {Status.COMPLETED, Status.IN_QUEUE}
    assert not any(run.interrupted for run in harness.webui.runs)
    assert harness.counts() == (5 - len(finished), 0)


@pytest.mark.parametrize("signals", [1, 2])
def test_what_does_not_finish_in_time_is_interrupted_and_handed_back(harness: Harness, signals: int) -> None:
    agent = harness.start_agent_process(GRACE_PERIOD_SECONDS=2 if signals == 1 else 600)
    harness.submit("long", {"prompt": "long", "steps": 20_000})
    harness.eventually(lambda: harness.webui.runs, "the generation")

    for _ in range(signals):
        agent.terminate()
        harness.eventually(lambda: agent.logged("stop_requested"), "the signal being heard")

    assert agent.exit_code() == ExitCode.STOPPED
    assert harness.read("long").status is Status.IN_QUEUE
    assert harness.counts() == (1, 0)
    harness.eventually(lambda: harness.webui.runs[0].interrupted, "the interrupt")


def test_a_killed_agents_task_is_generated_once_more_and_ends_once(harness: Harness) -> None:
    first = harness.start_agent_process(VISIBILITY_TIMEOUT_SECONDS=5)
    harness.submit("survivor", {"prompt": "survivor", "steps": 60})
    harness.eventually(lambda: harness.webui.runs, "the generation")
    first.kill()
    assert harness.read("survivor").status is Status.IN_PROGRESS

    harness.start_agent_process(VISIBILITY_TIMEOUT_SECONDS=5)
    record = harness.wait_for("survivor", Status.COMPLETED)

    assert record.attempts == 2
    assert len(harness.webui.runs) == 2
    assert len(harness.outputs()) == 3
    harness.wait_until_queue_is_empty()


def test_a_task_that_outlasts_its_visibility_timeout_is_generated_once(harness: Harness) -> None:
    """Reported of other consumers: work longer than the visibility timeout ran twice."""
    for _ in range(2):
        harness.start_agent(VISIBILITY_TIMEOUT_SECONDS=3)
    harness.submit("long", {"prompt": "long", "steps": 650})

    record = harness.wait_for("long", Status.COMPLETED)

    assert (record.attempts, len(harness.webui.runs)) == (1, 1)
    harness.wait_until_queue_is_empty()


def test_a_cancelled_task_is_interrupted_and_the_next_one_is_whole(harness: Harness) -> None:
    harness.start_agent()
    harness.submit("warm-up", {"prompt": "warm-up", "steps": 1})
    harness.wait_for("warm-up", Status.COMPLETED)
    harness.submit("doomed", {"prompt": "doomed", "steps": 20_000})
    harness.submit("next", {"prompt": "next", "steps": 20})
    harness.eventually(lambda: harness.webui.runs_of("doomed"), "the generation")

    harness.cancel("doomed")
    harness.eventually(lambda: harness.webui.runs_of("doomed")[0].ended_at, "the interrupt")

    assert harness.webui.runs_of("doomed")[0].interrupted
    harness.wait_for("next", Status.COMPLETED)
    assert not harness.webui.runs_of("next")[-1].interrupted
    assert harness.read("doomed").status is Status.CANCELLED
    assert not any("doomed" in key for key in harness.outputs())
    harness.wait_until_queue_is_empty()


def test_a_cancelled_task_that_only_waits_is_let_go_before_its_turn(harness: Harness) -> None:
    agent = harness.start_agent()
    harness.submit("warm-up", {"prompt": "warm-up", "steps": 1})
    harness.wait_for("warm-up", Status.COMPLETED)
    harness.submit("long", {"prompt": "long", "steps": 450})
    # A queue keeps no order: what is to wait is sent once the other runs.
    harness.eventually(lambda: harness.webui.runs_of("long"), "the generation")
    # After the short warm-up, this many calls may wait in the Web UI's lock.
    names = [f"next-{number}" for number in range(MAX_OUTSTANDING - 1)]
    for ahead in (names, ["waiting"]):
        for name in ahead:
            harness.submit(name, {"prompt": name, "steps": 1})
        for name in ahead:
            harness.eventually(partial(agent.logged, "task_claimed", task_id=name), "the claim ahead")

    harness.cancel("waiting")
    harness.eventually(lambda: agent.logged("task_cancelled", task_id="waiting"), "the cancel being noticed")

    assert not any(harness.webui.runs_of(name) for name in names)
    harness.wait_for(names[-1], Status.COMPLETED)
    assert harness.webui.runs_of("waiting") == []
    harness.wait_until_queue_is_empty()


def test_a_task_past_its_time_limit_is_timed_out_and_interrupted(harness: Harness) -> None:
    harness.start_agent()
    harness.submit("slow", {"prompt": "slow", "steps": 1000}, policy={"executionTimeout": 5000})

    record = harness.wait_for("slow", Status.TIMED_OUT)

    assert record.error is not None
    assert record.error["code"] == "execution_timeout"
    harness.eventually(lambda: harness.webui.runs[0].interrupted, "the interrupt")
    harness.wait_until_queue_is_empty()


def test_a_task_that_waited_for_too_long_is_not_begun(harness: Harness) -> None:
    harness.submit("late", policy={"ttl": 10_000}, submitted_at_ms=time.time_ns() // 1_000_000 - 11_000)
    harness.start_agent()

    record = harness.wait_for("late", Status.TIMED_OUT)

    assert record.error is not None
    assert record.error["code"] == "ttl_expired"
    assert not harness.webui.runs
    harness.wait_until_queue_is_empty()


def test_poison_goes_to_the_dead_letter_queue_while_others_go_on(harness: Harness) -> None:
    poison = [
        "not json",
        "[]",
        "{}",
        '{"task": {"metadata": {"id": "../x"}, "content": {}}}',
        "[" * 5000,
        '["software.amazon.payloadoffloading.PayloadS3Pointer", {"s3BucketName": "elsewhere", "s3Key": "x"}]',
        json.dumps({"Type": "Notification", "Message": "not json"}),
        harness.message("misrouted", {}, runtime="other").to_body(),
        harness.message("unknown", {}).to_body(),
    ]
    for number, body in enumerate(poison):
        harness.send(body)
        harness.submit(f"good-{number}", {"prompt": "good", "steps": 1})
    agent = harness.start_agent()

    for number in range(len(poison)):
        harness.wait_for(f"good-{number}", Status.COMPLETED)
    harness.eventually(
        lambda: harness.counts(harness.dead_letter_url)[0] == len(poison), "the poison being dead-lettered"
    )

    assert agent.is_running
    harness.wait_until_queue_is_empty()


@pytest.mark.parametrize("url", ["http://127.0.0.1:9/x.png", "http://169.254.169.254/latest/meta-data/"])
def test_a_link_to_this_machine_is_refused(harness: Harness, url: str) -> None:
    agent = harness.start_agent()
    harness.submit("sly", {"prompt": url, "init_images": [url]}, tasktype="image-to-image")

    record = harness.wait_for("sly", Status.FAILED)

    assert record.error is not None
    assert record.error["code"] == "link_refused"
    assert "task.content.init_images[0]" in record.error["message"]
    assert "not a public address" in record.error["message"]
    refused = [line for line in agent.events() if line["event"] == "private_address_refused"]
    assert [line["address"] for line in refused] == [urlsplit(url).hostname]


def test_the_machines_failures_hand_back_and_in_a_row_end_the_agent(harness: Harness) -> None:
    harness.webui.intercept = lambda path, _body: (502, b"Bad Gateway") if path.endswith("txt2img") else None
    agent = harness.start_agent()
    for number in range(5):
        harness.submit(f"task-{number}")

    assert agent.exit_code(20) == ExitCode.WEBUI_UNHEALTHY

    records = [harness.read(f"task-{number}") for number in range(5)]
    assert {record.status for record in records} == {Status.IN_QUEUE}
    reasons = [record.last_error["code"] for record in records if record.last_error]
    assert reasons.count("webui_failed") == len(reasons) == 3
    assert sum(harness.counts()) == 5
    assert harness.counts(harness.dead_letter_url) == (0, 0)


def test_nothing_is_received_before_the_web_ui_is_ready(harness: Harness) -> None:
    harness.webui.ready = False
    agent = harness.start_agent()
    harness.submit("patient")
    harness.eventually(lambda: agent.logged("engine_not_ready"), "the agent looking at the Web UI")
    assert harness.counts() == (1, 0)

    harness.webui.ready = True

    harness.wait_for("patient", Status.COMPLETED)


def test_a_task_that_another_agent_holds_waits_for_the_end_of_its_lease(harness: Harness) -> None:
    agent = harness.start_agent()
    harness.eventually(lambda: agent.logged("engine_ready"), "the agent being ready")
    message = harness.message("held", {"prompt": "held", "steps": 1})
    harness.record(message)
    now_ms = time.time_ns() // 1_000_000
    claim = renew(Lease(harness.read("held").key, message.run_id, "other"), now_ms=now_ms, lease_ms=4000)
    claim["ConditionExpression"] = "run = :run"
    claim["ExpressionAttributeValues"].pop(":owner")
    claim["UpdateExpression"] = f"{claim['UpdateExpression']}, #status = :running, lease_owner = :other"
    claim["ExpressionAttributeValues"][":other"] = "other"
    harness.table.update_item(
        TableName=harness.task_table,
        ExpressionAttributeNames={"#status": "status"},
        **{key: value for key, value in claim.items() if key != "ExpressionAttributeNames"},
    )
    harness.send(message.to_body())

    harness.wait_for("held", Status.COMPLETED)

    assert sum(line["event"] == "task_is_held_by_another" for line in agent.events()) == 1
    assert len(harness.webui.runs) == 1


def test_wrong_settings_are_all_named(harness: Harness) -> None:
    agent = harness.start_agent_process(QUEUE_URL="", GRACE_PERIOD_SECONDS="soon")

    assert agent.exit_code() == ExitCode.INVALID_SETTINGS
    reason = agent.events()[0]["reason"]
    assert "QUEUE_URL" in reason
    assert "GRACE_PERIOD_SECONDS" in reason


@pytest.mark.parametrize("region", ["", "not a region"])
def test_a_missing_region_is_named_in_one_line(harness: Harness, region: str, tmp_path: Path) -> None:
    agent = harness.start_agent_process(
        AWS_REGION=region, AWS_DEFAULT_REGION=region, AWS_CONFIG_FILE=tmp_path / "missing"
    )

    assert agent.exit_code() == ExitCode.INVALID_SETTINGS
    (line,) = [line for line in agent.events() if line["level"].upper() == "ERROR"]
    assert line["event"] == "settings_invalid"
    assert "AWS_REGION" in line["reason"]

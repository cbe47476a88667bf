"""Kills, stops, cancels, poison and time limits, done to a real agent."""

import json
import time

import pytest

from contract.record import Status
from contract.transitions import renew
from runtime_image.process.exit_codes import ExitCode
from tests.integration.agent.aws_trouble import Step, Trouble, TroubledAws
from tests.integration.agent.conftest import World

#: Seconds after the stop within which what has not begun must be visible again: one is promised, two are for a
#: machine that does other things, too.
VISIBLE_SECONDS = 2.5
#: Seconds after a cancel within which the Web UI must have been interrupted: two are promised, and as above.
NOTICED_SECONDS = 3.5


def test_a_redelivered_finished_task_is_only_deleted(world: World) -> None:
    message = world.submit("done")
    agent = world.start_agent()
    world.wait_for("done", Status.COMPLETED)

    world.send(message.to_body())
    world.eventually(lambda: agent.logged("task_already_final"), "the second delivery being dropped")

    world.wait_until_queue_is_empty()
    assert len(world.webui.runs) == 1


def test_a_second_message_of_a_running_task_ends_with_it(world: World) -> None:
    agent = world.start_agent(VISIBILITY_TIMEOUT_SECONDS=4)
    world.submit("warm-up", {"prompt": "warm-up", "steps": 1})
    world.wait_for("warm-up", Status.COMPLETED)
    message = world.submit("twice", {"prompt": "twice", "steps": 500})
    world.send(message.to_body())
    world.eventually(lambda: agent.logged("task_redelivered_while_held"), "the second message")

    assert world.wait_for("twice", Status.COMPLETED).attempts == 1

    assert len(world.webui.runs_of("twice")) == 1
    world.wait_until_queue_is_empty()


def test_an_idle_agent_stops_within_two_seconds(world: World) -> None:
    agent = world.start_agent()
    world.eventually(lambda: agent.logged("webui_ready"), "the agent being ready")

    agent.terminate()

    assert agent.exit_code() == ExitCode.STOPPED
    assert agent.seconds_between("stop_requested", "agent_stopped") < 2.0


def test_what_the_last_poll_brings_after_the_stop_goes_back(world: World) -> None:
    aws = TroubledAws(world.endpoint_url, Step("receive", "AmazonSQS.ReceiveMessage"), Trouble.WAITS, seconds=60)
    world.submit("late")
    with aws.serve() as url:
        agent = world.start_agent(AWS_ENDPOINT_URL=url)
        world.eventually(lambda: world.counts() == (0, 1), "the message being on its way")
        agent.terminate()
        world.eventually(lambda: agent.logged("stop_requested"), "the signal being heard")
        assert agent.process.poll() is None

        aws.released.set()

        assert agent.exit_code() == ExitCode.STOPPED
    assert world.counts() == (1, 0)
    assert not agent.logged("task_claimed")
    record = world.read("late")
    assert (record.status, record.attempts) == (Status.IN_QUEUE, 0)


def test_sigterm_lets_the_running_task_finish_and_hands_back_the_rest(world: World) -> None:
    agent = world.start_agent()
    world.submit("warm-up", {"prompt": "warm-up", "steps": 1})
    world.wait_for("warm-up", Status.COMPLETED)
    for name in ("a", "b", "c", "d", "e"):
        world.submit(name, {"prompt": name, "steps": 80})
    world.eventually(lambda: world.webui.runs_of("a") and agent.logged("task_claimed", attempt=1), "the first task")
    world.eventually(lambda: sum(line["event"] == "task_claimed" for line in agent.events()) > 3, "tasks held ahead")

    agent.terminate()
    world.eventually(lambda: agent.logged("stop_requested"), "the signal being heard")
    # Whatever was sent to the Web UI counts as begun, also if it waits there for its turn.
    sent = world.webui.calls.count(("POST", "/sdapi/v1/txt2img")) - 1
    world.eventually(lambda: world.counts()[0] == 5 - sent, "what has not begun being visible", VISIBLE_SECONDS)

    assert sent < 5
    assert agent.exit_code() == ExitCode.STOPPED
    statuses = {name: world.read(name).status for name in ("a", "b", "c", "d", "e")}
    finished = [name for name, status in statuses.items() if status is Status.COMPLETED]
    assert set(statuses.values()) == {Status.COMPLETED, Status.IN_QUEUE}
    assert not any(run.interrupted for run in world.webui.runs)
    assert world.counts() == (5 - len(finished), 0)


@pytest.mark.parametrize("signals", [1, 2])
def test_what_does_not_finish_in_time_is_interrupted_and_handed_back(world: World, signals: int) -> None:
    agent = world.start_agent(GRACE_PERIOD_SECONDS=2 if signals == 1 else 60)
    world.submit("long", {"prompt": "long", "steps": 1000})
    world.eventually(lambda: world.webui.runs, "the generation")

    for _ in range(signals):
        agent.terminate()
        world.eventually(lambda: agent.logged("stop_requested"), "the signal being heard")

    assert agent.exit_code() == ExitCode.STOPPED
    assert agent.seconds_between("stop_requested", "agent_stopped") < 3.0
    assert world.read("long").status is Status.IN_QUEUE
    assert world.counts() == (1, 0)
    world.eventually(lambda: world.webui.runs[0].interrupted, "the interrupt")


def test_a_killed_agents_task_is_generated_once_more_and_ends_once(world: World) -> None:
    first = world.start_agent(VISIBILITY_TIMEOUT_SECONDS=5)
    world.submit("survivor", {"prompt": "survivor", "steps": 60})
    world.eventually(lambda: world.webui.runs, "the generation")
    first.kill()
    assert world.read("survivor").status is Status.IN_PROGRESS

    world.start_agent(VISIBILITY_TIMEOUT_SECONDS=5)
    record = world.wait_for("survivor", Status.COMPLETED)

    assert record.attempts == 2
    assert len(world.webui.runs) == 2
    assert len(world.outputs()) == 2
    world.wait_until_queue_is_empty()


def test_a_task_that_outlasts_its_visibility_timeout_is_generated_once(world: World) -> None:
    for _ in range(2):
        world.start_agent(VISIBILITY_TIMEOUT_SECONDS=3)
    world.submit("long", {"prompt": "long", "steps": 650})

    record = world.wait_for("long", Status.COMPLETED)

    assert (record.attempts, len(world.webui.runs)) == (1, 1)
    world.wait_until_queue_is_empty()


def test_a_cancelled_task_is_interrupted_and_the_next_one_is_whole(world: World) -> None:
    world.start_agent()
    world.submit("warm-up", {"prompt": "warm-up", "steps": 1})
    world.wait_for("warm-up", Status.COMPLETED)
    world.submit("doomed", {"prompt": "doomed", "steps": 2000})
    world.submit("next", {"prompt": "next", "steps": 20})
    world.eventually(lambda: world.webui.runs_of("doomed"), "the generation")

    cancelled_at = time.monotonic()
    world.cancel("doomed")
    world.eventually(lambda: world.webui.runs_of("doomed")[0].ended_at, "the interrupt")

    assert world.webui.runs_of("doomed")[0].ended_at - cancelled_at < NOTICED_SECONDS
    world.wait_for("next", Status.COMPLETED)
    assert not world.webui.runs_of("next")[-1].interrupted
    assert world.read("doomed").status is Status.CANCELLED
    assert not any("doomed" in key for key in world.outputs())
    world.wait_until_queue_is_empty()


def test_a_cancelled_task_that_only_waits_is_let_go_before_its_turn(world: World) -> None:
    agent = world.start_agent()
    world.submit("warm-up", {"prompt": "warm-up", "steps": 1})
    world.wait_for("warm-up", Status.COMPLETED)
    world.submit("long", {"prompt": "long", "steps": 450})
    # A queue keeps no order: what is to wait is sent once the other runs.
    world.eventually(lambda: world.webui.runs_of("long"), "the generation")
    for name in ("next", "waiting"):
        world.submit(name, {"prompt": name, "steps": 1})
    world.eventually(lambda: agent.logged("task_claimed", task_id="waiting"), "the claim ahead")

    world.cancel("waiting")
    world.eventually(lambda: agent.logged("task_cancelled", task_id="waiting"), "the cancel being noticed")

    assert world.webui.runs_of("next") == []
    world.wait_for("next", Status.COMPLETED)
    assert world.webui.runs_of("waiting") == []
    world.wait_until_queue_is_empty()


def test_a_task_past_its_time_limit_is_timed_out_and_interrupted(world: World) -> None:
    world.start_agent()
    world.submit("slow", {"prompt": "slow", "steps": 1000}, policy={"executionTimeout": 5000})

    record = world.wait_for("slow", Status.TIMED_OUT)

    assert record.error is not None
    assert record.error["code"] == "execution_timeout"
    world.eventually(lambda: world.webui.runs[0].interrupted, "the interrupt")
    world.wait_until_queue_is_empty()


def test_a_task_that_waited_for_too_long_is_not_begun(world: World) -> None:
    world.submit("late", policy={"ttl": 10_000}, submitted_at_ms=time.time_ns() // 1_000_000 - 11_000)
    world.start_agent()

    record = world.wait_for("late", Status.TIMED_OUT)

    assert record.error is not None
    assert record.error["code"] == "ttl_expired"
    assert not world.webui.runs
    world.wait_until_queue_is_empty()


def test_poison_goes_to_the_dead_letter_queue_while_others_go_on(world: World) -> None:
    poison = [
        "not json",
        "[]",
        "{}",
        '{"task": {"metadata": {"id": "../x"}, "content": {}}}',
        "[" * 5000,
        '["software.amazon.payloadoffloading.PayloadS3Pointer", {"s3BucketName": "elsewhere", "s3Key": "x"}]',
        json.dumps({"Type": "Notification", "Message": "not json"}),
        world.message("misrouted", {}, runtime="other").to_body(),
        world.message("unknown", {}).to_body(),
    ]
    for number, body in enumerate(poison):
        world.send(body)
        world.submit(f"good-{number}", {"prompt": "good", "steps": 1})
    agent = world.start_agent()

    for number in range(len(poison)):
        world.wait_for(f"good-{number}", Status.COMPLETED)
    world.eventually(lambda: world.counts(world.dead_letter_url)[0] == len(poison), "the poison being dead-lettered")

    assert agent.process.poll() is None
    world.wait_until_queue_is_empty()


@pytest.mark.parametrize("url", ["http://127.0.0.1:9/x.png", "http://169.254.169.254/latest/meta-data/"])
def test_a_link_to_this_machine_is_refused(world: World, url: str) -> None:
    world.start_agent()
    world.submit("sly", {"prompt": url, "init_images": [url]}, tasktype="image-to-image")

    record = world.wait_for("sly", Status.FAILED)

    assert record.error is not None
    assert record.error["code"] == "link_refused"
    assert "task.content.init_images[0]" in record.error["message"]
    assert "not a public address" in record.error["message"]


def test_the_machines_failures_hand_back_and_in_a_row_end_the_agent(world: World) -> None:
    error = {"error": "OutOfMemoryError", "detail": "", "body": "", "errors": "CUDA out of memory"}
    world.webui.intercept = lambda path, _body: (500, error) if path.endswith("txt2img") else None
    agent = world.start_agent()
    for number in range(5):
        world.submit(f"task-{number}")

    assert agent.exit_code(20) == ExitCode.WEBUI_UNHEALTHY

    records = [world.read(f"task-{number}") for number in range(5)]
    assert {record.status for record in records} == {Status.IN_QUEUE}
    reasons = [record.last_error["code"] for record in records if record.last_error]
    assert reasons.count("out_of_memory") == len(reasons) == 3
    assert sum(world.counts()) == 5
    assert world.counts(world.dead_letter_url) == (0, 0)


def test_nothing_is_received_before_the_web_ui_is_ready(world: World) -> None:
    world.webui.ready = False
    agent = world.start_agent()
    world.submit("patient")
    world.eventually(lambda: agent.logged("webui_not_ready"), "the agent looking at the Web UI")
    assert world.counts() == (1, 0)

    world.webui.ready = True

    world.wait_for("patient", Status.COMPLETED)


def test_a_task_that_another_agent_holds_waits_for_the_end_of_its_lease(world: World) -> None:
    agent = world.start_agent()
    world.eventually(lambda: agent.logged("webui_ready"), "the agent being ready")
    message = world.message("held", {"prompt": "held", "steps": 1})
    world.record(message)
    now_ms = time.time_ns() // 1_000_000
    claim = renew("held", message.run_id, owner="other", now_ms=now_ms, lease_ms=4000)
    claim["ConditionExpression"] = "run = :run"
    claim["ExpressionAttributeValues"].pop(":owner")
    claim["UpdateExpression"] = f"{claim['UpdateExpression']}, #status = :running, lease_owner = :other"
    claim["ExpressionAttributeValues"][":other"] = "other"
    world.table.update_item(
        TableName=world.task_table,
        ExpressionAttributeNames={"#status": "status"},
        **{key: value for key, value in claim.items() if key != "ExpressionAttributeNames"},
    )
    world.send(message.to_body())

    world.wait_for("held", Status.COMPLETED)

    assert sum(line["event"] == "task_is_held_by_another" for line in agent.events()) == 1
    assert len(world.webui.runs) == 1


def test_wrong_settings_are_all_named(world: World) -> None:
    agent = world.start_agent(QUEUE_URL="", GRACE_PERIOD_SECONDS="soon")

    assert agent.exit_code() == ExitCode.INVALID_SETTINGS
    reason = agent.events()[0]["reason"]
    assert "QUEUE_URL" in reason
    assert "GRACE_PERIOD_SECONDS" in reason

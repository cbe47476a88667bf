"""Fleet in a browser: the numbers of the API, the parts of cold starts, and a dead letter that is sent again."""

from collections.abc import Iterator
from typing import Any, Final

import pytest
from playwright.sync_api import Browser, Locator, expect

from tests.e2e.browser.console_tab import ConsoleTab, open_tab
from tests.harness.local_system import System

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("local_system"), pytest.mark.timeout(600)]

#: Milliseconds in which the page shows a new metric. The function that reads the fleet keeps metrics for a minute.
DEADLINE_MS: Final = 180_000
CONTENT: Final[dict[str, Any]] = {"prompt": "A dog", "steps": 1, "width": 64, "height": 64}
#: Metrics of a runtime in one minute, as its replicas and functions write them.
OF_RUNTIME: Final = {"Images": 6.0, "Replicas": 60.0, "BusyShare": 0.5}


@pytest.fixture
def boss_tab(browser: Browser, idle_system: System) -> Iterator[ConsoleTab]:
    """Open a tab with an administrator's key."""
    key = idle_system.api_key("boss")
    with open_tab(browser, idle_system.endpoints["http_url"], key=key) as opened:
        yield opened


@pytest.fixture
def lost_task(idle_system: System) -> str:
    """Return a task whose message ended in the dead-letter queue."""
    runtime = idle_system.endpoints["runtimes"]["dynamic"]
    (checkpoint, *_) = idle_system.http("GET", "/v1alpha2/runtimes/dynamic").json()["checkpoints"]
    content = CONTENT | {"alwayson_scripts": {"sd_model_checkpoint": checkpoint}}
    metadata = {"id": "lost", "runtime": "dynamic", "tasktype": "text-to-image"}
    response = idle_system.http("POST", "/v1alpha2", json={"task": {"metadata": metadata, "content": content}})
    assert response.status_code == 200, response.text
    sqs = idle_system.client("sqs")

    def receive() -> list[dict[str, Any]]:
        found = sqs.receive_message(QueueUrl=runtime["queue_url"], WaitTimeSeconds=1)
        return list(found.get("Messages", []))

    (message,) = idle_system.eventually(receive, "the message of the task", DEADLINE_MS / 1000)
    sqs.send_message(QueueUrl=runtime["dead_letter_queue_url"], MessageBody=message["Body"])
    sqs.delete_message(QueueUrl=runtime["queue_url"], ReceiptHandle=message["ReceiptHandle"])
    ended = idle_system.eventually(lambda: idle_system.shown("lost")["completed_at"], "the failure", DEADLINE_MS / 1000)
    assert ended
    return "lost"


def test_the_numbers_are_those_of_the_api(boss_tab: ConsoleTab, idle_system: System) -> None:
    cloudwatch = idle_system.client("cloudwatch")
    dimensions = [{"Name": "environment", "Value": "local"}, {"Name": "runtime", "Value": "sdruntime"}]
    measured = [{"MetricName": name, "Value": value, "Dimensions": dimensions} for name, value in OF_RUNTIME.items()]
    cloudwatch.put_metric_data(Namespace="Darkroom", MetricData=measured)
    boss_tab.sign_in()
    boss_tab.show("Fleet")
    panel = boss_tab.page.get_by_role("region", name="sdruntime")
    expect(figure(panel, "Busy, last hour")).to_have_text("50 %", timeout=DEADLINE_MS)
    fleet = idle_system.http("GET", "/v1alpha2/fleet", key=boss_tab.key).json()
    runtime = fleet["runtimes"][0]
    expect(figure(panel, "Waiting")).to_have_text(str(runtime["queue"]["waiting"]))
    expect(figure(panel, "Pictures a minute")).to_have_text("0.1")
    for name, results in (("Cost, last hour", "last_hour"), ("Cost, last day", "last_day")):
        assert runtime[results]["cost_usd"] > 0
        expect(figure(panel, name)).to_have_text(f"${runtime[results]['cost_usd']:.2f}")
    expect(panel.get_by_role("img", name="Busy of the last day: 50 % at its end, 50 % at most")).to_be_visible()
    environment = boss_tab.page.get_by_role("region", name="Environment")
    parts = environment.get_by_role("img", name="node 1 min 35 s, image 1 min 0 s, models 42 s, Web UI 12 s")
    expect(parts.first).to_be_visible()
    expect(environment.get_by_text("3 min 29 s").first).to_be_visible()


def figure(panel: Locator, name: str) -> Locator:
    return panel.locator(".figure").filter(has_text=name).get_by_role("definition")


def test_a_dead_letter_shows_its_reason_and_is_sent_again(
    boss_tab: ConsoleTab, idle_system: System, lost_task: str
) -> None:
    boss_tab.sign_in()
    boss_tab.show("Fleet")
    panel = boss_tab.page.get_by_role("region", name="dynamic")
    expect(panel.get_by_text("Dead letters (1)")).to_be_visible(timeout=DEADLINE_MS)
    expect(panel.get_by_text("the task could not be run in 0 attempts")).to_be_visible()
    # An administrator sees a task of another key under that key's name.
    panel.get_by_role("button", name=lost_task).click()
    expect(panel.get_by_text("is on its way again")).to_be_visible()
    assert idle_system.shown(lost_task)["status"] == "IN_QUEUE"
    expect(panel.get_by_text("Dead letters (0)")).to_be_visible()
    idle_system.http("DELETE", f"/v1alpha2/tasks/{lost_task}")


def test_a_key_without_the_right_reads_why_it_sees_no_fleet(idle_tab: ConsoleTab) -> None:
    idle_tab.expected_errors.append("error: Failed to load resource: the server responded with a status of 403")
    idle_tab.sign_in()
    idle_tab.show("Fleet")
    expect(idle_tab.page.get_by_role("alert")).to_contain_text("send a key that has `admin: true`")

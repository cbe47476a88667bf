"""Lists of the bridge for Web UI clients: how long they are kept, and what a refresh does to them."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from lambdas.tasks.list_cache import MAX_AGE_MS
from lambdas.webui_api.refusals import BridgeResponse
from tests.unit.lambdas.harness import Harness
from tests.unit.lambdas.test_webui_bridge import Client


@pytest.fixture
def client(harness: Harness) -> Client:
    harness.s3.create_bucket(Bucket="out")
    return Client(harness)


def test_lists_are_kept_until_they_are_old_or_refreshed(client: Client) -> None:
    def asked(endpoint: str) -> bool:
        before = len(client.tasks)
        assert client.get(endpoint).status == 200
        return len(client.tasks) > before

    client.bodies |= {"sdapi/v1/loras": [], "sdapi/v1/memory": {}, "sdapi/v1/refresh-loras": None}
    assert [asked("samplers"), asked("samplers"), asked("loras"), asked("loras")] == [True, False, True, False]
    client.harness.now_ms += MAX_AGE_MS + 1
    assert [asked("samplers"), asked("samplers"), asked("loras")] == [True, False, True]
    assert client.call("POST", "/sdapi/v1/refresh-loras").body is None
    assert [asked("loras"), asked("samplers")] == [True, False]
    assert [asked("memory"), asked("memory")] == [True, True]
    assert client.call("GET", "/runtimes/dynamic/sdapi/v1/samplers").status == 200
    assert client.harness.record(client.tasks[-1]).runtime == "dynamic"


def test_a_list_that_is_read_during_its_refresh_is_read_again_after_it(client: Client) -> None:
    client.bodies |= {"sdapi/v1/loras": ["old"], "sdapi/v1/refresh-loras": None}

    def refresh(task_id: str) -> None:
        client.replica = client.complete
        with ThreadPoolExecutor(1) as threads:
            assert threads.submit(client.get, "loras").result().body == ["old"]
        client.bodies["sdapi/v1/loras"] = ["old", "new"]
        client.complete(task_id)

    client.replica = refresh
    assert client.post("refresh-loras").status == 200
    assert client.get("loras").body == ["old", "new"]


def test_a_list_that_could_not_be_had_is_asked_for_again(client: Client) -> None:
    client.fail({"code": "webui_refused", "message": "m", "webui": {"status": 404, "body": {"detail": "no"}}})
    assert client.get("samplers") == BridgeResponse(404, {"detail": "no"})
    client.replica = client.complete
    assert client.get("samplers").body == [{"name": "Euler a"}]

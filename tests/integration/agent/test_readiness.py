"""Gates that hold requests back while a Web UI starts."""

from pathlib import Path

import pytest

from runtime_image.webui.client import WebUiClient
from runtime_image.webui.errors import WebUiNotReached
from runtime_image.webui.readiness import SETTLE_SECONDS, ReadyFile, SettledPort, check_lists
from stub_webui.server import serve_stub
from stub_webui.web_ui import StubWebUi
from tests.harness.still_clock import StillClock
from tests.integration.supervisor.container import held_port


def is_ready(client: WebUiClient) -> bool:
    try:
        check_lists(client)
    except WebUiNotReached:
        return False
    return True


def test_without_a_supervisor_the_first_request_comes_some_seconds_after_the_port() -> None:
    webui, clock, holder = StubWebUi(), StillClock(), held_port()
    port = int(holder.getsockname()[1])
    url = f"http://127.0.0.1:{port}"
    client = WebUiClient(base_url=url, gate=SettledPort(base_url=url, clock=clock))
    for _ in range(2):
        webui.calls.clear()
        assert not is_ready(client)
        with serve_stub(webui, port):
            assert not is_ready(client)
            clock.seconds += SETTLE_SECONDS - 0.1
            assert not is_ready(client)
            assert webui.calls == []
            clock.seconds += 0.2
            assert is_ready(client)
        assert not is_ready(client)
        # The port is closed again, so the next Web UI gets the same seconds.
        clock.seconds += SETTLE_SECONDS
    holder.close()


def test_with_a_supervisor_its_file_decides_and_every_restart_is_noticed_once(tmp_path: Path) -> None:
    webui, file, restarts = StubWebUi(), tmp_path / "engine-ready", []
    gate = ReadyFile(file)
    gate.on_restart = lambda: restarts.append(1)
    with serve_stub(webui) as url:
        client = WebUiClient(base_url=url, gate=gate)
        assert not is_ready(client)
        assert webui.calls == []
        file.touch()
        assert is_ready(client)
        assert restarts == []
        file.unlink()
        with pytest.raises(WebUiNotReached, match="has not found"):
            client.call("GET", "/sdapi/v1/progress")

        file.touch()

        with pytest.raises(WebUiNotReached, match="restarted"):
            client.call("GET", "/sdapi/v1/progress")
        assert restarts == [1]
        assert is_ready(client)

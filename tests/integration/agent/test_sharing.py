"""Two replicas share what is there: none holds on to a task that the other could begin."""

from stub_webui.server import serve_stub
from tests.integration.agent.harness import Harness

#: Four minutes, longer than the start of an agent on a busy machine. The test does not wait for the end.
STEPS = 1000
SECONDS_PER_STEP = 0.25


def test_a_new_agent_gives_back_what_it_cannot_begin_soon(harness: Harness) -> None:
    harness.webui.seconds_per_step = SECONDS_PER_STEP
    other = type(harness.webui)(seconds_per_step=SECONDS_PER_STEP)
    for name in ("first", "second"):
        harness.submit(name, {"prompt": name, "steps": STEPS})
    harness.start_agent_process()
    harness.eventually(lambda: len(harness.webui.runs) == 1, "the first generation")

    with serve_stub(other) as url:
        late = harness.start_agent_process(WEBUI_URL=url)
        harness.eventually(lambda: len(other.runs) == 1, "the second generation elsewhere")
        assert len(harness.webui.runs) == 1
        # Still running, so nothing had to wait for it.
        assert not harness.webui.runs[0].ended_at
        late.kill()

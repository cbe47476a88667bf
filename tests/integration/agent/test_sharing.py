"""Two replicas share what is there: none holds on to a task that the other could begin."""

from stub_webui.server import serve_stub
from tests.integration.agent.conftest import World

#: Takes longer than the start of an agent on a busy machine; the test does not wait for its end.
STEPS = 60
SECONDS_PER_STEP = 0.25


def test_a_new_agent_gives_back_what_it_cannot_begin_soon(world: World) -> None:
    world.webui.seconds_per_step = SECONDS_PER_STEP
    other = type(world.webui)(seconds_per_step=SECONDS_PER_STEP)
    for name in ("first", "second"):
        world.submit(name, {"prompt": name, "steps": STEPS})
    world.start_agent()
    world.eventually(lambda: len(world.webui.runs) == 1, "the first generation")

    with serve_stub(other) as url:
        late = world.start_agent(WEBUI_URL=url)
        world.eventually(lambda: len(other.runs) == 1, "the second generation elsewhere")
        assert len(world.webui.runs) == 1
        # Still running, so nothing had to wait for it.
        assert not world.webui.runs[0].ended_at
        late.kill()

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runtime_image.agent.orchestrator.placement import placement_of, placement_of_task

POD: dict[str, Any] = {
    "kind": "Pod",
    "metadata": {"name": "runtime-abc", "creationTimestamp": "2026-11-21T10:00:00Z"},
    "status": {
        "conditions": [
            {"type": "Initialized", "status": "True", "lastTransitionTime": "2026-11-21T10:01:31Z"},
            {"type": "PodScheduled", "status": "True", "lastTransitionTime": "2026-11-21T10:01:30Z"},
        ],
        "containerStatuses": [
            {"name": "runtime", "restartCount": 0, "state": {"running": {"startedAt": "2026-11-21T10:02:15Z"}}}
        ],
    },
}


def test_a_pod_says_how_long_it_waited_for_its_node_and_its_image() -> None:
    assert placement_of(POD) == {"node_seconds": 90, "pull_seconds": 45}


def test_a_restarted_container_says_nothing_of_the_pull() -> None:
    restarted = {"restartCount": 1, "state": {"running": {"startedAt": "2026-11-21T12:00:00Z"}}}
    pod = POD | {"status": POD["status"] | {"containerStatuses": [restarted]}}
    assert placement_of(pod) == {"node_seconds": 90}


@pytest.mark.parametrize("pod", [{}, {"kind": "Pod"}, {"metadata": {"creationTimestamp": "yesterday"}, "status": {}}])
def test_what_a_pod_does_not_say_is_left_out(pod: dict[str, Any]) -> None:
    assert placement_of(pod) == {}


@pytest.mark.parametrize(
    ("task", "placement"),
    [
        (
            {"PullStartedAt": "2026-11-27T10:00:00.123456789Z", "PullStoppedAt": "2026-11-27T10:01:30.623456789Z"},
            {"pull_seconds": 90.5},
        ),
        # The image was there already.
        ({"TaskARN": "arn"}, {}),
        ({"PullStartedAt": "2026-11-27T10:00:00Z"}, {}),
        ({"PullStartedAt": "yesterday", "PullStoppedAt": None}, {}),
    ],
)
def test_a_task_of_ecs_says_how_long_its_images_were_pulled(task: dict[str, Any], placement: dict[str, float]) -> None:
    assert placement_of_task(task) == placement


@given(created=st.text(max_size=30), started=st.text(max_size=30))
def test_no_text_in_place_of_a_time_does_harm(created: str, started: str) -> None:
    status = {"containerStatuses": [{"state": {"running": {"startedAt": started}}}]}
    assert placement_of({"metadata": {"creationTimestamp": created}, "status": status}) == {}

"""The agent's variables."""

import pytest

from contract.settings import InvalidEnvironment
from runtime_image.agent.settings import AgentSettings

MINIMUM = {
    "RUNTIME": "sdruntime",
    "QUEUE_URL": "https://sqs/queue",
    "TASK_TABLE": "tasks",
    "TASK_BUCKET": "task-bucket",
    "OUTPUT_BUCKET": "outputs",
    "WEBUI_URL": "http://127.0.0.1:7860",
    "RETENTION_SECONDS": "86400",
}


def test_the_rest_has_defaults() -> None:
    settings = AgentSettings.from_environment(MINIMUM)

    assert settings.visibility_timeout_seconds == 60
    assert (settings.link_buckets, settings.allowed_link_hosts) == ((), ())
    assert settings.grace_period_seconds == 110


@pytest.mark.parametrize(
    ("variables", "missing"),
    [
        ({"ORCHESTRATOR": "kubernetes", "POD_NAME": "pod-1"}, "POD_NAMESPACE, KUBERNETES_SERVICE_HOST"),
        ({"ORCHESTRATOR": "ecs"}, "ECS_AGENT_URI"),
    ],
)
def test_an_orchestrator_needs_its_address(variables: dict[str, str], missing: str) -> None:
    with pytest.raises(InvalidEnvironment, match=missing):
        AgentSettings.from_environment(MINIMUM | variables)


def test_lists_are_json() -> None:
    settings = AgentSettings.from_environment(MINIMUM | {"LINK_BUCKETS": '["a", "b"]'})

    assert settings.link_buckets == ("a", "b")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("WEBUI_URL", "127.0.0.1:7860"),
        ("VISIBILITY_TIMEOUT_SECONDS", "1"),
        ("LINK_BUCKETS", "a,b"),
        ("LOG_LEVEL", "loud"),
        ("RETENTION_SECONDS", "0"),
        ("RUNTIME", ""),
    ],
)
def test_what_is_wrong_is_named(name: str, value: str) -> None:
    with pytest.raises(InvalidEnvironment, match=name):
        AgentSettings.from_environment(MINIMUM | {name: value})

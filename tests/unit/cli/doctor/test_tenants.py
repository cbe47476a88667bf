"""Check of the owners of tasks before a deployment that changes the keys."""

import json

import pytest

from cli.doctor.tenants import check_tenants
from stacks.config import Environment
from stacks.config.access import ApiKey
from tests.unit.cli.doctor.examined import ENVIRONMENT, NOT_DEPLOYED, described, findings, levels, stack


def environment(*names: str) -> Environment:
    return ENVIRONMENT.model_copy(update={"api_keys": tuple(ApiKey(name=name) for name in names)})


def messages(deployed: tuple[str, ...], planned: Environment) -> list[str]:
    outputs = {"WebhookSecretArn": "arn:first"}
    if deployed:
        outputs["WebhookSecretArns"] = json.dumps({name: f"arn:{name}" for name in deployed})
    api = described(stack("Darkroom-prod-Api", **outputs))
    found = findings(check_tenants, planned, cloudformation__DescribeStacks=api)
    assert set(levels(found)) <= {"ok", "warning"}
    return [finding.message for finding in found if finding.level.value == "warning"]


@pytest.mark.parametrize(
    ("deployed", "planned"),
    [((), ("default",)), ((), ("renamed",)), (("shop", "guest"), ("shop", "guest")), (("a", "b"), ("a", "c", "b"))],
)
def test_a_deployment_that_keeps_every_owner_is_ok(deployed: tuple[str, ...], planned: tuple[str, ...]) -> None:
    assert messages(deployed, environment(*planned)) == []


def test_a_second_key_makes_the_tasks_of_before_unknown() -> None:
    (message,) = messages((), environment("default", "operators"))
    assert message.startswith("the tasks of before have no owner, so no key finds them")


def test_a_removed_key_leaves_its_tasks_to_admin_keys() -> None:
    (message,) = messages(("shop", "guest", "boss"), environment("shop", "boss"))
    assert message == (
        "after the next deployment the tasks of guest are found as guest:ID only, with an admin key, and webhooks of"
        " those that run fail"
    )


def test_the_last_key_finds_its_own_tasks_of_before_by_its_name() -> None:
    shop, guest = messages(("shop", "guest"), environment("shop"))
    assert "the tasks of shop are found as shop:ID only, and webhooks" in shop
    assert "the tasks of guest are found as guest:ID only, and webhooks" in guest


def test_the_tasks_of_the_entry_topic_get_another_owner_with_the_first_key() -> None:
    expected = "the tasks of the entry topic belong to shop, and from the next deployment on to guest"
    assert messages(("shop", "guest"), environment("guest", "shop")) == [expected]


def test_before_the_first_deployment_no_task_has_an_owner() -> None:
    assert findings(check_tenants, cloudformation__DescribeStacks=NOT_DEPLOYED) == []

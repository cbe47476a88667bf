"""Tenants of an environment: what functions know of them, and what belongs to each."""

import json

import pytest

from stacks.config import Environment
from tests.infrastructure.conftest import Synthesize
from tests.infrastructure.templates import Templates

FUNCTIONS = (
    "route_tasks",
    "submit_task",
    "read_task",
    "mcp_api",
    "openai_api",
    "comfy_api",
    "runpod_api",
    "webui_api",
    "fail_dead_letters",
)


@pytest.mark.parametrize("function", FUNCTIONS)
def test_a_function_knows_the_tenants_and_their_topics(everything: Templates, function: str) -> None:
    variables = everything.function(function).properties["Environment"]["Variables"]
    assert json.loads(everything.flat(variables["TENANCY"]).replace(".TopicArn", "")) == {
        "names": ["shop", "batch-producer", "210987654321"],
        "administrators": ["batch-producer"],
        "publishers": {
            "EntryTopic210987654321": "210987654321",
            "EntryTopicbatchproducer": "batch-producer",
        },
        "destinations": [{"place": "shop-gallery/darkroom", "tenants": ["shop"]}],
    }


def test_the_single_tenant_of_an_environment_has_no_name(ecs: Templates) -> None:
    variables = ecs.function("submit_task").properties["Environment"]["Variables"]
    assert json.loads(variables["TENANCY"]) == {}


def test_each_tenant_has_its_own_webhook_secret(everything: Templates) -> None:
    variables = everything.function("deliver_webhook").properties["Environment"]["Variables"]
    assert json.loads(everything.flat(variables["WEBHOOK_SECRET_ARNS"])) == {
        "shop": "Webhooksshopsecret",
        "batch-producer": "Webhooksbatchproducersecret",
        "210987654321": "Webhooks210987654321secret",
    }


def webhook_secrets(templates: Templates) -> dict[str, str]:
    """Return the logical id of each tenant's webhook secret, by the description that names the tenant."""
    return {
        secret.properties["Description"]: secret.logical_id
        for secret in templates.resources("AWS::SecretsManager::Secret")
        if secret.name.startswith("Webhooks")
    }


def test_no_tenant_inherits_the_webhook_secret_of_another(synthesize: Synthesize) -> None:
    def secrets_of(*keys: str, isolated: bool = True) -> dict[str, str]:
        api_keys = [{"name": key} for key in keys]
        runtimes = [{"name": "sdxl", "dynamicModel": True}]
        document = {"name": "tenants", "apiKeys": api_keys, "isolateKeys": isolated, "runtimes": runtimes}
        return webhook_secrets(synthesize(Environment.model_validate(document)))

    both = secrets_of("shop", "partner")
    assert both == secrets_of("partner", "shop")
    assert len(set(both.values())) == 2
    shop, partner = (both[f"Signs the webhooks of {name}"] for name in ("shop", "partner"))
    assert secrets_of("shop") == {"Signs the webhooks of Darkroom": shop}
    assert secrets_of("partner") == {"Signs the webhooks of Darkroom": partner}
    assert secrets_of("shop", "partner", isolated=False) == secrets_of("partner", isolated=False)


def test_what_publishers_send_waits_in_the_intake_queue(everything: Templates) -> None:
    topics = {
        everything.flat(subscription.properties["TopicArn"])
        for subscription in everything.resources("AWS::SNS::Subscription")
        if everything.flat(subscription.properties["Endpoint"]) == "IntakeQueue.Arn"
    }
    assert {"EntryTopic", "EntryTopic210987654321", "EntryTopicbatchproducer"} <= topics

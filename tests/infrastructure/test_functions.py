import json
from typing import Any

import pytest

from contract.record import PUBLISH_GRACE_MS, Status
from docs.generate_configuration import function_settings
from lambdas.deliver_webhook.signature import signing_key
from lambdas.read_fleet.handler import ReadFleetSettings
from lambdas.runtime.observability import ObservabilitySettings
from stacks.config import Environment
from stacks.config.runtime import MAX_RUNTIMES
from stacks.constructs.functions.reading_functions import replica_prices
from tests.infrastructure.function_rights import RIGHTS, TRACE
from tests.infrastructure.templates import Resource, Templates

FOLDERS = (
    "route_tasks",
    "submit_task",
    "create_upload",
    "mcp_api",
    "openai_api",
    "comfy_api",
    "runpod_api",
    "webui_api",
    "read_task",
    "read_fleet",
    "authorize",
    "notify",
    "fail_dead_letters",
    "expire_tasks",
    "deliver_webhook",
    "queue_webhooks",
    "batch_api",
    "advance_batches",
)
#: Functions that only an environment on ECS has.
ECS_FOLDERS = ("publish_scaling_metrics",)
#: Variables that every function reads in addition to its own settings.
COMMON_VARIABLES = ObservabilitySettings.variables() | {
    "POWERTOOLS_SERVICE_NAME",
    "POWERTOOLS_METRICS_NAMESPACE",
    "POWERTOOLS_LOG_LEVEL",
}


def test_every_function_is_in_this_list(templates: Templates) -> None:
    functions = templates.functions
    folders = (*FOLDERS, *ECS_FOLDERS) if templates.environment.engine == "ecs" else FOLDERS
    handlers = [f"lambdas.{folder}.handler.handler" for folder in folders]
    assert sorted(function.properties["Handler"] for function in functions) == sorted(handlers)


@pytest.mark.parametrize("folder", [*FOLDERS, *ECS_FOLDERS])
def test_the_environment_of_a_function_is_what_its_settings_class_reads(ecs: Templates, folder: str) -> None:
    settings = function_settings(folder)
    variables = ecs.function(folder).properties["Environment"]["Variables"]
    switches = set() if ecs.environment.tracing else {"POWERTOOLS_TRACE_DISABLED"}
    assert set(variables) == settings.variables() | COMMON_VARIABLES | switches


@pytest.mark.parametrize("folder", [*FOLDERS, *ECS_FOLDERS])
def test_the_settings_class_takes_the_values_that_the_stack_gives(ecs: Templates, folder: str) -> None:
    settings = function_settings(folder)
    variables = ecs.function(folder).properties["Environment"]["Variables"]
    settings.from_environment({name: ecs.flat(value) for name, value in variables.items()})


@pytest.mark.parametrize("folder", [*FOLDERS, *ECS_FOLDERS])
def test_a_function_may_do_what_it_must_and_nothing_else(ecs: Templates, folder: str) -> None:
    function = ecs.function(folder)
    logs = {action: [f"{function.name}Logs.Arn"] for action in ("logs:CreateLogStream", "logs:PutLogEvents")}
    trace = TRACE if ecs.environment.tracing else {}
    assert rights_of(ecs, function) == RIGHTS[folder] | logs | trace


def rights_of(templates: Templates, function: Resource) -> dict[str, list[str]]:
    role = templates.flat(function.properties["Role"]).removesuffix(".Arn")
    assert "ManagedPolicyArns" not in templates.named(role, "AWS::IAM::Role").properties
    rights: dict[str, list[str]] = {}
    for policy in templates.resources("AWS::IAM::Policy"):
        if [templates.flat(item) for item in policy.properties["Roles"]] != [role]:
            continue
        for statement in policy.properties["PolicyDocument"]["Statement"]:
            assert statement["Effect"] == "Allow"
            for action in listed(statement["Action"]):
                rights.setdefault(action, []).extend(templates.flat(item) for item in listed(statement["Resource"]))
    return {action: sorted(resources) for action, resources in rights.items()}


def listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def test_no_role_may_do_everything_of_a_service(templates: Templates) -> None:
    for policy in templates.resources("AWS::IAM::Policy"):
        for statement in policy.properties["PolicyDocument"]["Statement"]:
            assert not [action for action in listed(statement["Action"]) if "*" in action]


@pytest.mark.parametrize("folder", [*FOLDERS, *ECS_FOLDERS])
def test_a_function_runs_on_the_python_of_its_bundle_and_ends_before_the_sweep_looks(
    ecs: Templates, folder: str
) -> None:
    properties = ecs.function(folder).properties
    assert (properties["Runtime"], properties["Architectures"]) == ("python3.13", ["arm64"])
    assert properties["Timeout"] * 1000 < PUBLISH_GRACE_MS


def test_logs_are_kept_for_as_long_as_the_environment_says(templates: Templates) -> None:
    groups = {group.name: group for group in templates.resources("AWS::Logs::LogGroup")}
    for function in templates.functions:
        assert templates.flat(function.properties["LoggingConfig"]["LogGroup"]) in groups
    days = {group.properties["RetentionInDays"] for group in groups.values()}
    assert days == {templates.environment.log_retention_days}


def test_tracing_is_the_environments_choice(templates: Templates) -> None:
    for function in templates.functions:
        variables = function.properties["Environment"]["Variables"]
        if templates.environment.tracing:
            assert function.properties["TracingConfig"] == {"Mode": "Active"}
            assert "POWERTOOLS_TRACE_DISABLED" not in variables
        else:
            assert "TracingConfig" not in function.properties
            assert variables["POWERTOOLS_TRACE_DISABLED"] == "true"
            assert not TRACE.keys() & rights_of(templates, function).keys()
        assert variables["POWERTOOLS_LOG_LEVEL"] == templates.environment.log_level


def test_functions_get_the_values_of_the_environment(everything: Templates) -> None:
    variables = everything.function("route_tasks").properties["Environment"]["Variables"]
    assert variables["RETENTION_SECONDS"] == str(48 * 3600)
    limits = {"width": 1536, "height": 1536, "steps": 60, "batchSize": 2, "iterations": 2}
    assert json.loads(variables["RUNTIMES"])[1:] == [
        {"name": "sd-xl", "modelFilename": "sd_xl_base_1.0.safetensors", "limits": limits, "longestTaskSeconds": 300},
        {"name": "dynamic", "dynamicModel": True},
    ]
    assert variables["POWERTOOLS_LOG_LEVEL"] == "DEBUG"
    assert variables["ENVIRONMENT"] == "everything"


def mappings_of(templates: Templates, folder: str) -> dict[str, dict[str, Any]]:
    name = templates.function(folder).name
    return {
        templates.flat(mapping.properties["EventSourceArn"]): mapping.properties
        for mapping in templates.resources("AWS::Lambda::EventSourceMapping")
        if templates.flat(mapping.properties["FunctionName"]) == name
    }


def test_queues_feed_their_functions_in_batches_that_may_fail_in_part(ecs: Templates) -> None:
    ((source, mapping),) = mappings_of(ecs, "route_tasks").items()
    assert source == "IntakeQueue.Arn"
    # A burst on the entry topic leaves executions for the HTTP API.
    assert mapping["ScalingConfig"] == {"MaximumConcurrency": 20}
    assert set(mappings_of(ecs, "fail_dead_letters")) == {
        "IntakeDeadLetterQueue.Arn",
        "RuntimeSdruntimeDeadLetterQueue.Arn",
        "RuntimeDynamicDeadLetterQueue.Arn",
    }
    limits = [mapping["ScalingConfig"] for mapping in mappings_of(ecs, "fail_dead_letters").values()]
    assert limits == [{"MaximumConcurrency": 5}] * 3
    for folder in ("route_tasks", "fail_dead_letters"):
        for mapping in mappings_of(ecs, folder).values():
            assert mapping["BatchSize"] == 10
            assert mapping["FunctionResponseTypes"] == ["ReportBatchItemFailures"]


def test_webhooks_are_posted_by_many_calls_of_ten_at_a_time(everything: Templates) -> None:
    ((source, mapping),) = mappings_of(everything, "deliver_webhook").items()
    assert source == "WebhooksQueue.Arn"
    assert mapping["BatchSize"] == 10
    assert mapping["ScalingConfig"] == {"MaximumConcurrency": 20}
    assert mapping["FunctionResponseTypes"] == ["ReportBatchItemFailures"]
    variables = everything.function("deliver_webhook").properties["Environment"]["Variables"]
    assert json.loads(variables["ALLOWED_LINK_HOSTS"]) == list(everything.environment.allowed_link_hosts)


def test_a_generated_webhook_secret_is_a_key_to_sign_with(ecs: Templates) -> None:
    options = ecs.named("Webhooksdefaultsecret", "AWS::SecretsManager::Secret").properties["GenerateSecretString"]
    assert options == {"ExcludePunctuation": True, "PasswordLength": 44}
    assert len(signing_key("aB3" * 14 + "xY")) == 33


@pytest.mark.parametrize(
    ("folder", "image"), [("notify", {}), ("queue_webhooks", {"webhook": {"S": [{"exists": True}]}})]
)
def test_the_stream_feeds_its_readers_with_final_records_only(
    ecs: Templates, folder: str, image: dict[str, Any]
) -> None:
    ((source, mapping),) = mappings_of(ecs, folder).items()
    assert source == "TaskTable.StreamArn"
    assert mapping["BatchSize"] == 100
    # 20 ms each: a thousand callbacks per second with the four shards of a new table.
    assert mapping["ParallelizationFactor"] == 5
    assert mapping["StartingPosition"] == "TRIM_HORIZON"
    assert mapping["BisectBatchOnFunctionError"] is True
    assert mapping["FunctionResponseTypes"] == ["ReportBatchItemFailures"]
    assert ecs.flat(mapping["DestinationConfig"]["OnFailure"]["Destination"]) == "NotifyFailures.Arn"
    (pattern,) = mapping["FilterCriteria"]["Filters"]
    assert json.loads(pattern["Pattern"]) == {
        "eventName": ["INSERT", "MODIFY"],
        "dynamodb": {
            "NewImage": {
                "status": {"S": [Status.COMPLETED, Status.FAILED, Status.CANCELLED, Status.TIMED_OUT]},
                **image,
            }
        },
    }


def test_the_sweep_runs_every_minute(ecs: Templates) -> None:
    rule = ecs.named("ExpireSchedule", "AWS::Events::Rule")
    assert rule.properties["ScheduleExpression"] == "rate(1 minute)"
    assert rule.properties["State"] == "ENABLED"
    (target,) = rule.properties["Targets"]
    assert ecs.flat(target["Arn"]) == f"{ecs.function('expire_tasks').name}.Arn"


def test_the_prices_of_many_runtimes_fit_into_a_variable() -> None:
    runtimes = [{"name": f"r{number}", "dynamicModel": True} for number in range(MAX_RUNTIMES)]
    runtimes[-1]["pricePerGpuHour"] = 2.5
    document = {"name": "large", "region": "eu-central-1", "runtimes": runtimes}
    prices = json.dumps(replica_prices(Environment.model_validate(document)))
    values = dict.fromkeys(ReadFleetSettings.variables(), "{}") | {"RETENTION_SECONDS": "1", "CORS_ORIGINS": "[]"}
    settings = ReadFleetSettings.from_environment(values | {"REPLICA_PRICES": prices})
    # Lambda allows 4 KB for all variables, and the runtimes need most of them.
    assert len(prices) < 500
    assert settings.prices.keys() == {f"r{number}" for number in range(MAX_RUNTIMES)}
    assert settings.prices["r0"] == settings.prices["r30"] == {"usd_per_hour": 0.44, "basis": "g6.xlarge, spot"}
    assert settings.prices["r31"] == {"usd_per_hour": 2.5, "basis": "pricePerGpuHour"}

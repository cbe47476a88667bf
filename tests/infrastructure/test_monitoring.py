"""Dashboard, alarms and runbooks of an environment, and the metrics that they read."""

import ast
import json
import re
from pathlib import Path
from typing import Any

import pytest

from contract.cold_start import COLD_START_PARTS
from contract.record import FINAL_STATUSES, REAPER_RETRY_MS
from contract.webhook import WebhookState
from lambdas.publish_scaling_metrics.scaling_metrics import (
    MESSAGES_IN_FLIGHT,
    MESSAGES_WAITING,
    NODES,
    REPLICAS_DESIRED,
    REPLICAS_RUNNING,
)
from tests.infrastructure.conftest import TemplatesOf
from tests.infrastructure.templates import Templates, read_environment

PROJECT = Path(__file__).parents[2]
#: AWS's own metrics, by namespace and dimensions.
AWS_METRICS = {
    ("AWS/SQS", frozenset({"QueueName"})): {
        "ApproximateAgeOfOldestMessage",
        "ApproximateNumberOfMessagesNotVisible",
        "ApproximateNumberOfMessagesVisible",
    },
    ("AWS/Lambda", frozenset({"FunctionName"})): {"Errors", "IteratorAge", "Throttles", "Url5xxCount"},
    ("AWS/ApiGateway", frozenset({"ApiName"})): {"5XXError"},
    ("AWS/DynamoDB", frozenset({"TableName", "Operation"})): {"ThrottledRequests"},
    ("AWS/Usage", frozenset({"Class", "Resource", "Service", "Type"})): {"ResourceCount"},
}
#: What `publish_scaling_metrics` writes; tests/infrastructure/test_ecs_scaling.py sees it do so.
MEASURED = {
    *((name, frozenset({"environment", "runtime"})) for name in (MESSAGES_WAITING, MESSAGES_IN_FLIGHT)),
    (NODES, frozenset({"environment"})),
    *((name, frozenset({"environment", "service"})) for name in (REPLICAS_DESIRED, REPLICAS_RUNNING)),
}


def alarms_of(templates: Templates) -> dict[str, dict[str, Any]]:
    """The alarms with a runbook, by name without the environment's: `sdxl/oldest-message`."""
    prefix = f"Darkroom/{templates.environment.name}/"
    return {
        alarm.properties["AlarmName"].removeprefix(prefix): alarm.properties
        for alarm in templates.resources("AWS::CloudWatch::Alarm")
        if alarm.properties.get("AlarmName", "").startswith(prefix)
    }


def runbook_of(alarm: dict[str, Any]) -> str:
    (runbook,) = re.findall(r"Runbook: docs/how-to/operations\.md#([a-z-]+)$", alarm["AlarmDescription"])
    return str(runbook)


def dashboard_of(templates: Templates) -> list[dict[str, Any]]:
    (dashboard,) = templates.resources("AWS::CloudWatch::Dashboard")
    widgets: list[dict[str, Any]] = json.loads(templates.flat(dashboard.properties["DashboardBody"]))["widgets"]
    return widgets


def metrics_read(alarm: dict[str, Any]) -> list[dict[str, Any]]:
    """The metrics of an alarm, which CDK writes in one of two ways."""
    metrics = [item["MetricStat"]["Metric"] for item in alarm.get("Metrics", []) if "MetricStat" in item]
    return metrics or [alarm]


def metrics_of_alarms(templates: Templates) -> set[tuple[str, str, frozenset[str]]]:
    """Namespace, name and dimensions of every metric that an alarm reads."""
    return {
        (metric["Namespace"], metric["MetricName"], frozenset(item["Name"] for item in metric.get("Dimensions", ())))
        for alarm in templates.resources("AWS::CloudWatch::Alarm")
        for metric in metrics_read(alarm.properties)
    }


def metrics_of_dashboard(templates: Templates) -> set[tuple[str, str, frozenset[str]]]:
    found = set()
    for widget in dashboard_of(templates):
        for entry in widget["properties"].get("metrics", ()):
            names = [part for part in entry if isinstance(part, str)]
            if names:
                found.add((names[0], names[1], frozenset(names[2::2])))
    return found


def emitted_by_functions() -> set[tuple[str, frozenset[str]]]:
    """Name and dimensions of every `count(…)` in the functions' code."""
    return {
        (str(ast.literal_eval(call.args[0])), frozenset(["environment", *(str(word.arg) for word in call.keywords)]))
        for file in (PROJECT / "lambdas").rglob("*.py")
        for call in ast.walk(ast.parse(file.read_text()))
        if isinstance(call, ast.Call) and isinstance(call.func, ast.Name) and call.func.id == "count"
    }


@pytest.fixture
def emitted_by_agents(lines_of_agents: list[dict[str, Any]]) -> set[tuple[str, frozenset[str]]]:
    """Name and dimensions of every metric in the log of an agent."""
    return {
        (metric["Name"], frozenset(dimensions))
        for line in lines_of_agents
        for directive in line["_aws"]["CloudWatchMetrics"]
        for dimensions in directive["Dimensions"]
        for metric in directive["Metrics"]
    }


def test_a_function_counts_for_its_environment_and_without_its_own_name(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    from lambdas.runtime import observability  # noqa: PLC0415  # its settings are read once

    observability._environment.cache_clear()
    monkeypatch.setenv("ENVIRONMENT", "dev")
    monkeypatch.setenv("POWERTOOLS_METRICS_NAMESPACE", "Darkroom")
    monkeypatch.setenv("POWERTOOLS_SERVICE_NAME", "route_tasks")
    observability.count("TasksAccepted", runtime="sdxl")
    observability._environment.cache_clear()
    line = json.loads(capsys.readouterr().out)
    (directive,) = line["_aws"]["CloudWatchMetrics"]
    assert directive["Namespace"] == "Darkroom"
    assert directive["Dimensions"] == [["environment", "runtime"]]
    assert (line["environment"], line["runtime"], line["TasksAccepted"]) == ("dev", "sdxl", [1.0])


def test_every_alarm_has_a_runbook_and_every_runbook_an_alarm(templates: Templates) -> None:
    page = (PROJECT / "docs" / "how-to" / "operations.md").read_text(encoding="utf-8")
    section = page.split("\n## Runbooks\n", 1)[1].split("\n## ", 1)[0]
    headings = {heading.lower().replace(" ", "-") for heading in re.findall(r"^### (.+)$", section, re.MULTILINE)}
    # Without an engine there are no nodes.
    alarms = {runbook_of(alarm) for alarm in alarms_of(templates).values()}
    missing = {"idle-gpus"} if templates.environment.engine == "none" else set()
    if templates.environment.alarms.extent == "essential":
        missing |= {
            "failures",
            "failing-webuis",
            "function-errors",
            "no-replica",
            "throttled-table",
            "unready-replicas",
            "unsettled-tasks",
        }
    assert alarms == headings - missing


def test_a_runbook_says_what_it_means_what_to_look_at_and_what_to_do() -> None:
    page = (PROJECT / "docs" / "how-to" / "operations.md").read_text(encoding="utf-8")
    section = page.split("\n## Runbooks\n", 1)[1].split("\n## ", 1)[0]
    for runbook in section.split("\n### ")[1:]:
        for part in ("**Means.**", "**Look at.**", "**Do.**"):
            assert part in runbook, runbook.splitlines()[0]


def test_the_runbook_of_dead_letters_names_the_queues_of_webhooks(ecs: Templates) -> None:
    page = (PROJECT / "docs" / "how-to" / "operations.md").read_text(encoding="utf-8")
    named = re.findall(r"--queue-name-prefix Darkroom-NAME-Api-(\w+)", page)
    assert named == ["WebhooksDeadLetterQueue", "WebhooksQueue"]
    assert set(named) <= {queue.name for queue in ecs.resources("AWS::SQS::Queue")}
    # SQS moves what a function has sent only to a destination that the command names.
    assert re.search(r"^aws sqs start-message-move-task .*--destination-arn", page, re.MULTILINE)
    # CloudFormation names a queue by its stack and its id.
    assert not any("QueueName" in queue.properties for queue in ecs.resources("AWS::SQS::Queue"))


def test_each_runtime_and_each_dead_letter_queue_has_its_alarms(ecs: Templates) -> None:
    per_runtime = {"oldest-message", "failures", "no-replica", "unready-replicas", "failing-webuis"}
    expected = {f"{runtime}/{runbook}" for runtime in ("sdruntime", "dynamic") for runbook in per_runtime}
    last_stops = [queue.name for queue in ecs.resources("AWS::SQS::Queue") if "RedrivePolicy" not in queue.properties]
    assert {"IntakeDeadLetterQueue", "RuntimeDynamicDeadLetterQueue", "NotifyFailures"} <= set(last_stops)
    expected |= {f"{queue.replace('DeadLetterQueue', '-DeadLetterQueue')}/dead-letters" for queue in last_stops}
    expected |= {"HttpApi/api-errors", "TaskTable/throttled-table", "TaskReaper/unsettled-tasks"}
    expected |= {"Intake/intake", "Nodes/idle-gpus", "Notify/late-callbacks", "QueueWebhooks/late-callbacks"}
    functions = {function.name for function in ecs.resources("AWS::Lambda::Function")}
    expected |= {f"{function}/function-errors" for function in functions - {"Authorize"}}
    assert alarms_of(ecs).keys() == expected


def test_a_refused_key_is_no_error_of_a_function(ecs: Templates) -> None:
    # The authorizer refuses by an exception, which Lambda counts as an error.
    assert "Authorize" in {function.name for function in ecs.functions}
    assert not any(name.startswith("Authorize") for name in alarms_of(ecs))
    (errors,) = (w for w in dashboard_of(ecs) if w["properties"].get("title") == "Errors of functions")
    assert "Authorize" not in json.dumps(errors)


def test_an_alarm_tells_the_alarm_topic_when_it_goes_off_and_when_it_is_over(templates: Templates) -> None:
    for alarm in alarms_of(templates).values():
        assert [templates.flat(action) for action in alarm["AlarmActions"]] == ["AlarmTopic"]
        assert [templates.flat(action) for action in alarm["OKActions"]] == ["AlarmTopic"]
        assert alarm["TreatMissingData"] == "notBreaching"
        assert alarm["ComparisonOperator"] == "GreaterThanOrEqualToThreshold"


def test_thresholds_are_the_environments(everything: Templates) -> None:
    alarms = alarms_of(everything)
    assert alarms["sd-xl/oldest-message"]["Threshold"] == 45 * 60
    assert alarms["sd-xl/failures"]["Threshold"] == 15
    assert alarms["sd-xl/no-replica"]["DatapointsToAlarm"] == 10


def test_an_alarm_reads_the_queue_that_its_name_says(ecs: Templates) -> None:
    for name, queue in {
        "sdruntime/oldest-message": "RuntimeSdruntimeQueue.QueueName",
        "RuntimeDynamic-DeadLetterQueue/dead-letters": "RuntimeDynamicDeadLetterQueue.QueueName",
        "Intake/intake": "IntakeQueue.QueueName",
    }.items():
        dimensions = [item for metric in metrics_read(alarms_of(ecs)[name]) for item in metric["Dimensions"]]
        assert {ecs.flat(dimension["Value"]) for dimension in dimensions} == {queue}


def test_only_cloudwatch_of_this_account_may_publish_alarms(everything: Templates) -> None:
    (policy,) = [
        policy.properties
        for policy in everything.resources("AWS::SNS::TopicPolicy")
        if everything.flat(policy.properties["Topics"][0]) == "AlarmTopic"
    ]
    _deny, allow = policy["PolicyDocument"]["Statement"]
    assert (allow["Effect"], allow["Action"]) == ("Allow", "sns:Publish")
    assert allow["Principal"] == {"Service": "cloudwatch.amazonaws.com"}
    assert allow["Condition"] == {"StringEquals": {"aws:SourceAccount": "123456789012"}}


def test_alarms_go_to_the_subscribers_of_the_environment(everything: Templates) -> None:
    subscribers = {
        (item.properties["Protocol"], item.properties["Endpoint"])
        for item in everything.resources("AWS::SNS::Subscription")
        if everything.flat(item.properties["TopicArn"]) == "AlarmTopic"
    }
    page = "arn:aws:lambda:eu-central-1:123456789012:function:page"
    assert subscribers == {("email", "on-call@shop.example"), ("lambda", page)}


def test_what_the_dashboard_and_the_alarms_read_is_what_functions_and_agents_write(
    templates: Templates, emitted_by_agents: set[tuple[str, frozenset[str]]]
) -> None:
    read = metrics_of_alarms(templates) | metrics_of_dashboard(templates)
    from_logs = {
        (transformation["MetricNamespace"], transformation["MetricName"], frozenset[str]())
        for filter_ in templates.resources("AWS::Logs::MetricFilter")
        for transformation in filter_.properties["MetricTransformations"]
    }
    for namespace, name, dimensions in read - from_logs:
        if namespace != "Darkroom":
            assert name in AWS_METRICS[namespace, dimensions]
    ours = {(name, dimensions) for namespace, name, dimensions in read if namespace == "Darkroom"}
    assert ours <= emitted_by_functions() | emitted_by_agents | MEASURED
    assert ours & emitted_by_functions()
    assert ours & emitted_by_agents


def test_the_operations_page_names_every_metric_of_replicas_and_scaling(
    emitted_by_agents: set[tuple[str, frozenset[str]]],
) -> None:
    page = (PROJECT / "docs" / "how-to" / "operations.md").read_text(encoding="utf-8")
    metrics = {name for name, _ in emitted_by_agents | MEASURED} | {part.metric for part in COLD_START_PARTS}
    assert metrics <= set(re.findall(r"`(\w+)`", page))


def test_the_work_of_gpus_is_read_from_the_lines_of_the_agents(
    ecs: Templates, everything: Templates, lines_of_agents: list[dict[str, Any]]
) -> None:
    assert any(isinstance(line.get("BusyShare"), list) for line in lines_of_agents)
    for templates in (ecs, everything):
        filters = [item.properties for item in templates.resources("AWS::Logs::MetricFilter")]
        shares = [item for item in filters if item["MetricTransformations"][0]["MetricName"] == "BusyShare"]
        groups = {templates.flat(item["LogGroupName"]) for item in shares}
        assert groups == {name for name in map(templates.flat, all_log_groups(templates)) if "Runtime" in name}
        for item in shares:
            assert item["FilterPattern"] == "{ $.BusyShare[0] >= 0 }"
            assert item["MetricTransformations"][0]["MetricValue"] == "$.BusyShare[0]"


def all_log_groups(templates: Templates) -> list[Any]:
    """The log groups that the saved queries read."""
    (first, *_) = templates.resources("AWS::Logs::QueryDefinition")
    groups: list[Any] = first.properties["LogGroupNames"]
    return groups


def test_no_widget_shows_more_alarms_than_cloudwatch_allows(tmp_path: Path) -> None:
    from aws_cdk import App, Stack, aws_cloudwatch  # noqa: PLC0415  # starts Node, so only when it is needed

    from stacks.constructs.monitoring.dashboard import EnvironmentDashboard  # noqa: PLC0415  # see above

    app = App(outdir=str(tmp_path))
    stack = Stack(app, "Monitoring")
    arns = [f"arn:aws:cloudwatch:eu-central-1:123456789012:alarm:a{number}" for number in range(101)]
    alarms = [aws_cloudwatch.Alarm.from_alarm_arn(stack, f"Alarm{number}", arn) for number, arn in enumerate(arns)]
    EnvironmentDashboard(
        stack, "Dashboard", environment=read_environment("dev"), runtimes=[], functions={}, alarms=alarms
    )
    app.synth()
    (dashboard,) = json.loads((tmp_path / "Monitoring.template.json").read_text())["Resources"].values()
    body = json.dumps(dashboard["Properties"]["DashboardBody"])
    shown = re.findall(r'\\"alarms\\":\[(.*?)\]', body)
    assert [len(re.findall(r"alarm:a\d+", widget)) for widget in shown] == [100, 1]


def test_the_dashboard_shows_each_runtime(ecs: Templates) -> None:
    widgets = dashboard_of(ecs)
    headings = [widget["properties"]["markdown"] for widget in widgets if widget["type"] == "text"]
    assert headings == ["## sdruntime", "## dynamic"]
    for runtime in ("sdruntime", "dynamic"):
        shown = {
            (entry[1], entry[-1].get("stat"))
            for widget in widgets
            for entry in widget["properties"].get("metrics", ())
            if runtime in entry
        }
        for seconds in ("TaskDelaySeconds", "TotalSeconds", "GenerateSeconds"):
            assert {(seconds, "p50"), (seconds, "p95")} <= shown
        assert {name for name, _ in shown} >= {"TasksAccepted", "CallbacksPublished", "BusyShare", "Replicas", "Images"}
        assert {name for name, _ in shown} >= {"TasksHandedBack", "ReplicasVanished"}
        entries = [entry for widget in widgets for entry in widget["properties"].get("metrics", ())]
        finished = {entry[7] for entry in entries if "CallbacksPublished" in entry}
        assert finished == {status.value for status in FINAL_STATUSES}


@pytest.mark.parametrize(
    ("environment", "classes"),
    [("ecs", {"G"}), ("everything", {"G"}), pytest.param("dev", set(), marks=pytest.mark.slow)],
)
def test_the_machines_are_shown_beside_what_the_account_may_have(
    templates_of: TemplatesOf, environment: str, classes: set[str]
) -> None:
    templates = templates_of(environment)
    shown = metrics_of_dashboard(templates)
    assert any(namespace == "AWS/Usage" for namespace, _, _ in shown) == bool(classes)
    nodes = {
        "ecs": ("Darkroom", "Nodes", frozenset({"environment"})),
        "everything": ("Darkroom/everything", "Nodes", frozenset()),
    }
    assert set(nodes.values()) & shown == ({nodes[environment]} if environment in nodes else set())
    body = json.dumps(dashboard_of(templates))
    for letter in classes:
        assert f'"{letter}/Spot"' in body
        assert f'"{letter}/OnDemand"' in body
        assert "SERVICE_QUOTA(used0)" in body


def test_the_dashboard_shows_how_webhooks_go(ecs: Templates) -> None:
    entries = [entry for widget in dashboard_of(ecs) for entry in widget["properties"].get("metrics", ())]
    states = {entry[5] for entry in entries if "WebhookAttempts" in entry}
    assert states == {state.value for state in WebhookState}


def test_a_price_is_shown_where_the_environment_gives_one(ecs: Templates, everything: Templates) -> None:
    titles = [widget["properties"].get("title", "") for widget in dashboard_of(everything)]
    assert "Images per GPU-hour, and cost at 0.75 per GPU-hour (estimate)" in titles
    assert not [widget for widget in dashboard_of(ecs) if "cost" in widget["properties"].get("title", "")]


def test_nothing_of_another_stack_is_held_by_the_stack_that_watches(ecs: Templates) -> None:
    # Only the key of the topics and the table, which others import anyway: an export in use can never be removed.
    imported = re.findall(r'"Fn::ImportValue": "([^"]+)"', json.dumps(ecs.stacks["Monitoring"]))
    assert {re.sub(r".+(TaskTable|TopicKey).+", r"\1", name) for name in imported} == {"TaskTable", "TopicKey"}


def test_the_api_and_the_table_are_those_of_the_environment(ecs: Templates) -> None:
    (api,) = metrics_read(alarms_of(ecs)["HttpApi/api-errors"])
    (rest_api,) = ecs.resources("AWS::ApiGateway::RestApi")
    assert api["Dimensions"] == [{"Name": "ApiName", "Value": rest_api.properties["Name"]}]
    for throttled in metrics_read(alarms_of(ecs)["TaskTable/throttled-table"]):
        dimensions = {item["Name"]: ecs.flat(item["Value"]) for item in throttled["Dimensions"]}
        assert dimensions["TableName"] == "TaskTable"


def test_each_operation_on_the_table_is_watched(everything: Templates) -> None:
    allowed = set(re.findall(r'"dynamodb:(\w+)"', json.dumps(everything.stacks)))
    of_the_stream = {"DescribeStream", "GetRecords", "GetShardIterator", "ListStreams"}
    dimensions = [metric["Dimensions"] for metric in metrics_read(alarms_of(everything)["TaskTable/throttled-table"])]
    watched = {item["Value"] for items in dimensions for item in items if item["Name"] == "Operation"}
    assert watched == allowed - of_the_stream


def test_the_errors_of_function_urls_count_for_the_api(everything: Templates) -> None:
    read = metrics_read(alarms_of(everything)["HttpApi/api-errors"])
    functions = [
        everything.flat(item["Dimensions"][0]["Value"]) for item in read if item["MetricName"] == "Url5xxCount"
    ]
    urls = everything.resources("AWS::Lambda::Url")
    assert functions
    assert len(functions) == len(set(functions)) == len(urls)


def test_a_task_that_can_never_be_settled_counts_in_each_period_of_its_alarm(ecs: Templates) -> None:
    alarm = alarms_of(ecs)["TaskReaper/unsettled-tasks"]
    assert (alarm["MetricName"], alarm["Dimensions"]) == ("SweepFailures", [{"Name": "environment", "Value": "ecs"}])
    # The reaper runs once a minute.
    assert 1000 * (alarm["Period"] - 60) > REAPER_RETRY_MS

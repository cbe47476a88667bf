import json
from typing import Any

import pytest

from contract.routing import runtime_filter_policy
from contract.task import MAX_POLICY_MS
from contract.webhook import PAUSES_SECONDS
from stacks.config import SNS_DEFAULT_MESSAGE_BYTES, Environment
from stacks.config.access import MAX_PUBLISHERS
from tests.infrastructure.conftest import Synthesize
from tests.infrastructure.templates import Templates

SECONDS_PER_DAY = 24 * 3600


def test_topics_are_encrypted_with_a_key_that_rotates(templates: Templates) -> None:
    (key,) = templates.resources("AWS::KMS::Key")
    assert key.properties["EnableKeyRotation"] is True
    account, *others = key.properties["KeyPolicy"]["Statement"]
    (alarms,) = [statement for statement in others if statement.get("Sid") != "Publishers"]
    assert templates.flat(account["Principal"]["AWS"]).endswith(":root")
    assert alarms["Principal"] == {"Service": "cloudwatch.amazonaws.com"}
    assert sorted(alarms["Action"]) == ["kms:Decrypt", "kms:GenerateDataKey"]
    assert "aws:SourceAccount" in alarms["Condition"]["StringEquals"]
    for topic in templates.resources("AWS::SNS::Topic"):
        assert templates.flat(topic.properties["KmsMasterKeyId"]) == "TopicKey.Arn"


def test_topics_refuse_publishing_without_tls(templates: Templates) -> None:
    secured = set()
    for policy in templates.resources("AWS::SNS::TopicPolicy"):
        statement = policy.properties["PolicyDocument"]["Statement"][0]
        assert statement["Effect"] == "Deny"
        assert statement["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}
        assert "sns:Publish" in statement["Action"]
        secured.add(templates.flat(statement["Resource"]))
    of_publishers = {f"EntryTopic{name}" for name in publishers(templates)}
    assert secured == {"EntryTopic", "TaskTopic", "CompletionTopic", "AlarmTopic", *of_publishers}


def publishers(templates: Templates) -> list[str]:
    return [publisher.name.replace("-", "") for publisher in templates.environment.publishers]


def test_only_entry_topics_take_large_messages_and_only_where_they_exist(templates: Templates) -> None:
    sizes = {topic.name: topic.properties.get("MaximumMessageSize") for topic in templates.resources("AWS::SNS::Topic")}
    wanted = templates.environment.entry_topic_bytes
    for name in ("", *publishers(templates)):
        assert sizes.pop(f"EntryTopic{name}") == (None if wanted == SNS_DEFAULT_MESSAGE_BYTES else wanted)
    assert set(sizes.values()) == {None}


def test_queues_are_encrypted_and_refuse_requests_without_tls(templates: Templates) -> None:
    policies = {
        templates.flat(policy.properties["Queues"][0]): policy.properties["PolicyDocument"]["Statement"]
        for policy in templates.resources("AWS::SQS::QueuePolicy")
    }
    for queue in templates.resources("AWS::SQS::Queue"):
        assert queue.properties["SqsManagedSseEnabled"] is True
        deny = policies[queue.name][0]
        assert (deny["Effect"], deny["Action"]) == ("Deny", "sqs:*")
        assert deny["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}


def test_only_its_own_topic_may_send_to_a_queue(templates: Templates) -> None:
    for policy in templates.resources("AWS::SQS::QueuePolicy"):
        queue = templates.flat(policy.properties["Queues"][0])
        allowed = policy.properties["PolicyDocument"]["Statement"][1:]
        if queue == "NotifyFailures" or queue.startswith(("Webhooks", "Batches")):
            assert allowed == []
            continue
        entry_topics = {f"EntryTopic{name}" for name in ("", *publishers(templates))}
        topics = entry_topics if queue.startswith("Intake") else {"TaskTopic"}
        for allow in allowed:
            assert (allow["Effect"], allow["Action"]) == ("Allow", "sqs:SendMessage")
            assert allow["Principal"] == {"Service": "sns.amazonaws.com"}
        assert {templates.flat(allow["Condition"]["ArnEquals"]["aws:SourceArn"]) for allow in allowed} == topics


def test_the_policy_of_a_queue_holds_all_publishers_that_the_file_allows(synthesize: Synthesize) -> None:
    publishers = [
        {"name": f"{number:02}{'publisher' * 4}"[:40], "principal": "123456789012"} for number in range(MAX_PUBLISHERS)
    ]
    runtimes = [{"name": "sdxl", "dynamicModel": True}]
    document = {"name": "e" * 30, "region": "ap-southeast-1", "publishers": publishers, "runtimes": runtimes}
    templates = synthesize(Environment.model_validate(document))
    for name in ("IntakeQueue", "IntakeDeadLetterQueue"):
        (policy,) = [
            item.properties["PolicyDocument"]
            for item in templates.resources("AWS::SQS::QueuePolicy")
            if templates.flat(item.properties["Queues"][0]) == name
        ]
        assert len(policy["Statement"]) <= 20
        assert len(json.dumps(deployed(policy), separators=(",", ":"))) <= 8192


def deployed(value: Any) -> Any:
    """Return a part of a template with names as long as those that CloudFormation gives to queues and topics."""
    match value:
        case {"Fn::GetAtt": [_, "Arn"]}:
            return f"arn:aws:sqs:ap-southeast-1:123456789012:{'q' * 80}"
        case {"Ref": logical_id}:
            name = f"Darkroom-{'e' * 30}-Messaging-{logical_id}-{'r' * 12}"
            return f"arn:aws:sns:ap-southeast-1:123456789012:{name}"
        case dict():
            return {key: deployed(part) for key, part in value.items()}
        case list():
            return [deployed(part) for part in value]
    return value


@pytest.mark.parametrize("low_priority", [False, True])
@pytest.mark.parametrize("name", ["sdruntime", "dynamic"])
def test_a_runtime_gets_its_own_tasks_raw_and_gives_up_after_three_deliveries(
    ecs: Templates, name: str, low_priority: bool
) -> None:
    construct = f"Runtime{name.capitalize()}"
    queue_name = f"{construct}{'LowPriority' if low_priority else ''}Queue"
    queue = ecs.named(queue_name, "AWS::SQS::Queue").properties
    assert ecs.flat(queue["RedrivePolicy"]["deadLetterTargetArn"]) == f"{construct}DeadLetterQueue.Arn"
    assert queue["RedrivePolicy"]["maxReceiveCount"] == 3
    assert queue["VisibilityTimeout"] == 60
    (subscription,) = [
        item.properties
        for item in ecs.resources("AWS::SNS::Subscription")
        if ecs.flat(item.properties["Endpoint"]) == f"{queue_name}.Arn"
    ]
    assert ecs.flat(subscription["TopicArn"]) == "TaskTopic"
    assert subscription["FilterPolicy"] == runtime_filter_policy(name, low_priority=low_priority)
    assert "FilterPolicyScope" not in subscription
    assert subscription["RawMessageDelivery"] is True
    assert ecs.flat(subscription["RedrivePolicy"]["deadLetterTargetArn"]) == f"{construct}DeadLetterQueue.Arn"


def test_the_intake_keeps_the_envelope_and_gives_up_after_five_deliveries(ecs: Templates) -> None:
    queue = ecs.named("IntakeQueue", "AWS::SQS::Queue").properties
    assert ecs.flat(queue["RedrivePolicy"]["deadLetterTargetArn"]) == "IntakeDeadLetterQueue.Arn"
    assert queue["RedrivePolicy"]["maxReceiveCount"] == 5
    (subscription,) = [
        item.properties
        for item in ecs.resources("AWS::SNS::Subscription")
        if ecs.flat(item.properties["TopicArn"]) == "EntryTopic"
    ]
    assert "RawMessageDelivery" not in subscription
    assert "FilterPolicy" not in subscription
    assert ecs.flat(subscription["RedrivePolicy"]["deadLetterTargetArn"]) == "IntakeDeadLetterQueue.Arn"


def test_a_webhook_is_set_aside_after_the_last_attempt_of_its_schedule(ecs: Templates) -> None:
    queue = ecs.named("WebhooksQueue", "AWS::SQS::Queue").properties
    assert ecs.flat(queue["RedrivePolicy"]["deadLetterTargetArn"]) == "WebhooksDeadLetterQueue.Arn"
    assert queue["RedrivePolicy"]["maxReceiveCount"] == len(PAUSES_SECONDS) + 1


def test_no_queue_forgets_a_task_that_may_still_run(templates: Templates) -> None:
    for queue in templates.resources("AWS::SQS::Queue"):
        retention_seconds = queue.properties["MessageRetentionPeriod"]
        if "RedrivePolicy" in queue.properties:
            assert retention_seconds * 1000 > MAX_POLICY_MS
            # A message keeps its age on the way to the dead-letter queue.
            assert retention_seconds < 14 * SECONDS_PER_DAY
        else:
            assert retention_seconds == 14 * SECONDS_PER_DAY


def test_a_queue_waits_six_times_as_long_as_the_function_that_it_feeds(templates: Templates) -> None:
    functions = {function.name: function for function in templates.functions}
    queues = {f"{queue.name}.Arn": queue for queue in templates.resources("AWS::SQS::Queue")}
    fed = 0
    for mapping in templates.resources("AWS::Lambda::EventSourceMapping"):
        queue = queues.get(templates.flat(mapping.properties["EventSourceArn"]))
        if queue:
            function = functions[templates.flat(mapping.properties["FunctionName"])]
            assert queue.properties["VisibilityTimeout"] >= 6 * function.properties["Timeout"]
            fed += 1
    assert fed == 4 + len(templates.environment.runtimes)


def test_callbacks_go_to_the_subscribers_of_the_environment_with_their_filters(everything: Templates) -> None:
    subscriptions = {
        item.properties["Endpoint"]: item.properties
        for item in everything.resources("AWS::SNS::Subscription")
        if everything.flat(item.properties["TopicArn"]) == "CompletionTopic"
    }
    assert {endpoint: (item["Protocol"], item.get("FilterPolicy")) for endpoint, item in subscriptions.items()} == {
        "https://shop.example/pictures": (
            "https",
            {"status": ["completed"], "runtime": ["sd-xl"], "tasktype": ["text-to-image", "image-to-image", "batch"]},
        ),
        "arn:aws:sqs:eu-central-1:210987654321:pictures": ("sqs", None),
        "arn:aws:lambda:eu-central-1:123456789012:function:pictures": ("lambda", None),
        "pictures@shop.example": ("email", {"status": ["failed", "timed_out"], "tenant": ["shop"]}),
    }


def test_the_completion_topic_may_call_a_function_that_is_subscribed(everything: Templates) -> None:
    permissions = {
        everything.flat(item.properties["SourceArn"]): item.properties["FunctionName"].rpartition(":")[2]
        for item in everything.resources("AWS::Lambda::Permission")
        if item.properties["Principal"] == "sns.amazonaws.com"
    }
    assert permissions == {"CompletionTopic": "pictures", "AlarmTopic": "page"}

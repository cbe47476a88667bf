"""Stacks as a whole: names, outputs, retention, tags, and independence of account and region."""

import json
import re
from typing import Any

import pytest

from stacks.config import Environment, RuntimeConfig
from stacks.config.runtime import MAX_RUNTIMES
from tests.infrastructure.conftest import Synthesize, TemplatesOf
from tests.infrastructure.templates import Templates, without_hash
from tests.permissions.grants import CALLED_BY_OTHERS, components

#: Logical ids of stateful resources. A renamed id makes CloudFormation replace the resource by an empty one. Change a
#: line here only with a plan for the resource's content.
STATEFUL_RESOURCES = {
    "Storage": {
        "AccessLogBucketDA470295": "AWS::S3::Bucket",
        "ModelBucketB33D855B": "AWS::S3::Bucket",
        "OutputBucket7114EB27": "AWS::S3::Bucket",
        "TaskBucketFEC5F2D0": "AWS::S3::Bucket",
        "TaskTable22070546": "AWS::DynamoDB::Table",
    },
    "Messaging": {
        "CompletionTopic50E1DF26": "AWS::SNS::Topic",
        "EntryTopic2D280BE0": "AWS::SNS::Topic",
        "IntakeDeadLetterQueueA5C12DB5": "AWS::SQS::Queue",
        "IntakeQueue6FB53B87": "AWS::SQS::Queue",
        "RuntimeDynamicDeadLetterQueueD09468AD": "AWS::SQS::Queue",
        "RuntimeDynamicLowPriorityQueue9108D448": "AWS::SQS::Queue",
        "RuntimeDynamicQueue2CE3B4A9": "AWS::SQS::Queue",
        "RuntimeSdruntimeDeadLetterQueue67B42B71": "AWS::SQS::Queue",
        "RuntimeSdruntimeLowPriorityQueue2C36CAF6": "AWS::SQS::Queue",
        "RuntimeSdruntimeQueueFC1CDE32": "AWS::SQS::Queue",
        "TaskTopic85B90E1D": "AWS::SNS::Topic",
        "TopicKeyB2E0C9CB": "AWS::KMS::Key",
    },
    "Api": {
        "ApiKeysdefaultsecretF4228A8D": "AWS::SecretsManager::Secret",
        "BatchesDeadLetterQueue4FD6A0C4": "AWS::SQS::Queue",
        "BatchesQueue46024A5C": "AWS::SQS::Queue",
        "HttpApi4E1D4184": "AWS::ApiGateway::RestApi",
        "NotifyFailures4CEDAE26": "AWS::SQS::Queue",
        "WebhooksDeadLetterQueue1C65998B": "AWS::SQS::Queue",
        "WebhooksQueueCBC86013": "AWS::SQS::Queue",
        "Webhooksdefaultsecret6199DE98": "AWS::SecretsManager::Secret",
    },
    "Monitoring": {"AlarmTopicD01E77F9": "AWS::SNS::Topic"},
}
RETAINED = {
    "AWS::DynamoDB::Table",
    "AWS::KMS::Key",
    "AWS::Logs::LogGroup",
    "AWS::S3::Bucket",
    "AWS::SecretsManager::Secret",
}


def test_what_holds_something_keeps_its_logical_id(ecs: Templates) -> None:
    types = {type_ for resources in STATEFUL_RESOURCES.values() for type_ in resources.values()}
    found: dict[str, dict[str, str]] = {}
    for resource in ecs.resources(*types):
        found.setdefault(resource.stack, {})[resource.logical_id] = resource.type
    assert found == STATEFUL_RESOURCES


def test_what_others_know_is_an_output(ecs: Templates) -> None:
    assert ecs.outputs("Storage").keys() == {"ModelBucketName", "TaskBucketName", "OutputBucketName", "TaskTableName"}
    assert ecs.outputs("Messaging").keys() == {
        "EntryTopicArn",
        "TaskTopicArn",
        "CompletionTopicArn",
        "RuntimeSdruntimeQueueUrl",
        "RuntimeSdruntimeLowPriorityQueueUrl",
        "RuntimeSdruntimeDeadLetterQueueUrl",
        "RuntimeDynamicQueueUrl",
        "RuntimeDynamicLowPriorityQueueUrl",
        "RuntimeDynamicDeadLetterQueueUrl",
    }
    assert ecs.outputs("Api").keys() == {
        "HttpUrl",
        "ApiKeySecretArn",
        "ApiKeySecretArns",
        "WebhookSecretArn",
        "WebhookDeadLetterQueueUrl",
    }
    assert ecs.outputs("Monitoring").keys() == {"AlarmTopicArn"}


def test_outputs_name_the_right_things(everything: Templates) -> None:
    outputs = {
        name: everything.flat(body["Value"])
        for stack in everything.stacks
        for name, body in everything.outputs(stack).items()
    }
    assert (
        outputs.items()
        >= {
            "ModelBucketName": "ModelBucket",
            "TaskBucketName": "TaskBucket",
            "OutputBucketName": "OutputBucket",
            "TaskTableName": "TaskTable",
            "EntryTopicArn": "EntryTopic",
            "TaskTopicArn": "TaskTopic",
            "CompletionTopicArn": "CompletionTopic",
            "RuntimeSdXlQueueUrl": "RuntimeSdXlQueue",
            "RuntimeSdXlLowPriorityQueueUrl": "RuntimeSdXlLowPriorityQueue",
            "RuntimeSdXlDeadLetterQueueUrl": "RuntimeSdXlDeadLetterQueue",
            "AlarmTopicArn": "AlarmTopic",
            "HttpUrl": "https://HttpApi.execute-api.eu-central-1.AWS::URLSuffix/HttpApiDeploymentStageapi",
            "ApiKeySecretArn": "ApiKeysshopsecret",
            "WebhookSecretArn": "Webhooksshopsecret",
            "WebhookDeadLetterQueueUrl": "WebhooksDeadLetterQueue",
            "McpFunctionUrl": "McpApiFunctionUrl.FunctionUrl",
            "OpenaiFunctionUrl": "OpenaiApiFunctionUrl.FunctionUrl",
            "RunpodFunctionUrl": "RunpodApiFunctionUrl.FunctionUrl",
            "WebuiFunctionUrl": "WebuiApiFunctionUrl.FunctionUrl",
            "ClusterName": "KubernetesCluster",
            "RuntimeLogGroup": "LogsRuntimeLogs",
        }.items()
    )


def test_removal_is_the_environments_choice(templates: Templates) -> None:
    policy = {"retain": ("RetainExceptOnCreate", "Retain"), "destroy": ("Delete", "Delete")}
    for resource in templates.resources(*RETAINED):
        found = resource.body["DeletionPolicy"], resource.body["UpdateReplacePolicy"]
        assert found == policy[templates.environment.removal_policy], resource.logical_id


#: Look-ups of outputs in one template. CloudFormation makes them one by one, and 75 were reported to be throttled.
MAX_LOOK_UPS = 25


def test_a_template_looks_up_few_values_of_other_stacks(templates: Templates) -> None:
    for stack, template in templates.stacks.items():
        assert json.dumps(template).count('"Fn::GetStackOutput"') <= MAX_LOOK_UPS, stack


def test_every_taggable_thing_names_its_environment(everything: Templates) -> None:
    for resource in everything.resources("AWS::S3::Bucket", "AWS::SQS::Queue", "AWS::Lambda::Function"):
        tags = {tag["Key"]: tag["Value"] for tag in resource.properties["Tags"]}
        assert tags == {"darkroom:environment": "everything", "team": "pictures"}


def test_what_a_partition_does_not_tag_has_no_tags(templates: Templates) -> None:
    mappings = templates.resources("AWS::Lambda::EventSourceMapping")
    assert mappings
    for mapping in mappings:
        assert ("Tags" in mapping.properties) == (templates.environment.partition != "aws-cn")


def test_every_role_is_compared_with_its_calls_or_said_to_be_used_by_others(templates: Templates) -> None:
    for template in templates.stacks.values():
        compared = {role for _, role in components(template["Resources"])}
        for name, resource in template["Resources"].items():
            if resource["Type"] == "AWS::IAM::Role":
                patterns = [pattern for pattern in CALLED_BY_OTHERS if pattern.fullmatch(without_hash(name))]
                assert len(patterns) + (name in compared) == 1, name


def test_no_exception_is_left_for_a_role_that_no_longer_exists(everything: Templates, ecs: Templates) -> None:
    roles = {role.name for templates in (everything, ecs) for role in templates.resources("AWS::IAM::Role")}
    assert [pattern for pattern in CALLED_BY_OTHERS if not any(pattern.fullmatch(role) for role in roles)] == []


def test_two_environments_share_no_name(everything: Templates, ecs: Templates) -> None:
    assert not {file.name for file in everything.files} & {file.name for file in ecs.files}


def test_no_resource_has_a_name_of_its_own(templates: Templates) -> None:
    # A fixed name prevents the replacement of the resource, and a second environment.
    named = {
        "AWS::DynamoDB::Table": "TableName",
        "AWS::IAM::Role": "RoleName",
        "AWS::Lambda::Function": "FunctionName",
        "AWS::Logs::LogGroup": "LogGroupName",
        "AWS::S3::Bucket": "BucketName",
        "AWS::SecretsManager::Secret": "Name",
        "AWS::SNS::Topic": "TopicName",
        "AWS::SQS::Queue": "QueueName",
    }
    # Where API Gateway and the CDK's functions write their logs is not ours to choose.
    free = [
        resource
        for resource in templates.resources(*named)
        if not resource.name.startswith("Kubernetes") and resource.name != "HttpExecutionLogs"
    ]
    for resource in free:
        assert named[resource.type] not in resource.properties, resource.logical_id


@pytest.mark.slow
def test_arns_are_not_tied_to_a_partition_account_or_region(templates_of: TemplatesOf) -> None:
    text = json.dumps(templates_of("dev").stacks)
    assert not re.findall(r"arn:aws[a-z-]*:[^\"]*", text)
    assert "amazonaws.com.cn" not in text
    assert not re.findall(r"[^0-9a-fA-F]\d{12}[^0-9a-fA-F]", text)


@pytest.mark.slow
def test_another_partition_gets_its_own_arns(templates_of: TemplatesOf, synthesize: Synthesize) -> None:
    dev = templates_of("dev")
    where = {"name": "china", "account": "123456789012", "region": "cn-north-1"}
    china = synthesize(dev.environment.model_copy(update=where))
    assert "arn:aws:" not in json.dumps(china.stacks)


@pytest.mark.slow
@pytest.mark.parametrize("kept", ["sdruntime", "dynamic"])
def test_taking_a_runtime_out_touches_nothing_of_the_others(
    templates_of: TemplatesOf, synthesize: Synthesize, kept: str
) -> None:
    dev = templates_of("dev")
    runtimes = tuple(runtime for runtime in dev.environment.runtimes if runtime.name == kept)
    smaller = synthesize(dev.environment.model_copy(update={"runtimes": runtimes}))
    assert smaller.stacks["Storage"] == dev.stacks["Storage"]
    # Only the catalogue in the functions' environment changes outside the messaging stack: no export is missed.
    assert without_catalogue(smaller.stacks["Api"], smaller) == without_catalogue(dev.stacks["Api"], dev)
    before = dev.stacks["Messaging"]["Resources"]
    after = smaller.stacks["Messaging"]["Resources"]
    changed = {name for name in after if after[name] != before.get(name)}
    assert {name.rstrip("0123456789ABCDEF") for name in changed} <= {"FailDeadLettersRoleDefaultPolicy"}
    exports = [
        name for name in dev.stacks["Messaging"]["Outputs"] if "Export" in dev.stacks["Messaging"]["Outputs"][name]
    ]
    assert all(name in smaller.stacks["Messaging"]["Outputs"] for name in exports)


def without_catalogue(template: dict[str, Any], templates: Templates) -> Any:
    catalogue = json.dumps(templates.environment.catalogue_json)
    return json.loads(json.dumps(template).replace(catalogue, '"RUNTIMES"'))


@pytest.mark.slow
def test_the_order_of_runtimes_changes_no_name(templates_of: TemplatesOf, synthesize: Synthesize) -> None:
    dev = templates_of("dev")
    runtimes: tuple[RuntimeConfig, ...] = tuple(reversed(dev.environment.runtimes))
    turned = synthesize(dev.environment.model_copy(update={"runtimes": runtimes}))
    assert turned.stacks["Messaging"]["Resources"].keys() == dev.stacks["Messaging"]["Resources"].keys()


@pytest.mark.slow  # it synthesizes the largest environment
def test_the_names_of_all_runtimes_that_the_file_allows_fit_into_a_parameter(synthesize: Synthesize) -> None:
    runtimes = [{"name": f"r{number}", "dynamicModel": True} for number in range(MAX_RUNTIMES)]
    document = {"name": "e" * 30, "region": "eu-central-1", "runtimes": runtimes}
    templates = synthesize(Environment.model_validate(document))
    lists = {
        name: output["Value"]["Fn::Join"][1]
        for template in templates.stacks.values()
        for name, output in template.get("Outputs", {}).items()
        if name.startswith("SharedNamesOf")
    }
    assert {"SharedNamesOfMessaging", "SharedNamesOfApi"} == set(lists)
    # SQS's longest name and a comma. Of the other names, those of log groups are nine characters longer at most.
    sizes = {name: len(names) * 81 for name, names in lists.items()}
    assert all(size <= 8_192 for size in sizes.values()), sizes

"""Provisioning of templates on a real moto server."""

import json
from typing import Any
from uuid import uuid4

import pytest

from local.aws.clients import LocalAwsClients
from local.cloudformation.errors import TemplateError
from local.cloudformation.synthesis import SynthesizedStack
from local.provisioning.provisioner import Provisioned, provision

RESOURCES: dict[str, Any] = {
    "Bucket": {"Type": "AWS::S3::Bucket", "Properties": {"BucketEncryption": {}, "Tags": []}},
    "Table": {
        "Type": "AWS::DynamoDB::Table",
        "Properties": {
            "AttributeDefinitions": [
                {"AttributeName": "id", "AttributeType": "S"},
                {"AttributeName": "runtime", "AttributeType": "S"},
            ],
            "KeySchema": [{"AttributeName": "id", "KeyType": "HASH"}],
            "BillingMode": "PAY_PER_REQUEST",
            "GlobalSecondaryIndexes": [
                {
                    "IndexName": "by-runtime",
                    "KeySchema": [{"AttributeName": "runtime", "KeyType": "HASH"}],
                    "Projection": {"ProjectionType": "KEYS_ONLY"},
                }
            ],
            "StreamSpecification": {"StreamViewType": "NEW_AND_OLD_IMAGES"},
            "TimeToLiveSpecification": {"AttributeName": "expires_at", "Enabled": True},
            "PointInTimeRecoverySpecification": {"PointInTimeRecoveryEnabled": True},
        },
    },
    "Key": {"Type": "AWS::KMS::Key", "Properties": {"KeyPolicy": {}, "EnableKeyRotation": True}},
    "Topic": {"Type": "AWS::SNS::Topic", "Properties": {"KmsMasterKeyId": {"Fn::GetAtt": ["Key", "Arn"]}}},
    "DeadLetters": {"Type": "AWS::SQS::Queue"},
    "Queue": {
        "Type": "AWS::SQS::Queue",
        "Properties": {
            "VisibilityTimeout": 42,
            "RedrivePolicy": {"deadLetterTargetArn": {"Fn::GetAtt": ["DeadLetters", "Arn"]}, "maxReceiveCount": 3},
            "SqsManagedSseEnabled": True,
        },
    },
    "Subscription": {
        "Type": "AWS::SNS::Subscription",
        "Properties": {
            "TopicArn": {"Ref": "Topic"},
            "Protocol": "sqs",
            "Endpoint": {"Fn::GetAtt": ["Queue", "Arn"]},
            "RawMessageDelivery": True,
            "FilterPolicy": {"runtime": ["one"]},
        },
    },
    "Secret": {
        "Type": "AWS::SecretsManager::Secret",
        "Properties": {"GenerateSecretString": {"PasswordLength": 40, "ExcludePunctuation": True}},
    },
    "ApiKey": {
        "Type": "AWS::ApiGateway::ApiKey",
        "Properties": {"Value": {"Fn::Sub": "{{resolve:secretsmanager:${Secret}:SecretString:::}}"}},
    },
}
OUTPUTS = {name: {"Value": {"Ref": name}} for name in ("Bucket", "Table", "Topic", "Queue", "Secret")}


@pytest.fixture(scope="module")
def provisioned(clients: LocalAwsClients) -> Provisioned:
    template = {"Resources": RESOURCES, "Outputs": OUTPUTS}
    return provision([SynthesizedStack(f"Stack-{uuid4().hex[:6]}", template)], clients)


def test_buckets_hold_objects(clients: LocalAwsClients, provisioned: Provisioned) -> None:
    bucket = provisioned.outputs["Bucket"]
    clients("s3").put_object(Bucket=bucket, Key="a", Body=b"1")
    assert clients("s3").get_object(Bucket=bucket, Key="a")["Body"].read() == b"1"


def test_tables_have_indexes_stream_and_time_to_live(clients: LocalAwsClients, provisioned: Provisioned) -> None:
    name = provisioned.outputs["Table"]
    table = clients("dynamodb").describe_table(TableName=name)["Table"]
    assert [index["IndexName"] for index in table["GlobalSecondaryIndexes"]] == ["by-runtime"]
    assert table["StreamSpecification"] == {"StreamEnabled": True, "StreamViewType": "NEW_AND_OLD_IMAGES"}
    described = clients("dynamodb").describe_time_to_live(TableName=name)["TimeToLiveDescription"]
    assert described["AttributeName"] == "expires_at"


def test_queues_have_their_attributes(clients: LocalAwsClients, provisioned: Provisioned) -> None:
    answer = clients("sqs").get_queue_attributes(QueueUrl=provisioned.outputs["Queue"], AttributeNames=["All"])
    attributes = answer["Attributes"]
    assert attributes["VisibilityTimeout"] == "42"
    assert json.loads(attributes["RedrivePolicy"])["maxReceiveCount"] == 3


def test_secrets_are_generated_and_resolved(clients: LocalAwsClients, provisioned: Provisioned) -> None:
    text = clients("secretsmanager").get_secret_value(SecretId=provisioned.outputs["Secret"])["SecretString"]
    assert len(text) == 40
    (key,) = provisioned.of_type("AWS::ApiGateway::ApiKey")
    assert key.resource.properties["Value"] == text


def test_what_aws_refuses_names_the_resource(clients: LocalAwsClients) -> None:
    cors = {"CorsRules": [{"AllowedMethods": ["NONE"], "AllowedOrigins": ["*"]}]}
    template = {"Resources": {"Bucket": {"Type": "AWS::S3::Bucket", "Properties": {"CorsConfiguration": cors}}}}
    with pytest.raises(TemplateError, match="Stack/Bucket"):
        provision([SynthesizedStack("Stack", template)], clients)


def test_subscribers_that_moto_cannot_reach_are_refused(clients: LocalAwsClients) -> None:
    properties = {"TopicArn": "arn:t", "Protocol": "lambda", "Endpoint": "arn:f"}
    template = {"Resources": {"Subscription": {"Type": "AWS::SNS::Subscription", "Properties": properties}}}
    with pytest.raises(TemplateError, match="does not deliver to lambda"):
        provision([SynthesizedStack("Stack", template)], clients)

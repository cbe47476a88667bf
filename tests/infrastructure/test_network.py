"""The network of the GPUs: private, and with short ways to the services that replicas call."""

from typing import Any

import pytest

from tests.infrastructure.conftest import TemplatesOf
from tests.infrastructure.templates import Templates


def endpoints(templates: Templates) -> dict[str, str]:
    """Return the endpoints' kinds by service, such as `sqs`."""
    found = {}
    for endpoint in templates.resources("AWS::EC2::VPCEndpoint"):
        service = templates.flat(endpoint.properties["ServiceName"])
        found[service.split("AWS::Region.")[-1].split("eu-central-1.")[-1]] = endpoint.properties["VpcEndpointType"]
    return found


def test_no_instance_gets_a_public_address(everything: Templates) -> None:
    subnets = everything.resources("AWS::EC2::Subnet")
    assert len(subnets) == 4
    assert all(subnet.properties["MapPublicIpOnLaunch"] is False for subnet in subnets)


def test_the_private_subnets_are_as_large_as_there_is_room(everything: Templates) -> None:
    sizes = {subnet.name: subnet.properties["CidrBlock"] for subnet in everything.resources("AWS::EC2::Subnet")}
    assert sizes["NetworkVpcPublicSubnet1Subnet"] == "10.20.0.0/26"
    assert {cidr.partition("/")[2] for name, cidr in sizes.items() if "Private" in name} == {"18"}


GATEWAYS = {"s3": "Gateway", "dynamodb": "Gateway"}


def test_interface_endpoints_are_the_environments_choice(everything: Templates) -> None:
    interfaces = dict.fromkeys(("sqs", "sns", "ecr.api", "ecr.dkr", "logs", "sts"), "Interface")
    assert endpoints(everything) == GATEWAYS | interfaces


def test_s3_and_dynamodb_are_always_reached_for_nothing(ecs: Templates) -> None:
    assert endpoints(ecs) == GATEWAYS


def test_endpoints_answer_to_the_network_alone(everything: Templates) -> None:
    (group,) = [g for g in everything.resources("AWS::EC2::SecurityGroup") if g.stack == "Network"]
    (rule,) = group.properties["SecurityGroupIngress"]
    assert (rule["CidrIp"], rule["FromPort"], rule["ToPort"]) == ("10.20.0.0/16", 443, 443)


def test_each_zone_has_its_nat_gateway_if_the_environment_says_so(everything: Templates, ecs: Templates) -> None:
    assert len(everything.resources("AWS::EC2::NatGateway")) == 2
    assert len(ecs.resources("AWS::EC2::NatGateway")) == 1


def test_flows_are_logged_for_as_long_as_the_environment_says(everything: Templates) -> None:
    (flow_log,) = everything.resources("AWS::EC2::FlowLog")
    assert flow_log.properties["TrafficType"] == "ALL"
    group = everything.named(everything.flat(flow_log.properties["LogGroupName"]), "AWS::Logs::LogGroup")
    assert group.properties["RetentionInDays"] == everything.environment.log_retention_days


def publishers_statements(templates: Templates, type_: str, document: str) -> list[dict[str, Any]]:
    return [
        statement
        for resource in templates.resources(type_)
        for statement in resource.properties.get(document, {}).get("Statement", [])
        if statement.get("Sid") == "Publishers"
    ]


ACCOUNT, ROLE = "arn:aws:iam::210987654321:root", "arn:aws:iam::123456789012:role/batch-producer"


def test_each_publisher_may_post_to_its_own_topic_and_use_the_key(everything: Templates) -> None:
    topics = publishers_statements(everything, "AWS::SNS::TopicPolicy", "PolicyDocument")
    allowed = {everything.flat(topic["Resource"]): everything.flat(topic["Principal"]["AWS"]) for topic in topics}
    assert allowed == {"EntryTopic210987654321": ACCOUNT, "EntryTopicbatchproducer": ROLE}
    (key,) = publishers_statements(everything, "AWS::KMS::Key", "KeyPolicy")
    assert key["Condition"] == {"StringEquals": {"kms:ViaService": key["Condition"]["StringEquals"]["kms:ViaService"]}}
    assert {everything.flat(principal) for principal in key["Principal"]["AWS"]} == {ACCOUNT, ROLE}


@pytest.mark.slow
def test_publishers_of_another_partition_keep_their_arns(templates_of: TemplatesOf) -> None:
    china = publishers_statements(templates_of("eks-china"), "AWS::SNS::TopicPolicy", "PolicyDocument")
    assert "arn:aws-cn:iam::210987654321:role/shop" in [topic["Principal"]["AWS"] for topic in china]


@pytest.mark.slow
def test_an_existing_model_bucket_is_neither_made_nor_changed(templates_of: TemplatesOf) -> None:
    existing = templates_of("existing")
    assert "ModelBucket" not in {
        bucket.name for bucket in existing.resources("AWS::S3::Bucket", "AWS::S3::BucketPolicy")
    }
    assert existing.outputs("Storage")["ModelBucketName"]["Value"] == "models-of-everyone"
    variables = existing.function("submit_task").properties["Environment"]["Variables"]
    assert variables["MODEL_BUCKET"] == "models-of-everyone"

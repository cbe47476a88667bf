"""The network of the GPUs: private, and with short ways to the services that replicas call."""

from typing import Any

import pytest


@pytest.fixture
def example(templates_of: Any) -> Any:
    return templates_of("example")


def endpoints(templates: Any) -> dict[str, str]:
    """Return the endpoints' kinds by service, such as `sqs`."""
    found = {}
    for endpoint in templates.resources("AWS::EC2::VPCEndpoint"):
        service = templates.flat(endpoint.properties["ServiceName"])
        found[service.split("AWS::Region.")[-1].split("eu-central-1.")[-1]] = endpoint.properties["VpcEndpointType"]
    return found


def test_no_instance_gets_a_public_address(example: Any) -> None:
    subnets = example.resources("AWS::EC2::Subnet")
    assert len(subnets) == 4
    assert all(subnet.properties["MapPublicIpOnLaunch"] is False for subnet in subnets)


def test_the_private_subnets_are_as_large_as_there_is_room(example: Any) -> None:
    sizes = {subnet.name: subnet.properties["CidrBlock"] for subnet in example.resources("AWS::EC2::Subnet")}
    assert sizes["NetworkVpcPublicSubnet1Subnet"] == "10.20.0.0/26"
    assert {cidr.partition("/")[2] for name, cidr in sizes.items() if "Private" in name} == {"18"}


def test_s3_and_dynamodb_are_reached_for_nothing_and_others_by_choice(example: Any, templates_of: Any) -> None:
    gateways = {"s3": "Gateway", "dynamodb": "Gateway"}
    assert endpoints(templates_of("eks")) == gateways
    interfaces = dict.fromkeys(("sqs", "sns", "ecr.api", "ecr.dkr", "logs", "sts"), "Interface")
    assert endpoints(example) == gateways | interfaces


def test_endpoints_answer_to_the_network_alone(example: Any) -> None:
    (group,) = [g for g in example.resources("AWS::EC2::SecurityGroup") if g.stack == "Network"]
    (rule,) = group.properties["SecurityGroupIngress"]
    assert (rule["CidrIp"], rule["FromPort"], rule["ToPort"]) == ("10.20.0.0/16", 443, 443)


def test_each_zone_has_its_nat_gateway_if_the_environment_says_so(example: Any, templates_of: Any) -> None:
    assert len(example.resources("AWS::EC2::NatGateway")) == 2
    assert len(templates_of("eks").resources("AWS::EC2::NatGateway")) == 1


def test_flows_are_logged_for_as_long_as_the_environment_says(example: Any) -> None:
    (flow_log,) = example.resources("AWS::EC2::FlowLog")
    assert flow_log.properties["TrafficType"] == "ALL"
    group = example.named(example.flat(flow_log.properties["LogGroupName"]), "AWS::Logs::LogGroup")
    assert group.properties["RetentionInDays"] == example.environment.log_retention_days


def test_publishers_may_post_to_the_entry_topic_and_use_its_key(example: Any, templates_of: Any) -> None:
    def statement_of(templates: Any, type_: str, document: str) -> dict[str, Any]:
        (statement,) = [
            statement
            for resource in templates.resources(type_)
            for statement in resource.properties.get(document, {}).get("Statement", [])
            if statement.get("Sid") == "Publishers"
        ]
        found: dict[str, Any] = statement
        return found

    topic = statement_of(example, "AWS::SNS::TopicPolicy", "PolicyDocument")
    assert (topic["Action"], example.flat(topic["Resource"])) == ("sns:Publish", "EntryTopic")
    key = statement_of(example, "AWS::KMS::Key", "KeyPolicy")
    assert key["Condition"] == {"StringEquals": {"kms:ViaService": key["Condition"]["StringEquals"]["kms:ViaService"]}}
    for statement in (topic, key):
        names = {example.flat(principal) for principal in statement["Principal"]["AWS"]}
        assert names == {
            "arn:aws:iam::210987654321:root",
            "arn:aws:iam::123456789012:role/batch-producer",
        }
    china = statement_of(templates_of("eks-china"), "AWS::SNS::TopicPolicy", "PolicyDocument")
    assert "arn:aws-cn:iam::210987654321:role/shop" in china["Principal"]["AWS"]


def test_an_existing_model_bucket_is_neither_made_nor_changed(templates_of: Any) -> None:
    existing = templates_of("existing")
    assert "ModelBucket" not in {
        bucket.name for bucket in existing.resources("AWS::S3::Bucket", "AWS::S3::BucketPolicy")
    }
    assert existing.outputs("Storage")["ModelBucketName"]["Value"] == "models-of-everyone"
    variables = existing.function("submit_task").properties["Environment"]["Variables"]
    assert variables["MODEL_BUCKET"] == "models-of-everyone"

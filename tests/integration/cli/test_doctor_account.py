"""The doctor's checks against an emulated account, before and after there is what they look for."""

import json
from collections.abc import Iterator
from functools import cache, partial
from typing import Any

import boto3
import pytest

from cli.doctor import account, deployed, images_and_models, network, removal, stacks
from cli.doctor.finding import Clients, DoctorCheck, Finding
from cli.doctor.runner import examine
from stacks.config import Environment
from tests.harness.aws_endpoint import serve_aws

pytestmark = pytest.mark.slow

REGION = "eu-central-1"
IMAGE = f"123456789012.dkr.ecr.{REGION}.amazonaws.com/darkroom:1.4.0"
#: An emulated stack with what the checks read: a bucket, a topic and a cluster of ECS.
TEMPLATE = {
    "Resources": {
        "OutputBucket": {"Type": "AWS::S3::Bucket"},
        "Alarms": {"Type": "AWS::SNS::Topic"},
        "Cluster": {"Type": "AWS::ECS::Cluster", "Properties": {"ClusterName": "darkroom-mine"}},
    },
    "Outputs": {"AlarmTopicArn": {"Value": {"Ref": "Alarms"}}, "ClusterName": {"Value": "darkroom-mine"}},
}


@pytest.fixture(scope="module")
def clients() -> Iterator[Clients]:
    with serve_aws() as url:
        session = boto3.Session("testing", "testing", region_name=REGION)
        yield cache(lambda service: session.client(service, endpoint_url=url))


def environment(**changes: Any) -> Environment:
    document: dict[str, Any] = {
        "name": "mine",
        "region": REGION,
        "engine": "ecs",
        "removalPolicy": "destroy",
        "network": {"zones": [f"{REGION}a", f"{REGION}b"]},
        "runtimes": [{"name": "sdxl", "dynamicModel": True, "image": IMAGE}],
    }
    return Environment.model_validate(document | changes)


def found(run: Any, clients: Clients, examined: Environment | None = None) -> list[Finding]:
    return list(examine(DoctorCheck("check", run), examined or environment(), clients))


def levels(run: Any, clients: Clients, examined: Environment | None = None) -> list[str]:
    return [finding.level.value for finding in found(run, clients, examined)]


def test_the_role_of_a_service(clients: Clients) -> None:
    assert levels(account.check_service_roles, clients) == ["warning"]
    clients("iam").create_role(RoleName="AWSServiceRoleForECS", AssumeRolePolicyDocument="{}")
    assert levels(account.check_service_roles, clients) == ["ok"]


def test_a_secret(clients: Clients) -> None:
    missing = f"arn:aws:secretsmanager:{REGION}:123456789012:secret:hub-AbCdEf"
    created = clients("secretsmanager").create_secret(Name="hub", SecretString="x")["ARN"]
    for arn, level in ((missing, "problem"), (created, "ok")):
        runtime = {"name": "sdxl", "dynamicModel": True, "image": IMAGE, "secrets": {"HF_TOKEN": arn}}
        assert levels(account.check_secrets, clients, environment(runtimes=[runtime])) == [level]


def test_an_image(clients: Clients) -> None:
    assert levels(images_and_models.check_images, clients) == ["problem"]
    clients("ecr").create_repository(repositoryName="darkroom")
    media_type = "application/vnd.oci.image.manifest.v1+json"
    manifest = {"schemaVersion": 2, "mediaType": media_type, "config": {"digest": "sha256:0"}, "layers": []}
    clients("ecr").put_image(repositoryName="darkroom", imageManifest=json.dumps(manifest), imageTag="1.4.0")
    assert levels(images_and_models.check_images, clients) == ["ok"]


def test_the_subnets_of_an_existing_network(clients: Clients) -> None:
    ec2 = clients("ec2")
    vpc = ec2.create_vpc(CidrBlock="10.9.0.0/16")["Vpc"]["VpcId"]
    zones = [f"{REGION}a", f"{REGION}b"]
    subnets = [
        ec2.create_subnet(VpcId=vpc, CidrBlock=f"10.9.{number}.0/24", AvailabilityZone=zone)["Subnet"]["SubnetId"]
        for number, zone in enumerate(zones)
    ]
    existing = {"vpcId": vpc, "subnetIds": subnets, "zones": zones}
    assert levels(network.check_network, clients, environment(network=existing)) == ["ok", "warning", "warning"]

    gateway = ec2.create_internet_gateway()["InternetGateway"]["InternetGatewayId"]
    ec2.attach_internet_gateway(InternetGatewayId=gateway, VpcId=vpc)
    address = ec2.allocate_address(Domain="vpc")["AllocationId"]
    nat = ec2.create_nat_gateway(SubnetId=subnets[0], AllocationId=address)["NatGateway"]["NatGatewayId"]
    of_network = [{"Name": "vpc-id", "Values": [vpc]}]
    main = ec2.describe_route_tables(Filters=of_network)["RouteTables"][0]["RouteTableId"]
    ec2.create_route(RouteTableId=main, DestinationCidrBlock="0.0.0.0/0", NatGatewayId=nat)
    assert levels(network.check_network, clients, environment(network=existing)) == ["ok", "ok", "ok"]

    exchanged = existing | {"zones": zones[::-1]}
    assert levels(network.check_network, clients, environment(network=exchanged)) == ["ok", "problem", "problem"]


def test_stacks_subscriptions_nodes_and_what_blocks_a_removal(clients: Clients) -> None:
    assert levels(stacks.check_stacks, clients) == ["ok"]

    names = stacks.names_of_stacks(environment())
    for name in names:
        template = TEMPLATE if name == "Ecs" else {"Resources": {f"{name}Bucket": {"Type": "AWS::S3::Bucket"}}}
        clients("cloudformation").create_stack(StackName=f"Darkroom-mine-{name}", TemplateBody=json.dumps(template))
    # Other clients, because the doctor asks for the stacks once.
    deployed_account: Clients = partial(clients)
    assert levels(stacks.check_stacks, deployed_account) == ["ok"] * len(names)
    assert levels(removal.check_protection, deployed_account) == ["ok"] * len(names)
    assert levels(removal.check_buckets, deployed_account) == ["ok"]
    (bucket,) = [
        item["PhysicalResourceId"]
        for item in clients("cloudformation").list_stack_resources(StackName="Darkroom-mine-Storage")[
            "StackResourceSummaries"
        ]
    ]
    clients("s3").put_object(Bucket=bucket, Key="a.png", Body=b"")
    assert levels(removal.check_buckets, deployed_account) == ["problem"]

    topic = stacks.outputs_of(environment(), deployed_account)["AlarmTopicArn"]
    clients("sns").subscribe(TopicArn=topic, Protocol="sqs", Endpoint=f"arn:aws:sqs:{REGION}:123456789012:alarms")
    (finding,) = found(deployed.check_subscriptions, deployed_account)
    assert finding.message == "alarms.subscribers: 1 subscriptions, all confirmed"

    (finding,) = found(deployed.check_nodes, deployed_account)
    assert finding.message == "0 of 0 GPU nodes have joined the cluster"
    assert [finding.message for finding in found(removal.check_fleet, deployed_account)][-1] == "no GPU node runs"

"""Mistakes in the keys of network, access and GPUs: the error names the key and the value to write instead."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from stacks.config import Environment, RuntimeConfig
from stacks.environment_file import InvalidEnvironmentFile, read_environment_file

ENGINE: dict[str, Any] = {
    "name": "prod",
    "region": "eu-central-1",
    "engine": "eks",
    "network": {"zones": ["eu-central-1a", "eu-central-1b"]},
    "runtimes": [{"name": "a", "dynamicModel": True}],
}


FUNCTION = "arn:aws:lambda:eu-central-1:{account}:function:page"


def read(folder: Path, document: dict[str, Any]) -> Environment:
    file = folder / "environment.yaml"
    file.write_text(yaml.safe_dump(document))
    return read_environment_file(file)


def problem(folder: Path, document: dict[str, Any]) -> str:
    with pytest.raises(InvalidEnvironmentFile) as caught:
        read(folder, document)
    (told,) = caught.value.problems
    return told


def runtime(**keys: Any) -> dict[str, Any]:
    return ENGINE | {"runtimes": [{"name": "a", "dynamicModel": True, **keys}]}


NETWORK_MISTAKES: dict[str, tuple[dict[str, Any], str]] = {
    "no network": ({"network": None}, "network: is required when `engine` is `eks`; write at least its zones"),
    "no region": ({"region": None}, "region: is required when `engine` is `eks`, for example `eu-central-1`"),
    "no zones": ({"network": {"zones": []}}, "network.zones: is []; write at least 1 entry"),
    "zones left out": ({"network": {}}, "network.zones: is required (availability zones"),
    "another region's zone": (
        {"network": {"zones": ["eu-central-1a", "us-east-1a"]}},
        "network.zones[1]: us-east-1a is not in eu-central-1; write for example eu-central-1a",
    ),
    "a zone twice": (
        {"network": {"zones": ["eu-central-1a", "eu-central-1a"]}},
        "network: entries 0 and 1 have the same zone",
    ),
    "a range off its beginning": (
        {"network": {"zones": ["eu-central-1a"], "cidr": "10.0.1.0/16"}},
        "network.cidr: is '10.0.1.0/16', which is not the first address of such a range; write for example 10.0.0.0/16",
    ),
    "no address for the API": (
        {"network": {"zones": ["eu-central-1a"], "kubernetesApiCidrs": ["999.1.1.1/32"]}},
        "network.kubernetesApiCidrs[0]: is '999.1.1.1/32', which is not the first address of such a range; write for",
    ),
    "a range for the API off its beginning": (
        {"network": {"zones": ["eu-central-1a"], "kubernetesApiCidrs": ["203.0.113.7/24"]}},
        "network.kubernetesApiCidrs[0]: is '203.0.113.7/24', which is not the first address of such a range; write for",
    ),
    "reserved addresses for the API": (
        {"network": {"zones": ["eu-central-1a"], "kubernetesApiCidrs": ["203.0.113.0/24", "10.0.0.0/8"]}},
        "network.kubernetesApiCidrs[1]: is '10.0.0.0/8', which has reserved addresses; write addresses of the internet",
    ),
    "no address": ({"network": {"zones": ["eu-central-1a"], "cidr": "10.0.300.0/22"}}, "network.cidr: is '10.0.300.0"),
    "too small a range": ({"network": {"zones": ["eu-central-1a"], "cidr": "10.0.0.0/24"}}, "network.cidr: is "),
    "subnets of no network": (
        {"network": {"zones": ["eu-central-1a"], "subnetIds": ["subnet-12345678"]}},
        "network: subnetIds belong to an existing network; write its vpcId, or leave them out",
    ),
    "subnets without zones": (
        {"network": {"zones": ["eu-central-1a"], "vpcId": "vpc-12345678"}},
        "network: zones has 1 entries and subnetIds 0; write the zone of each subnet, in the same order",
    ),
    "a range for an existing network": (
        {
            "network": {
                "zones": ["eu-central-1a"],
                "vpcId": "vpc-12345678",
                "subnetIds": ["subnet-12345678"],
                "cidr": "10.0.0.0/16",
            }
        },
        "network: cidr describes a new network; leave it out, or leave vpcId out",
    ),
    "an unknown endpoint": (
        {"network": {"zones": ["eu-central-1a"], "interfaceEndpoints": ["s3"]}},
        "network.interfaceEndpoints[0]: is \"s3\"; write 'sqs'",
    ),
    "a person for an administrator": (
        {"administrators": ["alice"]},
        "administrators[0]: is 'alice'; write the ARN of a role or user, such as arn:aws:iam::123456789012:role",
    ),
    "an administrator twice": (
        {"administrators": ["arn:aws:iam::123456789012:role/a"] * 2},
        "administrators: entries 0 and 1 have the same value",
    ),
    "an administrator elsewhere": (
        {"administrators": ["arn:aws-cn:iam::123456789012:role/a"]},
        "administrators[0]: arn:aws-cn:iam::123456789012:role/a is not in partition aws of region eu-central-1",
    ),
    "a queue elsewhere": (
        {"callbacks": [{"protocol": "sqs", "endpoint": "arn:aws-cn:sqs:cn-north-1:210987654321:done"}]},
        "callbacks[0].endpoint: arn:aws-cn:sqs:cn-north-1:210987654321:done is not in partition aws of region",
    ),
    "a function of another account": (
        {
            "account": "123456789012",
            "alarms": {"subscribers": [{"protocol": "lambda", "endpoint": FUNCTION.format(account="210987654321")}]},
        },
        "alarms.subscribers[0].endpoint: arn:aws:lambda:eu-central-1:210987654321:function:page is in another account",
    ),
    "a function of another region": (
        {"callbacks": [{"protocol": "lambda", "endpoint": "arn:aws:lambda:us-east-1:123456789012:function:page"}]},
        "callbacks[0].endpoint: arn:aws:lambda:us-east-1:123456789012:function:page is in another region than eu-",
    ),
    "more publishers than the policy of a queue holds": (
        {"publishers": [f"arn:aws:iam::123456789012:role/shop-{number}" for number in range(16)]},
        "publishers: has 16 entries; write at most 15, and give the others a key of the HTTP API",
    ),
    "more runtimes than a parameter has names of queues": (
        {"runtimes": [{"name": f"r{number}", "dynamicModel": True} for number in range(33)]},
        "runtimes: has 33 entries; write at most 32, and move the others to a second environment",
    ),
    "a service for a publisher": (
        {"publishers": ["events.amazonaws.com"]},
        "publishers[0]: is 'events.amazonaws.com'; write the 12 digits of an account in quotes, or the ARN",
    ),
    "a publisher that is everyone": ({"publishers": ["*"]}, "publishers[0]: is '*'; write the 12 digits"),
    "two publishers of one name": (
        {"publishers": ["arn:aws:iam::123456789012:role/shop", "arn:aws:iam::210987654321:role/Shop"]},
        "publishers: entries 0 and 1 have the same name; give each its own",
    ),
    "a role that has the name of a key": (
        {"publishers": ["arn:aws:iam::123456789012:role/Default"]},
        "publishers[0]: would be named 'default', which is an API key; write {name: default, principal: 'arn:aws",
    ),
    "a publisher whose name is no tenant's": (
        {"publishers": [{"name": "Shop", "principal": "123456789012"}]},
        'publishers[0].name: is "Shop"; write ',
    ),
    "a callback of an unknown tenant": (
        {
            "apiKeys": [{"name": "shop"}, {"name": "lab"}],
            "callbacks": [{"protocol": "email", "endpoint": "a@b.example", "tenant": ["nobody"]}],
        },
        "callbacks[0].tenant: there is no tenant 'nobody'; write any of shop, lab",
    ),
    "a callback of a tenant where there is only one": (
        {"callbacks": [{"protocol": "email", "endpoint": "a@b.example", "tenant": ["default"]}]},
        "callbacks[0].tenant: there is no tenant 'default'; leave it out",
    ),
    "a callback of a tenant where all share all tasks": (
        {
            "isolateKeys": False,
            "callbacks": [{"protocol": "email", "endpoint": "a@b.example", "tenant": ["default"]}],
        },
        "callbacks[0].tenant: there is no tenant 'default'; leave it out",
    ),
    "no name of a bucket": (
        {"modelBucket": "s3://models"},
        'modelBucket: is "s3://models"; write ',
    ),
    "secrets on EKS": (
        {
            "engine": "eks",
            "runtimes": [
                {
                    "name": "a",
                    "dynamicModel": True,
                    "secrets": {"TOKEN": "arn:aws:ssm:eu-central-1:123456789012:parameter/token"},
                }
            ],
        },
        "runtimes[0].secrets: EKS does not pass them to containers; leave them out",
    ),
    "more ways to buy than a cluster takes": (
        {
            "engine": "ecs",
            "runtimes": [{"name": f"runtime{number}", "dynamicModel": True} for number in range(11)],
        },
        "runtimes: have 22 purchase options together, and an ECS cluster allows 20; write onDemand: false or spot",
    ),
    "an unknown engine": ({"engine": "fargate"}, "engine: is \"fargate\"; write 'none', 'eks' or 'ecs'"),
}


@pytest.mark.parametrize(("change", "expected"), NETWORK_MISTAKES.values(), ids=list(NETWORK_MISTAKES))
def test_a_mistake_around_the_gpus_is_told(tmp_path: Path, change: dict[str, Any], expected: str) -> None:
    document = {key: value for key, value in (ENGINE | change).items() if value is not None}
    assert problem(tmp_path, document).startswith(expected)


RUNTIME_MISTAKES: dict[str, tuple[dict[str, Any], str]] = {
    "no GPU": (
        {"instanceTypes": ["g5.xlarge", "m7i.large"]},
        ".instanceTypes[1]: is 'm7i.large', not an instance type with NVIDIA GPUs; write one of the families g4",
    ),
    "no such size": ({"instanceTypes": ["g5.3xlarge"]}, ".instanceTypes[0]: is 'g5.3xlarge', not an instance"),
    "no GPU family": (
        {"gpuFamilies": ["m7i"]},
        ".gpuFamilies[0]: is 'm7i', not a family with NVIDIA GPUs; write",
    ),
    "types and families": (
        {"instanceTypes": ["g5.xlarge"], "gpuFamilies": ["g5"]},
        ": has instanceTypes and gpuFamilies; write one of the two",
    ),
    "too few GPUs": (
        {"instanceTypes": ["g5.xlarge"], "gpusPerReplica": 4},
        ": instanceTypes: g5.xlarge has 1 GPUs and a replica requires 4; write a larger type, or gpusPerReplica: 1",
    ),
    "no such number of GPUs": (
        {"gpuFamilies": ["p4d"]},
        ": gpuFamilies: no size of p4d has exactly 1 GPUs; write another family",
    ),
    "a type twice": ({"instanceTypes": ["g5.xlarge"] * 2}, ": entries 0 and 1 have the same instance type"),
    "nothing bought": (
        {"capacity": {"spot": False, "onDemand": False}},
        ".capacity: buys nothing; write spot: true, onDemand: true, or both",
    ),
    "one priority for both": (
        {"capacity": {"spot": {"priority": 50}}},
        ".capacity: spot and onDemand have the same priority 50; give the one to try first a higher one",
    ),
    "an option that is no option": ({"capacity": {"spot": "maybe"}}, '.capacity.spot: is "maybe"; write keys and'),
    "max below min": (
        {"scaling": {"minReplicas": 3, "maxReplicas": 2}},
        ".scaling: maxReplicas 2 is less than minReplicas 3; write maxReplicas: 3 or more",
    ),
    "fewer replicas than none": ({"scaling": {"maxReplicas": -1}}, ".scaling.maxReplicas: is -1; write 0 or more"),
    "a misspelt key": (
        {"scaling": {"cooldownPeriod": 60}},
        ".scaling.cooldownPeriod: unknown key; did you mean cooldownSeconds?",
    ),
    "a grace period that cuts tasks off": (
        {"longestTaskSeconds": 300, "gracePeriodSeconds": 120},
        ": gracePeriodSeconds 120 is too short for the longest task; write 360 or more, or",
    ),
    "a disk that is too fast": (
        {"disk": {"throughputMibps": 1000}},
        ".disk: throughputMibps 1000 needs iops: 4000 or more",
    ),
    "a disk that is too small": ({"disk": {"sizeGib": 8}}, ".disk.sizeGib: is 8; write 40 or more"),
    "a moving image": (
        {"image": "123456789012.dkr.ecr.eu-central-1.amazonaws.com/darkroom:latest"},
        ".image: is '123456789012.dkr.ecr.eu-central-1.amazonaws.com/darkroom:latest'; write an image with a tag",
    ),
    "an image without tag": ({"image": "registry.example/darkroom"}, ".image: is 'registry.example/darkroom'; write"),
    "our variable": (
        {"extraEnv": {"QUEUE_URL": "https://mine"}},
        ".extraEnv: QUEUE_URL is set by Darkroom; leave it out, or use the key that sets it",
    ),
    "a variable of AWS": ({"extraEnv": {"AWS_ACCESS_KEY_ID": "mine"}}, ".extraEnv: AWS_ACCESS_KEY_ID is set by"),
    "no variable": (
        {"extraEnv": {"A-B": "c"}},
        ".extraEnv: 'A-B' is not the name of a variable; write letters, digits",
    ),
    "a secret in the open": (
        {"secrets": {"TOKEN": "hf_abc"}},
        ".secrets.TOKEN: is 'hf_abc'; write the ARN of a secret or of a parameter, such as",
    ),
    "our variable as a secret": (
        {"secrets": {"QUEUE_URL": "arn:aws:ssm:eu-central-1:123456789012:parameter/url"}},
        ".secrets: QUEUE_URL is set by Darkroom",
    ),
    "a variable with two values": (
        {
            "extraEnv": {"TOKEN": "a"},
            "secrets": {"TOKEN": "arn:aws:ssm:eu-central-1:123456789012:parameter/token"},
        },
        ": secrets: TOKEN is in extraEnv as well; write it in one of the two",
    ),
    "our argument": ({"webuiArguments": ["--port=80"]}, ".webuiArguments[0]: is '--port=80', which the container sets"),
    "two arguments in one": (
        {"webuiArguments": ["--port 80"]},
        ".webuiArguments[0]: is '--port 80', two arguments in one; write each in a separate entry",
    ),
}


@pytest.mark.parametrize(("keys", "expected"), RUNTIME_MISTAKES.values(), ids=list(RUNTIME_MISTAKES))
def test_a_mistake_in_a_runtimes_capacity_is_told(tmp_path: Path, keys: dict[str, Any], expected: str) -> None:
    assert problem(tmp_path, runtime(**keys)).startswith(f"runtimes[0]{expected}")


def test_an_environment_with_an_engine_needs_little_more_than_its_zones(tmp_path: Path) -> None:
    environment = read(tmp_path, ENGINE)
    (only,) = environment.runtimes
    assert environment.partition == "aws"
    assert {instance.family for instance in only.instances} == {"g5", "g6"}
    assert {instance.gpus for instance in only.instances} == {1}
    assert only.capacity.spot
    assert only.capacity.on_demand
    assert only.capacity.spot.priority > only.capacity.on_demand.priority
    assert only.stop_seconds == 690
    assert only.scaling.min_replicas == 0


def test_the_partition_is_that_of_the_region(tmp_path: Path) -> None:
    china = {"region": "cn-north-1", "network": {"zones": ["cn-north-1a", "cn-north-1b"]}}
    administrators = {"administrators": ["arn:aws-cn:iam::123456789012:role/operators"]}
    assert read(tmp_path, ENGINE | china | administrators).partition == "aws-cn"


@pytest.mark.parametrize("account", ["123456789012", None])
def test_a_subscriber_may_be_a_function_of_the_account_and_any_queue(tmp_path: Path, account: str | None) -> None:
    subscribers = [
        {"protocol": "lambda", "endpoint": FUNCTION.format(account="123456789012")},
        {"protocol": "sqs", "endpoint": "arn:aws:sqs:eu-central-1:210987654321:done"},
        {"protocol": "https", "endpoint": "https://shop.example/arn:aws-cn"},
    ]
    assert len(read(tmp_path, ENGINE | {"account": account, "callbacks": subscribers}).callbacks) == 3


def test_options_may_be_switched_off_and_on(tmp_path: Path) -> None:
    (only,) = read(tmp_path, runtime(capacity={"spot": False, "onDemand": True})).runtimes
    assert only.capacity.spot is None
    assert only.capacity.on_demand
    assert only.capacity.on_demand.priority == 50


def test_named_instance_types_may_hold_several_replicas(tmp_path: Path) -> None:
    (only,) = read(tmp_path, runtime(instanceTypes=["g5.12xlarge"], gracePeriodSeconds=900)).runtimes
    assert [instance.gpus for instance in only.instances] == [4]
    assert only.stop_seconds == 900


def test_what_submission_needs_to_know_does_not_grow(tmp_path: Path) -> None:
    document = runtime(instanceTypes=["g5.xlarge"], extraEnv={"A": "b"}, scaling={"maxReplicas": 9})
    assert read(tmp_path, document).catalogue_json == '[{"name":"a","dynamicModel":true}]'
    assert RuntimeConfig(name="a", dynamic_model=True).extra_env == {}

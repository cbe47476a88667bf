"""Checks before `cdk destroy`."""

import datetime as dt
from typing import Any

import pytest

from cli.doctor import removal
from stacks.config.capacity import Scaling
from tests.unit.cli.doctor.examined import DEPLOYED, ENVIRONMENT, NOT_DEPLOYED, described, findings, levels, stack
from tests.unit.cli.doctor.test_deployed import ECS, of_ecs

DESTROY = ENVIRONMENT.model_copy(update={"removal_policy": "destroy"})


@pytest.mark.parametrize(("is_protected", "level"), [(True, "problem"), (False, "ok")])
def test_a_protected_stack_is_a_problem(is_protected: bool, level: str) -> None:
    storage = stack("Darkroom-prod-Storage") | {"EnableTerminationProtection": is_protected}
    (finding,) = findings(removal.check_protection, cloudformation__DescribeStacks=described(storage))
    assert finding.level.value == level
    if is_protected:
        assert finding.advice.endswith("--no-enable-termination-protection --stack-name Darkroom-prod-Storage")


@pytest.mark.parametrize(
    ("content", "level"),
    [
        ({}, "ok"),
        ({"Versions": [{"Key": "a.png"}]}, "problem"),
        # Deleted objects of a bucket with versions are there all the same.
        ({"DeleteMarkers": [{"Key": "a.png"}]}, "problem"),
    ],
)
def test_a_bucket_that_is_not_empty_is_a_problem(content: dict[str, Any], level: str) -> None:
    def resource(name: str, type_: str) -> dict[str, Any]:
        return {
            "LogicalResourceId": name,
            "PhysicalResourceId": name.lower(),
            "ResourceType": type_,
            "LastUpdatedTimestamp": dt.datetime(2026, 11, 29, tzinfo=dt.UTC),
            "ResourceStatus": "CREATE_COMPLETE",
        }

    resources = [resource("OutputBucket", "AWS::S3::Bucket"), resource("TaskTable", "AWS::DynamoDB::Table")]
    (finding,) = findings(
        removal.check_buckets,
        DESTROY,
        cloudformation__DescribeStacks=DEPLOYED,
        cloudformation__ListStackResources={"StackResourceSummaries": resources},
        s3__ListObjectVersions=content,
    )
    assert finding.level.value == level
    assert "the bucket outputbucket" in finding.message


def test_buckets_that_are_kept_or_not_there_are_not_examined() -> None:
    assert levels(findings(removal.check_buckets)) == ["ok"]
    assert levels(findings(removal.check_buckets, DESTROY, cloudformation__DescribeStacks=NOT_DEPLOYED)) == ["ok"]


def test_a_fleet_that_runs_or_may_start_is_reported() -> None:
    found = findings(removal.check_fleet, ECS, **of_ecs(joined=["i-1", "i-2"]))
    assert levels(found) == ["warning", "warning", "problem"]
    assert "2 GPU nodes run: i-1, i-2" in found[-1].message

    stopped = tuple(runtime.model_copy(update={"scaling": Scaling(max_replicas=0)}) for runtime in ENVIRONMENT.runtimes)
    answers = of_ecs(joined=[]) | {"autoscaling__DescribeAutoScalingGroups": {"AutoScalingGroups": []}}
    found = findings(removal.check_fleet, ECS.model_copy(update={"runtimes": stopped}), **answers)
    assert [(finding.level.value, finding.message) for finding in found] == [("ok", "no GPU node runs")]

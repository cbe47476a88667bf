"""Checks after a deployment: stacks and their first failure, queues, replicas, nodes and subscriptions."""

import datetime as dt
from typing import Any

import pytest

from cli.doctor import deployed, stacks
from cli.doctor.finding import Level
from stacks.config.capacity import Scaling
from tests.unit.cli.doctor.examined import (
    DEPLOYED,
    ENVIRONMENT,
    NOT_DEPLOYED,
    described,
    fails,
    findings,
    levels,
    stack,
)
from tests.unit.cli.doctor.recorded_aws import RecordedAnswer

ECS = ENVIRONMENT.model_copy(update={"engine": "ecs"})
FAILED_STACK = "Darkroom-prod-Messaging"


def event(resource: str, status: str, reason: str = "") -> dict[str, Any]:
    of_stack = {"PhysicalResourceId": "stack-id"} if resource == FAILED_STACK else {}
    return {
        "StackId": "stack-id",
        "EventId": f"{resource}-{status}",
        "StackName": FAILED_STACK,
        "LogicalResourceId": resource,
        "ResourceType": "AWS::SQS::Queue",
        "Timestamp": dt.datetime(2026, 11, 29, tzinfo=dt.UTC),
        "ResourceStatus": status,
        "ResourceStatusReason": reason,
        **of_stack,
    }


#: Newest first, as CloudFormation lists them.
EVENTS = [
    event(FAILED_STACK, "UPDATE_ROLLBACK_COMPLETE"),
    event("Topic", "UPDATE_FAILED", "Resource update cancelled"),
    event("OtherQueue", "CREATE_FAILED", "quota exceeded too"),
    event("Queue", "CREATE_FAILED", "the name is in use"),
    event(FAILED_STACK, "UPDATE_IN_PROGRESS", "User Initiated"),
    event("Older", "CREATE_FAILED", "of an earlier deployment"),
]


def test_a_failed_stack_names_the_resource_that_failed_first_in_its_last_deployment() -> None:
    found = findings(
        stacks.check_stacks,
        cloudformation__DescribeStacks=DEPLOYED,
        cloudformation__DescribeStackEvents={"StackEvents": EVENTS},
    )
    assert {finding.message: finding.level.value for finding in found} == {
        "Darkroom-prod-Storage is UPDATE_COMPLETE": "ok",
        "Darkroom-prod-Messaging is UPDATE_ROLLBACK_COMPLETE: first Queue (AWS::SQS::Queue) failed: the name is"
        " in use": "problem",
        "Darkroom-prod-Api is UPDATE_IN_PROGRESS": "warning",
        "Darkroom-prod-Monitoring is not deployed": "problem",
        "Darkroom-prod-Network is UPDATE_COMPLETE": "ok",
        "Darkroom-prod-Eks is not deployed": "problem",
    }


def test_without_an_engine_no_network_is_missing() -> None:
    assert ENVIRONMENT.network
    assert "Network" in stacks.names_of_stacks(ENVIRONMENT)
    assert "Network" not in stacks.names_of_stacks(ENVIRONMENT.without_engine())


def test_a_failed_stack_without_events_is_a_problem_all_the_same() -> None:
    found = findings(
        stacks.check_stacks,
        cloudformation__DescribeStacks=DEPLOYED,
        cloudformation__DescribeStackEvents={"StackEvents": []},
    )
    (failed,) = [finding for finding in found if "ROLLBACK" in finding.message]
    assert failed.message == "Darkroom-prod-Messaging is UPDATE_ROLLBACK_COMPLETE"
    assert failed.advice == "check its events in CloudFormation, and repeat the deployment"


def test_a_stack_whose_rollback_failed_needs_the_rest_of_the_rollback_first() -> None:
    events = [
        event(FAILED_STACK, "UPDATE_ROLLBACK_FAILED", "The following resource(s) failed to update: [Service]"),
        event("Service", "UPDATE_FAILED", "the old image is gone"),
        event(FAILED_STACK, "UPDATE_ROLLBACK_IN_PROGRESS", "The following resource(s) failed to update: [Service]"),
        *EVENTS[1:],
    ]
    (finding,) = [
        finding
        for finding in findings(
            stacks.check_stacks,
            cloudformation__DescribeStacks=described(stack(FAILED_STACK, "UPDATE_ROLLBACK_FAILED")),
            cloudformation__DescribeStackEvents={"StackEvents": events},
        )
        if finding.message.startswith(FAILED_STACK)
    ]
    assert finding.message.endswith("first Service (AWS::SQS::Queue) failed: the old image is gone")
    assert finding.advice.startswith(f"remove the cause, and run: cdk rollback -c environment=prod {FAILED_STACK} ")
    assert finding.advice.endswith("; then repeat the deployment")


def test_a_stack_that_could_not_be_deleted_is_not_deployed_again() -> None:
    failed = described(stack(FAILED_STACK, "DELETE_FAILED"))
    found = findings(
        stacks.check_stacks,
        cloudformation__DescribeStacks=failed,
        cloudformation__DescribeStackEvents={"StackEvents": []},
    )
    (advice,) = [finding.advice for finding in found if "DELETE_FAILED" in finding.message]
    assert advice == "check its events in CloudFormation, and repeat `cdk destroy`"


@pytest.mark.parametrize("protected", [True, False])
def test_a_first_deployment_that_failed_can_be_repeated_unless_its_stack_is_protected(*, protected: bool) -> None:
    storage = stack("Darkroom-prod-Storage", "ROLLBACK_COMPLETE") | {"EnableTerminationProtection": protected}
    found = findings(
        stacks.check_stacks,
        cloudformation__DescribeStacks=described(storage),
        cloudformation__DescribeStackEvents={"StackEvents": []},
    )
    lifted = "--no-enable-termination-protection --stack-name Darkroom-prod-Storage; then repeat the deployment"
    assert (lifted in found[0].advice) == protected


def test_another_refusal_of_cloudformation_is_not_taken_for_a_missing_stack() -> None:
    (finding,) = findings(stacks.check_stacks, cloudformation__DescribeStacks=fails("AccessDenied", "no right"))
    assert finding.level is Level.UNKNOWN


def of_ecs(*, joined: list[str], minutes: int = 60) -> dict[str, RecordedAnswer]:
    """Answers on a fleet of two instances that started so many minutes ago."""
    launched = dt.datetime.now(dt.UTC) - dt.timedelta(minutes=minutes)
    return {
        "cloudformation__DescribeStacks": described(stack("Darkroom-prod-Ecs", ClusterName="darkroom-prod")),
        "autoscaling__DescribeAutoScalingGroups": {
            "AutoScalingGroups": [
                {
                    "AutoScalingGroupName": "gpus",
                    "MinSize": 0,
                    "MaxSize": 4,
                    "DesiredCapacity": 2,
                    "DefaultCooldown": 300,
                    "AvailabilityZones": ["eu-central-1a"],
                    "HealthCheckType": "EC2",
                    "CreatedTime": launched,
                    "Instances": [
                        {
                            "InstanceId": instance,
                            "AvailabilityZone": "eu-central-1a",
                            "LifecycleState": "InService",
                            "HealthStatus": "Healthy",
                            "ProtectedFromScaleIn": True,
                        }
                        for instance in ("i-1", "i-2")
                    ],
                }
            ]
        },
        "ec2__DescribeInstances": {
            "Reservations": [{"Instances": [{"InstanceId": "i-1", "LaunchTime": launched}]},
                             {"Instances": [{"InstanceId": "i-2", "LaunchTime": launched}]}]
        },
        "ecs__ListContainerInstances": {"containerInstanceArns": [f"arn:{instance}" for instance in joined]},
        "ecs__DescribeContainerInstances": {"containerInstances": [{"ec2InstanceId": instance} for instance in joined]},
    }  # fmt: skip


@pytest.mark.parametrize(
    ("joined", "minutes", "level"),
    [(["i-1", "i-2"], 60, "ok"), (["i-1"], 60, "problem"), ([], 60, "problem"), (["i-1"], 5, "ok")],
)
def test_a_node_that_runs_and_never_joins_is_a_problem(joined: list[str], minutes: int, level: str) -> None:
    (finding,) = findings(deployed.check_nodes, ECS, **of_ecs(joined=joined, minutes=minutes))
    assert finding.level.value == level
    if level == "problem":
        assert "i-2" in finding.message
        assert ("i-1" in finding.message) == (not joined)


@pytest.mark.parametrize(
    ("ready", "minutes", "level"), [(2, 60, "ok"), (1, 60, "warning"), (0, 60, "warning"), (0, 5, "ok")]
)
def test_nodes_of_eks_without_replicas_are_reported(ready: int, minutes: int, level: str) -> None:
    launched = dt.datetime.now(dt.UTC) - dt.timedelta(minutes=minutes)
    instances = [{"InstanceId": instance, "LaunchTime": launched} for instance in ("i-1", "i-2")]
    (finding,) = findings(
        deployed.check_nodes,
        ENVIRONMENT.model_copy(update={"runtimes": ENVIRONMENT.runtimes[:1]}),
        cloudformation__DescribeStacks=described(stack("Darkroom-prod-Eks", ClusterName="darkroom-prod")),
        ec2__DescribeInstances={"Reservations": [{"Instances": instances}]},
        cloudwatch__GetMetricStatistics={"Datapoints": [{"Sum": float(ready)}]},
    )
    assert finding.level.value == level
    assert ("i-1, i-2" in finding.message) == (level == "warning")


def test_nodes_are_examined_where_an_engine_is_deployed_only() -> None:
    assert findings(deployed.check_nodes, ECS, cloudformation__DescribeStacks=NOT_DEPLOYED) == []
    assert findings(deployed.check_nodes, ENVIRONMENT, cloudformation__DescribeStacks=DEPLOYED) == []


@pytest.mark.parametrize(("arn", "level"), [("arn:aws:sns:x:1:t:s", "ok"), ("PendingConfirmation", "warning")])
def test_a_subscription_that_waits_for_its_confirmation_is_reported(arn: str, level: str) -> None:
    answers: dict[str, Any] = {
        "cloudformation__DescribeStacks": described(
            stack("Darkroom-prod-Monitoring", AlarmTopicArn="arn:aws:sns:x:1:t")
        ),
        "sns__ListSubscriptionsByTopic": {
            "Subscriptions": [{"SubscriptionArn": arn, "Protocol": "email", "Endpoint": "on-call@shop.example"}]
        },
    }
    (finding,) = findings(deployed.check_subscriptions, **answers)
    assert finding.level.value == level
    assert finding.message.startswith("alarms.subscribers: ")
    assert ("on-call@shop.example" in finding.message) == (level == "warning")


def test_before_the_first_deployment_nothing_is_missed() -> None:
    for run in (stacks.check_stacks, deployed.check_queues, deployed.check_replicas, deployed.check_subscriptions):
        found = findings(run, cloudformation__DescribeStacks=NOT_DEPLOYED)
        assert all(finding.level is Level.OK for finding in found)


@pytest.mark.parametrize(("dead", "level"), [(0, "ok"), (2, "problem")])
def test_queues(dead: int, level: str) -> None:
    def attributes(params: dict[str, Any]) -> dict[str, Any]:
        return {"Attributes": {"ApproximateNumberOfMessages": str(dead if "dead" in params["QueueUrl"] else 7)}}

    found = findings(deployed.check_queues, cloudformation__DescribeStacks=DEPLOYED, sqs__GetQueueAttributes=attributes)
    assert levels(found) == [level, "problem"]
    assert "the stacks have no output for its queue" in found[1].message


@pytest.mark.parametrize(("ready", "waiting", "level"), [(3, 7, "ok"), (0, 7, "warning"), (0, 0, "ok")])
def test_replicas(ready: int, waiting: int, level: str) -> None:
    def statistics(params: dict[str, Any]) -> dict[str, Any]:
        assert {"Name": "environment", "Value": "prod"} in params["Dimensions"]
        points = [{"Sum": float(ready)}, {"Sum": max(ready - 1.0, 0.0)}] if ready else []
        return {"Datapoints": points}

    found = findings(
        deployed.check_replicas,
        cloudformation__DescribeStacks=DEPLOYED,
        sqs__GetQueueAttributes={"Attributes": {"ApproximateNumberOfMessages": str(waiting)}},
        cloudwatch__GetMetricStatistics=statistics,
    )
    assert levels(found)[0] == level


@pytest.mark.parametrize(("engine", "answer"), [("ecs", NOT_DEPLOYED), ("ecs", DEPLOYED), ("eks", NOT_DEPLOYED)])
def test_replicas_of_a_first_deployment(engine: str, answer: RecordedAnswer) -> None:
    """ECS waits for them, and CloudFormation for ECS."""
    runtimes = [
        runtime.model_copy(update={"scaling": Scaling(min_replicas=1, max_replicas=2)})
        for runtime in ENVIRONMENT.runtimes
    ]
    environment = ENVIRONMENT.model_copy(update={"engine": engine, "runtimes": tuple(runtimes)})
    found = findings(deployed.check_replicas, environment, cloudformation__DescribeStacks=answer)
    assert [finding.advice.partition(",")[0] for finding in found] == (
        ["deploy minReplicas: 0 first"] if engine == "ecs" else []
    )

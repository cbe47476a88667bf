"""Each check on AWS's answers, good and bad."""

import datetime as dt
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from cli.doctor import account, capacity, deployed, images_and_models, report
from cli.doctor.finding import DoctorCheck, Finding, Level
from cli.doctor.runner import CHECKS, examine
from cli.main import main
from stacks.config import Environment, RuntimeConfig, Throttling
from stacks.config.access import Alarms, Subscriber
from stacks.config.capacity import Capacity, Scaling
from stacks.config.gpu_instances import GPU_INSTANCES
from stacks.config.network import Network
from tests.unit.cli.doctor.recorded_aws import AwsError, RecordedAws

IDENTITY = {"UserId": "AIDA", "Account": "123456789012", "Arn": "arn:aws:iam::123456789012:user/me"}
ENVIRONMENT = Environment(
    name="prod",
    account="123456789012",
    region="eu-central-1",
    engine="eks",
    network=Network(zones=("eu-central-1a", "eu-central-1b")),
    model_bucket="models",
    runtimes=(
        RuntimeConfig(name="sdruntime", model_filename="sd15.safetensors", scaling=Scaling(max_replicas=10)),
        RuntimeConfig(
            name="sd-xl",
            model_filename="sdxl.safetensors",
            instance_types=("g6e.2xlarge",),
            capacity=Capacity(spot=None),
            image="123456789012.dkr.ecr.eu-central-1.amazonaws.com/darkroom:1.4.0",
        ),
    ),
)


def fails(code: str, message: str = "") -> Callable[[Any], Any]:
    def answer(_: Any) -> Any:
        raise AwsError(code, message)

    return answer


def findings(run: Any, environment: Environment = ENVIRONMENT, **answers: Any) -> list[Finding]:
    """Return what a check finds; answers are named `service__Operation`, with `_` for `-`."""
    aws = RecordedAws({name.replace("__", ".").replace("_", "-"): answer for name, answer in answers.items()})
    return list(examine(DoctorCheck("check", run), environment, aws.client))


def levels(found: list[Finding]) -> list[str]:
    return [finding.level.value for finding in found]


def test_the_right_account_is_fine() -> None:
    (finding,) = findings(account.check_credentials, sts__GetCallerIdentity=IDENTITY)
    assert (finding.level, finding.message) == (Level.OK, "credentials of arn:aws:iam::123456789012:user/me")


@pytest.mark.parametrize("answer", [IDENTITY | {"Account": "210987654321"}, fails("ExpiredToken")])
def test_another_account_or_none_is_a_problem(answer: object) -> None:
    (finding,) = findings(account.check_credentials, sts__GetCallerIdentity=answer)
    assert finding.level is Level.PROBLEM
    assert finding.advice


@pytest.mark.parametrize(
    ("answer", "level"),
    [
        ({"Parameter": {"Value": "30"}}, "ok"),
        ({"Parameter": {"Value": "5"}}, "problem"),
        (fails("ParameterNotFound"), "problem"),
        (fails("AccessDeniedException", "no right to ssm:GetParameter"), "unknown"),
    ],
)
def test_bootstrap(answer: object, level: str) -> None:
    (finding,) = findings(account.check_bootstrap, ssm__GetParameter=answer)
    assert finding.level.value == level
    if level == "problem":
        assert finding.advice == "run: cdk bootstrap aws://123456789012/eu-central-1"


def test_alarms_without_subscribers_and_a_cluster_without_administrators_are_reported() -> None:
    found = findings(account.check_people)
    assert levels(found) == ["warning", "warning"]
    assert ["administrators" in finding.advice for finding in found] == [True, False]
    subscribers = Alarms(subscribers=(Subscriber(protocol="email", endpoint="on-call@shop.example"),))
    role = "arn:aws:iam::123456789012:role/operators"
    asked = ENVIRONMENT.model_copy(update={"alarms": subscribers, "administrators": (role,)})
    assert levels(findings(account.check_people, asked)) == ["ok"]
    (finding,) = findings(account.check_people, ENVIRONMENT.model_copy(update={"engine": "none"}))
    assert "no alarm reaches anyone" in finding.message


ECS_ROLE = {
    "Role": {
        "Path": "/aws-service-role/ecs.amazonaws.com/",
        "RoleName": account.ECS_ROLE,
        "RoleId": "AROAEXAMPLEEXAMPLE000",
        "Arn": f"arn:aws:iam::123456789012:role/aws-service-role/ecs.amazonaws.com/{account.ECS_ROLE}",
        "CreateDate": dt.datetime(2026, 11, 29, tzinfo=dt.UTC),
    }
}


@pytest.mark.parametrize(("answer", "level"), [(ECS_ROLE, "ok"), (fails("NoSuchEntity"), "warning")])
def test_the_role_of_ecs(answer: object, level: str) -> None:
    ecs = ENVIRONMENT.model_copy(update={"engine": "ecs"})
    (finding,) = findings(account.check_service_roles, ecs, iam__GetRole=answer)
    assert finding.level.value == level


def test_no_image_is_spoken_of_where_none_is_needed() -> None:
    (finding,) = findings(images_and_models.check_images, ENVIRONMENT.model_copy(update={"engine": "none"}))
    assert "no image" in finding.message


@pytest.mark.parametrize(("free", "level"), [(1000, "ok"), (10, "warning")])
def test_functions(free: int, level: str) -> None:
    answer = {"AccountLimit": {"UnreservedConcurrentExecutions": free, "ConcurrentExecutions": free}}
    assert levels(findings(account.check_functions, lambda__GetAccountSettings=answer)) == [level]


@pytest.mark.parametrize(
    ("total", "free", "level"),
    [
        (1000, 1000, "ok"),
        # Deployed: its own reservation counts once.
        (1000, 800, "ok"),
        (300, 300, "ok"),
        (299, 299, "problem"),
        (10, 10, "problem"),
        # Others have reserved the rest.
        (1000, 50, "problem"),
    ],
)
def test_functions_that_are_reserved(total: int, free: int, level: str) -> None:
    answer = {"AccountLimit": {"UnreservedConcurrentExecutions": free, "ConcurrentExecutions": total}}
    environment = ENVIRONMENT.model_copy(update={"throttling": Throttling(waiting_calls=100)})
    found = findings(account.check_functions, environment, lambda__GetAccountSettings=answer)
    assert levels(found) == [level]


@pytest.mark.parametrize(
    ("on_demand", "spot", "expected"),
    [
        # 10 replicas of g5.xlarge with 4 vCPUs on spot, else on demand; 4 of g6e.2xlarge with 8 on demand only.
        (72.0, 40.0, ["ok", "ok"]),
        (71.0, 40.0, ["warning", "ok"]),
        (31.0, 39.0, ["warning", "warning"]),
        (0.0, 0.0, ["problem", "problem"]),
    ],
)
def test_gpu_quotas_against_all_replicas(on_demand: float, spot: float, expected: list[str]) -> None:
    assert levels(sorted(gpu_quotas(on_demand, spot), key=lambda finding: "Spot" in finding.message)) == expected


def test_a_quota_for_what_stands_in_is_no_problem_but_a_warning() -> None:
    found = gpu_quotas(0.0, 40.0, ENVIRONMENT.model_copy(update={"runtimes": ENVIRONMENT.runtimes[:1]}))
    (warning,) = [finding for finding in found if finding.level is not Level.OK]
    assert warning.level is Level.WARNING
    assert "Running On-Demand G and VT instances" in warning.message
    assert "40 are needed" in warning.message


def gpu_quotas(on_demand: float, spot: float, environment: Environment = ENVIRONMENT) -> list[Finding]:
    pages = {
        None: {"Quotas": [{"QuotaName": "Running On-Demand G and VT instances", "Value": on_demand}], "NextToken": "2"},
        "2": {"Quotas": [{"QuotaName": "All G and VT Spot Instance Requests", "Value": spot}]},
    }
    return findings(
        capacity.check_quotas,
        environment,
        service_quotas__ListServiceQuotas=lambda params: pages[params.get("NextToken")],
    )


def test_without_an_engine_no_gpu_is_asked_for() -> None:
    assert levels(findings(capacity.check_quotas, ENVIRONMENT.model_copy(update={"engine": "none"}))) == ["ok"]


def test_every_instance_type_that_can_be_configured_has_a_quota() -> None:
    assert all(capacity.quotas_of(instance) for instance in GPU_INSTANCES.values())


def test_spot_of_p6_does_not_count_against_the_quota_of_p4() -> None:
    runtime = ENVIRONMENT.runtimes[0].model_copy(update={"instance_types": ("p6-b200.48xlarge",), "gpu_families": ()})
    environment = ENVIRONMENT.model_copy(update={"runtimes": (runtime,)})
    quotas = {"Quotas": [{"QuotaName": "All P4, P3 and P2 Spot Instance Requests", "Value": 10_000.0}]}
    found = findings(capacity.check_quotas, environment, service_quotas__ListServiceQuotas=quotas)
    assert levels(found) == ["unknown", "unknown"]
    assert "All P6 Spot Instance Requests" in found[0].message


def test_instance_types_by_zone() -> None:
    offered = {
        "InstanceTypeOfferings": [
            {"InstanceType": instance.name, "LocationType": "availability-zone", "Location": "eu-central-1a"}
            for instance in ENVIRONMENT.runtimes[0].instances
        ]
    }
    first, second = findings(capacity.check_offerings, ec2__DescribeInstanceTypeOfferings=offered)
    assert first.level is Level.WARNING
    assert "eu-central-1b offers no instance type" in first.message
    assert second.level is Level.PROBLEM
    assert "none of g6e.2xlarge is offered in eu-central-1a, eu-central-1b" in second.message


@pytest.mark.parametrize(
    ("answer", "level"),
    [({"imageDetails": [{}]}, "ok"), (fails("ImageNotFoundException"), "problem"), (fails("AccessDenied"), "unknown")],
)
def test_images(answer: object, level: str) -> None:
    found = findings(images_and_models.check_images, ecr__DescribeImages=answer)
    assert levels(found) == ["ok", level]


def test_models() -> None:
    def head(params: dict[str, Any]) -> dict[str, Any]:
        if params["Key"] != "Stable-diffusion/sd15.safetensors":
            raise AwsError("404")
        return {}

    here, missing = findings(images_and_models.check_models, s3__HeadObject=head)
    assert here.level is Level.OK
    assert missing.level is Level.PROBLEM
    assert missing.advice == "run: darkroom --environment prod models push sdxl.safetensors"


@pytest.mark.parametrize(
    ("engine", "min_replicas", "level"), [("ecs", 1, "problem"), ("ecs", 0, "ok"), ("eks", 1, "ok")]
)
def test_models_before_a_first_deployment(engine: str, min_replicas: int, level: str) -> None:
    """ECS gives a new stack up whose replicas end because their model is not there yet."""
    first, second = ENVIRONMENT.runtimes
    first = first.model_copy(update={"scaling": Scaling(min_replicas=min_replicas, max_replicas=10)})
    environment = ENVIRONMENT.model_copy(update={"engine": engine, "model_bucket": None, "runtimes": (first, second)})
    none: dict[str, Any] = {"Stacks": []}
    (finding,) = findings(images_and_models.check_models, environment, cloudformation__DescribeStacks=none)
    assert finding.level.value == level
    if finding.level is Level.PROBLEM:
        assert "Darkroom-prod-Api" in finding.advice
        assert "darkroom --environment prod models push sd15.safetensors;" in finding.advice


def stack(name: str, status: str = "UPDATE_COMPLETE", **outputs: str) -> dict[str, Any]:
    return {
        "StackName": name,
        "StackStatus": status,
        "CreationTime": dt.datetime(2026, 11, 21, tzinfo=dt.UTC),
        "Outputs": [{"OutputKey": key, "OutputValue": value} for key, value in outputs.items()],
    }


DEPLOYED = {
    "Stacks": [
        stack("Darkroom-prod-Storage"),
        stack(
            "Darkroom-prod-Messaging",
            "UPDATE_ROLLBACK_COMPLETE",
            RuntimeSdruntimeQueueUrl="https://sqs/sdruntime",
            RuntimeSdruntimeDeadLetterQueueUrl="https://sqs/sdruntime-dead",
        ),
        stack("Darkroom-prod-Api", "UPDATE_IN_PROGRESS"),
        stack("Darkroom-prod-eu-Monitoring"),
    ]
}


def test_stacks_of_this_environment_only() -> None:
    found = findings(deployed.check_stacks, cloudformation__DescribeStacks=DEPLOYED)
    assert {finding.message: finding.level.value for finding in found} == {
        "Darkroom-prod-Storage is UPDATE_COMPLETE": "ok",
        "Darkroom-prod-Messaging is UPDATE_ROLLBACK_COMPLETE": "problem",
        "Darkroom-prod-Api is UPDATE_IN_PROGRESS": "warning",
        "Darkroom-prod-Monitoring is not deployed": "problem",
        "Darkroom-prod-Eks is not deployed": "problem",
    }


def test_before_the_first_deployment_nothing_is_missed() -> None:
    for run in (deployed.check_stacks, deployed.check_queues, deployed.check_replicas):
        found = findings(run, cloudformation__DescribeStacks={"Stacks": []})
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


@pytest.mark.parametrize(("engine", "stacks"), [("ecs", {"Stacks": []}), ("ecs", DEPLOYED), ("eks", {"Stacks": []})])
def test_replicas_of_a_first_deployment(engine: str, stacks: dict[str, Any]) -> None:
    """ECS waits for them, and CloudFormation for ECS."""
    runtimes = [
        runtime.model_copy(update={"scaling": Scaling(min_replicas=1, max_replicas=2)})
        for runtime in ENVIRONMENT.runtimes
    ]
    environment = ENVIRONMENT.model_copy(update={"engine": engine, "runtimes": tuple(runtimes)})
    found = findings(deployed.check_replicas, environment, cloudformation__DescribeStacks=stacks)
    assert [finding.advice.partition(",")[0] for finding in found] == (
        ["deploy minReplicas: 0 first"] if engine == "ecs" else []
    )


def test_the_command_tells_all_and_fails_on_a_problem(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "prod.yaml"
    file.write_text("name: prod\nruntimes: [{name: sdruntime, type: sdwebui, modelFilename: sd15.safetensors}]\n")
    aws = RecordedAws(
        {
            "sts.GetCallerIdentity": IDENTITY,
            "ssm.GetParameter": fails("ParameterNotFound"),
            "lambda.GetAccountSettings": {
                "AccountLimit": {"UnreservedConcurrentExecutions": 1000, "ConcurrentExecutions": 1000}
            },
            "cloudformation.DescribeStacks": {"Stacks": []},
        }
    )
    monkeypatch.setattr(report, "_clients", lambda *_: aws.client)

    result = CliRunner().invoke(main, ["doctor", "--environment", str(file), "--json"])

    assert result.exit_code == 1
    printed = json.loads(result.stdout)
    assert printed.keys() == {"credentials", *(check.name for check in CHECKS)}
    assert printed["bootstrap"][0]["level"] == "problem"
    assert "1 problem found" in result.stderr


def test_nothing_is_asked_with_wrong_credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    aws = RecordedAws({"sts.GetCallerIdentity": fails("InvalidClientTokenId")})
    monkeypatch.setattr(report, "_clients", lambda *_: aws.client)

    result = CliRunner().invoke(main, ["doctor", "--environment", "prod"])

    assert result.exit_code == 1
    assert len(aws.calls) == 1


def test_a_wrong_environment_is_told_by_its_keys(tmp_path: Path) -> None:
    file = tmp_path / "x.yaml"
    file.write_text("name: x\nruntimes: [{name: a, type: sdwebui, instanceTypes: [m5.large]}]\n")

    result = CliRunner().invoke(main, ["doctor", "--environment", str(file)])

    assert result.exit_code == 3
    assert "runtimes[0].instanceTypes[0]" in result.stderr

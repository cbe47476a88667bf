"""Each check on AWS's answers, good and bad."""

import datetime as dt
from pathlib import Path
from typing import Any

import pytest

from cli.doctor import account, capacity, images_and_models
from cli.doctor.finding import Finding, Level
from stacks.config import Environment, RuntimeConfig, Throttling
from stacks.config.access import Alarms, Subscriber
from stacks.config.capacity import Scaling
from stacks.config.gpu_instances import GPU_INSTANCES
from tests.unit.cli.doctor.examined import ENVIRONMENT, IDENTITY, NOT_DEPLOYED, fails, findings, levels
from tests.unit.cli.doctor.recorded_aws import AwsError, RecordedAws


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


def role(name: str) -> dict[str, Any]:
    return {
        "Role": {
            "Path": "/aws-service-role/",
            "RoleName": name,
            "RoleId": "AROAEXAMPLEEXAMPLE000",
            "Arn": f"arn:aws:iam::123456789012:role/{name}",
            "CreateDate": dt.datetime(2026, 11, 29, tzinfo=dt.UTC),
        }
    }


@pytest.mark.parametrize(
    ("engine", "name", "service"),
    [("ecs", "AWSServiceRoleForECS", "ecs.amazonaws.com"), ("eks", "AWSServiceRoleForEC2Spot", "spot.amazonaws.com")],
)
def test_the_roles_of_services(engine: str, name: str, service: str) -> None:
    environment = ENVIRONMENT.model_copy(update={"engine": engine})

    def answer(params: dict[str, Any]) -> dict[str, Any]:
        return role(params["RoleName"])

    (there,) = findings(account.check_service_roles, environment, iam__GetRole=answer)
    assert (there.level, there.message) == (Level.OK, f"the account has the role {name}")
    (missing,) = findings(account.check_service_roles, environment, iam__GetRole=fails("NoSuchEntity"))
    assert missing.level is Level.WARNING
    assert missing.advice == f"run: aws iam create-service-linked-role --aws-service-name {service}"


def test_no_role_of_spot_is_missed_where_no_spot_is_bought() -> None:
    environment = ENVIRONMENT.model_copy(update={"runtimes": ENVIRONMENT.runtimes[1:]})
    assert findings(account.check_service_roles, environment) == []


SECRET = "arn:aws:secretsmanager:eu-central-1:123456789012:secret:hub-AbCdEf"
PARAMETER = "arn:aws:ssm:eu-central-1:123456789012:parameter/hub"


@pytest.mark.parametrize(
    ("arn", "answers", "level"),
    [
        (f"{SECRET}:token::", {"secretsmanager__DescribeSecret": {"ARN": SECRET}}, "ok"),
        (SECRET, {"secretsmanager__DescribeSecret": fails("ResourceNotFoundException")}, "problem"),
        (SECRET, {"secretsmanager__DescribeSecret": fails("AccessDeniedException")}, "unknown"),
        (PARAMETER, {"ssm__GetParameter": {"Parameter": {"Name": "hub"}}}, "ok"),
        (PARAMETER, {"ssm__GetParameter": fails("ParameterNotFound")}, "problem"),
    ],
)
def test_secrets(arn: str, answers: dict[str, Any], level: str) -> None:
    runtime = ENVIRONMENT.runtimes[0].model_copy(update={"secrets": {"HF_TOKEN": arn}})
    (finding,) = findings(account.check_secrets, ENVIRONMENT.model_copy(update={"runtimes": (runtime,)}), **answers)
    assert finding.level.value == level
    if level != "unknown":
        assert "secrets.HF_TOKEN" in finding.message


def test_no_image_is_spoken_of_where_none_is_needed() -> None:
    environment = ENVIRONMENT.model_copy(update={"engine": "none"})
    assert findings(images_and_models.check_images, environment) == []
    assert findings(images_and_models.check_build, environment) == []


@pytest.mark.parametrize(
    ("script", "level", "part"),
    [
        ("echo 29.1.0", "ok", "Docker 29.1.0 runs here"),
        ("echo 'Cannot connect to the daemon' >&2; exit 1", "problem", "Cannot connect to the daemon"),
        (None, "problem", "No such file"),
    ],
)
def test_an_image_is_built_where_docker_runs(
    script: str | None, level: str, part: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if script is not None:
        docker = tmp_path / "docker"
        docker.write_text(f"#!/bin/sh\n{script}\n")
        docker.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(images_and_models, "PINS", tmp_path / "versions.env")
    images_and_models.PINS.write_text("WHEEL=https://a.example/a.whl\nWHEEL_SHA256=12ab\n")
    (finding,) = findings(images_and_models.check_build)
    assert finding.level.value == level
    # Only the first runtime names no image.
    assert finding.message.startswith("sdruntime: the deployment builds the image")
    assert part in finding.message


def test_an_image_is_not_built_without_the_hashes_of_its_downloads(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(images_and_models, "PINS", tmp_path / "versions.env")
    images_and_models.PINS.write_text("A_SHA256=\nB_SHA256=12ab\n# C_SHA256 is computed\nD_SHA256=\n")
    *_, finding = findings(images_and_models.check_build)
    assert finding.level.value == "problem"
    assert "no value for A_SHA256, D_SHA256," in finding.message
    assert finding.advice == "run: make pins"


def test_docker_is_not_asked_for_where_every_image_is_named() -> None:
    environment = ENVIRONMENT.model_copy(update={"runtimes": ENVIRONMENT.runtimes[1:]})
    assert findings(images_and_models.check_build, environment) == []


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
        (500, 500, "ok"),
        (499, 499, "problem"),
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


#: Answer of Service Quotas in a region without quotas.
NO_QUOTAS: dict[str, Any] = {"Quotas": []}


def test_a_young_account_has_the_defaults_of_aws() -> None:
    names = ("Running On-Demand G and VT instances", "All G and VT Spot Instance Requests")
    found = findings(
        capacity.check_quotas,
        service_quotas__ListServiceQuotas={"Quotas": [{"QuotaName": names[0], "Value": 72.0}]},
        service_quotas__ListAWSDefaultServiceQuotas={"Quotas": [{"QuotaName": name, "Value": 0.0} for name in names]},
    )
    assert {finding.message.partition(" is ")[0]: finding.level.value for finding in found} == {
        f"{names[0]}: 72 vCPUs, 72 needed": "ok",
        f"the quota {names[1]!r}": "problem",
    }


def gpu_quotas(on_demand: float, spot: float, environment: Environment = ENVIRONMENT) -> list[Finding]:
    pages = {
        None: {"Quotas": [{"QuotaName": "Running On-Demand G and VT instances", "Value": on_demand}], "NextToken": "2"},
        "2": {"Quotas": [{"QuotaName": "All G and VT Spot Instance Requests", "Value": spot}]},
    }
    return findings(
        capacity.check_quotas,
        environment,
        service_quotas__ListServiceQuotas=lambda params: pages[params.get("NextToken")],
        service_quotas__ListAWSDefaultServiceQuotas=NO_QUOTAS,
    )


def test_without_an_engine_no_gpu_is_asked_for() -> None:
    assert levels(findings(capacity.check_quotas, ENVIRONMENT.model_copy(update={"engine": "none"}))) == ["ok"]


def test_every_instance_type_that_can_be_configured_has_a_quota() -> None:
    assert all(capacity.quotas_of(instance) for instance in GPU_INSTANCES.values())


def test_spot_of_p6_does_not_count_against_the_quota_of_p4() -> None:
    runtime = ENVIRONMENT.runtimes[0].model_copy(update={"instance_types": ("p6-b200.48xlarge",), "gpu_families": ()})
    environment = ENVIRONMENT.model_copy(update={"runtimes": (runtime,)})
    quotas = {"Quotas": [{"QuotaName": "All P4, P3 and P2 Spot Instance Requests", "Value": 10_000.0}]}
    found = findings(
        capacity.check_quotas,
        environment,
        service_quotas__ListServiceQuotas=quotas,
        service_quotas__ListAWSDefaultServiceQuotas=NO_QUOTAS,
    )
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
    assert levels(found) == [level]


def test_an_image_of_another_region_is_not_looked_up_here() -> None:
    """The registry of the environment's region does not have it, so a sound environment had a problem."""
    image = "123456789012.dkr.ecr.us-east-1.amazonaws.com/darkroom:1.4.0"
    runtime = ENVIRONMENT.runtimes[1].model_copy(update={"image": image})
    (finding,) = findings(images_and_models.check_images, ENVIRONMENT.model_copy(update={"runtimes": (runtime,)}))
    assert (finding.level, finding.message) == (
        Level.UNKNOWN,
        f"sd-xl: {image} is in another region, so it was not checked",
    )


def test_models() -> None:
    def head(params: dict[str, Any]) -> dict[str, Any]:
        if params["Key"] != "Stable-diffusion/sd15.safetensors":
            raise AwsError("404")
        return {}

    here, missing = findings(images_and_models.check_models, s3__HeadObject=head)
    assert here.level is Level.OK
    assert missing.level is Level.PROBLEM
    assert missing.advice == "run: darkroom --environment prod models push sdxl.safetensors"


def test_a_smoke_test_takes_the_first_checkpoint_of_the_bucket() -> None:
    names = (
        "Lora/ink.safetensors",
        "Stable-diffusion/read.me",
        "Stable-diffusion/sub/a.ckpt",
        "Stable-diffusion/b.ckpt",
    )

    def listing(params: dict[str, Any]) -> dict[str, Any]:
        return {"Contents": [{"Key": name} for name in names if name.startswith(params.get("Prefix", ""))]}

    aws = RecordedAws({"s3.ListObjectsV2": listing})
    assert images_and_models.any_checkpoint("models", aws.client) == "sub/a.ckpt"


def test_what_comfyui_preloads_must_be_in_the_bucket() -> None:
    def head(params: dict[str, Any]) -> dict[str, Any]:
        raise AwsError("404")

    def listing(params: dict[str, Any]) -> dict[str, Any]:
        found = [{"Key": "text_encoders/t5.safetensors"}] if params["Prefix"] == "text_encoders/" else []
        return {"Contents": found}

    runtime = RuntimeConfig(name="comfy", type="comfyui", preload=("vae/ae.safetensors", "text_encoders/", "loras/"))
    environment = ENVIRONMENT.model_copy(update={"runtimes": (runtime,)})
    found = findings(images_and_models.check_models, environment, s3__HeadObject=head, s3__ListObjectsV2=listing)
    assert [finding.level for finding in found] == [Level.PROBLEM, Level.OK, Level.PROBLEM]
    assert found[0].advice == "run: darkroom --environment prod models push ae.safetensors --folder vae"
    assert found[2].advice.endswith("models push FILE --folder loras")


@pytest.mark.parametrize(
    ("engine", "min_replicas", "level"), [("ecs", 1, "problem"), ("ecs", 0, "ok"), ("eks", 1, "ok")]
)
def test_models_before_a_first_deployment(engine: str, min_replicas: int, level: str) -> None:
    """ECS gives a new stack up whose replicas end because their model is not there yet."""
    first, second = ENVIRONMENT.runtimes
    first = first.model_copy(update={"scaling": Scaling(min_replicas=min_replicas, max_replicas=10)})
    environment = ENVIRONMENT.model_copy(update={"engine": engine, "model_bucket": None, "runtimes": (first, second)})
    (finding,) = findings(images_and_models.check_models, environment, cloudformation__DescribeStacks=NOT_DEPLOYED)
    assert finding.level.value == level
    if finding.level is Level.PROBLEM:
        assert "Darkroom-prod-Api" in finding.advice
        assert "darkroom --environment prod models push sd15.safetensors;" in finding.advice

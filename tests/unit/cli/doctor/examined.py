"""Helpers of the doctor's tests: an environment, and what a check finds on recorded answers of AWS."""

import datetime as dt
from collections.abc import Callable
from typing import Any

from cli.doctor.finding import DoctorCheck, Finding
from cli.doctor.runner import examine
from stacks.config import Environment, RuntimeConfig
from stacks.config.capacity import Capacity, Scaling
from stacks.config.network import Network
from tests.unit.cli.doctor.recorded_aws import AwsError, RecordedAnswer, RecordedAws

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


def stack(name: str, status: str = "UPDATE_COMPLETE", **outputs: str) -> dict[str, Any]:
    return {
        "StackName": name,
        "StackStatus": status,
        "CreationTime": dt.datetime(2026, 11, 21, tzinfo=dt.UTC),
        "Outputs": [{"OutputKey": key, "OutputValue": value} for key, value in outputs.items()],
    }


def described(*stacks: dict[str, Any]) -> RecordedAnswer:
    """Return CloudFormation's answers on stacks by their names."""

    def answer(params: dict[str, Any]) -> dict[str, Any]:
        found = [stack for stack in stacks if stack["StackName"] == params["StackName"]]
        if not found:
            raise AwsError("ValidationError", f"Stack with id {params['StackName']} does not exist")
        return {"Stacks": found}

    return answer


NOT_DEPLOYED = described()
DEPLOYED = described(
    stack("Darkroom-prod-Storage"),
    stack(
        "Darkroom-prod-Messaging",
        "UPDATE_ROLLBACK_COMPLETE",
        RuntimeSdruntimeQueueUrl="https://sqs/sdruntime",
        RuntimeSdruntimeDeadLetterQueueUrl="https://sqs/sdruntime-dead",
    ),
    stack("Darkroom-prod-Api", "UPDATE_IN_PROGRESS"),
    stack("Darkroom-prod-Network"),
    stack("Darkroom-prod-eu-Monitoring"),
)

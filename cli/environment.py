"""Endpoints of an environment: `endpoints.json` of a local one, the stacks' outputs of a deployed one."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cli.errors import Unreachable

LOCAL = "local"
STACKS = ("Storage", "Messaging", "Api")


@dataclass(frozen=True)
class SystemEndpoints:
    """Addresses and key of one environment."""

    name: str
    http_url: str
    api_key: str
    entry_topic_arn: str
    model_bucket: str
    region: str | None = None
    #: Set for a local system, whose AWS is a server on this machine.
    aws_endpoint_url: str | None = None

    def client(self, service: Any) -> Any:
        """Return a boto3 client of the environment's AWS."""
        import boto3  # noqa: PLC0415 - `--help` need not wait for it

        # The local AWS accepts any credentials, but the client insists on some.
        key = "local" if self.aws_endpoint_url else None
        session = boto3.Session(aws_access_key_id=key, aws_secret_access_key=key, region_name=self.region)
        return session.client(service, endpoint_url=self.aws_endpoint_url)


def local_environment(state_directory: Path) -> SystemEndpoints:
    """Read the endpoints of the local system that runs with this state directory."""
    path = state_directory / "endpoints.json"
    try:
        endpoints = json.loads(path.read_text())
    except FileNotFoundError:
        raise Unreachable(f"no local system is running here ({path} is missing); start one with: make up") from None
    except ValueError as error:
        raise Unreachable(f"{path} cannot be read ({error}); stop the local system and start it again") from None
    return SystemEndpoints(
        name=LOCAL,
        http_url=endpoints["http_url"],
        api_key=endpoints["api_key"],
        entry_topic_arn=endpoints["entry_topic_arn"],
        model_bucket=endpoints["model_bucket"],
        region=endpoints["region"],
        aws_endpoint_url=endpoints["aws_endpoint_url"],
    )


def deployed_environment(name: str, *, cloudformation: Any, secrets_manager: Any) -> SystemEndpoints:
    """Read the outputs of a deployed environment's stacks, and its default API key."""
    from botocore.exceptions import BotoCoreError, ClientError  # noqa: PLC0415 - `--help` need not wait for it

    outputs: dict[str, str] = {}
    try:
        for stack in STACKS:
            answer = cloudformation.describe_stacks(StackName=f"Darkroom-{name}-{stack}")
            outputs |= {item["OutputKey"]: item["OutputValue"] for item in answer["Stacks"][0].get("Outputs", ())}
        api_key = secrets_manager.get_secret_value(SecretId=outputs["ApiKeySecretArn"])["SecretString"]
        return SystemEndpoints(
            name=name,
            http_url=outputs["HttpUrl"],
            api_key=api_key,
            entry_topic_arn=outputs["EntryTopicArn"],
            model_bucket=outputs["ModelBucketName"],
        )
    except (BotoCoreError, ClientError) as error:
        raise Unreachable(
            f"environment {name!r} cannot be read: {error}. Deploy it with `cdk deploy -c environment={name} --all`,"
            " and check the AWS credentials and region of this shell"
        ) from None
    except KeyError as error:
        raise Unreachable(f"the stacks of environment {name!r} have no output {error}; deploy them again") from None


def environment(name: str, *, state_directory: Path) -> SystemEndpoints:
    """Return the environment of this name, `local` or a deployed one."""
    if name == LOCAL:
        return local_environment(state_directory)
    import boto3  # noqa: PLC0415 - `--help` need not wait for it

    return deployed_environment(
        name, cloudformation=boto3.client("cloudformation"), secrets_manager=boto3.client("secretsmanager")
    )

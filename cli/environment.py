"""Endpoints of an environment: an address and a key, `endpoints.json` of a local system, or the stacks' outputs."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final

import darkroom
from cli.aws import aws_errors
from cli.errors import Misconfigured, Refused, Unreachable, WrongUsage
from darkroom.local_system import read_local_endpoints, stale_endpoints

LOCAL: Final = "local"
STACKS: Final = ("Storage", "Messaging", "Api")
#: Files of the environments in a checkout.
ENVIRONMENTS_DIRECTORY: Final = Path(__file__).parent.parent / "environments"


@dataclass(frozen=True)
class EnvironmentChoice:
    """Options by which a user chooses an environment and a key."""

    name: str = LOCAL
    state_directory: Path = Path(".local")
    url: str | None = None
    key: str | None = None
    key_name: str | None = None
    region: str | None = None
    profile: str | None = None
    #: Region of the shell (AWS_REGION), which the environment file's has precedence over.
    shell_region: str | None = None


@dataclass(frozen=True)
class SystemEndpoints:
    """Addresses and key of one environment. Without AWS only the HTTP API is known."""

    name: str
    http_url: str = ""
    api_key: str = ""
    #: Origin of the key, for the message when the API does not accept it.
    key_source: str = ""
    has_aws: bool = True
    entry_topic_arn: str = ""
    completion_topic_arn: str = ""
    output_bucket: str = ""
    model_bucket: str = ""
    #: Addresses without API Gateway's time limit, if the environment has function URLs, by their door: `openai`.
    function_urls: Mapping[str, str] = field(default_factory=dict)
    region: str | None = None
    profile: str | None = None
    #: Set for a local system, whose AWS is a server on this machine.
    aws_endpoint_url: str | None = None

    def client(self, service: Any) -> Any:
        """Return a boto3 client of the environment's AWS."""
        if not self.has_aws:
            raise WrongUsage(
                f"this needs AWS rights, and {self.name} is only an address of the HTTP API; name the environment with"
                " --environment"
            )
        import boto3

        # The local AWS accepts any credentials, but the client insists on some.
        key = "local" if self.aws_endpoint_url else None
        with aws_errors(f"environment {self.name!r} cannot be used"):
            session = boto3.Session(
                aws_access_key_id=key,
                aws_secret_access_key=key,
                region_name=self.region,
                profile_name=self.profile,
            )
            return session.client(service, endpoint_url=self.aws_endpoint_url)

    def secret(self, name: str) -> str:
        """Return the text of a secret of Secrets Manager."""
        client = self.client("secretsmanager")
        with aws_errors(f"the secret {name!r} cannot be read"):
            return str(client.get_secret_value(SecretId=name)["SecretString"])


def find_environment(choice: EnvironmentChoice) -> SystemEndpoints:
    """Return the environment of a choice: an address, `local`, or a deployed one."""
    if choice.url is not None:
        if choice.key is None:
            raise WrongUsage("--url needs a key; set DARKROOM_API_KEY, or write --key")
        return SystemEndpoints(
            name=choice.url, http_url=choice.url, api_key=choice.key, key_source=_GIVEN_KEY, has_aws=False
        )
    if choice.name == LOCAL:
        try:
            return local_environment(choice.state_directory, key=choice.key, key_name=choice.key_name)
        except darkroom.NotConfigured as error:
            if _endpoints_file(choice.state_directory).exists():
                raise
            raise Unreachable(f"{error}. For another system write --environment NAME, or --url and --key") from None
    name, region = _name_and_region(choice.name)
    region = choice.region or region or choice.shell_region
    place = SystemEndpoints(name=name, region=region, profile=choice.profile)
    try:
        return deployed_environment(place, key=choice.key, key_name=choice.key_name)
    except (Misconfigured, Unreachable) as error:
        raise type(error)(f"{error}{_hint_at_names(choice.name)}") from None


def _endpoints_file(state_directory: Path) -> Path:
    return state_directory / "endpoints.json"


def _hint_at_names(name_or_path: str) -> str:
    """Return what to add to an error about an environment that no file of this checkout describes."""
    files = sorted(file.stem for file in ENVIRONMENTS_DIRECTORY.glob("*.yaml"))
    if not files or name_or_path.endswith((".yaml", ".yml")) or name_or_path in files:
        return ""
    return f". No file describes {name_or_path!r}; the files in environments/ describe: {', '.join(files)}"


def local_environment(state_directory: Path, *, key: str | None = None, key_name: str | None = None) -> SystemEndpoints:
    """Read the endpoints of the local system that runs with this state directory."""
    path = _endpoints_file(state_directory)
    try:
        endpoints = read_local_endpoints(state_directory)
        environment = SystemEndpoints(
            name=LOCAL,
            http_url=endpoints["http_url"],
            api_key=key or endpoints["api_key"],
            key_source=_GIVEN_KEY if key else str(path),
            entry_topic_arn=endpoints["entry_topic_arn"],
            completion_topic_arn=endpoints["completion_topic_arn"],
            output_bucket=endpoints["output_bucket"],
            model_bucket=endpoints["model_bucket"],
            function_urls=_by_door(endpoints.get("function_urls", {}), "_api"),
            region=endpoints["region"],
            aws_endpoint_url=endpoints["aws_endpoint_url"],
        )
        secret_arns = endpoints["api_key_secret_arns"]
    except KeyError as error:
        raise stale_endpoints(path, f"has no {error}") from None
    return _with_named_key(environment, key_name, secret_arns)


def deployed_environment(
    place: SystemEndpoints, *, key: str | None = None, key_name: str | None = None
) -> SystemEndpoints:
    """Read the outputs of a deployed environment's stacks, and its API key unless `key` is given."""
    outputs: dict[str, str] = {}
    advice = (
        f"environment {place.name!r} cannot be read. Deploy it with `cdk deploy -c environment={place.name} --all`, and"
        " check the AWS credentials and region of this shell"
    )
    try:
        with aws_errors(advice):
            cloudformation = place.client("cloudformation")
            for stack in STACKS:
                answer = cloudformation.describe_stacks(StackName=f"Darkroom-{place.name}-{stack}")
                outputs |= {item["OutputKey"]: item["OutputValue"] for item in answer["Stacks"][0].get("Outputs", ())}
        environment = replace(
            place,
            http_url=outputs["HttpUrl"],
            entry_topic_arn=outputs["EntryTopicArn"],
            completion_topic_arn=outputs["CompletionTopicArn"],
            output_bucket=outputs["OutputBucketName"],
            model_bucket=outputs["ModelBucketName"],
            function_urls=_by_door(outputs, "FunctionUrl"),
        )
        if key is not None:
            return replace(environment, api_key=key, key_source=_GIVEN_KEY)
        if key_name is not None:
            return _with_named_key(environment, key_name, json.loads(outputs["ApiKeySecretArns"]))
        return _with_key(environment, outputs["ApiKeySecretArn"])
    except KeyError as error:
        raise Unreachable(
            f"the stacks of environment {place.name!r} have no output {error}; deploy them again"
        ) from None


_GIVEN_KEY: Final = "--key or DARKROOM_API_KEY"


def _by_door(values: Mapping[str, str], ending: str) -> dict[str, str]:
    """Return the values whose name has this ending, by the rest of the name in small letters."""
    return {
        name.removesuffix(ending).lower(): value.rstrip("/") for name, value in values.items() if name.endswith(ending)
    }


def _with_named_key(
    environment: SystemEndpoints, key_name: str | None, secret_arns: Mapping[str, str]
) -> SystemEndpoints:
    if key_name is None:
        return environment
    if key_name not in secret_arns:
        known = ", ".join(sorted(secret_arns))
        raise Refused(f"environment {environment.name!r} has no key {key_name!r}; its keys are: {known}")
    return _with_key(environment, secret_arns[key_name])


def _with_key(environment: SystemEndpoints, secret_arn: str) -> SystemEndpoints:
    with aws_errors(f"the key of environment {environment.name!r} cannot be read; write --key, or get the right"):
        api_key = environment.client("secretsmanager").get_secret_value(SecretId=secret_arn)["SecretString"]
    return replace(environment, api_key=api_key, key_source=f"the secret {secret_arn}")


def _name_and_region(name_or_path: str) -> tuple[str, str | None]:
    """Return an environment's name, and the region that its file names."""
    is_path = name_or_path.endswith((".yaml", ".yml"))
    path = Path(name_or_path) if is_path else ENVIRONMENTS_DIRECTORY / f"{name_or_path}.yaml"
    if not is_path and not path.exists():
        return name_or_path, None
    import yaml

    try:
        document = yaml.safe_load(path.read_text())
        return str(document["name"]), document.get("region")
    except (OSError, ValueError, yaml.YAMLError, KeyError, TypeError, AttributeError) as error:
        raise WrongUsage(f"{path} is not an environment file ({error}); check it with: darkroom doctor") from None

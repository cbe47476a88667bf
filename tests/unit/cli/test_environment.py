"""The environment and the key that a command uses."""

import json
from dataclasses import dataclass
from http.server import HTTPServer
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError
from click.testing import CliRunner, Result

from cli.environment import SystemEndpoints, deployed_environment
from cli.errors import Refused, Unreachable, WrongUsage
from cli.main import main
from tests.harness.local_endpoints import write_local_endpoints
from tests.harness.serving import QuietHandler, serving
from tests.unit.cli.conftest import KEY
from tests.unit.cli.fake_api import FakeApi

OUTPUTS = {
    "Darkroom-dev-Storage": {"OutputBucketName": "outputs", "ModelBucketName": "models"},
    "Darkroom-dev-Messaging": {"EntryTopicArn": "arn:entry", "CompletionTopicArn": "arn:completion"},
    "Darkroom-dev-Api": {
        "HttpUrl": "https://api/",
        "OpenaiFunctionUrl": "https://long.example/",
        "ApiKeySecretArn": "arn:first",
        "ApiKeySecretArns": json.dumps({"default": "arn:first", "guest": "arn:guest"}),
    },
}


class FakeAws:
    """CloudFormation with outputs, and Secrets Manager."""

    def __init__(self, outputs: dict[str, dict[str, str]]) -> None:
        self._outputs = outputs
        self.services: list[str] = []

    def client(self, service: str) -> "FakeAws":
        self.services.append(service)
        return self

    def describe_stacks(self, *, StackName: str) -> dict[str, Any]:
        if StackName not in self._outputs:
            message = f"Stack with id {StackName} does not exist"
            raise ClientError({"Error": {"Code": "ValidationError", "Message": message}}, "DescribeStacks")
        outputs = [{"OutputKey": key, "OutputValue": value} for key, value in self._outputs[StackName].items()]
        return {"Stacks": [{"Outputs": outputs}]}

    def get_secret_value(self, *, SecretId: str) -> dict[str, Any]:
        return {"SecretString": f"value of {SecretId}"}


@dataclass(frozen=True, kw_only=True)
class InFakeAws(SystemEndpoints):
    aws: FakeAws

    def client(self, service: str) -> FakeAws:
        return self.aws.client(service)


def read(name: str, aws: FakeAws, **options: str) -> SystemEndpoints:
    return deployed_environment(InFakeAws(name=name, region="eu-central-1", aws=aws), **options)


def test_a_deployed_environment_is_read_from_its_outputs() -> None:
    environment = read("dev", FakeAws(OUTPUTS))
    assert environment.http_url == "https://api/"
    assert environment.api_key == "value of arn:first"
    assert (environment.entry_topic_arn, environment.completion_topic_arn) == ("arn:entry", "arn:completion")
    assert (environment.model_bucket, environment.output_bucket) == ("models", "outputs")
    assert (environment.region, environment.aws_endpoint_url) == ("eu-central-1", None)
    assert environment.function_urls == {"openai": "https://long.example"}


def test_another_key_is_named() -> None:
    assert read("dev", FakeAws(OUTPUTS), key_name="guest").api_key == "value of arn:guest"
    with pytest.raises(Refused, match="has no key 'boss'; its keys are: default, guest"):
        read("dev", FakeAws(OUTPUTS), key_name="boss")


def test_with_a_key_no_secret_is_read() -> None:
    aws = FakeAws(OUTPUTS)
    assert read("dev", aws, key="mine").api_key == "mine"
    assert aws.services == ["cloudformation"]


def test_an_environment_that_is_not_deployed_says_how_to_deploy_it() -> None:
    with pytest.raises(Unreachable, match="cdk deploy -c environment=prod --all"):
        read("prod", FakeAws(OUTPUTS))


def test_a_missing_output_is_named() -> None:
    with pytest.raises(Unreachable, match="EntryTopicArn"):
        read("dev", FakeAws(OUTPUTS | {"Darkroom-dev-Messaging": {}}))


def run(*arguments: str, **variables: str) -> Result:
    return CliRunner().invoke(main, arguments, env={"AWS_EC2_METADATA_DISABLED": "true", **variables})


@pytest.mark.parametrize("by", ["options", "options after the command", "variables"])
def test_an_address_and_a_key_are_enough(api: FakeApi, tmp_path: Path, by: str) -> None:
    api.states["a"] = ["IN_QUEUE"]
    place = ["--state-dir", str(tmp_path)]
    if by == "options":
        result = run(*place, "--url", f"{api.url}/", "--key", KEY, "list")
    elif by == "options after the command":
        result = run("list", *place, "--url", f"{api.url}/", "--key", KEY)
    else:
        result = run(*place, "list", DARKROOM_URL=api.url, DARKROOM_API_KEY=KEY)
    assert result.exit_code == 0, result.stderr
    assert "IN_QUEUE" in result.stdout


@pytest.mark.parametrize("options", [(), ("--json",)])
def test_half_a_surrogate_pair_is_printed_as_its_escape(api: FakeApi, tmp_path: Path, options: tuple[str, ...]) -> None:
    api.states["half-\ud83d"] = ["IN_QUEUE"]
    result = run("--state-dir", str(tmp_path), "--url", api.url, "--key", KEY, "list", *options)
    assert result.exit_code == 0, result.exception
    assert "half-\\ud83d" in result.stdout
    if options:
        assert json.loads(result.stdout)["tasks"][0]["id"] == "half-\ud83d"


def test_the_environment_that_is_typed_wins_over_the_variables(api: FakeApi, tmp_path: Path) -> None:
    api.states["a"] = ["IN_QUEUE"]
    write_local_endpoints(tmp_path, http_url=api.url, api_key=KEY)
    options = ["--environment", "local", "--state-dir", str(tmp_path)]
    for arguments in ([*options, "list"], ["list", *options]):
        result = run(*arguments, DARKROOM_URL="http://127.0.0.1:1", DARKROOM_API_KEY="another")
        assert result.exit_code == 0, result.stderr


@pytest.mark.parametrize(
    "arguments",
    [
        ["models", "--environment", "nowhere", "list"],
        ["batch", "list", "--environment", "nowhere"],
        ["--environment", "elsewhere", "list", "--environment", "nowhere"],
    ],
)
def test_an_option_is_accepted_after_its_command_and_replaces_the_one_before(arguments: list[str]) -> None:
    result = run(*arguments, AWS_ENDPOINT_URL="http://127.0.0.1:1", AWS_MAX_ATTEMPTS="1", AWS_REGION="eu-north-1")
    assert "environment 'nowhere' cannot be read" in result.stderr


def test_a_printed_command_is_for_the_same_environment_and_shows_no_key(api: FakeApi) -> None:
    api.states["a"] = ["FAILED"]
    hint = run("--url", api.url, "--key", KEY, "retry", "a").stderr
    assert hint.endswith(f"darkroom --url {api.url} status a --wait\n")


@pytest.mark.parametrize("arguments", [["models", "list"], ["logs"]])
def test_without_aws_what_needs_it_says_so(arguments: list[str]) -> None:
    result = run("--url", "http://127.0.0.1:1", "--key", "k", *arguments)
    assert (result.exit_code, "needs AWS rights" in result.stderr) == (WrongUsage.exit_code, True)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--url", "http://127.0.0.1:1", "list"], "--url needs a key"),
        (["--url", "localhost:80", "--key", "k", "list"], "https://pictures.example/api"),
        (["--url", "http://a", "--environment", "prod", "list"], "--environment and --url exclude each other"),
        (["--url", "http://a", "list", "--environment", "prod"], "--environment and --url exclude each other"),
        (["list", "--url", "a"], "https://pictures.example/api"),
        (["--key", "k", "--key-name", "guest", "list"], "--key and --key-name exclude each other"),
        (["--environment", "nowhere.yaml", "list"], "is not an environment file"),
    ],
)
def test_contradictions_are_wrong_usage(arguments: list[str], words: str) -> None:
    result = run(*arguments)
    assert (result.exit_code, words in result.stderr) == (2, True), result.stderr


@pytest.mark.parametrize(
    ("arguments", "in_file", "region"),
    [
        (["--region", "eu-west-1"], "region: eu-central-1\n", "eu-west-1"),
        ([], "region: eu-central-1\n", "eu-central-1"),
        ([], "", "eu-north-1"),
    ],
)
def test_the_region_is_typed_or_of_the_file_or_of_the_shell(
    tmp_path: Path, arguments: list[str], in_file: str, region: str
) -> None:
    asked: list[tuple[str, bytes]] = []

    class Handler(QuietHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            asked.append((self.headers["Authorization"], body))
            self.send_response(403)
            self.send_header("Content-Length", "0")
            self.end_headers()

    file = tmp_path / "mine.yaml"
    file.write_text(f"name: other\n{in_file}")
    with serving(HTTPServer(("127.0.0.1", 0), Handler)) as server:
        variables = {
            "AWS_ENDPOINT_URL": f"http://127.0.0.1:{server.server_port}",
            "AWS_ACCESS_KEY_ID": "key",
            "AWS_SECRET_ACCESS_KEY": "secret",
            "AWS_REGION": "eu-north-1",
        }
        result = run(*arguments, "--environment", str(file), "list", **variables)
    assert (result.exit_code, "environment 'other' cannot be read" in result.stderr) == (4, True), result.stderr
    ((authorization, body),) = asked
    assert f"/{region}/cloudformation/" in authorization
    assert b"StackName=Darkroom-other-Storage" in body


def exports(text: str) -> dict[str, str]:
    return dict(line.removeprefix("export ").split("=", 1) for line in text.splitlines())


def test_env_prints_what_boto3_and_curl_need(tmp_path: Path) -> None:
    write_local_endpoints(tmp_path, api_key="it's", function_urls={"mcp_api": "http://127.0.0.1:2/"})
    result = run("--state-dir", str(tmp_path), "env")
    assert exports(result.stdout) == {
        "HTTP_URL": "http://127.0.0.1:1",
        "API_KEY": "'it'\"'\"'s'",
        "ENTRY_TOPIC_ARN": "arn:aws:sns:us-east-1:123456789012:entry",
        "COMPLETION_TOPIC_ARN": "arn:aws:sns:us-east-1:123456789012:completion",
        "OUTPUT_BUCKET": "outputs",
        "MODEL_BUCKET": "models",
        "MCP_FUNCTION_URL": "http://127.0.0.1:2",
        "AWS_REGION": "us-east-1",
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_ENDPOINT_URL": "http://127.0.0.1:1",
        "AWS_ACCESS_KEY_ID": "local",
        "AWS_SECRET_ACCESS_KEY": "local",
    }
    assert json.loads(run("--state-dir", str(tmp_path), "env", "--json").stdout)["API_KEY"] == "it's"


def test_env_of_an_address_has_that_and_the_key() -> None:
    result = run("--url", "https://pictures.example/api/", "--key", "k", "env")
    assert exports(result.stdout) == {"HTTP_URL": "https://pictures.example/api", "API_KEY": "k"}

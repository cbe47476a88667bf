from typing import Any

import pytest
from botocore.exceptions import ClientError

from cli.environment import deployed_environment
from cli.errors import Unreachable

OUTPUTS = {
    "Darkroom-dev-Storage": {"OutputBucketName": "outputs", "ModelBucketName": "models"},
    "Darkroom-dev-Messaging": {"EntryTopicArn": "arn:entry"},
    "Darkroom-dev-Api": {"HttpUrl": "https://api/", "ApiKeySecretArn": "arn:secret"},
}


class FakeCloudFormation:
    def __init__(self, outputs: dict[str, dict[str, str]]) -> None:
        self._outputs = outputs

    def describe_stacks(self, *, StackName: str) -> dict[str, Any]:
        if StackName not in self._outputs:
            message = f"Stack with id {StackName} does not exist"
            raise ClientError({"Error": {"Code": "ValidationError", "Message": message}}, "DescribeStacks")
        outputs = [{"OutputKey": key, "OutputValue": value} for key, value in self._outputs[StackName].items()]
        return {"Stacks": [{"Outputs": outputs}]}


class FakeSecretsManager:
    def get_secret_value(self, *, SecretId: str) -> dict[str, Any]:
        return {"SecretString": f"value of {SecretId}"}


def read(name: str, outputs: dict[str, dict[str, str]]) -> Any:
    return deployed_environment(name, cloudformation=FakeCloudFormation(outputs), secrets_manager=FakeSecretsManager())


def test_a_deployed_environment_is_read_from_its_outputs() -> None:
    environment = read("dev", OUTPUTS)
    assert environment.http_url == "https://api/"
    assert environment.api_key == "value of arn:secret"
    assert environment.entry_topic_arn == "arn:entry"
    assert environment.model_bucket == "models"
    assert environment.aws_endpoint_url is None


def test_an_environment_that_is_not_deployed_says_how_to_deploy_it() -> None:
    with pytest.raises(Unreachable, match="cdk deploy -c environment=prod --all"):
        read("prod", OUTPUTS)


def test_a_missing_output_is_named() -> None:
    with pytest.raises(Unreachable, match="EntryTopicArn"):
        read("dev", OUTPUTS | {"Darkroom-dev-Messaging": {}})

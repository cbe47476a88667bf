"""Functions that accept a task and wait for its end: the APIs of RunPod, of the SD Web UI and of OpenAI, and MCP."""

from collections.abc import Mapping, Sequence
from typing import Final

from aws_cdk import CfnOutput, Stack, aws_lambda
from constructs import Construct

from contract.record import ACTIVE_INDEX, RUNTIME_INDEX, SESSION_INDEX
from contract.storage import MESSAGE_FOLDER, WEBUI_FOLDER
from stacks.constructs.functions.submission_functions import (
    HTTP_TIMEOUT_SECONDS,
    SUBMISSION_SETTINGS,
    allow_submission,
)
from stacks.constructs.functions.task_function import TaskFunction, TaskResources

#: Seconds that a function with its own URL may wait for a task, as long as RunPod's `runsync` does.
WAITING_SECONDS: Final = 300
#: Further seconds of its timeout: a cold start, the submission before the wait, and reading the answer after it.
WORKING_SECONDS: Final = 30


def runpod_api(scope: Construct, resources: TaskResources, *, secret_arns: Mapping[str, str]) -> TaskFunction:
    """Create the function behind /v2; `secret_arns` has each key's secret by the key's name."""
    return _synchronous_function(
        scope,
        "RunpodApi",
        resources,
        secret_arns,
        folder="runpod_api",
        description="Answers clients that were written for RunPod serverless",
        indexes=(ACTIVE_INDEX, RUNTIME_INDEX),
        url_output="RunpodFunctionUrl",
    )


def webui_api(scope: Construct, resources: TaskResources, *, secret_arns: Mapping[str, str]) -> TaskFunction:
    """Create the function behind /sdapi/v1; `secret_arns` has each key's secret by the key's name."""
    function = _synchronous_function(
        scope,
        "WebuiApi",
        resources,
        secret_arns,
        folder="webui_api",
        description="Answers programs that were written for an SD Web UI",
        indexes=(SESSION_INDEX,),
        url_output="WebuiFunctionUrl",
    )
    function.allow(
        "s3:GetObject",
        "s3:PutObject",
        on=[f"{resources.storage.task_bucket.arn}/{WEBUI_FOLDER}/*"],
        wildcard_reason="Lists lie under their runtime, and options under the key that set them",
    )
    return function


def openai_api(scope: Construct, resources: TaskResources, *, secret_arns: Mapping[str, str]) -> TaskFunction:
    """Create the function behind /v1; `secret_arns` has each key's secret by the key's name."""
    return _synchronous_function(
        scope,
        "OpenaiApi",
        resources,
        secret_arns,
        folder="openai_api",
        description="Answers programs that were written for OpenAI's images API",
        url_output="OpenaiFunctionUrl",
    )


def mcp_api(scope: Construct, resources: TaskResources, *, secret_arns: Mapping[str, str]) -> TaskFunction:
    """Create the function behind /mcp; `secret_arns` has each key's secret by the key's name."""
    return _synchronous_function(
        scope,
        "McpApi",
        resources,
        secret_arns,
        folder="mcp_api",
        description="Offers tools to assistants by the Model Context Protocol",
        indexes=(ACTIVE_INDEX, RUNTIME_INDEX),
        url_output="McpFunctionUrl",
    )


def _synchronous_function(
    scope: Construct,
    id_: str,
    resources: TaskResources,
    secret_arns: Mapping[str, str],
    *,
    folder: str,
    description: str,
    url_output: str,
    indexes: Sequence[str] = (),
) -> TaskFunction:
    environment, storage = resources.environment, resources.storage
    waiting_seconds = WAITING_SECONDS if environment.function_url else 0
    # Only a function with its own URL checks keys itself.
    checked_keys = dict(secret_arns) if environment.function_url else {}
    function = TaskFunction(
        scope,
        id_,
        folder=folder,
        description=description,
        timeout_seconds=waiting_seconds + WORKING_SECONDS if environment.function_url else HTTP_TIMEOUT_SECONDS,
        waiting_seconds=waiting_seconds,
        reserved_concurrency=environment.throttling.waiting_calls,
        settings={
            **resources.settings(*SUBMISSION_SETTINGS, "CORS_ORIGINS"),
            "API_KEY_SECRET_ARNS": Stack.of(scope).to_json_string(checked_keys),
        },
        platform=resources.platform,
    )
    allow_submission(function, resources)
    for index in indexes:
        function.allow("dynamodb:Query", on=[f"{storage.table_arn}/index/{index}"])
    function.read_objects(
        storage.task_bucket,
        MESSAGE_FOLDER,
        wildcard_reason="The message of a task that is published again lies under the task's id",
    )
    function.publish_to(resources.topics.task_arn, key_arn=resources.topics.key_arn)
    if environment.function_url:
        _add_function_url(function, url_output, secret_arns)
    return function


def _add_function_url(function: TaskFunction, output: str, secret_arns: Mapping[str, str]) -> None:
    """Add an address for calls that take longer than API Gateway waits, and a stack output with the address."""
    function.allow("secretsmanager:GetSecretValue", on=list(secret_arns.values()))
    # Callers have a key of the HTTP API and no identity in AWS.
    url = function.add_function_url(auth_type=aws_lambda.FunctionUrlAuthType.NONE)
    CfnOutput(Stack.of(function), output, value=url.url, description=f"Address of {function.node.id} for long calls")

"""Functions that accept a task and wait for its end: the APIs of RunPod, of the SD Web UI and of OpenAI, and MCP."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Final, NamedTuple

from aws_cdk import CfnOutput, Stack, aws_lambda
from constructs import Construct

from contract.record import ACTIVE_INDEX, RUNTIME_INDEX, SESSION_INDEX
from contract.storage import WEBUI_FOLDER
from stacks.constructs.api.http_api import MCP, OPENAI, RUNPOD, WEBUI
from stacks.constructs.functions.submission_functions import SUBMISSION_SETTINGS, allow_submission
from stacks.constructs.functions.task_function import (
    HTTP_TIMEOUT_SECONDS,
    FunctionPlatform,
    TaskFunction,
    TaskResources,
)

#: Seconds that a function with its own URL may wait for a task, as long as RunPod's `runsync` does.
WAITING_SECONDS: Final = 300
#: Further seconds of its timeout: a cold start, the submission before the wait, and reading the answer after it.
WORKING_SECONDS: Final = 30


class SynchronousApi(NamedTuple):
    """Purpose of a function, and the indexes of the task table that it queries."""

    description: str
    indexes: Sequence[str] = ()


#: Functions by their names in the routes: `runpod` is `RunpodApi` in the folder `runpod_api`.
APIS: Final[Mapping[str, SynchronousApi]] = {
    RUNPOD: SynchronousApi("Answers clients that were written for RunPod serverless", (ACTIVE_INDEX, RUNTIME_INDEX)),
    WEBUI: SynchronousApi("Answers programs that were written for an SD Web UI", (SESSION_INDEX,)),
    OPENAI: SynchronousApi("Answers programs that were written for OpenAI's images API"),
    MCP: SynchronousApi("Offers tools to assistants by the Model Context Protocol", (ACTIVE_INDEX, RUNTIME_INDEX)),
}


def synchronous_functions(
    scope: Construct, resources: TaskResources, *, mcp_platform: FunctionPlatform, secret_arns: Mapping[str, str]
) -> dict[str, TaskFunction]:
    """Create the functions; `secret_arns` has each key's secret by the key's name."""
    functions: dict[str, TaskFunction] = {}
    for name, api in APIS.items():
        of_api = replace(resources, platform=mcp_platform) if name == MCP else resources
        functions[name] = _synchronous_function(scope, name, api, of_api, secret_arns)
    functions[WEBUI].allow(
        "s3:GetObject",
        "s3:PutObject",
        on=[f"{resources.storage.task_bucket.arn}/{WEBUI_FOLDER}/*"],
        wildcard_reason="Lists lie under their runtime, and options under the key that set them",
    )
    return functions


def _synchronous_function(
    scope: Construct, name: str, api: SynchronousApi, resources: TaskResources, secret_arns: Mapping[str, str]
) -> TaskFunction:
    environment = resources.environment
    waiting_seconds = WAITING_SECONDS if environment.function_url else 0
    # Only a function with its own URL checks keys itself.
    checked_keys = dict(secret_arns) if environment.function_url else {}
    function = TaskFunction(
        scope,
        f"{name.capitalize()}Api",
        folder=f"{name}_api",
        description=api.description,
        timeout_seconds=waiting_seconds + WORKING_SECONDS if environment.function_url else HTTP_TIMEOUT_SECONDS,
        waiting_seconds=waiting_seconds,
        reserved_concurrency=environment.throttling.waiting_calls,
        settings=resources.settings(
            *SUBMISSION_SETTINGS, "CORS_ORIGINS", API_KEY_SECRET_ARNS=Stack.of(scope).to_json_string(checked_keys)
        ),
        platform=resources.platform,
    )
    allow_submission(function, resources)
    for index in api.indexes:
        function.allow("dynamodb:Query", on=[f"{resources.storage.table_arn}/index/{index}"])
    resources.allow_publishing(function)
    if environment.function_url:
        _add_function_url(function, f"{name.capitalize()}FunctionUrl", secret_arns)
    return function


def _add_function_url(function: TaskFunction, output: str, secret_arns: Mapping[str, str]) -> None:
    """Add an address for calls that take longer than API Gateway waits, and a stack output with the address."""
    function.allow("secretsmanager:GetSecretValue", on=list(secret_arns.values()))
    # Callers have a key of the HTTP API and no identity in AWS.
    url = function.add_function_url(auth_type=aws_lambda.FunctionUrlAuthType.NONE)
    CfnOutput(Stack.of(function), output, value=url.url, description=f"Address of {function.node.id} for long calls")

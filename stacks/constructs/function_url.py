"""The address of a function beside the HTTP API, for calls that take longer than API Gateway waits."""

from collections.abc import Mapping
from typing import Final

from aws_cdk import CfnOutput, Stack, aws_lambda

from stacks.constructs.task_function import TaskFunction

#: Seconds for which a function with an address of its own may wait for a task, as long as RunPod's `runsync` does.
WAITING_SECONDS: Final = 300
#: Seconds of its timeout besides: a cold start, the submission before the wait, and reading the answer after it.
WORKING_SECONDS: Final = 30


def url_settings(function_url: bool, secret_arns: Mapping[str, str], stack: Stack) -> dict[str, str]:  # noqa: FBT001 - the environment's own key
    """Return the variables with which a function checks keys itself; without an address it knows none."""
    return {"API_KEY_SECRET_ARNS": stack.to_json_string(dict(secret_arns) if function_url else {})}


def add_function_url(function: TaskFunction, output: str, *, secret_arns: Mapping[str, str]) -> None:
    """Give a function an address, named by a stack output, at which it checks keys itself."""
    function.allow("secretsmanager:GetSecretValue", on=list(secret_arns.values()))
    # Callers have a key of the HTTP API and no identity in AWS.
    url = function.add_function_url(auth_type=aws_lambda.FunctionUrlAuthType.NONE)
    CfnOutput(Stack.of(function), output, value=url.url, description=f"Address of {function.node.id} for long calls")

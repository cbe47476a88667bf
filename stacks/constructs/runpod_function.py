"""The function for clients of RunPod: it takes tasks in like submit_task, and looks after them like read_task."""

from collections.abc import Mapping

from aws_cdk import Stack
from constructs import Construct

from contract.record import ACTIVE_INDEX, RUNTIME_INDEX
from contract.storage import MESSAGE_FOLDER
from stacks.config import Environment
from stacks.constructs.function_url import WAITING_SECONDS, WORKING_SECONDS, add_function_url, url_settings
from stacks.constructs.submission_functions import HTTP_TIMEOUT_SECONDS, allow_submission, submission_settings
from stacks.constructs.task_function import FunctionPlatform, TaskFunction
from stacks.exports import StorageExports


def runpod_api(
    scope: Construct,
    *,
    platform: FunctionPlatform,
    environment: Environment,
    storage: StorageExports,
    task_topic_arn: str,
    topic_key_arn: str,
    secret_arns: Mapping[str, str],
) -> TaskFunction:
    """Make the function behind /v2; `secret_arns` has the secret of each key by its name."""
    waiting_seconds = WAITING_SECONDS if environment.function_url else 0
    function = TaskFunction(
        scope,
        "RunpodApi",
        folder="runpod_api",
        description="Answers clients that were written for RunPod serverless",
        timeout_seconds=waiting_seconds + WORKING_SECONDS if environment.function_url else HTTP_TIMEOUT_SECONDS,
        waiting_seconds=waiting_seconds,
        settings={
            **submission_settings(environment, storage, task_topic_arn),
            **url_settings(environment.function_url, secret_arns, Stack.of(scope)),
        },
        platform=platform,
    )
    allow_submission(function, storage, environment.throttling)
    for index in (ACTIVE_INDEX, RUNTIME_INDEX):
        function.allow("dynamodb:Query", on=[f"{storage.table_arn}/index/{index}"])
    function.read_objects(
        storage.task_bucket,
        MESSAGE_FOLDER,
        wildcard_reason="The message of a task that is begun again lies under the task's id",
    )
    function.read_objects(
        storage.output_bucket,
        "",
        wildcard_reason="Answers hold the pictures or links to them, and callers choose the prefix of outputs",
    )
    function.publish_to(task_topic_arn, key_arn=topic_key_arn)
    if environment.function_url:
        add_function_url(function, "RunpodFunctionUrl", secret_arns=secret_arns)
    return function

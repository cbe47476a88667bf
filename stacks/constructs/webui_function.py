"""The function for programs written for an SD Web UI: it takes tasks in, waits, and hands outputs out."""

from collections.abc import Mapping

from aws_cdk import Stack
from constructs import Construct

from contract.record import SESSION_INDEX
from contract.storage import MESSAGE_FOLDER, WEBUI_FOLDER
from stacks.config import Environment
from stacks.constructs.function_url import WAITING_SECONDS, WORKING_SECONDS, add_function_url, url_settings
from stacks.constructs.submission_functions import HTTP_TIMEOUT_SECONDS, allow_submission, submission_settings
from stacks.constructs.task_function import FunctionPlatform, TaskFunction
from stacks.exports import StorageExports


def webui_api(
    scope: Construct,
    *,
    platform: FunctionPlatform,
    environment: Environment,
    storage: StorageExports,
    task_topic_arn: str,
    topic_key_arn: str,
    secret_arns: Mapping[str, str],
) -> TaskFunction:
    """Make the function behind /sdapi/v1; `secret_arns` has the secret of each key by its name."""
    waiting_seconds = WAITING_SECONDS if environment.function_url else 0
    function = TaskFunction(
        scope,
        "WebuiApi",
        folder="webui_api",
        description="Answers programs that were written for an SD Web UI",
        timeout_seconds=waiting_seconds + WORKING_SECONDS if environment.function_url else HTTP_TIMEOUT_SECONDS,
        waiting_seconds=waiting_seconds,
        settings={
            **submission_settings(environment, storage, task_topic_arn),
            **url_settings(environment.function_url, secret_arns, Stack.of(scope)),
        },
        platform=platform,
    )
    allow_submission(function, storage, environment.throttling)
    function.allow("dynamodb:Query", on=[f"{storage.table_arn}/index/{SESSION_INDEX}"])
    function.read_objects(
        storage.task_bucket,
        MESSAGE_FOLDER,
        wildcard_reason="The message of a task that was recorded but not published lies under the task's id",
    )
    function.allow(
        "s3:GetObject",
        "s3:PutObject",
        on=[f"{storage.task_bucket.arn}/{WEBUI_FOLDER}/*"],
        wildcard_reason="Lists lie under their runtime, and options under the key that set them",
    )
    function.read_objects(
        storage.output_bucket, "", wildcard_reason="The outputs of a call lie under the id of its task"
    )
    function.publish_to(task_topic_arn, key_arn=topic_key_arn)
    if environment.function_url:
        add_function_url(function, "WebuiFunctionUrl", secret_arns=secret_arns)
    return function

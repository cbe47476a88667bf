"""The functions that take tasks in and wait for their end: for clients of RunPod, and for those of an SD Web UI."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from aws_cdk import Stack
from constructs import Construct

from contract.record import ACTIVE_INDEX, RUNTIME_INDEX, SESSION_INDEX
from contract.storage import MESSAGE_FOLDER, WEBUI_FOLDER
from stacks.config import Environment
from stacks.constructs.function_url import WAITING_SECONDS, WORKING_SECONDS, add_function_url, url_settings
from stacks.constructs.submission_functions import HTTP_TIMEOUT_SECONDS, allow_submission, submission_settings
from stacks.constructs.task_function import FunctionPlatform, TaskFunction
from stacks.exports import StorageExports


@dataclass(frozen=True)
class WaitingGround:
    """What both functions stand on; `secret_arns` has the secret of each key by its name."""

    platform: FunctionPlatform
    environment: Environment
    storage: StorageExports
    task_topic_arn: str
    topic_key_arn: str
    secret_arns: Mapping[str, str]


def runpod_api(scope: Construct, ground: WaitingGround) -> TaskFunction:
    """Make the function behind /v2."""
    return _waiting_function(
        scope,
        "RunpodApi",
        ground,
        folder="runpod_api",
        description="Answers clients that were written for RunPod serverless",
        indexes=(ACTIVE_INDEX, RUNTIME_INDEX),
        url_output="RunpodFunctionUrl",
    )


def webui_api(scope: Construct, ground: WaitingGround) -> TaskFunction:
    """Make the function behind /sdapi/v1."""
    function = _waiting_function(
        scope,
        "WebuiApi",
        ground,
        folder="webui_api",
        description="Answers programs that were written for an SD Web UI",
        indexes=(SESSION_INDEX,),
        url_output="WebuiFunctionUrl",
    )
    function.allow(
        "s3:GetObject",
        "s3:PutObject",
        on=[f"{ground.storage.task_bucket.arn}/{WEBUI_FOLDER}/*"],
        wildcard_reason="Lists lie under their runtime, and options under the key that set them",
    )
    return function


def _waiting_function(
    scope: Construct,
    id_: str,
    ground: WaitingGround,
    *,
    folder: str,
    description: str,
    indexes: Sequence[str],
    url_output: str,
) -> TaskFunction:
    environment, storage = ground.environment, ground.storage
    waiting_seconds = WAITING_SECONDS if environment.function_url else 0
    function = TaskFunction(
        scope,
        id_,
        folder=folder,
        description=description,
        timeout_seconds=waiting_seconds + WORKING_SECONDS if environment.function_url else HTTP_TIMEOUT_SECONDS,
        waiting_seconds=waiting_seconds,
        reserved_concurrency=environment.throttling.waiting_calls,
        settings={
            **submission_settings(environment, storage, ground.task_topic_arn),
            **url_settings(environment.function_url, ground.secret_arns, Stack.of(scope)),
        },
        platform=ground.platform,
    )
    allow_submission(function, storage, environment.throttling)
    for index in indexes:
        function.allow("dynamodb:Query", on=[f"{storage.table_arn}/index/{index}"])
    function.read_objects(
        storage.task_bucket,
        MESSAGE_FOLDER,
        wildcard_reason="The message of a task that is published again lies under the task's id",
    )
    function.read_objects(
        storage.output_bucket,
        "",
        wildcard_reason="Answers hold the pictures or links to them, and callers choose the prefix of outputs",
    )
    function.publish_to(ground.task_topic_arn, key_arn=ground.topic_key_arn)
    if environment.function_url:
        add_function_url(function, url_output, secret_arns=ground.secret_arns)
    return function

"""Lambda function of a task's journey, with its role, its logs and its settings."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from aws_cdk import Duration, aws_events, aws_events_targets, aws_iam, aws_lambda
from constructs import Construct

from contract.record import PUBLISH_GRACE_MS
from contract.storage import MESSAGE_FOLDER
from stacks.config import Environment
from stacks.config.function_target import FunctionTarget
from stacks.constructs.nag_suppressions import suppress, suppress_wildcard
from stacks.constructs.permissions import allow
from stacks.constructs.retention import TaskLogGroup
from stacks.exports import BucketExport, StorageExports, TaskTopics

#: MiB. Lambda gives CPU by memory (a whole core at 1,769), and importing pydantic and boto3 is all CPU: at half of
#: this a cold start takes twice as long and costs the same.
MEMORY_MIB: Final = 1024
METRICS_NAMESPACE: Final = "Darkroom"
#: API Gateway gives up after 29 seconds. A function that ran longer would answer no caller.
HTTP_TIMEOUT_SECONDS: Final = 28


@dataclass(frozen=True)
class FunctionPlatform:
    """Properties that all functions of a stack share."""

    code: aws_lambda.Code
    environment: Environment
    target: FunctionTarget


@dataclass(frozen=True)
class TaskResources:
    """Resources of an environment that the functions of a task's journey use."""

    platform: FunctionPlatform
    storage: StorageExports
    topics: TaskTopics

    @property
    def environment(self) -> Environment:
        """Environment of the functions."""
        return self.platform.environment

    def settings(self, *names: str, **further: str) -> dict[str, str]:
        """Return the variables of a function's settings class: those of the environment by name, and further ones."""
        environment, storage = self.environment, self.storage
        publishers = {topic_arn: name for name, topic_arn in self.topics.publisher_arns.items()}
        tenancy = environment.tenancy.model_copy(update={"publishers": publishers})
        values = {
            "ACTIVE_TASKS_PER_KEY": str(environment.throttling.active_tasks_per_key or ""),
            "ALLOWED_LINK_HOSTS": json.dumps(environment.allowed_link_hosts),
            "CORS_ORIGINS": json.dumps(environment.cors),
            "COMPLETION_TOPIC_ARN": self.topics.completion_arn,
            "MODEL_BUCKET": storage.model_bucket.name,
            "OUTPUT_BUCKET": storage.output_bucket.name,
            "RETENTION_SECONDS": str(environment.retention_seconds),
            "RUNTIMES": environment.catalogue_json,
            "TASK_BUCKET": storage.task_bucket.name,
            "TASK_TABLE": storage.table_name,
            "TASK_TOPIC_ARN": self.topics.task_arn,
            "TENANCY": tenancy.model_dump_json(exclude_defaults=True),
        }
        return {name: values[name] for name in names} | further

    def allow_messages_by_reference(self, function: "TaskFunction") -> None:
        """Allow `function` to read the messages that publishers pass by reference."""
        reason = "Publishers choose the key of a message that they pass by reference; the bucket is the limit"
        function.read_objects(self.storage.task_bucket, "", wildcard_reason=reason)

    def allow_unpublished_messages(self, function: "TaskFunction") -> None:
        """Allow `function` to read the stored messages of tasks, which it publishes again."""
        reason = "The message of a task that was recorded but not published lies under the task's id"
        function.read_objects(self.storage.task_bucket, MESSAGE_FOLDER, wildcard_reason=reason)

    def allow_publishing(self, function: "TaskFunction") -> None:
        """Allow `function` to publish tasks, also those whose publication failed before."""
        self.allow_unpublished_messages(function)
        function.publish_to(self.topics.task_arn, key_arn=self.topics.key_arn)


class TaskFunction(aws_lambda.Function):
    """Function of the folder `lambdas/{folder}`; `settings` are the variables of its settings class.

    A synchronous function spends `waiting_seconds` of its timeout on waiting, after it has published everything.
    `reserved_concurrency` limits its concurrent executions and reserves them for it in the account.
    """

    def __init__(
        self,
        scope: Construct,
        id_: str,
        *,
        folder: str,
        description: str,
        settings: Mapping[str, str],
        platform: FunctionPlatform,
        timeout_seconds: int = HTTP_TIMEOUT_SECONDS,
        waiting_seconds: int = 0,
        reserved_concurrency: int | None = None,
    ) -> None:
        if (timeout_seconds - waiting_seconds) * 1000 >= PUBLISH_GRACE_MS:
            # The reaper would publish a task that this function is still about to publish.
            raise ValueError(f"{folder} may run for {timeout_seconds} s; stay below contract.record.PUBLISH_GRACE_MS")
        role = aws_iam.Role(scope, f"{id_}Role", assumed_by=aws_iam.ServicePrincipal("lambda.amazonaws.com"))
        tracing = platform.environment.tracing
        log_group = TaskLogGroup(scope, f"{id_}Logs", environment=platform.environment)
        super().__init__(
            scope,
            id_,
            description=description,
            runtime=aws_lambda.Runtime(
                f"python{platform.target.python}", aws_lambda.RuntimeFamily.PYTHON, supports_inline_code=True
            ),
            architecture=aws_lambda.Architecture.custom(platform.target.architecture),
            code=platform.code,
            handler=f"lambdas.{folder}.handler.handler",
            timeout=Duration.seconds(timeout_seconds),
            memory_size=MEMORY_MIB,
            reserved_concurrent_executions=reserved_concurrency,
            role=role,
            log_group=log_group,
            tracing=aws_lambda.Tracing.ACTIVE if tracing else aws_lambda.Tracing.DISABLED,
            environment={**settings, **_observability_variables(folder, platform.environment)},
        )
        self._own_role = role
        suppress(
            self,
            "AwsSolutions-L1",
            "The version is that of the wheels in the bundle, raised together with them in function_target.py",
        )
        self.allow("logs:CreateLogStream", "logs:PutLogEvents", on=[log_group.log_group_arn])
        if tracing:
            suppress_wildcard(role, "*", "Traces belong to no resource: X-Ray knows no ARN to name here")

    def allow(
        self,
        *actions: str,
        on: Sequence[str],
        wildcard_reason: str = "",
        conditions: Mapping[str, Mapping[str, str]] | None = None,
    ) -> None:
        """Allow the function the `actions` on the resources `on`; a resource with a wildcard requires a reason."""
        allow(self._own_role, *actions, on=on, wildcard_reason=wildcard_reason, conditions=conditions)

    def read_objects(self, bucket: BucketExport, folder: str, *, wildcard_reason: str) -> None:
        """Allow the function to read the objects in a folder of a bucket; an empty name means the whole bucket."""
        keys = f"{folder}/*" if folder else "*"
        self.allow("s3:GetObject", on=[f"{bucket.arn}/{keys}"], wildcard_reason=wildcard_reason)
        # Without this permission S3 answers 403 instead of 404 for an object that does not exist.
        self.allow("s3:ListBucket", on=[bucket.arn])

    def publish_to(self, *topic_arns: str, key_arn: str) -> None:
        """Allow the function to publish to encrypted topics."""
        self.allow("sns:Publish", on=topic_arns)
        # SNS encrypts with a data key that it requests in the publisher's name.
        self.allow("kms:Decrypt", "kms:GenerateDataKey", on=[key_arn])

    def consume(self, id_: str, queue_arn: str, *, batch_size: int, max_concurrency: int | None = None) -> None:
        """Call the function with the messages of a queue; messages that it reports as failed are delivered again.

        `max_concurrency` limits the concurrent calls. The queue keeps the messages beyond them.
        """
        self.allow("sqs:DeleteMessage", "sqs:GetQueueAttributes", "sqs:ReceiveMessage", on=[queue_arn])
        self.add_event_source_mapping(
            id_,
            event_source_arn=queue_arn,
            batch_size=batch_size,
            max_concurrency=max_concurrency,
            report_batch_item_failures=True,
        )

    def schedule(self, scope: Construct, id_: str, *, every_minutes: int) -> None:
        """Call the function at this interval."""
        rate = aws_events.Schedule.rate(Duration.minutes(every_minutes))
        aws_events.Rule(scope, id_, schedule=rate, targets=[aws_events_targets.LambdaFunction(self)])


def queue_visibility_timeout(function_timeout_seconds: int) -> Duration:
    """Return the visibility timeout of a function's queue: six times the function's timeout, as Lambda's guide asks.

    A shorter timeout delivers a batch again while Lambda still retries it after throttling.
    """
    return Duration.seconds(6 * function_timeout_seconds)


def _observability_variables(folder: str, environment: Environment) -> dict[str, str]:
    variables = {
        "ENVIRONMENT": environment.name,
        "POWERTOOLS_SERVICE_NAME": folder,
        "POWERTOOLS_METRICS_NAMESPACE": METRICS_NAMESPACE,
        "POWERTOOLS_LOG_LEVEL": environment.log_level,
    }
    return variables if environment.tracing else variables | {"POWERTOOLS_TRACE_DISABLED": "true"}

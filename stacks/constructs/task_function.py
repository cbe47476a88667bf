"""A function of the journey: its own role with the rights it is given by name, its logs, its settings."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from aws_cdk import Duration, RemovalPolicy, aws_iam, aws_lambda
from constructs import Construct

from contract.record import PUBLISH_GRACE_MS
from stacks.constructs.acknowledgement import acknowledge, acknowledge_wildcard
from stacks.constructs.lambda_bundle import ARCHITECTURE, RUNTIME
from stacks.constructs.log_group import TaskLogGroup
from stacks.exports import BucketExport

#: MiB. Lambda gives CPU by memory (a whole core at 1,769), and importing pydantic and boto3 is all CPU: at half of
#: this a cold start takes twice as long and costs the same.
MEMORY_MIB: Final = 1024
METRICS_NAMESPACE: Final = "Darkroom"


@dataclass(frozen=True)
class FunctionPlatform:
    """What all functions of a stack have in common."""

    code: aws_lambda.Code
    environment_name: str
    log_retention_days: int
    tracing: bool
    log_level: str
    removal_policy: RemovalPolicy


class TaskFunction(aws_lambda.Function):
    """The function in the folder `lambdas/{folder}`; `settings` are the variables of its settings class.

    `waiting_seconds` of its timeout are there for waiting, after all that it publishes is published. With
    `reserved_concurrency` it may run so often at a time, and no other function of the account takes these executions.
    """

    def __init__(
        self,
        scope: Construct,
        id_: str,
        *,
        folder: str,
        description: str,
        timeout_seconds: int,
        settings: Mapping[str, str],
        platform: FunctionPlatform,
        waiting_seconds: int = 0,
        reserved_concurrency: int | None = None,
    ) -> None:
        if (timeout_seconds - waiting_seconds) * 1000 >= PUBLISH_GRACE_MS:
            # The sweep would publish a task that this function is still about to publish.
            raise ValueError(f"{folder} may run for {timeout_seconds} s; stay below contract.record.PUBLISH_GRACE_MS")
        role = aws_iam.Role(scope, f"{id_}Role", assumed_by=aws_iam.ServicePrincipal("lambda.amazonaws.com"))
        log_group = TaskLogGroup(
            scope,
            f"{id_}Logs",
            retention_days=platform.log_retention_days,
            removal_policy=platform.removal_policy,
        )
        super().__init__(
            scope,
            id_,
            description=description,
            runtime=RUNTIME,
            architecture=ARCHITECTURE,
            code=platform.code,
            handler=f"lambdas.{folder}.handler.handler",
            timeout=Duration.seconds(timeout_seconds),
            memory_size=MEMORY_MIB,
            reserved_concurrent_executions=reserved_concurrency,
            role=role,
            log_group=log_group,
            tracing=aws_lambda.Tracing.ACTIVE if platform.tracing else aws_lambda.Tracing.DISABLED,
            environment={**settings, **_observability_variables(folder, platform)},
        )
        self._own_role = role
        acknowledge(
            self,
            "AwsSolutions-L1",
            "The version is that of the wheels in the bundle, raised together with them in lambda_bundle.py",
        )
        self.allow("logs:CreateLogStream", "logs:PutLogEvents", on=[log_group.log_group_arn])
        if platform.tracing:
            acknowledge_wildcard(role, "*", "Traces belong to no resource: X-Ray knows no ARN to name here")

    def allow(
        self,
        *actions: str,
        on: Sequence[str],
        wildcard_reason: str = "",
        conditions: Mapping[str, Mapping[str, str]] | None = None,
    ) -> None:
        """Let the function do `actions` on the resources `on`; one that has a wildcard needs a reason."""
        for resource in on:
            if "*" in resource:
                if not wildcard_reason:
                    raise ValueError(f"{self.node.path} would be allowed {resource}; name the resource or the reason")
                acknowledge_wildcard(self._own_role, resource, wildcard_reason)
        self.add_to_role_policy(
            aws_iam.PolicyStatement(actions=list(actions), resources=list(on), conditions=conditions)
        )

    def read_objects(self, bucket: BucketExport, folder: str, *, wildcard_reason: str) -> None:
        """Let the function read the objects in a folder of a bucket; an empty name stands for the whole bucket."""
        keys = f"{folder}/*" if folder else "*"
        self.allow("s3:GetObject", on=[f"{bucket.arn}/{keys}"], wildcard_reason=wildcard_reason)
        # Without it S3 answers 403 instead of 404 where there is no such object.
        self.allow("s3:ListBucket", on=[bucket.arn])

    def publish_to(self, *topic_arns: str, key_arn: str) -> None:
        """Let the function publish to encrypted topics."""
        self.allow("sns:Publish", on=topic_arns)
        # SNS encrypts with a data key that it asks for in the publisher's name.
        self.allow("kms:Decrypt", "kms:GenerateDataKey", on=[key_arn])

    def consume(self, id_: str, queue_arn: str, *, batch_size: int, max_concurrency: int | None = None) -> None:
        """Have the function called with the messages of a queue; those it names as failed are delivered again.

        With `max_concurrency` the queue keeps what is more than so many calls at a time.
        """
        self.allow("sqs:DeleteMessage", "sqs:GetQueueAttributes", "sqs:ReceiveMessage", on=[queue_arn])
        self.add_event_source_mapping(
            id_,
            event_source_arn=queue_arn,
            batch_size=batch_size,
            max_concurrency=max_concurrency,
            report_batch_item_failures=True,
        )


def queue_visibility_timeout(function_timeout_seconds: int) -> Duration:
    """Return the visibility timeout of a queue that feeds a function: six times its own, as Lambda's guide asks.

    With less, a batch that Lambda itself was throttled on comes back while it is still being tried.
    """
    return Duration.seconds(6 * function_timeout_seconds)


def _observability_variables(folder: str, platform: FunctionPlatform) -> dict[str, str]:
    variables = {
        "ENVIRONMENT": platform.environment_name,
        "POWERTOOLS_SERVICE_NAME": folder,
        "POWERTOOLS_METRICS_NAMESPACE": METRICS_NAMESPACE,
        "POWERTOOLS_LOG_LEVEL": platform.log_level,
    }
    return variables if platform.tracing else variables | {"POWERTOOLS_TRACE_DISABLED": "true"}

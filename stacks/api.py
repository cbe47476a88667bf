"""The functions on the way of a task, and the HTTP API in front of five of them."""

from typing import Any

from aws_cdk import CfnOutput, Stack
from constructs import Construct

from stacks.config import Environment
from stacks.constructs.api_keys import ApiKeys
from stacks.constructs.http_api import HttpApi
from stacks.constructs.outcome_functions import expire_tasks, notify
from stacks.constructs.reading_functions import authorize, read_task
from stacks.constructs.removal import removal_policy_of
from stacks.constructs.submission_functions import create_upload, route_tasks, submit_task
from stacks.constructs.task_function import FunctionPlatform
from stacks.constructs.waiting_functions import WaitingGround, runpod_api, webui_api
from stacks.constructs.webhooks import Webhooks
from stacks.exports import MessagingExports, StorageExports


class ApiStack(Stack):
    """What people call, and what works behind it."""

    def __init__(
        self,
        scope: Construct,
        id_: str,
        *,
        environment: Environment,
        storage: StorageExports,
        messaging: MessagingExports,
        platform: FunctionPlatform,
        **stack: Any,
    ) -> None:
        super().__init__(scope, id_, **stack)
        removal_policy = removal_policy_of(environment)
        route_tasks(
            self,
            platform=platform,
            environment=environment,
            storage=storage,
            intake_queue_arn=messaging.intake_queue_arn,
            task_topic_arn=messaging.task_topic_arn,
            completion_topic_arn=messaging.completion_topic_arn,
            topic_key_arn=messaging.topic_key_arn,
        )
        submit = submit_task(
            self,
            platform=platform,
            environment=environment,
            storage=storage,
            task_topic_arn=messaging.task_topic_arn,
            topic_key_arn=messaging.topic_key_arn,
        )
        webhooks = Webhooks(
            self,
            "Webhooks",
            platform=platform,
            environment=environment,
            storage=storage,
            removal_policy=removal_policy,
        )
        read = read_task(
            self, platform=platform, environment=environment, storage=storage, webhook_queue=webhooks.queue
        )
        keys = ApiKeys(self, "ApiKeys", keys=environment.api_keys, removal_policy=removal_policy)
        secret_arns = {name: secret.secret_arn for name, secret in keys.secrets.items()}
        ground = WaitingGround(
            platform=platform,
            environment=environment,
            storage=storage,
            task_topic_arn=messaging.task_topic_arn,
            topic_key_arn=messaging.topic_key_arn,
            secret_arns=secret_arns,
        )
        runpod, webui = runpod_api(self, ground), webui_api(self, ground)
        notify(
            self,
            platform=platform,
            storage=storage,
            throttling=environment.throttling,
            completion_topic_arn=messaging.completion_topic_arn,
            topic_key_arn=messaging.topic_key_arn,
            webhook_queue=webhooks.queue,
        )
        expire_tasks(
            self,
            platform=platform,
            environment=environment,
            storage=storage,
            task_topic_arn=messaging.task_topic_arn,
            topic_key_arn=messaging.topic_key_arn,
        )
        http = HttpApi(
            self,
            "Http",
            submit=submit,
            read=read,
            upload=create_upload(self, platform=platform, storage=storage),
            runpod=runpod,
            webui=webui,
            authorizer=authorize(self, platform=platform, secret_arns=secret_arns),
            throttling=environment.throttling,
            key_count=len(environment.api_keys),
            tracing=environment.tracing,
            log_retention_days=environment.log_retention_days,
            removal_policy=removal_policy,
        )
        keys.limit(http.api, environment.throttling)

        CfnOutput(self, "WebhookSecretArn", value=webhooks.secret.secret_arn, description="Holds what signs webhooks")
        CfnOutput(
            self,
            "WebhookDeadLetterQueueUrl",
            value=webhooks.dead_letters.queue_url,
            description="Webhooks that nobody took for an hour",
        )
        CfnOutput(self, "HttpUrl", value=http.url, description="Address of the HTTP API")
        first_key = environment.api_keys[0].name
        CfnOutput(self, "ApiKeySecretArn", value=secret_arns[first_key], description=f"Holds the key {first_key}")

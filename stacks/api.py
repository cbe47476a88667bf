"""API stack: the functions of a task's journey and the HTTP API in front of ten of them."""

from typing import Any

from aws_cdk import CfnOutput, Stack
from constructs import Construct

from stacks.config import Environment
from stacks.constructs.api.api_keys import ApiKeys
from stacks.constructs.api.http_api import BATCH, COMFY, FLEET, READ, SUBMIT, UPLOAD, HttpApi
from stacks.constructs.functions.batches import Batches
from stacks.constructs.functions.outcome_functions import expire_tasks, notify
from stacks.constructs.functions.reading_functions import authorize, read_fleet, read_task
from stacks.constructs.functions.submission_functions import comfy_api, create_upload, route_tasks, submit_task
from stacks.constructs.functions.synchronous_functions import synchronous_functions
from stacks.constructs.functions.task_function import FunctionPlatform, TaskResources
from stacks.constructs.functions.webhooks import Webhooks
from stacks.exports import MessagingExports, StorageExports


class ApiStack(Stack):
    """HTTP API, its keys, and the functions that do not depend on a runtime."""

    def __init__(
        self,
        scope: Construct,
        id_: str,
        *,
        environment: Environment,
        storage: StorageExports,
        messaging: MessagingExports,
        platform: FunctionPlatform,
        mcp_platform: FunctionPlatform,
        **stack: Any,
    ) -> None:
        super().__init__(scope, id_, **stack)
        resources = TaskResources(platform=platform, storage=storage, topics=messaging.topics(self))
        route_tasks(self, resources, intake_queue_arn=messaging.intake_queue_arn)
        submit = submit_task(self, resources)
        webhooks = Webhooks(self, "Webhooks", resources=resources)
        read = read_task(self, resources, webhook_queue=webhooks.queue)
        keys = ApiKeys(self, "ApiKeys", environment=environment)
        secret_arns = {name: secret.secret_arn for name, secret in keys.secrets.items()}
        synchronous = synchronous_functions(self, resources, mcp_platform=mcp_platform, secret_arns=secret_arns)
        notify(self, resources, webhook_queue=webhooks.queue)
        batches = Batches(self, "Batches", resources=resources)
        expire_tasks(self, resources, batch_queue=batches.queue)
        upload = create_upload(self, resources)
        http = HttpApi(
            self,
            "Http",
            functions={
                SUBMIT: submit,
                READ: read,
                FLEET: read_fleet(self, resources, webhook_dead_letters=webhooks.dead_letters),
                BATCH: batches.api,
                UPLOAD: upload,
                COMFY: comfy_api(self, resources),
                **synchronous,
            },
            authorizer=authorize(self, resources, secret_arns=secret_arns),
            environment=environment,
        )
        keys.limit(http.api)

        first_secret_arn, *others = webhooks.secret_arns.values()
        CfnOutput(self, "WebhookSecretArn", value=first_secret_arn, description="Secret that signs webhooks")
        if others:
            webhook_secrets = self.to_json_string(webhooks.secret_arns)
            CfnOutput(self, "WebhookSecretArns", value=webhook_secrets, description="The same of each tenant, by name")
        CfnOutput(
            self,
            "WebhookDeadLetterQueueUrl",
            value=webhooks.dead_letters.queue_url,
            description="Webhooks that no attempt could deliver",
        )
        CfnOutput(self, "HttpUrl", value=http.url, description="Address of the HTTP API")
        first_key = environment.api_keys[0].name
        CfnOutput(self, "ApiKeySecretArn", value=secret_arns[first_key], description=f"Holds the key {first_key}")
        all_secrets = self.to_json_string(secret_arns)
        CfnOutput(self, "ApiKeySecretArns", value=all_secrets, description="Secret of each key, by the key's name")

"""Webhooks: their queue with its schedule, the secrets that sign them, and the function that posts them."""

from typing import Final

from aws_cdk import Stack, aws_secretsmanager
from constructs import Construct

from contract.storage import MESSAGE_FOLDER
from contract.tenancy import SHARED
from contract.webhook import MAX_WEBHOOK_ATTEMPTS
from stacks.config import Environment
from stacks.constructs.functions.task_function import TaskFunction, TaskResources, queue_visibility_timeout
from stacks.constructs.messaging.queues import RedrivingQueue
from stacks.constructs.nag_suppressions import suppress
from stacks.constructs.retention import removal_policy_of

#: An attempt ends after 15 seconds; before and after all attempts of a batch there are some calls of 20 ms each.
DELIVER_TIMEOUT_SECONDS: Final = 40
#: Webhooks that one call posts concurrently, since each waits for its own endpoint only.
DELIVER_BATCH_SIZE: Final = 10
#: Concurrent calls. 200 slow endpoints may then wait before they delay any other.
DELIVER_MAX_CONCURRENCY: Final = 20
#: Letters and digits of the generated secret; as base64 they are the 33 bytes of a key, of which 24 to 64 are allowed.
SECRET_LENGTH: Final = 44


class Webhooks(RedrivingQueue):
    """`queue` receives the message of every finished run with a webhook; `secret_arns` are by tenant."""

    def __init__(self, scope: Construct, id_: str, *, resources: TaskResources) -> None:
        super().__init__(
            scope,
            id_,
            visibility_timeout=queue_visibility_timeout(DELIVER_TIMEOUT_SECONDS),
            max_receives=MAX_WEBHOOK_ATTEMPTS,
        )
        environment = resources.environment
        self.secret_arns = {
            tenant: self._secret(tenant, environment) for tenant in environment.tenancy.names or (SHARED.name,)
        }
        storage = resources.storage
        function = TaskFunction(
            scope,
            "DeliverWebhook",
            folder="deliver_webhook",
            description="Posts the outcomes of tasks to their webhooks",
            timeout_seconds=DELIVER_TIMEOUT_SECONDS,
            settings=resources.settings(
                "TASK_TABLE",
                "TASK_BUCKET",
                "RETENTION_SECONDS",
                "ALLOWED_LINK_HOSTS",
                WEBHOOK_QUEUE_URL=self.queue.queue_url,
                WEBHOOK_DEAD_LETTER_QUEUE_URL=self.dead_letters.queue_url,
                WEBHOOK_SECRET_ARNS=Stack.of(self).to_json_string(self.secret_arns),
            ),
            platform=resources.platform,
        )
        function.allow("dynamodb:UpdateItem", on=[storage.table_arn])
        function.read_objects(
            storage.task_bucket,
            MESSAGE_FOLDER,
            wildcard_reason="RunPod's body repeats the request, which lies under the task's id if it is large",
        )
        function.read_objects(
            storage.output_bucket,
            "",
            wildcard_reason="RunPod's body holds the outputs or links to them, and callers choose their prefix",
        )
        function.allow("secretsmanager:GetSecretValue", on=list(self.secret_arns.values()))
        # The function sends a message again after a failed attempt, and aside after the last.
        function.allow("sqs:SendMessage", on=[self.queue.queue_arn, self.dead_letters.queue_arn])
        function.consume(
            "Webhooks",
            self.queue.queue_arn,
            batch_size=DELIVER_BATCH_SIZE,
            max_concurrency=DELIVER_MAX_CONCURRENCY,
        )

    def _secret(self, tenant: str, environment: Environment) -> str:
        secret = aws_secretsmanager.Secret(
            self,
            _secret_id(tenant, environment),
            description=f"Signs the webhooks of {tenant or 'Darkroom'}",
            generate_secret_string=aws_secretsmanager.SecretStringGenerator(
                password_length=SECRET_LENGTH, exclude_punctuation=True
            ),
            removal_policy=removal_policy_of(environment),
        )
        suppress(
            secret,
            "AwsSolutions-SMG4",
            "Receivers must get a new secret before the old one stops; docs/how-to/webhooks.md says how",
        )
        return secret.secret_arn


def _secret_id(tenant: str, environment: Environment) -> str:
    """Return an id that depends on the tenant's name only, otherwise another tenant could inherit its secret.

    The only key of an environment has its id as well, so that a second key leaves it its secret.
    """
    if not environment.isolate_keys:
        return "Secret"
    return f"{tenant or environment.api_keys[0].name}-secret"

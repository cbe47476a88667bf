"""The settings of deliver_webhook."""

from pydantic import Json

from lambdas.tasks.repository import RepositorySettings


class DeliverWebhookSettings(RepositorySettings):
    """Where webhooks come from, what signs them, and which hosts they may reach besides public ones."""

    webhook_queue_url: str
    webhook_secret_arn: str
    task_bucket: str
    allowed_link_hosts: Json[tuple[str, ...]] = ()

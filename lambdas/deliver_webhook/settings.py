"""The settings of deliver_webhook."""

from pydantic import Json

from contract.settings import Settings


class DeliverWebhookSettings(Settings):
    """Where webhooks come from, what signs them, and which hosts they may reach besides public ones."""

    webhook_queue_url: str
    webhook_secret_arn: str
    task_table: str
    task_bucket: str
    retention_seconds: int
    allowed_link_hosts: Json[tuple[str, ...]] = ()

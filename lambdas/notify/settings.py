"""The settings of notify."""

from contract.settings import Settings


class NotifySettings(Settings):
    """Where callbacks go."""

    completion_topic_arn: str
    webhook_queue_url: str

"""The settings of notify."""

from contract.settings import Settings


class NotifySettings(Settings):
    """Where callbacks go, and whether keys have a limit of active tasks."""

    completion_topic_arn: str
    webhook_queue_url: str
    task_table: str
    active_tasks_per_key: int | None = None

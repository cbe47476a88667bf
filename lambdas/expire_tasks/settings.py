"""The settings of expire_tasks."""

from contract.settings import Settings


class ExpireTasksSettings(Settings):
    """Where tasks are, and where those that were never published go."""

    task_table: str
    task_bucket: str
    task_topic_arn: str
    retention_seconds: int

"""The settings of fail_dead_letters."""

from contract.settings import Settings


class FailDeadLettersSettings(Settings):
    """Where failed tasks are recorded and answered."""

    task_table: str
    task_bucket: str
    completion_topic_arn: str
    retention_seconds: int

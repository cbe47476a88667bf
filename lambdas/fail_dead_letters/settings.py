"""The settings of fail_dead_letters."""

from lambdas.tasks.repository import RepositorySettings


class FailDeadLettersSettings(RepositorySettings):
    """Where failed tasks are recorded and answered."""

    task_bucket: str
    completion_topic_arn: str

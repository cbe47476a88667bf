"""The settings of expire_tasks."""

from lambdas.tasks.repository import RepositorySettings


class ExpireTasksSettings(RepositorySettings):
    """Where tasks are, and where those that were never published go."""

    task_bucket: str
    task_topic_arn: str

"""The settings of route_tasks."""

from lambdas.submission_settings import SubmissionSettings


class RouteTasksSettings(SubmissionSettings):
    """Places of a submission, and where a rejection goes."""

    completion_topic_arn: str

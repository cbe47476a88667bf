"""The settings of submit_task."""

from lambdas.submission_settings import SubmissionSettings


class SubmitTaskSettings(SubmissionSettings):
    """Places of a submission."""

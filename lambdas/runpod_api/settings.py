"""The settings of runpod_api."""

from lambdas.submission_settings import WaitingSettings


class RunpodApiSettings(WaitingSettings):
    """Places of a submission, and the keys of callers at the function's own URL."""

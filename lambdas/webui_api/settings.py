"""The settings of webui_api."""

from lambdas.submission_settings import WaitingSettings


class WebUiApiSettings(WaitingSettings):
    """Places of a submission, and the keys of callers at the function's own URL."""

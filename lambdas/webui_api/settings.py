"""The settings of webui_api."""

from pydantic import Json

from lambdas.submission_settings import SubmissionSettings


class WebUiApiSettings(SubmissionSettings):
    """Places of a submission, and the keys that open the function's own URL, if it has one."""

    api_key_secret_arns: Json[dict[str, str]]

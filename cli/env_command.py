"""`darkroom env`: an environment's addresses and key as variables of the shell, for boto3, curl and other programs."""

import shlex

import click

from cli.environment import SystemEndpoints
from cli.session import Session, command


@click.command()
@command
def env(session: Session) -> None:
    """Print the environment as variables for boto3 and curl.

    Use it so: eval "$(darkroom env)"
    """
    variables = _variables(session.environment())
    for name, value in variables.items():
        session.line(f"export {name}={shlex.quote(value)}")
    session.document(variables)


def _variables(environment: SystemEndpoints) -> dict[str, str]:
    """Return the variables that the documents' examples read. Those that are not known are missing."""
    is_local = environment.aws_endpoint_url is not None
    variables = {
        "HTTP_URL": environment.http_url.rstrip("/"),
        "API_KEY": environment.api_key,
        "ENTRY_TOPIC_ARN": environment.entry_topic_arn,
        "COMPLETION_TOPIC_ARN": environment.completion_topic_arn,
        "OUTPUT_BUCKET": environment.output_bucket,
        "MODEL_BUCKET": environment.model_bucket,
        **{f"{door.upper()}_FUNCTION_URL": url for door, url in environment.function_urls.items()},
        "AWS_REGION": environment.region,
        # boto3 reads this one, and the AWS command line both.
        "AWS_DEFAULT_REGION": environment.region,
        "AWS_PROFILE": environment.profile,
        "AWS_ENDPOINT_URL": environment.aws_endpoint_url,
        # The local AWS accepts any credentials, but clients insist on some.
        "AWS_ACCESS_KEY_ID": "local" if is_local else None,
        "AWS_SECRET_ACCESS_KEY": "local" if is_local else None,
    }
    return {name: value for name, value in variables.items() if value}

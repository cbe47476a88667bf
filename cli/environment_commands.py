"""`darkroom init`, `cost`, `doctor` and `env`: commands about an environment instead of its tasks."""

import shlex
from pathlib import Path
from typing import Any

import click

from cli.environment import SystemEndpoints
from cli.session import Session, command, timeout_option


@click.command(short_help="Write the file of a new environment.")
@click.argument("name", required=False)
@click.option("--engine", type=click.Choice(("eks", "ecs", "none")), help="What runs the GPUs.")
@click.option("--region", help="AWS region.")
@click.option("--zone", "zones", multiple=True, help="Availability zone of the GPUs; may be repeated.")
@click.option("--administrator", "administrators", multiple=True, help="ARN that may use kubectl; may be repeated.")
@click.option("--api-key", "api_keys", multiple=True, help="Name of an API key; may be repeated.")
@click.option("--alarm-address", "alarm_addresses", multiple=True, help="E-mail address of alarms; may be repeated.")
@click.option(
    "--runtime",
    "runtimes",
    multiple=True,
    metavar="NAME=MODEL[:TYPES[:REPLICAS]]",
    help="A runtime, such as sdxl=sd_xl_base_1.0.safetensors:g6.xlarge,g5.xlarge:8; may be repeated. The model `any`"
    " lets each task name its checkpoint.",
)
@click.option("--budget", type=click.FloatRange(min=0, min_open=True), help="US dollars a month, to compare with.")
@click.option(
    "--tasks-per-day",
    type=click.IntRange(1, 1_000_000),
    default=1000,
    show_default=True,
    help="Tasks that each runtime gets in a day, for the cost.",
)
@click.option(
    "--file",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Path of the file; environments/NAME.yaml by default.",
)
@click.option("--yes", is_flag=True, help="Ask nothing: what no option says has its default.")
@click.option("--force", is_flag=True, help="Replace a file that exists.")
@command
def init(session: Session, /, **options: Any) -> None:
    """Write the file of a new environment, and say what the environment will cost.

    Asks for what the options do not say, and checks each answer. Ctrl-C writes nothing.
    """
    from cli.init.report import create_environment

    create_environment(session, **options)


@click.command()
@click.option(
    "--tasks-per-day",
    type=click.IntRange(1, 1_000_000),
    default=1000,
    show_default=True,
    help="Tasks that a runtime gets in a day, most of them in the afternoon.",
)
@click.option(
    "--task-seconds",
    type=click.FloatRange(0.1, 3600),
    default=4.0,
    show_default=True,
    help="Seconds that the GPU needs for a task, on average.",
)
@command
def cost(session: Session, tasks_per_day: int, task_seconds: float) -> None:
    """Print what an environment costs before it is deployed.

    The bill of a month without tasks comes first, then for each runtime the cost of 1,000 pictures in a simulated day.
    The prices are AWS's list prices as of the date that is printed. The command asks no AWS. It synthesizes the
    templates, which needs Node (`make setup-deploy`) and about ten seconds.
    """
    from cli.cost.cost_report import report_cost

    report_cost(session, tasks_per_day=tasks_per_day, task_seconds=task_seconds)


@click.command(short_help="Find what would stop a deployment, or what is wrong with it.")
@click.option("--smoke", is_flag=True, help="Have each runtime make a small picture; starts GPUs if there are none.")
@click.option("--offline", is_flag=True, help="Check the file and this machine alone; needs no AWS account.")
@click.option("--before-destroy", is_flag=True, help="Check what would make `cdk destroy` fail, instead of the rest.")
@click.option(
    "--workflow",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    help="Check the nodes and models of a workflow (API format) instead of the rest.",
)
@timeout_option(1200.0, "Seconds for each smoke test.")
@command
def doctor(session: Session, /, **options: Any) -> None:
    """Check an environment before and after its deployment, and before its removal.

    Reads the environment file and asks AWS; changes nothing, but for the tasks of --smoke. Exit code 1 if there is a
    problem.
    """
    from cli.doctor.report import report_findings

    report_findings(session, **options)


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

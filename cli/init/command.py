"""The command `darkroom init`."""

from pathlib import Path
from typing import Any

import click

from cli.session import Session, command


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
@click.option("--tasks-per-day", type=click.IntRange(1, 1_000_000), default=1000, show_default=True)
@click.option(
    "--file", type=click.Path(path_type=Path, dir_okay=False), help="Its path; environments/NAME.yaml by default."
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

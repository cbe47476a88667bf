"""Synthesis of the CloudFormation templates of an environment.

`cdk deploy -c environment=dev --all` runs it. `python app.py -c environment=dev` requires no credentials. It downloads
the libraries of the functions, so with `--no-bundle` it requires no network.
"""

import argparse
import json
import os
import sys
from pathlib import Path

from stacks.environment_file import InvalidEnvironmentFile, load_environment
from stacks.nodejs import use_bundled_node


def main() -> int:
    """Write the templates and return the exit code."""
    arguments = _arguments()
    try:
        environment = load_environment(_environment_name(arguments.context))
    except InvalidEnvironmentFile as error:
        sys.stderr.write(f"{error}\n")
        return 1
    use_bundled_node()
    from stacks.application import build_application  # noqa: PLC0415  # aws_cdk starts Node when it is imported

    if arguments.without_engine:
        environment = environment.without_engine()
    output = arguments.output or (None if "CDK_OUTDIR" in os.environ else Path("cdk.out"))
    build_application(environment, output_directory=output, bundle_functions=not arguments.no_bundle).synth()
    return 0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "-c",
        "--context",
        action="append",
        default=[],
        metavar="KEY=VALUE",
        help="as for the CDK command line: environment=NAME (a file in environments/) or environment=FILE.yaml",
    )
    parser.add_argument("-o", "--output", type=Path, help="folder of the templates (default: cdk.out)")
    parser.add_argument("--no-bundle", action="store_true", help="omit the functions' code")
    parser.add_argument(
        "--without-engine", action="store_true", help="omit network and GPU capacity, as the local system does"
    )
    return parser.parse_args()


def _environment_name(arguments: list[str]) -> str:
    # The CDK command line passes its context in this variable.
    context = json.loads(os.environ.get("CDK_CONTEXT_JSON") or "{}")
    context |= dict(argument.partition("=")[::2] for argument in arguments)
    return str(context.get("environment", "dev"))


if __name__ == "__main__":
    sys.exit(main())

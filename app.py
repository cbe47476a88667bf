"""Synthesis of the CloudFormation templates of an environment.

`cdk deploy -c environment=dev --all` runs it. `python app.py -c environment=dev` requires no credentials. It downloads
the libraries of the functions, so with `--no-bundle` it requires no network. The context keys `architecture` (arm64 or
x86_64) and `python` (3.11 to 3.14) choose what the functions run on.
"""

import argparse
import json
import os
import sys
from pathlib import Path

from stacks.config.function_target import InvalidFunctionTarget, read_function_target
from stacks.environment_file import InvalidEnvironmentFile, load_environment
from stacks.nodejs import use_bundled_node


def main() -> int:
    """Write the templates and return the exit code."""
    arguments = _arguments()
    context = _context(arguments.context)
    try:
        environment = load_environment(str(context.get("environment", "dev")))
        target = read_function_target(context)
    except (InvalidEnvironmentFile, InvalidFunctionTarget) as error:
        sys.stderr.write(f"{error}\n")
        return 1
    use_bundled_node()
    # aws_cdk starts Node when it is imported.
    from stacks.application import build_application  # noqa: PLC0415
    from stacks.stack_size import EnvironmentTooLarge, synthesize  # noqa: PLC0415

    if arguments.without_engine:
        environment = environment.without_engine()
    output = arguments.output or (None if "CDK_OUTDIR" in os.environ else Path("cdk.out"))
    application = build_application(
        environment, target=target, output_directory=output, bundle_functions=not arguments.no_bundle
    )
    try:
        synthesize(application, environment=environment)
    except EnvironmentTooLarge as error:
        sys.stderr.write(f"{error}\n")
        return 1
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


def _context(arguments: list[str]) -> dict[str, object]:
    # The CDK command line passes its context in this variable.
    context: dict[str, object] = json.loads(os.environ.get("CDK_CONTEXT_JSON") or "{}")
    return context | dict(argument.partition("=")[::2] for argument in arguments)


if __name__ == "__main__":
    sys.exit(main())

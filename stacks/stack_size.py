"""Refusal of an environment whose runtimes need more resources than one CloudFormation stack can hold."""

import re
from typing import Final

from aws_cdk import App

_TOO_MANY: Final = re.compile(r"Number of resources in stack '([^']+)': (\d+) is greater than allowed maximum of (\d+)")


class TooManyRuntimes(ValueError):
    """Raised when a stack of the environment would have too many resources."""


def synthesize(application: App, *, runtimes: int) -> None:
    """Write the templates; raises TooManyRuntimes."""
    try:
        application.synth()
    except RuntimeError as error:
        if found := _TOO_MANY.search(str(error)):
            stack, count, most = found.groups()
            raise TooManyRuntimes(
                f"runtimes: has {runtimes} entries, for which the stack {stack} needs {count} resources; CloudFormation"
                f" allows {most}: move some of the runtimes to a second environment"
            ) from None
        raise

"""Environment file of a choice, for the commands that examine it: doctor and cost."""

from cli.environment import EnvironmentChoice
from cli.errors import Refused
from stacks.config import Environment
from stacks.environment_file import InvalidEnvironmentFile, load_environment


def read_chosen_file(choice: EnvironmentChoice) -> Environment:
    """Return the environment of a choice's file; raise Refused with each mistake in it."""
    try:
        return load_environment(choice.name)
    except InvalidEnvironmentFile as error:
        raise Refused(str(error)) from None


def region_of(choice: EnvironmentChoice, environment: Environment) -> str | None:
    """Return the region that is asked for: the option's, otherwise the file's, otherwise the shell's."""
    return choice.region or environment.region or choice.shell_region

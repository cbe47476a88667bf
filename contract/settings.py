"""Settings of a process: one typed class for each process, read from the environment in one place."""

from collections.abc import Mapping
from typing import Self

from pydantic import BaseModel, ConfigDict, ValidationError


class InvalidEnvironment(ValueError):
    """Raised at start when variables are missing or wrong; names every such variable."""


class Settings(BaseModel):
    """Base of a settings class. The variable of a field is its name in capitals; annotate JSON values `Json[...]`."""

    model_config = ConfigDict(frozen=True, extra="ignore", hide_input_in_errors=True)

    @classmethod
    def from_environment(cls, environment: Mapping[str, str]) -> Self:
        """Read the settings; an empty variable counts as unset."""
        values = {
            name: environment[name.upper()] for name in cls.model_fields if environment.get(name.upper(), "") != ""
        }
        try:
            return cls.model_validate(values)
        except ValidationError as error:
            problems = (
                ": ".join([*map(str.upper, map(str, problem["loc"][:1])), problem["msg"]]) for problem in error.errors()
            )
            raise InvalidEnvironment("; ".join(problems)) from None

    @classmethod
    def variables(cls) -> frozenset[str]:
        """Return the names of all variables that the process reads."""
        return frozenset(name.upper() for name in cls.model_fields)

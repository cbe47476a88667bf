"""Processors and Python version that the functions are bundled for."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Final

#: uv's name of the platform of each processor architecture of Lambda. Pillow has no wheels for an older C library;
#: Lambda has 2.34 from Python 3.12 on, and 2.26 for 3.11, on which pictures of `mcp_api` fail.
_WHEEL_PLATFORMS: Final = {"arm64": "aarch64-manylinux_2_28", "x86_64": "x86_64-manylinux_2_28"}
#: Python versions of Lambda for which the project's code is written.
_PYTHON_VERSIONS: Final = ("3.11", "3.12", "3.13", "3.14")


class InvalidFunctionTarget(ValueError):
    """Raised for an architecture or a Python version that Lambda does not have."""


@dataclass(frozen=True)
class FunctionTarget:
    """Target of the functions' bundle. The default costs least; an emulator runs what its machine runs."""

    architecture: str = "arm64"
    python: str = "3.13"

    @property
    def wheel_platform(self) -> str:
        """Uv's name of the platform of the wheels."""
        return _WHEEL_PLATFORMS[self.architecture]


def read_function_target(context: Mapping[str, object]) -> FunctionTarget:
    """Return the target that the CDK's context names; raises InvalidFunctionTarget for one that Lambda lacks."""
    target = FunctionTarget()
    return FunctionTarget(
        architecture=_one_of(_WHEEL_PLATFORMS, context, "architecture", target.architecture),
        python=_one_of(_PYTHON_VERSIONS, context, "python", target.python),
    )


def _one_of(known: Collection[str], context: Mapping[str, object], key: str, default: str) -> str:
    value = str(context.get(key, default))
    if value not in known:
        raise InvalidFunctionTarget(f"--context {key}={value}: Lambda has no such; write any of {', '.join(known)}")
    return value

"""Runtimes of an environment, and what its fleet does and costs."""

from http import HTTPStatus
from typing import Final

from contract import errors
from contract.routing import RUNTIME_NAME_PATTERN
from docs.openapi.operation import Operation, Parameter
from lambdas.read_fleet.fleet_reader import Fleet
from lambdas.read_fleet.runtime_options import RuntimeList, RuntimeOptions

_TAG: Final = "Fleet"

OPERATIONS: Final = (
    Operation(
        "GET",
        "/v1alpha2/runtimes",
        "listRuntimes",
        "List the runtimes and what a task may ask of each",
        _TAG,
        {HTTPStatus.OK: RuntimeList},
    ),
    Operation(
        "GET",
        "/v1alpha2/runtimes/{name}",
        "readRuntime",
        "Read a runtime with the names that its tasks may use",
        _TAG,
        {HTTPStatus.OK: RuntimeOptions},
        errors=(errors.RuntimeNotFound,),
        parameters=(
            Parameter(
                "name", "Name of the runtime", {"type": "string", "pattern": RUNTIME_NAME_PATTERN}, "path", "sdruntime"
            ),
        ),
    ),
    Operation(
        "GET",
        "/v1alpha2/fleet",
        "readFleet",
        "Read what the fleet does and costs; for keys that see the tasks of all keys",
        _TAG,
        {HTTPStatus.OK: Fleet},
        errors=(errors.Forbidden,),
    ),
)

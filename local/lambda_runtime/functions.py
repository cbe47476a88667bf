"""Functions of the environment, by ARN, for the gateway and the event sources."""

import asyncio
import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Final

from local.cloudformation.errors import TemplateError
from local.lambda_runtime.definition import FunctionDefinition
from local.lambda_runtime.function import FunctionProgram, LambdaFunction
from local.processes.process_group import ProcessGroup
from local.provisioning.provisioner import EmulatedResource

#: Value that Lambda's Python runtime sets.
_EXECUTION_ENVIRONMENT: Final = "AWS_Lambda_python3.13"


class Functions:
    """Finds functions by ARN. `find` checks a function, and its first event starts it.

    `surroundings` are variables of all functions: the way to moto, and the certificate authorities.
    """

    def __init__(
        self,
        emulated: Iterable[EmulatedResource],
        *,
        processes: ProcessGroup,
        surroundings: Mapping[str, str],
        code_folder: Path,
        log_folder: Path,
    ) -> None:
        self._emulated = {function.created.attributes["Arn"]: function for function in emulated}
        self._processes = processes
        self._surroundings = dict(surroundings)
        self._code_folder = code_folder
        self._log_folder = log_folder
        self._functions: dict[str, LambdaFunction] = {}

    def find(self, arn: str) -> LambdaFunction:
        """Return the function with this ARN, or raise TemplateError if it is missing or cannot run here."""
        if arn not in self._emulated:
            raise TemplateError(f"there is no function {arn}; there are {', '.join(sorted(self._emulated)) or 'none'}")
        if arn not in self._functions:
            definition = FunctionDefinition.from_template(self._emulated[arn])
            log_file, environment = self._log_folder / f"{definition.name}.log", self._environment(definition)
            program = FunctionProgram(definition, self._processes, environment, self._code_folder, log_file)
            self._functions[arn] = LambdaFunction(program)
        return self._functions[arn]

    async def close(self) -> None:
        """End the processes of all functions."""
        await asyncio.gather(*(function.close() for function in self._functions.values()))

    def _environment(self, definition: FunctionDefinition) -> dict[str, str]:
        """Return what the function sees: its own variables, Lambda's reserved ones, and the surroundings."""
        reserved = {
            "AWS_EXECUTION_ENV": _EXECUTION_ENVIRONMENT,
            "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": str(definition.memory_mb),
            "AWS_LAMBDA_FUNCTION_NAME": definition.name,
            "AWS_LAMBDA_FUNCTION_VERSION": "$LATEST",
            "AWS_LAMBDA_INITIALIZATION_TYPE": "on-demand",
            "AWS_LAMBDA_LOG_GROUP_NAME": f"/aws/lambda/{definition.name}",
            "AWS_LAMBDA_LOG_STREAM_NAME": "local",
            "LAMBDA_TASK_ROOT": str(self._code_folder),
            "LANG": "en_US.UTF-8",
            "PATH": os.defpath,
            # Tests record the calls of functions. The path of the caller holds their recorder.
            "PYTHONPATH": os.pathsep.join(filter(None, (str(self._code_folder), os.environ.get("PYTHONPATH")))),
            "PYTHONUNBUFFERED": "1",
            "TZ": ":UTC",
            "_HANDLER": definition.handler,
        }
        return definition.environment | reserved | self._surroundings

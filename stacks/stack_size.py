"""Refusal of an environment that needs more of a stack or of a function than AWS allows."""

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from aws_cdk import App

from stacks.config import Environment

#: CloudFormation's limit of a template. The CDK only warns of it.
MAX_TEMPLATE_BYTES: Final = 1_000_000
#: Lambda's limit of the names and values of a function's variables together, in bytes.
MAX_VARIABLES_BYTES: Final = 4 * 1024
#: Bytes of a value that is known at deployment only, such as the ARN of a secret or the URL of a queue.
_UNKNOWN_BYTES: Final = 110
#: Bytes of the account, region, partition or domain in such a value.
_PSEUDO_PARAMETER_BYTES: Final = 14
_TOO_MANY: Final = re.compile(r"Number of resources in stack '([^']+)': (\d+) is greater than allowed maximum of (\d+)")


class EnvironmentTooLarge(ValueError):
    """Raised when the keys, publishers and runtimes of an environment together exceed a limit of AWS."""


def synthesize(application: App, *, environment: Environment) -> None:
    """Write the templates; raises EnvironmentTooLarge."""
    try:
        assembly = application.synth()
    except RuntimeError as error:
        if found := _TOO_MANY.search(str(error)):
            stack_name, count, most = found.groups()
            problem = f"the stack {stack_name} needs {count} resources, and CloudFormation allows {most}"
            raise EnvironmentTooLarge(f"{problem}: {_advice(environment)}") from None
        raise
    for stack in assembly.stacks:
        content = Path(stack.template_full_path).read_bytes()
        if len(content) > MAX_TEMPLATE_BYTES:
            problem = f"the template of the stack {stack.stack_name} has {len(content)} bytes"
            raise EnvironmentTooLarge(
                f"{problem}, and CloudFormation allows {MAX_TEMPLATE_BYTES}: {_advice(environment)}"
            )
        template = json.loads(content)
        for logical_id, resource in template.get("Resources", {}).items():
            variables = resource.get("Properties", {}).get("Environment", {}).get("Variables", {})
            if resource["Type"] == "AWS::Lambda::Function" and (size := _size(variables)) > MAX_VARIABLES_BYTES:
                problem = f"the function {logical_id} of the stack {stack.stack_name} needs {size} bytes of variables"
                raise EnvironmentTooLarge(f"{problem}, and Lambda allows {MAX_VARIABLES_BYTES}: {_advice(environment)}")


def _advice(environment: Environment) -> str:
    return (
        f"apiKeys has {len(environment.api_keys)} entries, publishers {len(environment.publishers)} and runtimes"
        f" {len(environment.runtimes)}; move some of them to a second environment"
    )


def _size(variables: Mapping[str, Any]) -> int:
    return sum(len(name.encode()) + _size_of_value(value) for name, value in variables.items())


def _size_of_value(value: Any) -> int:
    match value:
        case str():
            return len(value.encode())
        case {"Fn::Join": [separator, parts]}:
            return sum(map(_size_of_value, parts)) + len(separator) * (len(parts) - 1)
        case {"Ref": str(name)} if name.startswith("AWS::"):
            return _PSEUDO_PARAMETER_BYTES
    return _UNKNOWN_BYTES

from typing import Any

import pytest

from local.cloudformation.errors import TemplateError
from local.cloudformation.stack import Created, Resource
from local.lambda_runtime.definition import FunctionDefinition
from local.provisioning.provisioner import EmulatedResource


def emulated(**properties: Any) -> EmulatedResource:
    properties = {"Runtime": "python3.13", "Handler": "a.handler", **properties}
    return EmulatedResource(
        Resource("One", "Function", "AWS::Lambda::Function", properties), Created("one-function", {"Arn": "arn:f"})
    )


def test_what_the_template_says() -> None:
    definition = FunctionDefinition.from_template(
        emulated(
            Timeout=30,
            MemorySize=512,
            Environment={"Variables": {"A": "1", "B": 2}},
            ReservedConcurrentExecutions=1,
            Role="arn:role",
            Code={},
        )
    )
    assert definition == FunctionDefinition(
        name="one-function",
        arn="arn:f",
        handler="a.handler",
        environment={"A": "1", "B": "2"},
        timeout_seconds=30,
        memory_mb=512,
        max_concurrency=1,
    )


def test_lambdas_own_defaults() -> None:
    definition = FunctionDefinition.from_template(emulated())
    assert (definition.timeout_seconds, definition.memory_mb) == (3, 128)


@pytest.mark.parametrize("properties", [{"Runtime": "nodejs22.x"}, {"FileSystemConfigs": []}])
def test_what_cannot_run_here_is_refused(properties: dict[str, Any]) -> None:
    with pytest.raises(TemplateError, match="One/Function"):
        FunctionDefinition.from_template(emulated(**properties))

"""Containers of a replica on ECS."""

from typing import Any

from tests.infrastructure.templates import Templates


def replica_of(templates: Templates, runtime: str, *, name: str = "runtime") -> dict[str, Any]:
    """A container of a runtime's replicas."""
    (definition,) = [
        item.properties
        for item in templates.resources("AWS::ECS::TaskDefinition")
        if item.properties["Family"] == f"darkroom-{templates.environment.name}-{runtime}"
    ]
    return container_named(definition, name)


def container_named(definition: dict[str, Any], name: str) -> dict[str, Any]:
    container: dict[str, Any]
    (container,) = [item for item in definition["ContainerDefinitions"] if item["Name"] == name]
    return container

"""Creation order of resources: each after everything that it refers to."""

from collections.abc import Iterator, Mapping
from graphlib import CycleError, TopologicalSorter
from typing import Any

from local.cloudformation.errors import TemplateError
from local.cloudformation.intrinsics import substituted_names


def creation_order(resources: Mapping[str, Any]) -> list[str]:
    """Return the logical ids of `resources`, dependencies first."""
    sorter: TopologicalSorter[str] = TopologicalSorter()
    for logical_id, resource in resources.items():
        depends_on = resource.get("DependsOn", [])
        named = [depends_on] if isinstance(depends_on, str) else depends_on
        referred = set(_references(resource.get("Properties", {}))) | set(named)
        sorter.add(logical_id, *sorted(referred & resources.keys()))
    try:
        return list(sorter.static_order())
    except CycleError as error:
        raise TemplateError(f"these resources refer to each other in a circle: {' -> '.join(error.args[1])}") from None


def _references(value: Any) -> Iterator[str]:
    if isinstance(value, list):
        for element in value:
            yield from _references(element)
    if not isinstance(value, dict):
        return
    match value:
        case {"Ref": str(name)}:
            yield name
        case {"Fn::GetAtt": [str(name), *_]}:
            yield name
        case {"Fn::GetAtt": str(name)}:
            yield name.split(".", 1)[0]
        case {"Fn::Sub": str(template)} | {"Fn::Sub": [str(template), _]}:
            yield from (name.split(".", 1)[0] for name in substituted_names(template))
    for item in value.values():
        yield from _references(item)

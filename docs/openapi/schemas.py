"""The schemas that operations refer to: collected by type, made by pydantic, named once."""

from typing import Any, Literal

from pydantic import TypeAdapter

#: What a type describes: requests are validated, answers are serialized.
Mode = Literal["validation", "serialization"]
_TEMPLATE = "#/components/schemas/{model}"


class Schemas:
    """Gives out references while operations are described, and all definitions at the end."""

    def __init__(self) -> None:
        self._adapters: dict[tuple[str, Mode], TypeAdapter[Any]] = {}

    def schema(self, described: Any, mode: Mode) -> dict[str, Any]:
        """Return the schema of a type, or a schema itself with the types inside it replaced."""
        if isinstance(described, dict):
            return {name: self._inside(value, mode) for name, value in described.items()}
        self._adapters[described.__name__, mode] = TypeAdapter(described)
        return {"$ref": _TEMPLATE.format(model=described.__name__)}

    def definitions(self) -> dict[str, Any]:
        """Return the schema of every type that was asked for, and of those inside."""
        inputs = [(name, mode, adapter) for (name, mode), adapter in self._adapters.items()]
        _, schemas = TypeAdapter.json_schemas(inputs, ref_template=_TEMPLATE)
        found: dict[str, Any] = dict(sorted(schemas.get("$defs", {}).items()))
        return found

    def _inside(self, value: Any, mode: Mode) -> Any:
        if isinstance(value, dict):
            return {name: self._inside(item, mode) for name, item in value.items()}
        if isinstance(value, list):
            return [self._inside(item, mode) for item in value]
        return self.schema(value, mode) if isinstance(value, type) else value

"""Intrinsic functions of a template, resolved to their values."""

import re
from collections.abc import Callable, Mapping
from typing import Any, Final

from local.cloudformation.errors import TemplateError

#: What `{"Ref": "AWS::NoValue"}` becomes: the property or element is left out.
NO_VALUE: Final = object()

#: `${Name}`, `${Name.Attribute}` and the literal `${!Name}` of Fn::Sub.
_SUBSTITUTION: Final = re.compile(r"\$\{(!?)([^}]*)\}")


class Resolver:
    """Resolves values of one stack.

    `reference` answers Ref, `attribute` answers Fn::GetAtt, `imported` answers Fn::ImportValue; `conditions` are the
    stack's conditions, already decided; `text` replaces dynamic references in a finished string.
    """

    def __init__(
        self,
        *,
        reference: Callable[[str], object],
        attribute: Callable[[str, str], object],
        imported: Callable[[str], object],
        conditions: Mapping[str, bool],
        mappings: Mapping[str, Any],
        text: Callable[[str], str],
    ) -> None:
        self._reference = reference
        self._attribute = attribute
        self._imported = imported
        self._conditions = conditions
        self._mappings = mappings
        self._text = text
        self._functions: dict[str, Callable[[Any], Any]] = {
            "Ref": self._ref,
            "Fn::GetAtt": self._get_attribute,
            "Fn::Join": self._join,
            "Fn::Sub": self._substitute,
            "Fn::Select": self._select,
            "Fn::Split": self._split,
            "Fn::ImportValue": lambda argument: self._imported(self._string(argument)),
            "Fn::If": self._if,
            "Fn::FindInMap": self._find_in_map,
        }

    def resolve(self, value: Any) -> Any:
        """Return `value` with every function in it replaced by its result."""
        if isinstance(value, str):
            return self._text(value)
        if isinstance(value, list):
            resolved = [self.resolve(element) for element in value]
            return [element for element in resolved if element is not NO_VALUE]
        if not isinstance(value, dict):
            return value
        if name := function_name(value):
            return self._call(name, value[name])
        return self._object(value)

    def _object(self, value: dict[str, Any]) -> dict[str, Any]:
        result = {}
        for key, item in value.items():
            try:
                resolved = self.resolve(item)
            except TemplateError as error:
                raise error.at(key) from None
            if resolved is not NO_VALUE:
                result[key] = resolved
        return result

    def _call(self, name: str, argument: Any) -> Any:
        function = self._functions.get(name)
        if function is None:
            raise TemplateError(f"the local system does not know the function {name}")
        try:
            result = function(argument)
        except (TypeError, ValueError, KeyError, IndexError) as error:
            raise TemplateError(f"{name} cannot be applied to {argument!r}: {error}") from None
        return self._text(result) if isinstance(result, str) else result

    def _ref(self, argument: str) -> object:
        return NO_VALUE if argument == "AWS::NoValue" else self._reference(argument)

    def _get_attribute(self, argument: Any) -> object:
        logical_id, attribute = argument.split(".", 1) if isinstance(argument, str) else argument
        return self._attribute(logical_id, self._string(attribute))

    def _join(self, argument: Any) -> str:
        separator, elements = argument
        return str(separator).join(_as_text(element) for element in self.resolve(elements))

    def _substitute(self, argument: Any) -> str:
        template, variables = (argument, {}) if isinstance(argument, str) else argument

        def replace(match: re.Match[str]) -> str:
            literal, name = match.groups()
            if literal:
                return f"${{{name}}}"
            if name in variables:
                return _as_text(self.resolve(variables[name]))
            return _as_text(self._get_attribute(name) if "." in name else self._ref(name))

        return _SUBSTITUTION.sub(replace, template)

    def _select(self, argument: Any) -> Any:
        index, elements = argument
        return self.resolve(elements)[int(self.resolve(index))]

    def _split(self, argument: Any) -> list[str]:
        separator, text = argument
        return self._string(text).split(separator)

    def _if(self, argument: Any) -> Any:
        condition, then, otherwise = argument
        return self.resolve(then if self._conditions[condition] else otherwise)

    def _find_in_map(self, argument: Any) -> Any:
        name, first, second = (self._string(part) for part in argument)
        return self._mappings[name][first][second]

    def _string(self, value: Any) -> str:
        resolved = self.resolve(value)
        if not isinstance(resolved, str):
            raise TypeError(f"{resolved!r} is not a string")
        return resolved


def function_name(value: Mapping[str, Any]) -> str | None:
    """Return the name of the function that `value` calls, None if it is a plain object."""
    if len(value) != 1:
        return None
    (key,) = value
    return key if key == "Ref" or key.startswith("Fn::") else None


def substituted_names(template: str) -> list[str]:
    """Return the names, with attribute, that the text of an Fn::Sub refers to."""
    return [name for literal, name in _SUBSTITUTION.findall(template) if not literal]


def _as_text(value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str | int | float):
        return str(value)
    raise TypeError(f"{value!r} is not text")

"""Intrinsic functions and dynamic references of a template, resolved to their values."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from local.cloudformation.errors import TemplateError

#: `${Name}`, `${Name.Attribute}` and the literal `${!Name}` of Fn::Sub.
_SUBSTITUTION: Final = re.compile(r"\$\{(!?)([^{}]*+)\}")
#: A dynamic reference, `{{resolve:service:...}}`, which CloudFormation resolves during the deployment.
_DYNAMIC_REFERENCE: Final = re.compile(r"\{\{resolve:([^:{}]*):([^{}]*)\}\}")
#: Separator between the secret's ARN and what is wanted of it: JSON key and version.
_SELECTION: Final = ":SecretString"

#: Returns the text of the secret with this name or ARN.
ReadSecret = Callable[[str], str]


@dataclass(kw_only=True, eq=False)
class Resolver:
    """Resolves values of one stack.

    `reference` answers Ref, and `attribute` answers Fn::GetAtt. `imported` answers Fn::ImportValue and
    Fn::GetStackOutput. `text` replaces dynamic references in a finished string.
    """

    reference: Callable[[str], object]
    attribute: Callable[[str, str], object]
    imported: Callable[[str], object]
    text: Callable[[str], str]
    _functions: dict[str, Callable[[Any], Any]] = field(init=False)

    def __post_init__(self) -> None:
        self._functions = {
            "Ref": self.reference,
            "Fn::GetAtt": self._get_attribute,
            "Fn::Join": self._join,
            "Fn::Sub": self._substitute,
            "Fn::Select": self._select,
            "Fn::Split": self._split,
            "Fn::ImportValue": lambda argument: self.imported(self._string(argument)),
            "Fn::GetStackOutput": self._get_stack_output,
        }

    def resolve(self, value: Any) -> Any:
        """Return `value` with every function in it replaced by its result."""
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, list):
            return [self.resolve(element) for element in value]
        if not isinstance(value, dict):
            return value
        if name := function_name(value):
            return self._call(name, value[name])
        return self._object(value)

    def _object(self, value: dict[str, Any]) -> dict[str, Any]:
        result = {}
        for key, item in value.items():
            try:
                result[key] = self.resolve(item)
            except TemplateError as error:
                raise error.at(key) from None
        return result

    def _call(self, name: str, argument: Any) -> Any:
        function = self._functions.get(name)
        if function is None:
            raise TemplateError(f"the local system does not know the function {name}")
        try:
            result = function(argument)
        except (TypeError, ValueError, KeyError, IndexError) as error:
            raise TemplateError(f"{name} cannot be applied to {argument!r}: {error}") from None
        return self.text(result) if isinstance(result, str) else result

    def _get_attribute(self, argument: Any) -> object:
        logical_id, attribute = argument.split(".", 1) if isinstance(argument, str) else argument
        return self.attribute(logical_id, self._string(attribute))

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
            return _as_text(self._get_attribute(name) if "." in name else self.reference(name))

        return _SUBSTITUTION.sub(replace, template)

    def _get_stack_output(self, argument: Any) -> object:
        return self.imported(output_name(argument["StackName"], argument["OutputName"]))

    def _select(self, argument: Any) -> Any:
        index, elements = argument
        return self.resolve(elements)[int(self.resolve(index))]

    def _split(self, argument: Any) -> list[str]:
        separator, text = argument
        return self._string(text).split(separator)

    def _string(self, value: Any) -> str:
        resolved = self.resolve(value)
        if not isinstance(resolved, str):
            raise TypeError(f"{resolved!r} is not a string")
        return resolved


def output_name(stack: str, output: str) -> str:
    """Return the name among the exports of an output that other stacks read without an export."""
    return f"{stack}/{output}"


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


def replace_dynamic_references(text: str, read_secret: ReadSecret) -> str:
    """Return `text` with its dynamic references replaced: each is the whole text of a secret."""

    def replace(match: re.Match[str]) -> str:
        service, rest = match.groups()
        secret_id, _, selection = rest.partition(_SELECTION)
        if service != "secretsmanager" or selection.strip(":"):
            raise TemplateError(f"the local system cannot resolve {match[0]}: it knows whole secrets only")
        return read_secret(secret_id)

    return _DYNAMIC_REFERENCE.sub(replace, text)

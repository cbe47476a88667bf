"""The conditions of a template, decided before any resource is made."""

from collections.abc import Callable, Mapping
from typing import Any

from local.cloudformation.errors import TemplateError


def decide(conditions: Mapping[str, Any], resolve: Callable[[Any], Any]) -> dict[str, bool]:
    """Return the value of every condition; `resolve` resolves parameters and mappings."""
    decided: dict[str, bool] = {}

    def named(name: str) -> bool:
        if name not in decided:
            if name not in conditions:
                raise TemplateError(f"there is no condition {name!r}")
            decided[name] = evaluate(conditions[name])
        return decided[name]

    def evaluate(expression: Any) -> bool:
        match expression:
            case {"Condition": str(name)}:
                return named(name)
            case {"Fn::Equals": [first, second]}:
                return bool(resolve(first) == resolve(second))
            case {"Fn::And": list(parts)}:
                return all(evaluate(part) for part in parts)
            case {"Fn::Or": list(parts)}:
                return any(evaluate(part) for part in parts)
            case {"Fn::Not": [part]}:
                return not evaluate(part)
        raise TemplateError(f"the local system cannot decide the condition {expression!r}")

    return {name: named(name) for name in conditions}

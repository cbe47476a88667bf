"""Query parameters of the HTTP API: numbers within bounds."""

import re

from contract.errors import FieldError


def read_number(text: str, name: str, most: int, errors: list[FieldError], *, least: int = 1) -> int:
    """Return the number in a query parameter, or add an error."""
    number = int(text) if re.fullmatch("[0-9]{1,9}", text) else -1
    if not least <= number <= most:
        errors.append(FieldError(name, f"is {text[:40]!r}; write a number from {least} to {most}"))
    return number

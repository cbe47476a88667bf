"""Conditional UpdateItem of DynamoDB, the form of a record's transitions."""

from collections.abc import Iterable
from typing import Any

from contract.record import Status

Request = dict[str, Any]


def status_in(statuses: Iterable[Status]) -> tuple[str, dict[str, str]]:
    """Return the condition that a record is in one of `statuses`, and the values of its placeholders."""
    values = {f":status_{status.value.lower()}": status.value for status in statuses}
    return f"#status IN ({', '.join(values)})", values


def update(
    task_key: str,
    *,
    set_: dict[str, Any],
    where: str,
    values: dict[str, Any],
    add: dict[str, int] | None = None,
    remove: Iterable[str] = (),
) -> Request:
    """Return the arguments of an UpdateItem of a task's record, which DynamoDB refuses unless `where` is true."""
    set_values = {f":set_{name.lstrip('#')}": value for name, value in set_.items()}
    add_values = {f":add_{name}": value for name, value in (add or {}).items()}
    clauses = [
        "SET " + ", ".join(f"{name} = {placeholder}" for name, placeholder in zip(set_, set_values, strict=True))
    ]
    if add:
        clauses.append(
            "ADD " + ", ".join(f"{name} {placeholder}" for name, placeholder in zip(add, add_values, strict=True))
        )
    if removed := ", ".join(remove):
        clauses.append(f"REMOVE {removed}")
    expression = " ".join(clauses)
    request: Request = {
        "Key": {"id": task_key},
        "UpdateExpression": expression,
        "ConditionExpression": where,
        "ExpressionAttributeValues": {**values, **set_values, **add_values},
    }
    # DynamoDB reserves these two words, and refuses a name that is declared but not used.
    names = {f"#{name}": name for name in ("status", "error") if f"#{name}" in expression + where}
    return request | ({"ExpressionAttributeNames": names} if names else {})

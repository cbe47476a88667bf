"""Emulated AWS account: MiniStack with placeholders for the resources that it lacks.

A program of a separate environment, where neither the project nor its packages are installed. So a function that
works there has everything that it needs in its bundle.
"""

import os
import signal
from collections.abc import Awaitable, Callable
from typing import Any
from uuid import uuid4

from ministack import app as ministack
from ministack.services.cloudformation import provisioners

Handler = dict[str, Any]
Created = tuple[str, dict[str, str]]
Application = Callable[[dict[str, Any], object, object], Awaitable[None]]


def create_placeholder(logical_id: str, properties: dict[str, Any], stack_name: str) -> Created:
    """Return the id of a resource that exists by name only."""
    name = f"{stack_name}-{logical_id}-{uuid4().hex[:8]}"
    return name, {"Arn": f"arn:aws:placeholder:::{name}", "QueryDefinitionId": name}


def update_placeholder(physical_id: str, old: dict[str, Any], new: dict[str, Any], stack_name: str) -> Created:
    """Return the same id."""
    return physical_id, {"Arn": f"arn:aws:placeholder:::{physical_id}", "QueryDefinitionId": physical_id}


def delete_placeholder(physical_id: str, properties: dict[str, Any]) -> None:
    """Delete nothing."""


def with_placeholder_for_metric_math(handler: Handler) -> Handler:
    """Return the handler of alarms, in which alarms with metric math are placeholders."""
    create: Callable[..., Created] = handler["create"]
    update: Callable[..., Created] = handler["update"]
    delete: Callable[..., None] = handler["delete"]

    def create_alarm(logical_id: str, properties: dict[str, Any], stack_name: str) -> Created:
        make = create_placeholder if properties.get("Metrics") else create
        return make(logical_id, properties, stack_name)

    def update_alarm(
        physical_id: str, old: dict[str, Any], new: dict[str, Any], stack_name: str, logical_id: str | None = None
    ) -> Created:
        if new.get("Metrics"):
            return update_placeholder(physical_id, old, new, stack_name)
        return update(physical_id, old, new, stack_name, logical_id)

    def delete_alarm(physical_id: str, properties: dict[str, Any]) -> None:
        if not properties.get("Metrics"):
            delete(physical_id, properties)

    return handler | {"create": create_alarm, "update": update_alarm, "delete": delete_alarm}


def failing_at_first(handler: Handler) -> Handler:
    """Return the handler of a resource type whose first creation fails, as if a quota of the account were used up."""
    create: Callable[..., Created] = handler["create"]
    created: list[str] = []

    def create_resource(logical_id: str, properties: dict[str, Any], stack_name: str) -> Created:
        created.append(logical_id)
        if len(created) == 1:
            raise ValueError("the quota is used up")
        return create(logical_id, properties, stack_name)

    return handler | {"create": create_resource}


def known_by_arn(handler: Handler) -> Handler:
    """Return the handler of secrets, in which a secret's id is its ARN, as in CloudFormation. Policies contain it."""
    create, update, delete = handler["create"], handler["update"], handler["delete"]

    def create_secret(logical_id: str, properties: dict[str, Any], stack_name: str) -> Created:
        _, attributes = create(logical_id, properties, stack_name)
        return attributes["Arn"], attributes

    def update_secret(
        physical_id: str, old: dict[str, Any], new: dict[str, Any], stack_name: str, logical_id: str | None = None
    ) -> Created:
        _, attributes = update(name_in_arn(physical_id), old, new, stack_name, logical_id)
        return attributes["Arn"], attributes

    def delete_secret(physical_id: str, properties: dict[str, Any]) -> None:
        delete(name_in_arn(physical_id), properties)

    return handler | {"create": create_secret, "update": update_secret, "delete": delete_secret}


def name_in_arn(arn: str) -> str:
    """Return the name of a secret; its ARN ends with a hyphen and six random letters."""
    return arn.rpartition(":")[2].rpartition("-")[0]


def enforce_permissions(signal_number: int, _: object) -> None:
    """Check every request against the policies of its role after SIGUSR1, and none after SIGUSR2."""
    ministack.AUTH = signal_number == signal.SIGUSR1


def behind_proxy(application: Application) -> Application:
    """Return an application that counts as one behind a proxy with TLS, because policies refuse plain HTTP."""

    async def serve(scope: dict[str, Any], receive: object, send: object) -> None:
        is_secure = ministack.AUTH and scope["type"] == "http"
        await application(scope | {"scheme": "https"} if is_secure else scope, receive, send)

    return serve


if __name__ == "__main__":
    handlers: dict[str, Handler] = provisioners._RESOURCE_HANDLERS
    handlers["AWS::Logs::QueryDefinition"] = {
        "create": create_placeholder,
        "update": update_placeholder,
        "delete": delete_placeholder,
    }
    handlers["AWS::CloudWatch::Alarm"] = with_placeholder_for_metric_math(handlers["AWS::CloudWatch::Alarm"])
    handlers["AWS::SecretsManager::Secret"] = known_by_arn(handlers["AWS::SecretsManager::Secret"])
    for type_ in filter(None, os.environ.get("FAIL_AT_FIRST", "").split(",")):
        handlers[type_] = failing_at_first(handlers[type_])
    ministack.app = behind_proxy(ministack.app)
    for number in (signal.SIGUSR1, signal.SIGUSR2):
        signal.signal(number, enforce_permissions)
    ministack.main()

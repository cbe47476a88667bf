"""Function whose callers wait for their tasks: settings, tasks, routes and the key's check, for each such way in."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Self

from aws_lambda_powertools.event_handler import Response
from pydantic import Json

from contract.errors import DarkroomError
from lambdas.authorize.authorizer import compose_authorizer
from lambdas.http.application import HttpApplication
from lambdas.http.function_url import DEADLINE, HttpFunction
from lambdas.http.responses import error_response
from lambdas.tasks.caller_tasks import CallerTasks
from lambdas.tasks.composition import CallerSettings, compose_tasks


class WaitingSettings(CallerSettings):
    """Settings of functions that wait for tasks; the keys are those of their function URL."""

    api_key_secret_arns: Json[dict[str, str]]


@dataclass(frozen=True)
class WaitingFunction(HttpFunction):
    """Answers events of the HTTP API and of a function URL. A handler adds the routes to its `application`."""

    settings: WaitingSettings
    tasks: CallerTasks

    @classmethod
    def compose(
        cls,
        settings: WaitingSettings,
        error_response: Callable[[DarkroomError], Response[str]] = error_response,
    ) -> Self:
        """Compose the function of a process; `error_response` makes the response of an error."""
        return cls(
            application=HttpApplication(
                origins=settings.cors_origins, tenancy=settings.tenancy, error_response=error_response
            ),
            authorizer=compose_authorizer(settings.api_key_secret_arns),
            settings=settings,
            tasks=compose_tasks(settings),
        )

    def seconds_left(self) -> float:
        """Return how long the present request may still wait."""
        deadline: float = self.application.context[DEADLINE]
        return max(deadline - time.monotonic(), 0.0)

"""AWS of the doctor's tests: real boto3 clients with answers from memory.

botocore checks the parameters, and the same service model checks the answers, so that they have the shapes of AWS.
"""

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import boto3
from botocore.validate import ParamValidator

#: An answer, or a function of the parameters that returns one.
RecordedAnswer = dict[str, Any] | Callable[[dict[str, Any]], dict[str, Any]]


class AwsError(Exception):
    """Raised by an answer that is an error: its code, and the message."""

    def __init__(self, code: str, message: str = "") -> None:
        super().__init__(code)
        self.code, self.text = code, message or code


class RecordedAws:
    """Answers by service and operation; an operation without an answer is a failure of the test."""

    def __init__(self, answers: dict[str, RecordedAnswer]) -> None:
        self.answers = answers
        self.calls: list[tuple[str, dict[str, Any]]] = []
        self._session = boto3.Session("testing", "testing", region_name="eu-central-1")

    def client(self, service: str) -> Any:
        client = self._session.client(service)  # type: ignore[call-overload] # any service
        client.meta.events.register("provide-client-params.*.*", self._record)
        client.meta.events.register("before-call.*.*", self._answer)
        return client

    def _record(self, params: dict[str, Any], model: Any, **_: Any) -> None:
        self.calls.append((f"{model.service_model.service_name}.{model.name}", params))

    def _answer(self, model: Any, **_: Any) -> tuple[Any, dict[str, Any]]:
        name = f"{model.service_model.service_name}.{model.name}"
        answer = self.answers[name]
        try:
            body = answer(self.calls[-1][1]) if callable(answer) else answer
        except AwsError as error:
            error_body = {"Error": {"Code": error.code, "Message": error.text}, "ResponseMetadata": {}}
            return SimpleNamespace(status_code=400), error_body
        report = ParamValidator().validate(body, model.output_shape)
        assert not report.has_errors(), report.generate_report()
        return SimpleNamespace(status_code=200), {**body, "ResponseMetadata": {"HTTPStatusCode": 200}}

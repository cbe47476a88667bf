import json

import pytest

from local.event_sources.event_source import failed_identifiers
from local.lambda_runtime.runtime_api import InvocationResult

ALL = {"a", "b"}


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (None, set()),
        ({}, set()),
        ({"batchItemFailures": []}, set()),
        ({"batchItemFailures": None}, set()),
        ({"other": 1}, set()),
        ({"batchItemFailures": [{"itemIdentifier": "b"}]}, {"b"}),
        ({"batchItemFailures": [{"itemIdentifier": "b"}, {"itemIdentifier": "a"}]}, ALL),
        ({"batchItemFailures": [{"itemIdentifier": "unknown"}]}, ALL),
        ({"batchItemFailures": [{"itemIdentifier": ""}]}, ALL),
        ({"batchItemFailures": [{"wrong": "b"}]}, ALL),
        ({"batchItemFailures": ["b"]}, ALL),
        ({"batchItemFailures": "b"}, ALL),
        ("text", ALL),
        ([], ALL),
    ],
)
def test_as_lambda_reads_the_answer(value: object, expected: set[str]) -> None:
    answer = InvocationResult(json.dumps(value).encode())
    assert failed_identifiers(answer, ["a", "b"], reports_items=True) == expected


def test_an_error_fails_all_and_an_unread_answer_none() -> None:
    assert failed_identifiers(InvocationResult(b"{}", is_error=True), ["a", "b"], reports_items=True) == ALL
    assert failed_identifiers(InvocationResult(b'"text"'), ["a", "b"], reports_items=False) == set()

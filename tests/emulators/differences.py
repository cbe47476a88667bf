"""Known differences between an emulator and AWS, each with the document by which AWS is right."""

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True)
class Difference:
    """A contract that an emulator breaks. `observed` is part of the test's failure."""

    emulator: str
    module: str
    test: str
    observed: str
    document: str


_PARTIAL_STREAM = 'Lambda developer guide, "Configuring partial batch response with DynamoDB and Lambda"'
_DISCARDED = 'Lambda developer guide, "Retaining discarded records for a DynamoDB event source in Lambda"'
_PAYLOAD = 'Lambda developer guide, "Lambda quotas", invocation payload'
_PRESIGNED = 'S3 user guide, "Download and upload objects with presigned URLs", expiration time'
_VISIBILITY = "SQS API reference, ChangeMessageVisibility"
_UPDATE = "DynamoDB API reference, UpdateItem, UpdateExpression"
_BODY = "test_a_body_has_its_limit_in_megabytes"
_NO_ANSWER = "test_a_function_without_an_answer_is_an_error_of_the"

DIFFERENCES: Final = (
    Difference("local", "test_objects", "test_an_expired_address_is_refused", "200 == 403", _PRESIGNED),
    Difference(
        "local",
        "test_tables",
        "test_a_wrong_item_is_refused[type of a key of an index]",
        "'no error' == 'ValidationException'",
        'DynamoDB developer guide, "Using global secondary indexes", data types of keys',
    ),
    Difference(
        "ministack",
        "test_event_sources",
        "test_an_answer_with_an_empty_identifier_fails_the_whole_batch",
        "1 == 2",
        'Lambda developer guide, "Handling errors for an SQS event source in Lambda"',
    ),
    Difference(
        "ministack",
        "test_event_sources",
        "test_a_change_that_failed_once_comes_again[fails]",
        "the repetition did not happen",
        _PARTIAL_STREAM,
    ),
    Difference(
        "ministack",
        "test_event_sources",
        "test_a_poisoned_change_is_reported_alone_and_the_others_go_on_in_order[fails]",
        "the report did not happen",
        _DISCARDED,
    ),
    Difference(
        "ministack",
        "test_event_sources",
        "test_a_poisoned_change_is_reported_alone_and_the_others_go_on_in_order[breaks]",
        "the report did not happen",
        _DISCARDED,
    ),
    Difference("ministack", "test_function_urls", f"{_NO_ANSWER}_address[large]", "200 == 502", _PAYLOAD),
    Difference("ministack", "test_function_urls", f"{_BODY}[7-413]", "202 == 413", _PAYLOAD),
    Difference(
        "ministack",
        "test_http_api",
        "test_a_key_over_its_rate_gets_the_answer_of_the_template",
        "'Too Many Requests'",
        'API Gateway developer guide, "Gateway response types for API Gateway", THROTTLED',
    ),
    Difference(
        "ministack",
        "test_http_api",
        f"{_NO_ANSWER}_gateway[shapeless-502]",
        "500 == 502",
        'API Gateway developer guide, "Lambda proxy integrations in API Gateway", output format',
    ),
    Difference("ministack", "test_http_api", f"{_NO_ANSWER}_gateway[large-502]", "200 == 502", _PAYLOAD),
    Difference(
        "ministack",
        "test_http_api",
        "test_a_function_that_is_too_slow_is_an_error_of_the_gateway",
        "202 == 504",
        'API Gateway developer guide, "Gateway response types for API Gateway", INTEGRATION_TIMEOUT',
    ),
    Difference("ministack", "test_http_api", f"{_BODY}[7-413]", "202 == 413", _PAYLOAD),
    Difference(
        "ministack",
        "test_http_api",
        f"{_BODY}[11-413]",
        "202 == 413",
        'API Gateway developer guide, "Quotas for configuring and running a REST API", payload size',
    ),
    Difference("ministack", "test_objects", "test_an_expired_address_is_refused", "200 == 403", _PRESIGNED),
    Difference(
        "ministack",
        "test_queues",
        "test_the_timeout_of_a_visible_message_cannot_be_changed",
        "'no error' == ",
        _VISIBILITY,
    ),
    Difference(
        "ministack",
        "test_queues",
        "test_a_timeout_of_more_than_twelve_hours_is_refused",
        "'no error' == ",
        _VISIBILITY,
    ),
    Difference(
        "ministack", "test_tables", "test_a_wrong_expression_is_refused[same path twice]", "'no error' == ", _UPDATE
    ),
    Difference(
        "ministack", "test_tables", "test_a_wrong_expression_is_refused[no operator]", "'no error' == ", _UPDATE
    ),
)


def difference_of(module: str, test: str) -> Difference | None:
    """Return the known difference of a test; its name has the emulator first among its parameters."""
    function, _, parameters = test.partition("[")
    emulator, _, others = parameters.removesuffix("]").partition("-")
    name = f"{function}[{others}]" if others else function
    for item in DIFFERENCES:
        if (item.emulator, item.test) == (emulator, name) and module.endswith(f".{item.module}"):
            return item
    return None

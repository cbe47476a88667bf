"""Process that lets one batch continue as its function does, so that a test can kill it."""

import sys
from types import SimpleNamespace

from lambdas.advance_batches import handler


def main() -> None:
    """Deliver one message of the batch queue."""
    context = SimpleNamespace(
        function_name="f",
        memory_limit_in_mb=1024,
        invoked_function_arn="arn",
        aws_request_id="r",
        function_version="1",
        get_remaining_time_in_millis=lambda: 45_000,
    )
    message = {"messageId": "m", "receiptHandle": "r", "body": sys.argv[1], "attributes": {}, "eventSource": "aws:sqs"}
    response = handler.handler({"Records": [message]}, context)
    if response["batchItemFailures"]:
        sys.exit(1)


if __name__ == "__main__":
    main()

"""Publisher of tasks to the entry topic."""

from cli.environment import SystemEndpoints
from cli.errors import Refused, Unreachable


def publish(text: bytes, *, environment: SystemEndpoints) -> str:
    """Publish a request to the entry topic and return SNS's id of the message, which a rejection repeats."""
    from botocore.exceptions import BotoCoreError, ClientError  # noqa: PLC0415 - the other commands need no AWS client

    try:
        message = text.decode()
        answer = environment.client("sns").publish(TopicArn=environment.entry_topic_arn, Message=message)
        return str(answer["MessageId"])
    except UnicodeDecodeError as error:
        raise Refused(f"the request is not UTF-8 text: {error.reason} at byte {error.start}") from None
    except ClientError as error:
        if error.response["Error"]["Code"] in {"InvalidParameter", "InvalidParameterException"}:
            raise Refused(f"the entry topic refuses the message: {error.response['Error']['Message']}") from None
        raise Unreachable(f"the entry topic cannot be reached: {error}") from None
    except BotoCoreError as error:
        raise Unreachable(f"the entry topic cannot be reached: {error}") from None

"""Publisher of tasks to the entry topic."""

from typing import Any

from cli.environment import Environment
from cli.errors import Refused, Unreachable


def publish(text: bytes, *, environment: Environment) -> str:
    """Publish a request to the entry topic and return SNS's id of the message, which a rejection repeats."""
    import boto3  # noqa: PLC0415 - the other commands need no AWS client
    from botocore.exceptions import BotoCoreError, ClientError  # noqa: PLC0415 - see above

    options: dict[str, Any] = {}
    if environment.aws_endpoint_url:
        # The local AWS knows no accounts, but the client insists on credentials.
        options = {
            "endpoint_url": environment.aws_endpoint_url,
            "aws_access_key_id": "local",
            "aws_secret_access_key": "local",
        }
    try:
        message = text.decode()
        sns = boto3.client("sns", region_name=environment.region, **options)
        return str(sns.publish(TopicArn=environment.entry_topic_arn, Message=message)["MessageId"])
    except UnicodeDecodeError as error:
        raise Refused(f"the request is not UTF-8 text: {error.reason} at byte {error.start}") from None
    except ClientError as error:
        if error.response["Error"]["Code"] in {"InvalidParameter", "InvalidParameterException"}:
            raise Refused(f"the entry topic refuses the message: {error.response['Error']['Message']}") from None
        raise Unreachable(f"the entry topic cannot be reached: {error}") from None
    except BotoCoreError as error:
        raise Unreachable(f"the entry topic cannot be reached: {error}") from None

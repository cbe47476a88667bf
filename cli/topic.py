"""Publisher of tasks to the entry topic."""

from cli.aws import aws_errors
from cli.environment import SystemEndpoints
from cli.errors import Refused


def publish(text: bytes, *, environment: SystemEndpoints) -> str:
    """Publish a request to the entry topic and return SNS's id of the message, which a rejection repeats."""
    from botocore.exceptions import ClientError

    try:
        message = text.decode()
    except UnicodeDecodeError as error:
        raise Refused(f"the request is not UTF-8 text: {error.reason} at byte {error.start}") from None
    client = environment.client("sns")
    with aws_errors("the entry topic cannot be reached"):
        try:
            return str(client.publish(TopicArn=environment.entry_topic_arn, Message=message)["MessageId"])
        except ClientError as error:
            if error.response["Error"]["Code"] not in {"InvalidParameter", "InvalidParameterException"}:
                raise
            raise Refused(f"the entry topic refuses the message: {error.response['Error']['Message']}") from None

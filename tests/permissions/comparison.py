"""Compares what the roles allow with the calls that were recorded while all tests ran."""

import json
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

Actions = Mapping[str, set[str]]

#: The actions that IAM knows by another name than the operation's.
RENAMED = {
    "s3:HeadObject": "s3:GetObject",
    "s3:HeadBucket": "s3:ListBucket",
    "s3:ListObjectsV2": "s3:ListBucket",
    "s3:CreateMultipartUpload": "s3:PutObject",
    "s3:UploadPart": "s3:PutObject",
    "s3:CompleteMultipartUpload": "s3:PutObject",
}

#: Actions that no line of ours calls, and who does in the name of the role.
USED_BY_AWS = {
    "dynamodb:DescribeStream": "Lambda reads the stream",
    "dynamodb:GetRecords": "Lambda reads the stream",
    "dynamodb:GetShardIterator": "Lambda reads the stream",
    "dynamodb:ListStreams": "Lambda reads the stream",
    "kms:Decrypt": "SNS encrypts and decrypts messages in the publisher's name",
    "kms:GenerateDataKey": "SNS encrypts and decrypts messages in the publisher's name",
    "logs:CreateLogStream": "Lambda and ECS write the logs",
    "logs:PutLogEvents": "Lambda and ECS write the logs",
    "s3:ListBucket": "S3 asks for it before it says that there is no such object",
    "xray:PutTelemetryRecords": "the X-Ray daemon sends what the tracer gives it",
    "xray:PutTraceSegments": "the X-Ray daemon sends what the tracer gives it",
}
#: Actions that Lambda uses to feed a function from a queue.
USED_BY_EVENT_SOURCES = {"sqs:DeleteMessage", "sqs:GetQueueAttributes", "sqs:ReceiveMessage"}

#: What single components are allowed beside what they call, and why.
UNCALLED: dict[tuple[str, str], str] = {
    ("create_upload", "s3:PutObject"): "whoever got the signed form uses it, with the signer's right",
}


def recorded_calls(folder: Path) -> dict[str, set[str]]:
    """Return the actions that each component needed."""
    calls: dict[str, set[str]] = {}
    for file in folder.glob("calls-*.jsonl"):
        for line in file.read_text().splitlines():
            component, service, operation = json.loads(line)
            action = f"{service}:{operation}"
            calls.setdefault(component, set()).add(RENAMED.get(action, action))
    return calls


def differences(granted: Actions, called: Actions) -> Iterator[str]:
    """Yield what is called and not allowed, and what is allowed and never called."""
    for component in sorted(granted.keys() | called.keys()):
        allowed, used = granted.get(component, set()), called.get(component, set())
        for action in sorted(used - allowed):
            yield f"{component} calls {action}, which its role does not allow"
        for action in sorted(_unused(component, allowed, used)):
            yield f"{component} is allowed {action}, which no test makes it call"


def _unused(component: str, allowed: Iterable[str], used: Iterable[str]) -> set[str]:
    unused = set(allowed) - set(used) - USED_BY_AWS.keys()
    if component != "runtime":
        unused -= USED_BY_EVENT_SOURCES
    return {action for action in unused if (component, action) not in UNCALLED}

"""Comparison of the actions that the roles allow with the calls that all tests recorded."""

import ast
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

LAMBDAS = Path(__file__).parents[2] / "lambdas"

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

#: Actions of single components that they never call, with the reason.
UNCALLED: dict[tuple[str, str], str] = {
    ("create_upload", "s3:PutObject"): "the holder of the signed form uses it, with the signer's right",
    ("runtime", "ecs:UpdateTaskProtection"): "ECS's agent on the node does it in the task's name, when asked over HTTP",
}


@dataclass(frozen=True)
class Calls:
    """The actions that were needed, by the component that called, and by the module of `lambdas/` that did."""

    by_component: Actions
    by_module: Actions


def recorded_calls(folder: Path) -> Calls:
    """Read what all processes of a run have written."""
    by_component: dict[str, set[str]] = {}
    by_module: dict[str, set[str]] = {}
    for file in folder.glob("calls-*.jsonl"):
        for line in file.read_text().splitlines():
            component, module, service, operation = json.loads(line)
            action = RENAMED.get(f"{service}:{operation}", f"{service}:{operation}")
            by_module.setdefault(module, set()).add(action)
            if component:
                by_component.setdefault(component, set()).add(action)
    return Calls(by_component, by_module)


def differences(granted: Actions, calls: Calls) -> Iterator[str]:
    """Yield what is called and not allowed, and what is allowed and never called.

    An action counts as used as well if a shared part of the component calls it. Unit tests give such parts to one
    component and fakes to the next.
    """
    called = calls.by_component
    for component in sorted(granted.keys() | called.keys()):
        allowed, used = granted.get(component, set()), called.get(component, set())
        for action in sorted(used - allowed):
            yield f"{component} calls {action}, which its role does not allow"
        shared = (calls.by_module.get(module, set()) for module in modules_of(component))
        for action in sorted(_unused(component, allowed, used.union(*shared))):
            yield f"{component} is allowed {action}, which no test makes it call"


def modules_of(component: str) -> set[str]:
    """Return the modules of `lambdas/` that a function imports, however far down."""
    found: set[str] = set()
    waiting = [f"lambdas.{component}.{file.stem}" for file in (LAMBDAS / component).glob("*.py")]
    while waiting:
        module = waiting.pop()
        file = LAMBDAS.parent.joinpath(*module.split(".")).with_suffix(".py")
        if module in found or not file.exists():
            continue
        found.add(module)
        for node in ast.walk(ast.parse(file.read_text())):
            if isinstance(node, ast.ImportFrom) and node.module and node.module.startswith(("lambdas", "task_store")):
                waiting += [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
    return found


def _unused(component: str, allowed: Iterable[str], used: Iterable[str]) -> set[str]:
    unused = set(allowed) - set(used) - USED_BY_AWS.keys()
    if component != "runtime":
        unused -= USED_BY_EVENT_SOURCES
    return {action for action in unused if (component, action) not in UNCALLED}

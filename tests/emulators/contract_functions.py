"""Functions of the contract tests: one records the events of queue and stream, one answers HTTP, one authorizes.

An emulator runs this file alone, so it needs the standard library only.
"""

import base64
import json
import os
import time
from pathlib import Path
from typing import Any

#: What the authorizer says of each key; it fails for every other one.
POLICIES = {"allowed": "Allow", "throttled": "Allow", "exhausted": "Allow", "unlisted": "Allow", "denied": "Deny"}
#: API Gateway wants at least 20 characters.
KEY_SUFFIX = "-key-of-the-contract-tests"
Event = dict[str, Any]


def record(event: Event, context: object) -> Event:
    """Record a batch, and fail for the records that ask for it.

    A record names the number of times that it is reported as failed (`fails`), or breaks the whole call (`breaks`).
    With `blanks` the answer is no valid one: it names an empty identifier.
    """
    file = Path(os.environ["EVENTS_FILE"])
    earlier = file.read_text() if file.exists() else ""
    with file.open("a") as lines:
        lines.write(json.dumps(event) + "\n")
    failures = []
    for item in event["Records"]:
        identifier, wishes = _identifier_and_wishes(item)
        calls = earlier.count(f'"{identifier}"')
        if calls < wishes.get("breaks", 0):
            raise RuntimeError("a record breaks the call")
        if calls < wishes.get("fails", 0):
            failures.append({"itemIdentifier": identifier})
        if calls < wishes.get("blanks", 0):
            failures.append({"itemIdentifier": ""})
    return {"batchItemFailures": failures}


def _identifier_and_wishes(item: Event) -> tuple[str, dict[str, int]]:
    if "body" in item:
        return item["messageId"], json.loads(item["body"])
    image = item["dynamodb"].get("NewImage", {})
    return item["dynamodb"]["SequenceNumber"], {name: int(value["N"]) for name, value in image.items() if "N" in value}


def respond(event: Event, context: object) -> Any:
    """Answer as the last segment of the path asks, by default with the event itself."""
    path = event.get("path") or event["rawPath"]
    match path.rpartition("/")[2]:
        case "broken":
            raise RuntimeError("the function broke")
        case "shapeless":
            return {"statusCode": "many"}
        case "slow":
            time.sleep(3)
        case "picture":
            body = base64.b64encode(bytes(range(256))).decode()
            return {"statusCode": 200, "headers": {"Content-Type": "image/png"}, "body": body, "isBase64Encoded": True}
        case "large":
            return {"statusCode": 200, "body": "x" * (7 * 1024 * 1024)}
        case "preflight":
            allowed = {"Access-Control-Allow-Origin": "https://app.example", "Access-Control-Allow-Methods": "POST"}
            return {"statusCode": 204, "headers": allowed}
    shown = dict(event) | {"body": (event.get("body") or "")[:100], "length": len(event.get("body") or "")}
    return {"statusCode": 202, "headers": {"X-Seen": "yes"}, "body": json.dumps(shown)}


def authorize(event: Event, context: object) -> Event:
    """Return the policy of a key; a missing one is unauthorized, and an unknown one an error."""
    headers = {name.lower(): value for name, value in event["headers"].items()}
    key = headers.get("x-api-key", "")
    if not key:
        raise Exception("Unauthorized")  # noqa: TRY002 - API Gateway knows this text alone
    statement = {
        "Effect": POLICIES[key.removesuffix(KEY_SUFFIX)],
        "Action": "execute-api:Invoke",
        "Resource": event["methodArn"],
    }
    return {
        "principalId": "caller",
        "policyDocument": {"Version": "2012-10-17", "Statement": [statement]},
        "context": {"tenant": "first", "administrator": True},
        "usageIdentifierKey": key,
    }

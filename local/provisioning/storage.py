"""Buckets, tables and secrets, created on the moto server."""

import hashlib
from typing import Any, Final

from local.aws.clients import LocalAwsClients
from local.cloudformation.properties import Properties
from local.cloudformation.stack import Created

#: Characters of a bucket's name (S3 user guide, bucket naming rules).
_MAX_BUCKET_NAME: Final = 63
#: Characters of a secret's name are 512; the last 7 of its ARN are random, so names stay well below.
_MAX_SECRET_NAME: Final = 256
_MAX_TABLE_NAME: Final = 255


def create_bucket(clients: LocalAwsClients, properties: Properties) -> Created:
    """Make a bucket. Encryption, policies and life cycle have nothing to act on here: the data ends with the run."""
    name = properties.resource.physical_name(longest=_MAX_BUCKET_NAME).lower()
    properties.ignore(
        "BucketEncryption",
        "LifecycleConfiguration",
        "LoggingConfiguration",
        "OwnershipControls",
        "PublicAccessBlockConfiguration",
        "Tags",
        "VersioningConfiguration",
    )
    rules = properties.pop("CorsConfiguration", {}).get("CorsRules", [])
    client = clients("s3")
    client.create_bucket(Bucket=name, **location(clients.region))
    if rules:
        client.put_bucket_cors(Bucket=name, CORSConfiguration={"CORSRules": rules})
    return Created(name, {"Arn": f"arn:aws:s3:::{name}", "DomainName": f"{name}.s3.amazonaws.com"})


def location(region: str) -> dict[str, Any]:
    """Return the arguments that create a bucket in a region."""
    # S3 refuses its first region as a location.
    return {} if region == "us-east-1" else {"CreateBucketConfiguration": {"LocationConstraint": region}}


def create_table(clients: LocalAwsClients, properties: Properties) -> Created:
    """Make a table with its indexes and stream. moto never expires an item, so a time to live is stated only."""
    name = properties.resource.physical_name(longest=_MAX_TABLE_NAME)
    properties.ignore(
        "ContributorInsightsSpecification",
        "DeletionProtectionEnabled",
        "PointInTimeRecoverySpecification",
        "SSESpecification",
        "Tags",
    )
    request = {
        key: value
        for key in ("AttributeDefinitions", "BillingMode", "GlobalSecondaryIndexes", "KeySchema")
        if (value := properties.pop(key, None)) is not None
    }
    if stream := properties.pop("StreamSpecification", None):
        request["StreamSpecification"] = {"StreamEnabled": True, "StreamViewType": stream["StreamViewType"]}
    time_to_live = properties.pop("TimeToLiveSpecification", None)
    client = clients("dynamodb")
    table = client.create_table(TableName=name, **request)["TableDescription"]
    if time_to_live:
        specification = {"Enabled": time_to_live["Enabled"], "AttributeName": time_to_live["AttributeName"]}
        client.update_time_to_live(TableName=name, TimeToLiveSpecification=specification)
    return Created(name, {"Arn": table["TableArn"], "StreamArn": table.get("LatestStreamArn", "")})


def create_secret(clients: LocalAwsClients, properties: Properties) -> Created:
    """Make a secret with a text that follows from its name, so that clients keep their key after a restart.

    Only programs of this machine reach the system.
    """
    name = properties.resource.physical_name(longest=_MAX_SECRET_NAME)
    properties.ignore("KmsKeyId", "Tags")
    length: int = properties.require("GenerateSecretString")["PasswordLength"]
    text = hashlib.shake_256(name.encode()).hexdigest(length)[:length]
    description = properties.pop("Description", "")
    arn = clients("secretsmanager").create_secret(Name=name, Description=description, SecretString=text)["ARN"]
    return Created(arn, {"Id": arn})

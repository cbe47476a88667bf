"""Private buckets for models, large messages, outputs and access logs."""

from collections.abc import Sequence
from typing import Final

from aws_cdk import Duration, RemovalPolicy, aws_s3
from constructs import Construct

from stacks.constructs.nag_suppressions import suppress

#: Days until the parts of an incomplete upload are deleted. S3 bills them, and a listing does not show them.
INCOMPLETE_UPLOAD_DAYS: Final = 7
#: Days until access logs expire.
ACCESS_LOG_DAYS: Final = 90


class PrivateBucket(aws_s3.Bucket):
    """Encrypted bucket over TLS only. The account owns all objects, including those that others write.

    Pages of `upload_origins` may post signed forms to it, and pages of `download_origins` may read signed links.
    """

    def __init__(
        self,
        scope: Construct,
        id_: str,
        *,
        removal_policy: RemovalPolicy,
        access_logs: aws_s3.IBucket | None,
        expires_after: Duration | None = None,
        keep_overwritten_for: Duration | None = None,
        upload_origins: Sequence[str] = (),
        download_origins: Sequence[str] = (),
    ) -> None:
        super().__init__(
            scope,
            id_,
            encryption=aws_s3.BucketEncryption.S3_MANAGED,
            enforce_ssl=True,
            block_public_access=aws_s3.BlockPublicAccess.BLOCK_ALL,
            object_ownership=aws_s3.ObjectOwnership.BUCKET_OWNER_ENFORCED,
            versioned=keep_overwritten_for is not None,
            server_access_logs_bucket=access_logs,
            server_access_logs_prefix=f"{id_}/" if access_logs else None,
            lifecycle_rules=_lifecycle(expires_after, keep_overwritten_for),
            removal_policy=removal_policy,
            cors=[
                aws_s3.CorsRule(allowed_methods=methods, allowed_origins=list(origins), allowed_headers=["*"])
                for methods, origins in (
                    ([aws_s3.HttpMethods.POST], upload_origins),
                    ([aws_s3.HttpMethods.GET, aws_s3.HttpMethods.HEAD], download_origins),
                )
                if origins
            ],
        )


class AccessLogBucket(PrivateBucket):
    """Access logs of the other buckets. S3 delivers the entries within hours."""

    def __init__(self, scope: Construct, id_: str, *, removal_policy: RemovalPolicy) -> None:
        expires_after = Duration.days(ACCESS_LOG_DAYS)
        super().__init__(scope, id_, removal_policy=removal_policy, access_logs=None, expires_after=expires_after)
        suppress(self, "AwsSolutions-S1", "A bucket of access logs that logged its own access would never be quiet")


def _lifecycle(expires_after: Duration | None, keep_overwritten_for: Duration | None) -> Sequence[aws_s3.LifecycleRule]:
    abort = aws_s3.LifecycleRule(
        id="AbortIncompleteUploads",
        abort_incomplete_multipart_upload_after=Duration.days(INCOMPLETE_UPLOAD_DAYS),
    )
    rules = [abort]
    if expires_after:
        rules.append(aws_s3.LifecycleRule(id="Expire", expiration=expires_after))
    if keep_overwritten_for:
        rules.append(
            aws_s3.LifecycleRule(
                id="ExpireOverwritten",
                noncurrent_version_expiration=keep_overwritten_for,
                # The expiry of a version leaves a marker, which lists and costs as an object does.
                expired_object_delete_marker=True if expires_after else None,
            )
        )
    return rules

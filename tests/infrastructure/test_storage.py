import json
import re
from typing import Any

from contract import record
from contract.task import MAX_POLICY_MS
from tests.infrastructure.templates import Templates

SECONDS_PER_DAY = 24 * 3600


def test_buckets_are_encrypted_private_and_owned_by_the_account(templates: Templates) -> None:
    for bucket in templates.resources("AWS::S3::Bucket"):
        rules = bucket.properties["BucketEncryption"]["ServerSideEncryptionConfiguration"]
        assert rules == [{"ServerSideEncryptionByDefault": {"SSEAlgorithm": "AES256"}}]
        assert set(bucket.properties["PublicAccessBlockConfiguration"].values()) == {True}
        assert bucket.properties["OwnershipControls"] == {"Rules": [{"ObjectOwnership": "BucketOwnerEnforced"}]}


def test_buckets_refuse_requests_without_tls(templates: Templates) -> None:
    policies = {
        templates.flat(policy.properties["Bucket"]): policy.properties["PolicyDocument"]["Statement"]
        for policy in templates.resources("AWS::S3::BucketPolicy")
    }
    for bucket in templates.resources("AWS::S3::Bucket"):
        assert [
            statement
            for statement in policies[bucket.name]
            if statement["Effect"] == "Deny"
            and statement["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}
            and statement["Action"] == "s3:*"
            and statement["Principal"] == {"AWS": "*"}
            and [templates.flat(resource) for resource in statement["Resource"]]
            == [f"{bucket.name}.Arn", f"{bucket.name}.Arn/*"]
        ]


def test_every_access_to_a_bucket_is_logged(templates: Templates) -> None:
    for bucket in templates.resources("AWS::S3::Bucket"):
        logging: dict[str, Any] = bucket.properties.get("LoggingConfiguration", {})
        if bucket.name == "AccessLogBucket":
            assert logging == {}
        else:
            assert templates.flat(logging["DestinationBucketName"]) == "AccessLogBucket"
            assert logging["LogFilePrefix"] == f"{bucket.name}/"


def lifecycle(templates: Templates, bucket: str) -> dict[str, dict[str, Any]]:
    rules = templates.named(bucket, "AWS::S3::Bucket").properties["LifecycleConfiguration"]["Rules"]
    assert all(rule["Status"] == "Enabled" for rule in rules)
    return {rule["Id"]: rule for rule in rules}


def test_no_upload_is_billed_that_was_never_completed(templates: Templates) -> None:
    for bucket in templates.resources("AWS::S3::Bucket"):
        abort = lifecycle(templates, bucket.name)["AbortIncompleteUploads"]
        assert abort["AbortIncompleteMultipartUpload"] == {"DaysAfterInitiation": 7}


def test_a_message_in_the_task_bucket_outlives_its_task(ecs: Templates) -> None:
    days = lifecycle(ecs, "TaskBucket")["Expire"]["ExpirationInDays"]
    assert days * SECONDS_PER_DAY * 1000 > 2 * MAX_POLICY_MS


def test_pictures_are_kept_unless_the_environment_says_for_how_long(templates: Templates) -> None:
    rule = lifecycle(templates, "OutputBucket").get("Expire")
    expected = templates.environment.output_retention_days
    assert rule == (None if expected is None else {"Id": "Expire", "Status": "Enabled", "ExpirationInDays": expected})


def test_no_writer_can_destroy_an_output(templates: Templates) -> None:
    bucket = templates.named("OutputBucket", "AWS::S3::Bucket").properties
    assert bucket["VersioningConfiguration"] == {"Status": "Enabled"}
    rule = lifecycle(templates, "OutputBucket")["ExpireOverwritten"]
    assert rule["NoncurrentVersionExpiration"] == {"NoncurrentDays": 2}
    assert rule.get("ExpiredObjectDeleteMarker", False) is bool(templates.environment.output_retention_days)
    # The sender of an upload may remove it, from the task bucket.
    statements = [
        statement
        for item in templates.resources("AWS::IAM::Policy")
        for statement in item.properties["PolicyDocument"]["Statement"]
        if "uploads/*" not in json.dumps(statement["Resource"])
    ]
    assert not re.findall(
        r'"s3:(?:Delete\w*|Put\w*(?:Policy|Configuration|Versioning|Retention)|\*)"', json.dumps(statements)
    )


def test_an_overwritten_model_can_be_brought_back_for_a_while(ecs: Templates) -> None:
    assert ecs.named("ModelBucket", "AWS::S3::Bucket").properties["VersioningConfiguration"] == {"Status": "Enabled"}
    rule = lifecycle(ecs, "ModelBucket")["ExpireOverwritten"]
    assert rule["NoncurrentVersionExpiration"] == {"NoncurrentDays": 14}
    assert "Expire" not in lifecycle(ecs, "ModelBucket")


def test_the_table_has_the_keys_and_indexes_of_the_record(ecs: Templates) -> None:
    properties = ecs.named("TaskTable", "AWS::DynamoDB::Table").properties
    types = {item["AttributeName"]: item["AttributeType"] for item in properties["AttributeDefinitions"]}
    fields = {field.alias or name: field for name, field in record.Record.model_fields.items()}
    for name, type_ in types.items():
        assert type_ == ("N" if fields[name].annotation in {int, int | None} else "S")
    assert keys(properties) == (record.KEY_ATTRIBUTE,)
    indexes = {index["IndexName"]: index for index in properties["GlobalSecondaryIndexes"]}
    assert set(indexes) == {record.RUNTIME_INDEX, record.ACTIVE_INDEX, record.DUE_INDEX, record.SESSION_INDEX}
    assert keys(indexes[record.RUNTIME_INDEX]) == record.RUNTIME_INDEX_KEYS
    assert indexes[record.RUNTIME_INDEX]["Projection"] == {
        "ProjectionType": "INCLUDE",
        "NonKeyAttributes": list(record.RUNTIME_INDEX_ATTRIBUTES),
    }
    assert keys(indexes[record.ACTIVE_INDEX]) == record.ACTIVE_INDEX_KEYS
    assert indexes[record.ACTIVE_INDEX]["Projection"]["NonKeyAttributes"] == list(record.ACTIVE_INDEX_ATTRIBUTES)
    assert keys(indexes[record.DUE_INDEX]) == record.DUE_INDEX_KEYS
    assert keys(indexes[record.SESSION_INDEX]) == record.SESSION_INDEX_KEYS
    for name in (record.DUE_INDEX, record.SESSION_INDEX):
        assert indexes[name]["Projection"] == {"ProjectionType": "KEYS_ONLY"}


def test_no_index_changes_once_an_environment_has_it(ecs: Templates) -> None:
    indexes = ecs.named("TaskTable", "AWS::DynamoDB::Table").properties["GlobalSecondaryIndexes"]
    change = "DynamoDB refuses the change in every deployed environment: see the comment at RUNTIME_INDEX"
    assert {
        index["IndexName"]: (*keys(index), *index["Projection"].get("NonKeyAttributes", ())) for index in indexes
    } == {
        "by_runtime": (
            *("runtime", "submitted_at_ms", "status", "tasktype", "started_at_ms", "completed_at_ms"),
            *("progress_permille", "retries", "key_name", "prompt", "error_code", "picture_count", "prefix", "run"),
            *("attempts", "thumbnails"),
        ),
        "by_active_runtime": ("active_runtime", "submitted_at_ms", "run", "status", "worker_id", "low_priority"),
        "by_due": ("due_shard", "due_at_ms"),
        "by_session": ("webui_session", "submitted_at_ms"),
    }, change


def keys(properties: dict[str, Any]) -> tuple[str, ...]:
    schema = properties["KeySchema"]
    assert [key["KeyType"] for key in schema] == ["HASH", "RANGE"][: len(schema)]
    return tuple(key["AttributeName"] for key in schema)


def test_the_table_is_encrypted_backed_up_expires_records_and_feeds_the_callbacks(templates: Templates) -> None:
    properties = templates.named("TaskTable", "AWS::DynamoDB::Table").properties
    assert properties["SSESpecification"] == {"SSEEnabled": True}
    assert properties["PointInTimeRecoverySpecification"] == {"PointInTimeRecoveryEnabled": True}
    assert properties["TimeToLiveSpecification"] == {"AttributeName": record.TTL_ATTRIBUTE, "Enabled": True}
    assert properties["StreamSpecification"] == {"StreamViewType": "NEW_AND_OLD_IMAGES"}
    assert properties["BillingMode"] == "PAY_PER_REQUEST"

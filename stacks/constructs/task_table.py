"""The table of task records: the one commit point of every task, and the source of its callback."""

from typing import Final

from aws_cdk import RemovalPolicy, aws_dynamodb
from constructs import Construct

from contract import record

#: DynamoDB's type of every attribute that is part of a key.
_KEY_TYPES: Final = {
    "id": aws_dynamodb.AttributeType.STRING,
    "runtime": aws_dynamodb.AttributeType.STRING,
    "submitted_at_ms": aws_dynamodb.AttributeType.NUMBER,
    "active_runtime": aws_dynamodb.AttributeType.STRING,
    "due_shard": aws_dynamodb.AttributeType.STRING,
    "due_at_ms": aws_dynamodb.AttributeType.NUMBER,
    "webui_session": aws_dynamodb.AttributeType.STRING,
}


class TaskTable(aws_dynamodb.Table):
    """Keys and indexes are those of `contract.record`; capacity follows the load."""

    def __init__(self, scope: Construct, id_: str, *, removal_policy: RemovalPolicy) -> None:
        super().__init__(
            scope,
            id_,
            partition_key=_key(record.KEY_ATTRIBUTE),
            billing_mode=aws_dynamodb.BillingMode.PAY_PER_REQUEST,
            encryption=aws_dynamodb.TableEncryption.AWS_MANAGED,
            point_in_time_recovery_specification=aws_dynamodb.PointInTimeRecoverySpecification(
                point_in_time_recovery_enabled=True
            ),
            stream=aws_dynamodb.StreamViewType.NEW_AND_OLD_IMAGES,
            time_to_live_attribute=record.TTL_ATTRIBUTE,
            removal_policy=removal_policy,
        )
        runtime, submitted_at = record.RUNTIME_INDEX_KEYS
        self.add_global_secondary_index(
            index_name=record.RUNTIME_INDEX,
            partition_key=_key(runtime),
            sort_key=_key(submitted_at),
            projection_type=aws_dynamodb.ProjectionType.INCLUDE,
            non_key_attributes=list(record.RUNTIME_INDEX_ATTRIBUTES),
        )
        active_runtime, submitted_at = record.ACTIVE_INDEX_KEYS
        self.add_global_secondary_index(
            index_name=record.ACTIVE_INDEX,
            partition_key=_key(active_runtime),
            sort_key=_key(submitted_at),
            projection_type=aws_dynamodb.ProjectionType.INCLUDE,
            non_key_attributes=list(record.ACTIVE_INDEX_ATTRIBUTES),
        )
        shard, due_at = record.DUE_INDEX_KEYS
        self.add_global_secondary_index(
            index_name=record.DUE_INDEX,
            partition_key=_key(shard),
            sort_key=_key(due_at),
            projection_type=aws_dynamodb.ProjectionType.KEYS_ONLY,
        )
        session, submitted_at = record.SESSION_INDEX_KEYS
        self.add_global_secondary_index(
            index_name=record.SESSION_INDEX,
            partition_key=_key(session),
            sort_key=_key(submitted_at),
            projection_type=aws_dynamodb.ProjectionType.KEYS_ONLY,
        )


def _key(name: str) -> aws_dynamodb.Attribute:
    return aws_dynamodb.Attribute(name=name, type=_KEY_TYPES[name])

"""Task table: the commit point of every task and the source of its callback."""

from aws_cdk import RemovalPolicy, aws_dynamodb
from constructs import Construct

from contract import record


class TaskTable(aws_dynamodb.Table):
    """Table with the keys and indexes of `contract.record`; its capacity follows the load."""

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
        self._add_index(record.RUNTIME_INDEX, record.RUNTIME_INDEX_KEYS, record.RUNTIME_INDEX_ATTRIBUTES)
        self._add_index(record.ACTIVE_INDEX, record.ACTIVE_INDEX_KEYS, record.ACTIVE_INDEX_ATTRIBUTES)
        self._add_index(record.DUE_INDEX, record.DUE_INDEX_KEYS)
        self._add_index(record.SESSION_INDEX, record.SESSION_INDEX_KEYS)

    def _add_index(self, name: str, keys: tuple[str, str], attributes: tuple[str, ...] = ()) -> None:
        """Add an index that holds the keys and these attributes."""
        projection = aws_dynamodb.ProjectionType
        self.add_global_secondary_index(
            index_name=name,
            partition_key=_key(keys[0]),
            sort_key=_key(keys[1]),
            projection_type=projection.INCLUDE if attributes else projection.KEYS_ONLY,
            non_key_attributes=list(attributes) or None,
        )


def _key(name: str) -> aws_dynamodb.Attribute:
    # Times are numbers of milliseconds. All other key attributes are strings.
    types = aws_dynamodb.AttributeType
    return aws_dynamodb.Attribute(name=name, type=types.NUMBER if name.endswith("_ms") else types.STRING)

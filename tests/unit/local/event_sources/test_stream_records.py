import json
from datetime import UTC, datetime

from local.event_sources.stream_batches import sequence_number, stream_record

ARN = "arn:aws:dynamodb:eu-west-1:123456789012:table/t/stream/s"


def test_a_record_has_lambdas_shape() -> None:
    record = stream_record(
        {
            "eventID": "e1",
            "eventName": "MODIFY",
            "eventVersion": "1.1",
            "dynamodb": {
                "ApproximateCreationDateTime": datetime(2026, 11, 20, tzinfo=UTC),
                "Keys": {"id": {"S": "x"}},
                "NewImage": {"id": {"S": "x"}, "raw": {"B": b"\x00\x01"}, "list": {"L": [{"B": b"\x02"}]}},
                "SequenceNumber": "17",
                "SizeBytes": 9,
                "StreamViewType": "NEW_AND_OLD_IMAGES",
            },
        },
        ARN,
    )
    assert json.loads(json.dumps(record)) == {
        "eventID": "e1",
        "eventName": "MODIFY",
        "eventVersion": "1.1",
        "eventSource": "aws:dynamodb",
        "awsRegion": "eu-west-1",
        "eventSourceARN": ARN,
        "dynamodb": {
            "ApproximateCreationDateTime": 1795132800.0,
            "Keys": {"id": {"S": "x"}},
            "NewImage": {"id": {"S": "x"}, "raw": {"B": "AAE="}, "list": {"L": [{"B": "Ag=="}]}},
            "SequenceNumber": "17",
            "SizeBytes": 9,
            "StreamViewType": "NEW_AND_OLD_IMAGES",
        },
    }
    assert sequence_number(record) == "17"

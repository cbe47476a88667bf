"""Guarantees of the emulated AWS in addition to moto's own."""

from concurrent.futures import ThreadPoolExecutor
from uuid import uuid4

from local.aws.clients import LocalAwsClients


def test_of_many_that_claim_an_item_one_wins(clients: LocalAwsClients) -> None:
    dynamodb = clients("dynamodb")
    table = f"table-{uuid4().hex}"
    dynamodb.create_table(
        TableName=table,
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        BillingMode="PAY_PER_REQUEST",
    )

    def claim(task: int) -> bool:
        try:
            dynamodb.put_item(
                TableName=table, Item={"id": {"S": str(task)}}, ConditionExpression="attribute_not_exists(id)"
            )
        except dynamodb.exceptions.ConditionalCheckFailedException:
            return False
        return True

    with ThreadPoolExecutor(8) as threads:
        for task in range(10):
            assert sum(threads.map(claim, [task] * 8)) == 1

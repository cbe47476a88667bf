"""Contracts of DynamoDB: conditional writes, transactions, indexes and pages."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any
from uuid import uuid4

import pytest
from botocore.exceptions import ClientError

from tests.emulators.emulated_services import EmulatedServices
from tests.emulators.errors import error_code


class Table:
    """The table of the stack, with an item for each test."""

    def __init__(self, services: EmulatedServices) -> None:
        self.dynamodb = services.clients("dynamodb")
        self.name = services.outputs["TableName"]
        self.id = uuid4().hex

    @property
    def key(self) -> dict[str, Any]:
        return {"id": {"S": self.id}}

    def put(self, **options: Any) -> Any:
        item = self.key | {"state": {"S": "first"}, "owner": {"S": "nobody"}}
        return self.dynamodb.put_item(TableName=self.name, Item=item, **options)

    def update(self, expression: str, *, condition: str, **values: str) -> Any:
        return self.dynamodb.update_item(
            TableName=self.name,
            Key=self.key,
            UpdateExpression=expression,
            ConditionExpression=condition,
            ExpressionAttributeNames={"#state": "state"},
            ExpressionAttributeValues={f":{name}": {"S": value} for name, value in values.items()},
            ReturnValues="ALL_NEW",
            ReturnValuesOnConditionCheckFailure="ALL_OLD",
        )

    def get(self) -> Any:
        return self.dynamodb.get_item(TableName=self.name, Key=self.key, ConsistentRead=True).get("Item")


@pytest.fixture
def table(services: EmulatedServices) -> Table:
    return Table(services)


def test_a_refused_write_returns_the_item_as_it_is(table: Table) -> None:
    table.put()
    with pytest.raises(ClientError) as raised:
        table.update("SET #state = :new", condition="#state = :old", new="second", old="other")
    assert raised.value.response["Error"]["Code"] == "ConditionalCheckFailedException"
    found: Any = raised.value.response
    assert found.get("Item", {}).get("state") == {"S": "first"}
    assert table.get()["state"] == {"S": "first"}


def test_each_type_of_value_comes_back_as_it_was(table: Table) -> None:
    scalars = {"S": "", "N": "1.5", "B": b"\x00\xff", "BOOL": False, "NULL": True}
    sets = {"SS": ["a", "b"], "NS": ["1", "2"], "BS": [b"\x00", b"\xff"]}
    values = [{kind: value} for kind, value in (scalars | sets).items()]
    item = {f"value{number}": value for number, value in enumerate(values)}
    item |= {"nested": {"M": {"list": {"L": [*values, {"L": []}]}, "map": {"M": {}}}}}
    table.dynamodb.put_item(TableName=table.name, Item=table.key | item)
    assert table.get() == table.key | item
    some = table.dynamodb.get_item(TableName=table.name, Key=table.key, ProjectionExpression=", ".join(item))
    assert some.get("Item") == item


def test_an_accepted_write_returns_the_new_item(table: Table) -> None:
    table.put()
    answer = table.update("SET #state = :new", condition="#state = :old", new="second", old="first")
    assert answer["Attributes"]["state"] == {"S": "second"}


def test_a_condition_on_a_missing_item(table: Table) -> None:
    missing = {"condition": "attribute_exists(id) AND #state <> :new", "new": "x"}
    assert error_code(lambda: table.update("SET #state = :new", **missing)) == "ConditionalCheckFailedException"
    assert table.get() is None
    table.put(ConditionExpression="attribute_not_exists(id)")
    again = error_code(lambda: table.put(ConditionExpression="attribute_not_exists(id)"))
    assert again == "ConditionalCheckFailedException"


def test_one_of_many_writers_wins(table: Table) -> None:
    table.put()

    def claim(writer: int) -> str:
        return error_code(
            lambda: table.update(
                "SET #state = :new", condition="#state = :old", new=f"claimed by {writer}", old="first"
            )
        )

    with ThreadPoolExecutor(8) as executor:
        codes = sorted(executor.map(claim, range(64)))
    assert codes == ["ConditionalCheckFailedException"] * 63 + ["no error"]


@pytest.mark.parametrize(
    "expression",
    ["SET #state = :missing", "SET #state = :new, #state = :new", "SET #state :new", "SET id = :new"],
    ids=["missing value", "same path twice", "no operator", "key"],
)
def test_a_wrong_expression_is_refused(table: Table, expression: str) -> None:
    table.put()
    code = error_code(lambda: table.update(expression, condition="#state <> :new", new="x"))
    assert code == "ValidationException"


@pytest.mark.parametrize(
    "attributes",
    [{"large": {"S": "x" * 400 * 1024}}, {"owner": {"S": ""}}, {"owner": {"N": "1"}}, {"number": {"N": "many"}}],
    ids=["too large", "empty key of an index", "type of a key of an index", "no number"],
)
def test_a_wrong_item_is_refused(table: Table, attributes: dict[str, Any]) -> None:
    code = error_code(lambda: table.dynamodb.put_item(TableName=table.name, Item=table.key | attributes))
    assert code == "ValidationException"


def test_a_transaction_writes_all_or_nothing_and_names_the_reason_of_each(table: Table) -> None:
    table.put()
    other = {"id": {"S": f"{table.id}-other"}}
    condition = {"ConditionExpression": "attribute_not_exists(id)", "ReturnValuesOnConditionCheckFailure": "ALL_OLD"}
    with pytest.raises(ClientError) as raised:
        table.dynamodb.transact_write_items(
            TransactItems=[
                {"Put": {"TableName": table.name, "Item": other}},
                {"Put": {"TableName": table.name, "Item": table.key, **condition}},
            ]
        )
    assert raised.value.response["Error"]["Code"] == "TransactionCanceledException"
    found: Any = raised.value.response
    assert [reason["Code"] for reason in found["CancellationReasons"]] == ["None", "ConditionalCheckFailed"]
    assert found["CancellationReasons"][1].get("Item", {}).get("state") == {"S": "first"}
    assert "Item" not in table.dynamodb.get_item(TableName=table.name, Key=other)


def test_an_index_lists_in_order_page_by_page(table: Table) -> None:
    owner = uuid4().hex
    for name in ("b", "c", "a"):
        item = {"id": {"S": f"{owner}{name}"}, "owner": {"S": owner}, "state": {"S": "x"}}
        table.dynamodb.put_item(TableName=table.name, Item=item)
    pages = table.dynamodb.get_paginator("query").paginate(
        TableName=table.name,
        IndexName="by-owner",
        KeyConditionExpression="#owner = :owner",
        ExpressionAttributeNames={"#owner": "owner"},
        ExpressionAttributeValues={":owner": {"S": owner}},
        ScanIndexForward=False,
        PaginationConfig={"PageSize": 2},
    )
    found = [[item["id"]["S"][-1] for item in page["Items"]] for page in pages]
    assert found == [["c", "b"], ["a"]]


def test_an_index_has_its_projection_only_and_no_consistent_read(table: Table) -> None:
    table.put()
    query = {
        "TableName": table.name,
        "IndexName": "by-owner",
        "KeyConditionExpression": "#owner = :owner AND id = :id",
        "ExpressionAttributeNames": {"#owner": "owner"},
        "ExpressionAttributeValues": {":owner": {"S": "nobody"}, ":id": {"S": table.id}},
    }
    (item,) = table.dynamodb.query(**query)["Items"]
    assert item.keys() == {"id", "owner"}
    assert error_code(lambda: table.dynamodb.query(**query, ConsistentRead=True)) == "ValidationException"


def test_a_batch_read_returns_what_exists(table: Table) -> None:
    table.put()
    keys = [table.key, {"id": {"S": f"{table.id}-missing"}}]
    answer = table.dynamodb.batch_get_item(RequestItems={table.name: {"Keys": keys}})
    assert [item["id"]["S"] for item in answer["Responses"][table.name]] == [table.id]
    assert answer["UnprocessedKeys"] == {}
    repeated = {table.name: {"Keys": [table.key, table.key]}}
    code = error_code(lambda: table.dynamodb.batch_get_item(RequestItems=repeated))
    assert code == "ValidationException"

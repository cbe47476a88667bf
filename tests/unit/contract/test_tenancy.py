import pytest
from hypothesis import given
from hypothesis import strategies as st

from contract.record import Record
from contract.tenancy import SHARED, Tenancy, Tenant, name_in, scoped, tenant_in
from tests.harness.records import make_record

NAMES = st.from_regex(r"[a-z0-9][a-z0-9-]{0,39}", fullmatch=True)
TENANCY = Tenancy(names=("shop", "guest", "boss"), administrators=("boss",), publishers={"arn:batch": "batch"})


@given(st.just("") | NAMES, st.from_regex(r"[A-Za-z0-9][A-Za-z0-9._-]{0,127}", fullmatch=True))
def test_a_record_keeps_its_tenant_and_shows_the_plain_id(tenant: str, task_id: str) -> None:
    item = make_record(tenant=tenant, id=task_id).to_item()
    assert item["id"] == scoped(tenant, task_id)
    assert "tenant" not in item
    read = Record.from_item(item)
    assert (read.tenant, read.id, read.runtime, read.key) == (tenant, task_id, "sdruntime", item["id"])


@given(NAMES, NAMES)
def test_a_scoped_name_gives_both_parts_back(tenant: str, name: str) -> None:
    assert (tenant_in(scoped(tenant, name)), name_in(scoped(tenant, name))) == (tenant, name)


@pytest.mark.parametrize("task_id", ["a", "guest:a", ":a", "shop:a", "key/shop", "boss:guest:a", "guest:"])
def test_no_id_leads_to_another_tenants_task(task_id: str) -> None:
    assert tenant_in(TENANCY.of_key("shop").key_of(task_id)).split(":")[0] == "shop"


def test_an_administrator_names_the_tenant_of_a_task() -> None:
    boss = TENANCY.of_key("boss")
    assert boss.key_of("a") == "boss:a"
    assert boss.key_of("guest:a") == "guest:a"
    assert boss.key_of(":a") == "boss::a"
    assert (boss.id_of("boss:a"), boss.id_of("guest:a")) == ("a", "guest:a")
    assert boss.sees("guest:a")
    assert not TENANCY.of_key("guest").sees("shop:a")


@pytest.mark.parametrize("task_key", ["revoked:a", "a"])
def test_who_sees_everything_sees_tasks_of_tenants_that_the_environment_no_longer_names(task_key: str) -> None:
    assert TENANCY.of_key("boss").sees(task_key)
    assert SHARED.sees(task_key)
    assert SHARED.key_of(task_key) == task_key
    assert not TENANCY.of_key("guest").sees(task_key)


def test_an_administrator_finds_a_task_of_a_revoked_key() -> None:
    assert TENANCY.of_key("boss").key_of("revoked:a") == "revoked:a"


@pytest.mark.parametrize("key_name", [None, ""])
def test_a_request_without_a_key_has_no_tenant(key_name: str | None) -> None:
    with pytest.raises(ValueError, match="no tenant"):
        TENANCY.of_key(key_name)


def test_what_a_topic_delivers_belongs_to_its_publisher_or_to_the_first_key() -> None:
    assert TENANCY.of_topic("arn:batch") == Tenant("batch")
    assert TENANCY.of_topic("arn:entry") == TENANCY.of_topic(None) == Tenant("shop")


def test_without_isolation_all_share_all_tasks() -> None:
    assert Tenancy().of_key("shop") == Tenancy().of_topic("arn:batch") == SHARED
    assert SHARED.key_of("a") == "a"

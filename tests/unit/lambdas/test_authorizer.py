"""Authorizer: keys while Secrets Manager cannot be read, and the one header that an environment may name."""

from dataclasses import dataclass, field
from typing import Any

import pytest
from botocore.exceptions import ConnectTimeoutError

from lambdas.authorize import authorizer as authorizer_module
from lambdas.authorize.authorizer import (
    KEY_MAX_AGE_SECONDS,
    RETRY_SECONDS,
    UNREADABLE_MAX_AGE_SECONDS,
    Authorizer,
    SecretsUnreadable,
    Unauthorized,
    compose_authorizer,
    key_in,
)
from lambdas.runtime.clients import CONNECT_TIMEOUT_SECONDS, READ_TIMEOUT_SECONDS, client

#: Seconds after which Lambda ends the authorizer.
FUNCTION_SECONDS = 28


@dataclass
class FakeSecrets:
    """Secrets by the key's name; those in `unreadable` cannot be read. `now` is the clock."""

    secrets: dict[str, str] = field(default_factory=lambda: {"shop": "shop-key", "batch": "batch-key"})
    unreadable: set[str] = field(default_factory=set)
    reads: int = 0
    now: float = 0.0
    #: Seconds until a read of an unreadable secret fails.
    seconds: float = 0.0

    def read(self, name: str) -> str:
        self.reads += 1
        if name in self.unreadable:
            self.now += self.seconds
            raise SecretsUnreadable
        return self.secrets[name]

    def authorizer(self, only_header: str | None = None) -> Authorizer:
        return Authorizer(names=self.secrets, read_secret=self.read, only_header=only_header, now=lambda: self.now)


@pytest.fixture
def secrets() -> FakeSecrets:
    return FakeSecrets()


def policy_of(authorizer: Authorizer, headers: dict[str, str]) -> str:
    """Return the principal of the policy for a request with these headers."""
    arn = "arn:aws:execute-api:us-east-1:123456789012:api/stage/GET/v1alpha2/tasks"
    return str(authorizer.authorize({"headers": headers, "methodArn": arn})["principalId"])


def test_one_unreadable_secret_refuses_no_other_key(secrets: FakeSecrets) -> None:
    secrets.unreadable = {"batch"}
    assert secrets.authorizer().name_of("shop-key") == "shop"


def test_a_key_whose_secret_was_never_readable_is_not_called_wrong(secrets: FakeSecrets) -> None:
    secrets.unreadable = {"batch"}
    with pytest.raises(SecretsUnreadable):
        secrets.authorizer().name_of("batch-key")


def test_a_key_holds_through_an_outage_but_not_for_ever(secrets: FakeSecrets) -> None:
    authorizer = secrets.authorizer()
    assert authorizer.name_of("shop-key") == "shop"
    secrets.unreadable = {"shop", "batch"}
    secrets.now = UNREADABLE_MAX_AGE_SECONDS
    assert authorizer.name_of("shop-key") == "shop"
    secrets.now += 1
    with pytest.raises(SecretsUnreadable):
        authorizer.name_of("shop-key")


def test_an_unreadable_secret_is_read_twice_a_minute(secrets: FakeSecrets) -> None:
    authorizer = secrets.authorizer()
    authorizer.name_of("shop-key")
    secrets.unreadable = {"shop"}
    secrets.now = KEY_MAX_AGE_SECONDS
    secrets.reads = 0
    for _ in range(3):
        assert authorizer.name_of("batch-key") == "batch"
    assert secrets.reads == len(secrets.secrets)
    secrets.now += RETRY_SECONDS
    authorizer.name_of("batch-key")
    assert secrets.reads == len(secrets.secrets) + 1


def test_many_secrets_that_do_not_answer_delay_a_request_within_its_function(secrets: FakeSecrets) -> None:
    secrets.secrets = {f"key-{number}": f"secret-{number}" for number in range(20)}
    authorizer = secrets.authorizer()
    authorizer.name_of("secret-0")
    secrets.unreadable = set(secrets.secrets)
    secrets.seconds = CONNECT_TIMEOUT_SECONDS + READ_TIMEOUT_SECONDS
    secrets.now = began_at = KEY_MAX_AGE_SECONDS
    assert authorizer.name_of("secret-19") == "key-19"
    assert secrets.now - began_at < FUNCTION_SECONDS


def test_many_secrets_that_never_answered_refuse_a_request_within_its_function(secrets: FakeSecrets) -> None:
    secrets.secrets = {f"key-{number}": f"secret-{number}" for number in range(20)}
    secrets.unreadable = set(secrets.secrets)
    secrets.seconds = CONNECT_TIMEOUT_SECONDS + READ_TIMEOUT_SECONDS
    authorizer = secrets.authorizer()
    with pytest.raises(SecretsUnreadable):
        authorizer.name_of("secret-19")
    assert secrets.now < FUNCTION_SECONDS
    secrets.unreadable = set()
    assert authorizer.name_of("secret-19") == "key-19", "the next request reads them"


def test_a_read_of_secrets_manager_ends_long_before_the_function(monkeypatch: pytest.MonkeyPatch) -> None:
    secrets_manager: Any = None

    def silent_client(service: str, **options: Any) -> Any:
        nonlocal secrets_manager
        secrets_manager = client(service, **options)
        return secrets_manager

    def no_answer(*_: object, **__: object) -> None:
        raise ConnectTimeoutError(endpoint_url="https://secretsmanager")

    monkeypatch.setattr(authorizer_module, "client", silent_client)
    monkeypatch.setattr("botocore.client.BaseClient._make_api_call", no_answer)
    with pytest.raises(SecretsUnreadable):
        compose_authorizer({"shop": "arn"}).name_of("shop-key")
    config = secrets_manager.meta.config
    assert config.retries["total_max_attempts"] * (config.connect_timeout + config.read_timeout) < FUNCTION_SECONDS / 2


def test_a_replaced_secret_ends_its_old_key(secrets: FakeSecrets) -> None:
    authorizer = secrets.authorizer()
    assert authorizer.name_of("shop-key") == "shop"
    secrets.secrets["shop"] = "new-key"
    assert authorizer.name_of("shop-key") == "shop", "it is kept for a while"
    secrets.now += KEY_MAX_AGE_SECONDS
    assert authorizer.name_of("new-key") == "shop"
    with pytest.raises(Unauthorized):
        authorizer.name_of("shop-key")


def test_a_request_without_a_key_reads_no_secret(secrets: FakeSecrets) -> None:
    with pytest.raises(Unauthorized):
        secrets.authorizer().name_of("")
    assert secrets.reads == 0


@pytest.mark.parametrize(
    ("only", "other"), [("x-api-key", {"Authorization": "shop-key"}), ("authorization", {"X-Api-Key": "shop-key"})]
)
def test_the_only_header_decides_who_calls(secrets: FakeSecrets, only: str, other: dict[str, str]) -> None:
    # API Gateway keeps the answer by this header, so the other one must not choose the caller.
    authorizer = secrets.authorizer(only)
    assert policy_of(authorizer, {only.title(): "batch-key", **other}) == "batch"
    with pytest.raises(Unauthorized):
        policy_of(authorizer, other)


def test_without_an_only_header_both_are_read() -> None:
    assert key_in({"x-api-key": "k"}) == key_in({"authorization": "Bearer k"}) == "k"

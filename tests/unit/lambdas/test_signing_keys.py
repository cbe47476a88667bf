"""Keys that sign webhooks: their rotation, their tenants, and secrets that cannot be read."""

from types import SimpleNamespace
from unittest.mock import MagicMock

import pytest
from botocore.exceptions import ClientError, ConnectTimeoutError

from lambdas.authorize.authorizer import SecretsUnreadable
from lambdas.deliver_webhook.signature import MAX_AGE_MS, RETRY_MS, InvalidSecret, SigningKeys
from tests.unit.lambdas.signing_secret import NEW_SECRET, SECRET, SigningSecret


def test_both_secrets_sign_while_one_replaces_the_other(secret: SigningSecret) -> None:
    now = SimpleNamespace(ms=1_700_000_000_000)
    keys = SigningKeys(client=secret.client, secret_arns={"": secret.arn}, now_ms=lambda: now.ms)
    assert len(keys.of_tenant("")) == 1
    secret.client.put_secret_value(SecretId=secret.arn, SecretString=NEW_SECRET)
    assert len(keys.of_tenant("")) == 1, "it is kept for a while"
    now.ms += MAX_AGE_MS + 1
    assert len(keys.of_tenant("")) == 2
    versions = secret.client.describe_secret(SecretId=secret.arn)["VersionIdsToStages"]
    [old] = [version for version, stages in versions.items() if "AWSPREVIOUS" in stages]
    secret.client.update_secret_version_stage(SecretId=secret.arn, VersionStage="AWSPREVIOUS", RemoveFromVersionId=old)
    now.ms += MAX_AGE_MS + 1
    [key] = keys.of_tenant("")
    assert key == b"Also a key of 24 bytes at least"
    secret.client.put_secret_value(SecretId=secret.arn, SecretString="no secret at all")
    now.ms += MAX_AGE_MS + 1
    assert list(keys.of_tenant("")) == [key], "what worked last still works"


def test_a_batch_waits_only_once_for_a_secret_that_cannot_be_read() -> None:
    client, now = MagicMock(), SimpleNamespace(ms=1_700_000_000_000)
    client.exceptions.ClientError = ClientError
    client.get_secret_value.return_value = {"SecretString": SECRET}
    keys = SigningKeys(client=client, secret_arns={"": "arn"}, now_ms=lambda: now.ms)
    known = keys.of_tenant("")
    client.get_secret_value.reset_mock()
    client.get_secret_value.side_effect = ConnectTimeoutError(endpoint_url="https://secretsmanager")
    now.ms += MAX_AGE_MS + 1
    assert [keys.of_tenant("") for _ in range(10)] == [known] * 10
    assert client.get_secret_value.call_count == 1
    now.ms += RETRY_MS + 1
    assert [keys.of_tenant(""), client.get_secret_value.call_count] == [known, 2]


def test_a_batch_of_many_tenants_waits_only_once_for_secrets_that_were_never_readable() -> None:
    client, now = MagicMock(), SimpleNamespace(ms=1_700_000_000_000)
    client.exceptions.ClientError = ClientError
    client.get_secret_value.side_effect = ConnectTimeoutError(endpoint_url="https://secretsmanager")
    tenants = [f"tenant-{number}" for number in range(10)]
    keys = SigningKeys(client=client, secret_arns=dict.fromkeys(tenants, "arn"), now_ms=lambda: now.ms)
    for tenant in tenants:
        with pytest.raises((ConnectTimeoutError, SecretsUnreadable)):
            keys.of_tenant(tenant)
    assert client.get_secret_value.call_count == 1
    client.get_secret_value.side_effect = None
    client.get_secret_value.return_value = {"SecretString": SECRET}
    now.ms += RETRY_MS
    assert all(keys.of_tenant(tenant) for tenant in tenants)


def test_a_mistyped_secret_does_not_outlive_its_correction(secret: SigningSecret) -> None:
    secret.client.put_secret_value(SecretId=secret.arn, SecretString="mistyped")
    secret.client.put_secret_value(SecretId=secret.arn, SecretString=NEW_SECRET)
    keys = SigningKeys(client=secret.client, secret_arns={"": secret.arn}, now_ms=lambda: 0)
    assert list(keys.of_tenant("")) == [b"Also a key of 24 bytes at least"]


def test_while_the_present_secret_is_mistyped_the_one_before_signs(secret: SigningSecret) -> None:
    secret.client.put_secret_value(SecretId=secret.arn, SecretString="mistyped")
    keys = SigningKeys(client=secret.client, secret_arns={"": secret.arn}, now_ms=lambda: 0)
    assert len(keys.of_tenant("")) == 1


def test_a_receiver_cannot_sign_for_another_tenant(secret: SigningSecret) -> None:
    other = secret.client.create_secret(Name="guest", SecretString=NEW_SECRET)["ARN"]
    keys = SigningKeys(client=secret.client, secret_arns={"shop": secret.arn, "guest": other}, now_ms=lambda: 0)
    assert set(keys.of_tenant("shop")).isdisjoint(keys.of_tenant("guest"))
    assert len(keys.of_tenant("shop")) == len(keys.of_tenant("guest")) == 1
    with pytest.raises(InvalidSecret, match="no webhook secret of 'gone'"):
        keys.of_tenant("gone")

"""Keys of the HTTP API: generated secrets and a usage plan with their limits."""

from collections.abc import Sequence
from typing import Final

from aws_cdk import RemovalPolicy, aws_apigateway, aws_secretsmanager
from constructs import Construct

from stacks.config import ApiKey, Throttling
from stacks.constructs.nag_suppressions import suppress

#: Letters and digits of a key. 40 of them cannot be guessed, and API Gateway takes 20 to 128.
KEY_LENGTH: Final = 40


class ApiKeys(Construct):
    """One secret for each key; `secrets` has them by the key's name."""

    def __init__(self, scope: Construct, id_: str, *, keys: Sequence[ApiKey], removal_policy: RemovalPolicy) -> None:
        super().__init__(scope, id_)
        self.secrets = {key.name: self._secret(key, removal_policy) for key in keys}

    def limit(self, api: aws_apigateway.RestApi, throttling: Throttling) -> None:
        """Count and throttle the requests of each key, which the authorizer returns to API Gateway."""
        plan = aws_apigateway.UsagePlan(
            self,
            "UsagePlan",
            description="Limits of each key",
            throttle=aws_apigateway.ThrottleSettings(
                rate_limit=throttling.requests_per_second, burst_limit=throttling.burst
            ),
            quota=_daily_quota(throttling),
        )
        plan.add_api_stage(stage=api.deployment_stage, api=api)
        for name, secret in self.secrets.items():
            # The template holds a reference, which CloudFormation resolves to the secret's value.
            value = secret.secret_value.unsafe_unwrap()
            plan.add_api_key(aws_apigateway.ApiKey(self, f"{name}-key", description=name, value=value))

    def _secret(self, key: ApiKey, removal_policy: RemovalPolicy) -> aws_secretsmanager.Secret:
        secret = aws_secretsmanager.Secret(
            self,
            f"{key.name}-secret",
            description=f"Key {key.name} of Darkroom's HTTP API",
            generate_secret_string=aws_secretsmanager.SecretStringGenerator(
                password_length=KEY_LENGTH, exclude_punctuation=True
            ),
            removal_policy=removal_policy,
        )
        suppress(
            secret,
            "AwsSolutions-SMG4",
            "A key that rotated by itself would lock its caller out; to replace it, add another name to the"
            " environment file, hand that key over and remove the old name",
        )
        return secret


def _daily_quota(throttling: Throttling) -> aws_apigateway.QuotaSettings | None:
    if throttling.requests_per_day is None:
        return None
    return aws_apigateway.QuotaSettings(limit=throttling.requests_per_day, period=aws_apigateway.Period.DAY)

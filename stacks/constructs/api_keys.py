"""The keys of the HTTP API: generated secrets, and what each key may ask for."""

from collections.abc import Sequence
from typing import Final

from aws_cdk import RemovalPolicy, aws_apigateway, aws_secretsmanager
from constructs import Construct

from stacks.config import ApiKey, Throttling
from stacks.constructs.acknowledgement import acknowledge

#: Letters and digits; 40 of them cannot be guessed, and API Gateway takes 20 to 128.
KEY_LENGTH: Final = 40


class ApiKeys(Construct):
    """One secret for each key; `secrets` has them by the key's name, the first being the default."""

    def __init__(self, scope: Construct, id_: str, *, keys: Sequence[ApiKey], removal_policy: RemovalPolicy) -> None:
        super().__init__(scope, id_)
        self.secrets = {key.name: self._secret(key, removal_policy) for key in keys}

    def limit(self, api: aws_apigateway.RestApi, throttling: Throttling) -> None:
        """Count and throttle the requests of each key, which the authorizer passes on to API Gateway."""
        plan = aws_apigateway.UsagePlan(
            self,
            "UsagePlan",
            description="What one key may ask for",
            throttle=aws_apigateway.ThrottleSettings(
                rate_limit=throttling.requests_per_second, burst_limit=throttling.burst
            ),
            quota=_daily_quota(throttling),
        )
        plan.add_api_stage(stage=api.deployment_stage, api=api)
        for name, secret in self.secrets.items():
            # CloudFormation puts the secret's value in; the template holds a reference.
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
        acknowledge(
            secret,
            "AwsSolutions-SMG4",
            "A key that changed by itself would lock its caller out; it is replaced by adding another name in the"
            " environment file, handing that key over and taking the old name out",
        )
        return secret


def _daily_quota(throttling: Throttling) -> aws_apigateway.QuotaSettings | None:
    if throttling.requests_per_day is None:
        return None
    return aws_apigateway.QuotaSettings(limit=throttling.requests_per_day, period=aws_apigateway.Period.DAY)

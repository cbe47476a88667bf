"""Keys of the HTTP API: generated secrets and a usage plan with their limits."""

from typing import Final

from aws_cdk import aws_apigateway, aws_secretsmanager
from constructs import Construct

from stacks.config import Environment
from stacks.constructs.nag_suppressions import suppress
from stacks.constructs.retention import removal_policy_of

#: Letters and digits of a key. 40 of them cannot be guessed, and API Gateway takes 20 to 128.
KEY_LENGTH: Final = 40


class ApiKeys(Construct):
    """One secret for each key; `secrets` has them by the key's name."""

    def __init__(self, scope: Construct, id_: str, *, environment: Environment) -> None:
        super().__init__(scope, id_)
        self._environment = environment
        self.secrets = {key.name: self._secret(key.name) for key in environment.api_keys}

    def limit(self, api: aws_apigateway.RestApi) -> None:
        """Count and throttle the requests of each key, which the authorizer returns to API Gateway."""
        throttling = self._environment.throttling
        per_day = throttling.requests_per_day
        plan = aws_apigateway.UsagePlan(
            self,
            "UsagePlan",
            description="Limits of each key",
            throttle=aws_apigateway.ThrottleSettings(
                rate_limit=throttling.requests_per_second, burst_limit=throttling.burst
            ),
            quota=aws_apigateway.QuotaSettings(limit=per_day, period=aws_apigateway.Period.DAY) if per_day else None,
        )
        plan.add_api_stage(stage=api.deployment_stage, api=api)
        for name, secret in self.secrets.items():
            # The template holds a reference, which CloudFormation resolves to the secret's value.
            value = secret.secret_value.unsafe_unwrap()
            plan.add_api_key(aws_apigateway.ApiKey(self, f"{name}-key", description=name, value=value))

    def _secret(self, name: str) -> aws_secretsmanager.Secret:
        secret = aws_secretsmanager.Secret(
            self,
            f"{name}-secret",
            description=f"Key {name} of Darkroom's HTTP API",
            generate_secret_string=aws_secretsmanager.SecretStringGenerator(
                password_length=KEY_LENGTH, exclude_punctuation=True
            ),
            removal_policy=removal_policy_of(self._environment),
        )
        suppress(
            secret,
            "AwsSolutions-SMG4",
            "A key that rotated by itself would lock its caller out; to replace it, add another name to the"
            " environment file, hand that key over and remove the old name",
        )
        return secret

"""Checks of the account before a deployment: credentials, bootstrap and concurrency of functions."""

from collections.abc import Iterator
from functools import partial
from typing import Final

from botocore.exceptions import BotoCoreError, ClientError

from cli.aws import unless_missing
from cli.doctor.finding import Clients, Finding, ok, problem, warning
from stacks.config import Environment

#: CDK's own parameter with the version of its bootstrap stack, for the default qualifier.
BOOTSTRAP_PARAMETER: Final = "/cdk-bootstrap/hnb659fds/version"
#: The oldest bootstrap that the stacks' synthesizer takes.
LEAST_BOOTSTRAP_VERSION: Final = 6
#: Service-linked roles without which the first node of an account fails, by engine: their services.
SERVICE_ROLES: Final = {
    "none": {},
    "ecs": {"AWSServiceRoleForECS": "ecs.amazonaws.com"},
    "eks": {"AWSServiceRoleForEC2Spot": "spot.amazonaws.com"},
}
#: Concurrent executions that 100 tasks a second need with a reserve (docs/explanation/scale.md); new accounts have 10.
NEEDED_CONCURRENCY: Final = 100
#: Concurrent executions that AWS keeps for the functions without a reservation (Lambda guide, "Reserved concurrency").
LEAST_UNRESERVED_CONCURRENCY: Final = 100


def check_credentials(environment: Environment, clients: Clients) -> Iterator[Finding]:
    """Whose credentials are these?"""
    try:
        identity = clients("sts").get_caller_identity()
    except (BotoCoreError, ClientError) as error:
        advice = "name a profile (--profile or AWS_PROFILE), or log in again; --offline needs no account"
        yield problem(f"AWS rejected or could not find your credentials: {error}", advice)
        return
    account, arn = identity["Account"], identity["Arn"]
    if environment.account is not None and account != environment.account:
        yield problem(
            f"the credentials are of account {account}, but the environment belongs to {environment.account}",
            "use a profile of that account, or correct `account` in the environment file",
        )
    else:
        yield ok(f"credentials of {arn}")


def check_bootstrap(environment: Environment, clients: Clients) -> Iterator[Finding]:
    """Check that the account is bootstrapped for CDK."""
    place = f"{environment.account or 'ACCOUNT'}/{environment.region or 'REGION'}"
    advice = f"run: cdk bootstrap aws://{place}"
    found = unless_missing(lambda: clients("ssm").get_parameter(Name=BOOTSTRAP_PARAMETER), "ParameterNotFound")
    if found is None:
        yield problem("the account is not bootstrapped for CDK in this region", advice)
    elif (version := int(found["Parameter"]["Value"])) < LEAST_BOOTSTRAP_VERSION:
        yield problem(f"the bootstrap has version {version}, not {LEAST_BOOTSTRAP_VERSION}", advice)
    else:
        yield ok(f"bootstrapped for CDK, version {version}")


def check_people(environment: Environment, clients: Clients) -> Iterator[Finding]:  # noqa: ARG001 - the interface of a check
    """Check that alarms reach someone, and that someone can reach the cluster."""
    if environment.engine == "eks" and not environment.administrators:
        yield warning(
            "no role or user can use kubectl in the cluster", "write administrators: [arn:aws:iam::ACCOUNT:role/NAME]"
        )
    if not environment.alarms.subscribers:
        yield warning(
            "no alarm reaches anyone",
            "write alarms.subscribers, for example {protocol: email, endpoint: on-call@shop.example}",
        )
    else:
        yield ok(f"alarms go to {len(environment.alarms.subscribers)} subscribers")


def check_service_roles(environment: Environment, clients: Clients) -> Iterator[Finding]:
    """Check that the account has the roles of services without which its first GPU node fails."""
    buys_spot = any(runtime.capacity.spot for runtime in environment.runtimes)
    for role, service in SERVICE_ROLES[environment.engine].items():
        if service.startswith("spot.") and not buys_spot:
            continue
        if unless_missing(partial(clients("iam").get_role, RoleName=role), "NoSuchEntity") is None:
            advice = f"run: aws iam create-service-linked-role --aws-service-name {service}"
            yield warning(f"the account has no role {role}; its first GPU node may fail", advice)
        else:
            yield ok(f"the account has the role {role}")


def check_secrets(environment: Environment, clients: Clients) -> Iterator[Finding]:
    """Check that the secrets and parameters of `secrets` exist."""
    for runtime in environment.runtimes:
        for variable, arn in runtime.secrets.items():
            key = f"{runtime.name}: secrets.{variable}"
            if ":ssm:" in arn:
                look_up = partial(clients("ssm").get_parameter, Name=arn)
            else:
                # A key of its JSON may follow the ARN, which has seven parts.
                look_up = partial(clients("secretsmanager").describe_secret, SecretId=":".join(arn.split(":")[:7]))
            if unless_missing(look_up, "ResourceNotFoundException", "ParameterNotFound") is None:
                yield problem(f"{key}: there is no {arn}", "create it, or correct the ARN")
            else:
                yield ok(f"{key} is there")


def check_functions(environment: Environment, clients: Clients) -> Iterator[Finding]:
    """Check that enough functions may run at a time, and that some of them may be reserved."""
    limit = clients("lambda").get_account_settings()["AccountLimit"]
    free, reserved = limit["UnreservedConcurrentExecutions"], environment.throttling.reserved_concurrency
    # The free executions lack our own reservation only after the deployment, so the account's limit counts as well.
    left = min(free, limit["ConcurrentExecutions"] - reserved)
    advice = 'ask for more "Concurrent executions" of AWS Lambda in Service Quotas'
    if reserved and left < LEAST_UNRESERVED_CONCURRENCY:
        yield problem(
            f"{limit['ConcurrentExecutions']} functions may run at a time in this account, so AWS refuses to reserve"
            f" {reserved} of them: {LEAST_UNRESERVED_CONCURRENCY} must stay unreserved",
            f"{advice}, or write throttling.waitingCalls: null",
        )
    elif left < NEEDED_CONCURRENCY:
        yield warning(f"{left} functions may run at a time here; a busy environment needs {NEEDED_CONCURRENCY}", advice)
    else:
        yield ok(f"{left} functions may run at a time" + (f", and {reserved} that wait" if reserved else ""))

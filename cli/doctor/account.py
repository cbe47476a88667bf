"""Checks of the account before a deployment: credentials, bootstrap and concurrency of functions."""

from collections.abc import Iterator
from typing import Final

from botocore.exceptions import BotoCoreError, ClientError

from cli.doctor.finding import Clients, Finding, Level, ok
from stacks.config import Environment

#: CDK's own parameter with the version of its bootstrap stack, for the default qualifier.
BOOTSTRAP_PARAMETER: Final = "/cdk-bootstrap/hnb659fds/version"
#: The oldest bootstrap that the stacks' synthesizer takes.
LEAST_BOOTSTRAP_VERSION: Final = 6
#: Service-linked role of ECS, which the account's first cluster creates.
ECS_ROLE: Final = "AWSServiceRoleForECS"
#: Concurrent executions that 100 tasks a second need with a reserve (docs/explanation/scale.md); new accounts have 10.
NEEDED_CONCURRENCY: Final = 100
#: Concurrent executions that AWS keeps for the functions without a reservation (Lambda guide, "Reserved concurrency").
LEAST_UNRESERVED_CONCURRENCY: Final = 100


def check_credentials(environment: Environment, clients: Clients) -> Iterator[Finding]:
    """Whose credentials are these?"""
    try:
        identity = clients("sts").get_caller_identity()
    except (BotoCoreError, ClientError) as error:
        advice = "name a profile (--profile or AWS_PROFILE), or log in again"
        yield Finding(Level.PROBLEM, f"AWS rejected or could not find your credentials: {error}", advice)
        return
    account, arn = identity["Account"], identity["Arn"]
    if environment.account is not None and account != environment.account:
        yield Finding(
            Level.PROBLEM,
            f"the credentials are of account {account}, but the environment belongs to {environment.account}",
            "use a profile of that account, or correct `account` in the environment file",
        )
    else:
        yield ok(f"credentials of {arn}")


def check_bootstrap(environment: Environment, clients: Clients) -> Iterator[Finding]:
    """DoctorCheck that the account is bootstrapped for CDK."""
    place = f"{environment.account or 'ACCOUNT'}/{environment.region or 'REGION'}"
    advice = f"run: cdk bootstrap aws://{place}"
    try:
        version = int(clients("ssm").get_parameter(Name=BOOTSTRAP_PARAMETER)["Parameter"]["Value"])
    except ClientError as error:
        if error.response["Error"]["Code"] != "ParameterNotFound":
            raise
        yield Finding(Level.PROBLEM, "the account is not bootstrapped for CDK in this region", advice)
        return
    if version < LEAST_BOOTSTRAP_VERSION:
        yield Finding(Level.PROBLEM, f"the bootstrap has version {version}, not {LEAST_BOOTSTRAP_VERSION}", advice)
    else:
        yield ok(f"bootstrapped for CDK, version {version}")


def check_people(environment: Environment, clients: Clients) -> Iterator[Finding]:  # noqa: ARG001 - the interface of a check
    """DoctorCheck that alarms reach someone, and that someone can reach the cluster."""
    if environment.engine == "eks" and not environment.administrators:
        yield Finding(
            Level.WARNING,
            "no role or user can use kubectl in the cluster",
            "write administrators: [arn:aws:iam::ACCOUNT:role/NAME]",
        )
    if not environment.alarms.subscribers:
        yield Finding(
            Level.WARNING,
            "no alarm reaches anyone",
            "write alarms.subscribers, for example {protocol: email, endpoint: on-call@shop.example}",
        )
    else:
        yield ok(f"alarms go to {len(environment.alarms.subscribers)} subscribers")


def check_service_roles(environment: Environment, clients: Clients) -> Iterator[Finding]:
    """DoctorCheck that ECS has its role in the account, without which the first capacity provider fails."""
    if environment.engine != "ecs":
        yield ok("the engine creates its role itself")
        return
    try:
        clients("iam").get_role(RoleName=ECS_ROLE)
    except ClientError as error:
        if error.response["Error"]["Code"] != "NoSuchEntity":
            raise
        advice = "run: aws iam create-service-linked-role --aws-service-name ecs.amazonaws.com"
        yield Finding(Level.WARNING, f"the account has no role {ECS_ROLE}; a first deployment may fail", advice)
    else:
        yield ok(f"the account has the role {ECS_ROLE}")


def check_functions(environment: Environment, clients: Clients) -> Iterator[Finding]:
    """DoctorCheck that enough functions may run at a time, and that some of them may be reserved."""
    limit = clients("lambda").get_account_settings()["AccountLimit"]
    free, reserved = limit["UnreservedConcurrentExecutions"], environment.throttling.reserved_concurrency
    # The free executions lack our own reservation only after the deployment, so the account's limit counts as well.
    left = min(free, limit["ConcurrentExecutions"] - reserved)
    advice = 'ask for more "Concurrent executions" of AWS Lambda in Service Quotas'
    if reserved and left < LEAST_UNRESERVED_CONCURRENCY:
        yield Finding(
            Level.PROBLEM,
            f"{limit['ConcurrentExecutions']} functions may run at a time in this account, so AWS refuses to reserve"
            f" {reserved} of them: {LEAST_UNRESERVED_CONCURRENCY} must stay unreserved",
            f"{advice}, or write throttling.waitingCalls: null",
        )
    elif left < NEEDED_CONCURRENCY:
        yield Finding(
            Level.WARNING,
            f"{left} functions may run at a time here; a busy environment needs {NEEDED_CONCURRENCY}",
            advice,
        )
    else:
        yield ok(f"{left} functions may run at a time" + (f", and {reserved} that wait" if reserved else ""))

"""Check of the stacks after a deployment, and what they put out for the other checks."""

from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import Any, Final

from botocore.exceptions import ClientError

from cli.doctor.finding import Clients, Finding, ok, problem, warning
from stacks.config import Environment

#: The stacks of every environment, and what an engine adds.
STACKS: Final = ("Storage", "Messaging", "Api", "Monitoring")
ENGINE_STACKS: Final = {"none": (), "eks": ("Eks",), "ecs": ("Ecs",)}
#: State of a stack whose roll-back failed.
_STUCK: Final = "UPDATE_ROLLBACK_FAILED"
#: States of a stack with which a deployment or a removal begins.
_STARTS: Final = frozenset({"CREATE_IN_PROGRESS", "UPDATE_IN_PROGRESS", "DELETE_IN_PROGRESS"})
#: Reasons of resources that failed only because another one had failed before.
_CONSEQUENCES: Final = ("Resource creation cancelled", "Resource update cancelled", "The following resource(s) failed")


def names_of_stacks(environment: Environment) -> tuple[str, ...]:
    """Return the last parts of the names of an environment's stacks."""
    network = environment.network if environment.engine != "none" else None
    has_network = network is not None and network.vpc_id is None
    return (*STACKS, *(("Network",) if has_network else ()), *ENGINE_STACKS[environment.engine])


def deployed_stacks(environment: Environment, clients: Clients) -> Mapping[str, dict[str, Any]]:
    """Return CloudFormation's description of each deployed stack, by the last part of its name."""
    return _described(environment.name, names_of_stacks(environment), clients)


def outputs_of(environment: Environment, clients: Clients) -> dict[str, str]:
    """Return the outputs of all stacks of the environment; nothing of one that is not deployed."""
    return {
        output["OutputKey"]: output["OutputValue"]
        for stack in deployed_stacks(environment, clients).values()
        for output in stack.get("Outputs", ())
    }


def check_stacks(environment: Environment, clients: Clients) -> Iterator[Finding]:
    """Check that every stack is deployed and in a good state."""
    found = deployed_stacks(environment, clients)
    if not found:
        yield ok("not deployed yet")
        return
    for name in names_of_stacks(environment):
        status = found[name]["StackStatus"] if name in found else None
        stack = stack_name(environment, name)
        if status is None:
            advice = f"run: cdk deploy -c environment={environment.name} --all"
            yield problem(f"{stack} is not deployed", advice)
        elif status.endswith("_IN_PROGRESS"):
            yield warning(f"{stack} is {status}", "wait until it has ended")
        elif status.endswith("_FAILED") or "ROLLBACK" in status:
            reason = first_failure(stack, clients, of_rollback=status == _STUCK)
            cause = "remove the cause" if reason else "check its events in CloudFormation"
            yield problem(f"{stack} is {status}{reason}", f"{cause}, and {_next_step(environment, found[name])}")
        else:
            yield ok(f"{stack} is {status}")


def _next_step(environment: Environment, stack: Mapping[str, Any]) -> str:
    """Return what to do with a failed stack once the cause is removed."""
    name, status = stack["StackName"], stack["StackStatus"]
    if status == _STUCK:
        # CloudFormation refuses every deployment of such a stack.
        command = f"cdk rollback -c environment={environment.name} {name}"
        return f"run: {command} (--orphan LOGICAL_ID leaves a resource as it is); then repeat the deployment"
    if status == "DELETE_FAILED":
        return "repeat `cdk destroy`"
    if status.startswith("ROLLBACK") and stack.get("EnableTerminationProtection"):
        # The deployment would delete the stack first.
        return f"run: {unprotect_command(name)}; then repeat the deployment"
    return "repeat the deployment"


def first_failure(stack: str, clients: Clients, *, of_rollback: bool = False) -> str:
    """Return the resource that failed first in the last deployment of a stack, and why; empty if none did.

    With `of_rollback`, return the one that failed first when that deployment was rolled back.
    """
    starts = _STARTS | ({"UPDATE_ROLLBACK_IN_PROGRESS"} if of_rollback else frozenset())
    failed = ""
    pages = clients("cloudformation").get_paginator("describe_stack_events").paginate(StackName=stack)
    for event in (event for page in pages for event in page["StackEvents"]):
        status, reason = event.get("ResourceStatus", ""), event.get("ResourceStatusReason", "")
        is_stack = event.get("PhysicalResourceId") == event["StackId"]
        if is_stack and status in starts:
            # The newest event comes first, so this is the start of the last deployment.
            return failed
        if status.endswith("_FAILED") and not is_stack and not reason.startswith(_CONSEQUENCES):
            failed = f": first {event['LogicalResourceId']} ({event['ResourceType']}) failed: {reason}"
    return failed


def unprotect_command(stack: str) -> str:
    """Return the command that lifts the protection of a stack against deletion."""
    command = "aws cloudformation update-termination-protection --no-enable-termination-protection"
    return f"{command} --stack-name {stack}"


def stack_name(environment: Environment, name: str) -> str:
    """Return the whole name of a stack."""
    return f"Darkroom-{environment.name}-{name}"


@lru_cache(maxsize=1)
def _described(environment: str, names: tuple[str, ...], clients: Clients) -> Mapping[str, dict[str, Any]]:
    # By name, because an account may have hundreds of other stacks. Once, because CloudFormation throttles these calls.
    found = {}
    for name in names:
        try:
            answer = clients("cloudformation").describe_stacks(StackName=f"Darkroom-{environment}-{name}")
        except ClientError as error:
            if "does not exist" not in error.response["Error"]["Message"]:
                raise
        else:
            (found[name],) = answer["Stacks"]
    return found

"""Checks after a deployment: stacks, queues and replicas."""

import datetime as dt
import re
from collections.abc import Iterator
from typing import Any, Final

from cli.doctor.finding import Clients, Finding, Level, ok
from stacks.config import Environment, RuntimeConfig

#: The stacks of every environment, and what an engine adds.
STACKS: Final = ("Storage", "Messaging", "Api", "Monitoring")
ENGINE_STACKS: Final = {"none": (), "eks": ("Eks",), "ecs": ("Ecs",)}
#: Metric that each agent writes once a minute, and the minutes that the check reads.
REPLICA_METRIC: Final = "ReadyReplicas"
METRICS_NAMESPACE: Final = "Darkroom"
LOOK_BACK_MINUTES: Final = 5


def check_stacks(environment: Environment, clients: Clients) -> Iterator[Finding]:
    """DoctorCheck that every stack is deployed and in a good state."""
    found = _stacks(environment, clients)
    if not found:
        yield ok("not deployed yet")
        return
    for name in (*STACKS, *ENGINE_STACKS[environment.engine]):
        status = found[name]["StackStatus"] if name in found else None
        stack = f"Darkroom-{environment.name}-{name}"
        if status is None:
            advice = f"run: cdk deploy -c environment={environment.name} --all"
            yield Finding(Level.PROBLEM, f"{stack} is not deployed", advice)
        elif status.endswith("_IN_PROGRESS"):
            yield Finding(Level.WARNING, f"{stack} is {status}", "wait until it has ended")
        elif status.endswith("_FAILED") or "ROLLBACK" in status:
            yield Finding(Level.PROBLEM, f"{stack} is {status}", "check its events in CloudFormation")
        else:
            yield ok(f"{stack} is {status}")


def check_queues(environment: Environment, clients: Clients) -> Iterator[Finding]:
    """DoctorCheck the queues for waiting tasks and dead letters."""
    outputs = outputs_of(environment, clients)
    for runtime in environment.runtimes if outputs else ():
        waiting = _length(outputs.get(f"Runtime{runtime.pascal_name}QueueUrl"), clients)
        dead = _length(outputs.get(f"Runtime{runtime.pascal_name}DeadLetterQueueUrl"), clients)
        if waiting is None or dead is None:
            yield Finding(
                Level.PROBLEM, f"{runtime.name}: the stacks have no output for its queue", "deploy them again"
            )
        elif dead:
            yield Finding(
                Level.PROBLEM,
                f"{runtime.name}: {dead} messages are in its dead-letter queue",
                "follow docs/how-to/operations.md",
            )
        else:
            yield ok(f"{runtime.name}: {waiting} tasks wait, no dead letters")


def check_replicas(environment: Environment, clients: Clients) -> Iterator[Finding]:
    """DoctorCheck that every runtime has the replicas that it needs, or that a first deployment can have them."""
    early = [runtime.name for runtime in environment.runtimes if runtime.scaling.min_replicas]
    if early and environment.engine == "ecs" and "Ecs" not in _stacks(environment, clients):
        yield Finding(
            Level.WARNING,
            f"{', '.join(early)}: a first deployment waits for the replicas of minReplicas, and is rolled back after"
            " three hours if EC2 has no GPUs for them",
            "deploy minReplicas: 0 first, and raise it when a task has been completed",
        )
        return
    outputs = outputs_of(environment, clients)
    for runtime in environment.runtimes if outputs else ():
        ready = _ready_replicas(environment, runtime, clients)
        waiting = _length(outputs.get(f"Runtime{runtime.pascal_name}QueueUrl"), clients) or 0
        if ready < runtime.scaling.min_replicas:
            yield Finding(
                Level.PROBLEM,
                f"{runtime.name}: {ready} replicas are ready, minReplicas is {runtime.scaling.min_replicas}",
                "docs/how-to/operations.md: no replica although tasks wait",
            )
        elif waiting and not ready:
            yield Finding(
                Level.WARNING,
                f"{runtime.name}: {waiting} tasks wait and no replica is ready",
                "the first one needs minutes; if it does not come, check the quotas above",
            )
        else:
            yield ok(f"{runtime.name}: {ready} replicas are ready")


def outputs_of(environment: Environment, clients: Clients) -> dict[str, str]:
    """Return the outputs of all stacks of the environment; nothing of one that is not deployed."""
    return {
        output["OutputKey"]: output["OutputValue"]
        for stack in _stacks(environment, clients).values()
        for output in stack.get("Outputs", ())
    }


def _stacks(environment: Environment, clients: Clients) -> dict[str, Any]:
    # `prod` must not find the stacks of `prod-eu`: what follows the name begins with a capital.
    ours = re.compile(rf"Darkroom-{re.escape(environment.name)}-([A-Z]\w*)")
    pages = clients("cloudformation").get_paginator("describe_stacks").paginate()
    stacks = [stack for page in pages for stack in page["Stacks"]]
    return {match[1]: stack for stack in stacks if (match := ours.fullmatch(stack["StackName"]))}


def _length(queue_url: str | None, clients: Clients) -> int | None:
    if queue_url is None:
        return None
    name = "ApproximateNumberOfMessages"
    answer = clients("sqs").get_queue_attributes(QueueUrl=queue_url, AttributeNames=[name])
    return int(answer["Attributes"][name])


def _ready_replicas(environment: Environment, runtime: RuntimeConfig, clients: Clients) -> int:
    now = dt.datetime.now(dt.UTC)
    answer = clients("cloudwatch").get_metric_statistics(
        Namespace=METRICS_NAMESPACE,
        MetricName=REPLICA_METRIC,
        Dimensions=[{"Name": "environment", "Value": environment.name}, {"Name": "runtime", "Value": runtime.name}],
        StartTime=now - dt.timedelta(minutes=LOOK_BACK_MINUTES),
        EndTime=now,
        Period=60,
        Statistics=["Sum"],
    )
    # Each agent counts itself once a minute; the newest minute may not be complete.
    return int(max((point["Sum"] for point in answer["Datapoints"]), default=0))

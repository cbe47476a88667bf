"""Checks after a deployment: queues, replicas, nodes and subscriptions."""

import datetime as dt
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from cli.doctor.finding import Clients, Finding, ok, problem, warning
from cli.doctor.stacks import deployed_stacks, outputs_of, stack_name
from stacks.config import GPU_INSTANCES, Environment, RuntimeConfig

#: Metric that each agent writes once a minute, and the minutes that the check reads.
REPLICA_METRIC: Final = "ReadyReplicas"
METRICS_NAMESPACE: Final = "Darkroom"
LOOK_BACK_MINUTES: Final = 5
#: Minutes after its launch in which a node joins its cluster; it usually needs one or two.
MINUTES_TO_JOIN: Final = 15
#: Topics with the subscribers of the environment file, by output, and the keys of the file.
TOPICS: Final = {"AlarmTopicArn": "alarms.subscribers", "CompletionTopicArn": "callbacks"}
#: ARN that SNS reports of a subscription before its confirmation.
_PENDING: Final = "PendingConfirmation"


def check_queues(environment: Environment, clients: Clients) -> Iterator[Finding]:
    """Check the queues for waiting tasks and dead letters."""
    outputs = outputs_of(environment, clients)
    for runtime in environment.runtimes if outputs else ():
        waiting = _length(outputs.get(f"Runtime{runtime.pascal_name}QueueUrl"), clients)
        dead = _length(outputs.get(f"Runtime{runtime.pascal_name}DeadLetterQueueUrl"), clients)
        if waiting is None or dead is None:
            yield problem(f"{runtime.name}: the stacks have no output for its queue", "deploy them again")
        elif dead:
            yield problem(
                f"{runtime.name}: {dead} messages are in its dead-letter queue", "follow docs/how-to/operations.md"
            )
        else:
            yield ok(f"{runtime.name}: {waiting} tasks wait, no dead letters")


def check_replicas(environment: Environment, clients: Clients) -> Iterator[Finding]:
    """Check that every runtime has the replicas that it needs, or that a first deployment can have them."""
    early = [runtime.name for runtime in environment.runtimes if runtime.scaling.min_replicas]
    if early and environment.engine == "ecs" and "Ecs" not in deployed_stacks(environment, clients):
        yield warning(
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
            yield problem(
                f"{runtime.name}: {ready} replicas are ready, minReplicas is {runtime.scaling.min_replicas}",
                "docs/how-to/operations.md: no replica although tasks wait",
            )
        elif waiting and not ready:
            yield warning(
                f"{runtime.name}: {waiting} tasks wait and no replica is ready",
                "the first one needs minutes; if it does not come, check the quotas above",
            )
        else:
            yield ok(f"{runtime.name}: {ready} replicas are ready")


def check_nodes(environment: Environment, clients: Clients) -> Iterator[Finding]:
    """Check that every GPU node joins its cluster. Otherwise it is paid for and runs nothing."""
    cluster = outputs_of(environment, clients).get("ClusterName")
    if cluster and environment.engine == "ecs":
        yield _nodes_of_ecs(gpu_instances(environment, clients), cluster, clients)
    elif cluster and environment.engine == "eks":
        yield _nodes_of_eks(environment, cluster, clients)


def _nodes_of_ecs(launched: Mapping[str, dt.datetime], cluster: str, clients: Clients) -> Finding:
    joined = _joined_instances(cluster, clients)
    lost = [instance for instance in _late(launched) if instance not in joined]
    if lost:
        return problem(
            f"{', '.join(lost)} run for more than {MINUTES_TO_JOIN} minutes and have not joined the cluster",
            "read /var/log/cloud-init-output.log and /var/log/ecs/ecs-agent.log there (aws ssm start-session)",
        )
    return ok(f"{len(joined)} of {len(launched)} GPU nodes have joined the cluster")


def _nodes_of_eks(environment: Environment, cluster: str, clients: Clients) -> Finding:
    """Compare nodes with replicas, because only Kubernetes itself knows which nodes have joined."""
    of_cluster = [
        {"Name": "tag:eks:eks-cluster-name", "Values": [cluster]},
        {"Name": "instance-type", "Values": sorted(GPU_INSTANCES)},
    ]
    late = _late(_running_instances(of_cluster, clients))
    ready = sum(_ready_replicas(environment, runtime, clients) for runtime in environment.runtimes)
    # A node has one replica.
    if len(late) > ready:
        return warning(
            f"{len(late)} GPU nodes run for more than {MINUTES_TO_JOIN} minutes ({', '.join(late)}), and {ready}"
            " replicas are ready",
            "kubectl get nodeclaims names the nodes that have not joined, kubectl get pods -A the replicas that wait",
        )
    return ok(f"the GPU nodes have {ready} ready replicas")


def _late(launched: Mapping[str, dt.datetime]) -> list[str]:
    """Return the instances that should have joined their cluster by now."""
    latest = dt.datetime.now(dt.UTC) - dt.timedelta(minutes=MINUTES_TO_JOIN)
    return [instance for instance, at in launched.items() if at < latest]


def gpu_instances(environment: Environment, clients: Clients) -> dict[str, dt.datetime]:
    """Return the instances of ECS's Auto Scaling groups, with the time of their launch."""
    of_stack = [{"Name": "tag:aws:cloudformation:stack-name", "Values": [stack_name(environment, "Ecs")]}]
    pages = clients("autoscaling").get_paginator("describe_auto_scaling_groups").paginate(Filters=of_stack)
    groups = [group for page in pages for group in page["AutoScalingGroups"]]
    ids = [instance["InstanceId"] for group in groups for instance in group.get("Instances", ())]
    if not ids:
        return {}
    return _running_instances([{"Name": "instance-id", "Values": ids}], clients)


def _running_instances(filters: Sequence[Mapping[str, Any]], clients: Clients) -> dict[str, dt.datetime]:
    """Return the running instances that match EC2's filters, with the time of their launch."""
    running = {"Name": "instance-state-name", "Values": ["running"]}
    pages = clients("ec2").get_paginator("describe_instances").paginate(Filters=[*filters, running])
    reservations = [reservation for page in pages for reservation in page["Reservations"]]
    return {item["InstanceId"]: item["LaunchTime"] for group in reservations for item in group["Instances"]}


def _joined_instances(cluster: str, clients: Clients) -> set[str]:
    ecs = clients("ecs")
    joined = set()
    for page in ecs.get_paginator("list_container_instances").paginate(cluster=cluster):
        arns = page["containerInstanceArns"]
        if arns:
            described = ecs.describe_container_instances(cluster=cluster, containerInstances=arns)
            joined |= {item["ec2InstanceId"] for item in described["containerInstances"]}
    return joined


def check_subscriptions(environment: Environment, clients: Clients) -> Iterator[Finding]:
    """Check that every subscriber has confirmed its subscription."""
    outputs = outputs_of(environment, clients)
    for output, key in TOPICS.items():
        if output not in outputs:
            continue
        pages = clients("sns").get_paginator("list_subscriptions_by_topic").paginate(TopicArn=outputs[output])
        subscriptions = [item for page in pages for item in page["Subscriptions"]]
        pending = [item["Endpoint"] for item in subscriptions if item["SubscriptionArn"] == _PENDING]
        if pending:
            yield warning(
                f"{key}: {', '.join(pending)} has not confirmed the subscription, so SNS sends nothing there",
                "open the link in SNS's message; it is valid for two days, and a new deployment does not repeat it",
            )
        else:
            yield ok(f"{key}: {len(subscriptions)} subscriptions, all confirmed")


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

"""Monitoring stack: dashboard, alarms with a runbook each, and saved log queries."""

from collections.abc import Sequence
from typing import Any, TypeVar

from aws_cdk import CfnOutput, CrossStackReferences, ReferenceStrength, Stack, aws_kms
from constructs import Construct

from stacks.config import Environment
from stacks.constructs.functions.task_function import TaskFunction
from stacks.constructs.messaging.queues import DeadLetterQueue, RedrivingQueue, RuntimeQueue
from stacks.constructs.messaging.topics import AlarmTopic, TopicSubscribers
from stacks.constructs.monitoring.alarms import EnvironmentAlarms, RunbookAlarm, RuntimeAlarms
from stacks.constructs.monitoring.capacity_widgets import capacity_widgets
from stacks.constructs.monitoring.dashboard import EnvironmentDashboard
from stacks.constructs.monitoring.metrics import RuntimeMetrics
from stacks.constructs.monitoring.saved_queries import SavedQueries
from stacks.constructs.retention import TaskLogGroup

_Part = TypeVar("_Part", bound=Construct)


class MonitoringStack(Stack):
    """Monitors the resources of other stacks. All its references are weak, so that it never blocks their removal."""

    def __init__(
        self,
        scope: Construct,
        id_: str,
        *,
        environment: Environment,
        topic_key_arn: str,
        watched: Sequence[Stack],
        **stack: Any,
    ) -> None:
        super().__init__(scope, id_, **stack)
        # A strong reference is an export, and CloudFormation removes no export in use. No runtime and no function
        # could be removed from an environment, because this stack would still refer to it.
        CrossStackReferences.of(self).consume(ReferenceStrength.WEAK)
        for other in watched:
            self.add_stack_dependency(other)
        topic = AlarmTopic(self, "AlarmTopic", key=aws_kms.Key.from_key_arn(self, "TopicKey", topic_key_arn))
        TopicSubscribers(self, "AlarmSubscribers", topic=topic, subscribers=environment.alarms.subscribers)

        queues = {queue.runtime.name: queue.queue.queue_name for queue in _parts(watched, RuntimeQueue)}
        runtimes = [
            (runtime, RuntimeMetrics(environment.name, runtime.name, queues[runtime.name]))
            for runtime in environment.runtimes
        ]
        for runtime, metrics in runtimes:
            id_of_runtime = f"Runtime{runtime.pascal_name}"
            RuntimeAlarms(self, id_of_runtime, metrics=metrics, alarms=environment.alarms, topic=topic)
        functions = _parts(watched, TaskFunction)
        alarms = EnvironmentAlarms(self, "Environment", environment=environment.name, topic=topic)
        alarms.watch_dead_letters(_parts(watched, DeadLetterQueue))
        alarms.watch_intake(_named(_parts(watched, RedrivingQueue), "Intake").queue)
        alarms.watch_callbacks(_named(functions, "Notify"))
        alarms.watch_functions(functions)

        EnvironmentDashboard(
            self,
            "Dashboard",
            environment=environment.name,
            runtimes=runtimes,
            functions=functions,
            capacity=capacity_widgets(environment),
            alarms=_parts([self], RunbookAlarm),
        )
        SavedQueries(self, "Queries", environment=environment.name, log_groups=_parts(watched, TaskLogGroup))
        CfnOutput(self, "AlarmTopicArn", value=topic.topic_arn, description="Subscribe here to receive alarms")


def _parts(stacks: Sequence[Stack], kind: type[_Part]) -> list[_Part]:
    return [part for stack in stacks for part in stack.node.find_all() if isinstance(part, kind)]


def _named(parts: Sequence[_Part], name: str) -> _Part:
    (part,) = (part for part in parts if part.node.id == name)
    return part

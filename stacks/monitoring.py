"""How an environment is watched: dashboard, alarms with a runbook each, and saved questions to the logs."""

from collections.abc import Sequence
from typing import Any, TypeVar

from aws_cdk import CfnOutput, CrossStackReferences, ReferenceStrength, Stack, aws_kms
from constructs import Construct

from stacks.config import Environment
from stacks.constructs.environment_alarms import EnvironmentAlarms
from stacks.constructs.environment_dashboard import EnvironmentDashboard
from stacks.constructs.figures import RuntimeFigures
from stacks.constructs.fleet_widgets import fleet_widgets
from stacks.constructs.log_group import TaskLogGroup
from stacks.constructs.runbook_alarm import RunbookAlarm
from stacks.constructs.runtime_alarms import RuntimeAlarms
from stacks.constructs.runtime_queue import RuntimeQueue
from stacks.constructs.saved_queries import SavedQueries
from stacks.constructs.task_function import TaskFunction
from stacks.constructs.task_queue import DeadLetterQueue, TaskQueue
from stacks.constructs.topic import AlarmTopic
from stacks.constructs.topic_subscribers import TopicSubscribers

_Part = TypeVar("_Part", bound=Construct)


class MonitoringStack(Stack):
    """Watches what stands in other stacks, and must never stand in their way: all its references are weak."""

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
        # A strong reference is an export that CloudFormation does not let go while it is used: no runtime and no
        # function could ever be taken out of an environment, because this stack still looked at it.
        CrossStackReferences.of(self).consume(ReferenceStrength.WEAK)
        for other in watched:
            self.add_stack_dependency(other)
        topic = AlarmTopic(self, "AlarmTopic", key=aws_kms.Key.from_key_arn(self, "TopicKey", topic_key_arn))
        TopicSubscribers(self, "AlarmSubscribers", topic=topic, subscribers=environment.alarms.subscribers)

        queues = {queue.runtime.name: queue.queue.queue_name for queue in _parts(watched, RuntimeQueue)}
        runtimes = [
            (runtime, RuntimeFigures(environment.name, runtime.name, queues[runtime.name]))
            for runtime in environment.runtimes
        ]
        for runtime, figures in runtimes:
            id_of_runtime = f"Runtime{runtime.pascal_name}"
            RuntimeAlarms(self, id_of_runtime, figures=figures, alarms=environment.alarms, topic=topic)
        functions = _parts(watched, TaskFunction)
        alarms = EnvironmentAlarms(self, "Environment", environment=environment.name, topic=topic)
        alarms.watch_dead_letters(_parts(watched, DeadLetterQueue))
        alarms.watch_intake(_named(_parts(watched, TaskQueue), "Intake").queue)
        alarms.watch_callbacks(_named(functions, "Notify"))
        alarms.watch_functions(functions)

        EnvironmentDashboard(
            self,
            "Dashboard",
            environment=environment.name,
            runtimes=runtimes,
            functions=functions,
            fleet=fleet_widgets(environment),
            alarms=_parts([self], RunbookAlarm),
        )
        SavedQueries(self, "Queries", environment=environment.name, log_groups=_parts(watched, TaskLogGroup))
        CfnOutput(self, "AlarmTopicArn", value=topic.topic_arn, description="Subscribe here to be told of alarms")


def _parts(stacks: Sequence[Stack], kind: type[_Part]) -> list[_Part]:
    return [part for stack in stacks for part in stack.node.find_all() if isinstance(part, kind)]


def _named(parts: Sequence[_Part], name: str) -> _Part:
    (part,) = (part for part in parts if part.node.id == name)
    return part

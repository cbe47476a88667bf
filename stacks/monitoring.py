"""Monitoring stack: dashboard, alarms with a runbook each, and saved log queries."""

from collections.abc import Sequence
from typing import Any, TypeVar

from aws_cdk import CfnOutput, Stack, aws_kms, aws_sqs
from constructs import Construct

from stacks.config import Environment
from stacks.constructs.api.http_api import HttpApi
from stacks.constructs.functions.task_function import TaskFunction
from stacks.constructs.messaging.queues import DeadLetterQueue, RedrivingQueue, RuntimeQueue
from stacks.constructs.messaging.topics import AlarmTopic, TopicSubscribers
from stacks.constructs.monitoring.alarms import EnvironmentAlarms, RunbookAlarm, RuntimeAlarms
from stacks.constructs.monitoring.dashboard import EnvironmentDashboard
from stacks.constructs.monitoring.metrics import RuntimeMetrics
from stacks.constructs.monitoring.saved_queries import SavedQueries
from stacks.constructs.monitoring.service_alarms import ServiceAlarms
from stacks.constructs.retention import TaskLogGroup
from stacks.constructs.shared_names import SharedNames

_Part = TypeVar("_Part", bound=Construct)


class MonitoringStack(Stack):
    """Monitors the resources of other stacks. Its references are weak, so that it never blocks their removal.

    A strong reference is an export, and CloudFormation removes no export in use. Otherwise no runtime and no function
    could be removed from an environment.
    """

    def __init__(
        self,
        scope: Construct,
        id_: str,
        *,
        environment: Environment,
        topic_key_arn: str,
        table_name: str,
        watched: Sequence[Stack],
        **stack: Any,
    ) -> None:
        super().__init__(scope, id_, **stack)
        for other in watched:
            self.add_stack_dependency(other)
        topic = AlarmTopic(self, "AlarmTopic", key=aws_kms.Key.from_key_arn(self, "TopicKey", topic_key_arn))
        TopicSubscribers(self, "AlarmSubscribers", topic=topic, subscribers=environment.alarms.subscribers)

        names = self._names(watched)
        queues = {queue.runtime.name: names[queue.queue] for queue in _parts(watched, RuntimeQueue)}
        runtimes = [
            (runtime, RuntimeMetrics(environment.name, runtime.name, queues[runtime.name]))
            for runtime in environment.runtimes
        ]
        for runtime, metrics in runtimes:
            id_of_runtime = f"Runtime{runtime.pascal_name}"
            RuntimeAlarms(self, id_of_runtime, metrics=metrics, alarms=environment.alarms, topic=topic)
        functions = {function.node.id: names[function] for function in _parts(watched, TaskFunction)}
        alarms = EnvironmentAlarms(self, "Environment", environment=environment.name, topic=topic)
        dead_letter_queues = {queue: names[queue] for queue in _parts(watched, DeadLetterQueue)}
        alarms.watch_dead_letters(dead_letter_queues, extent=environment.alarms.extent)
        (intake,) = (queue for queue in _parts(watched, RedrivingQueue) if queue.node.id == "Intake")
        alarms.watch_intake(names[intake.queue])
        for reader, awaited in (("Notify", "callbacks"), ("QueueWebhooks", "webhooks")):
            alarms.watch_callbacks(reader, functions[reader], awaited=awaited)
        has_all_alarms = environment.alarms.extent == "all"
        # A refused key is an error for Lambda. API Gateway answers with 500 when this function really fails.
        failing = {function: name for function, name in functions.items() if function != "Authorize"}
        if has_all_alarms:
            alarms.watch_functions(failing)
        if environment.engine != "none":
            alarms.watch_gpus(environment)
        services = ServiceAlarms(self, "Services", environment=environment.name, topic=topic)
        (http,) = _parts(watched, HttpApi)
        addressed = [part for part in _parts(watched, TaskFunction) if part.node.try_find_child("FunctionUrl")]
        services.watch_api(http.api.rest_api_name, function_urls=[names[function] for function in addressed])
        if has_all_alarms:
            services.watch_table(table_name)
            services.watch_reaper()

        EnvironmentDashboard(
            self,
            "Dashboard",
            environment=environment,
            runtimes=runtimes,
            functions=failing,
            alarms=_parts([self], RunbookAlarm),
        )
        log_groups = [names[group] for group in _parts(watched, TaskLogGroup)]
        SavedQueries(self, "Queries", environment=environment.name, log_groups=log_groups)
        CfnOutput(self, "AlarmTopicArn", value=topic.topic_arn, description="Subscribe here to receive alarms")

    def _names(self, watched: Sequence[Stack]) -> dict[Construct, str]:
        """Return the names of all functions, log groups and queues, with one look-up for each stack."""
        found: dict[Construct, str] = {}
        for stack in watched:
            named = {part: name for part in _parts([stack], Construct) if (name := _name_of(part))}
            names = {part.node.path: name for part, name in named.items()}
            published = SharedNames(stack, f"NamesOf{stack.node.id.rpartition('-')[2]}", names).read(self)
            found |= {part: published[part.node.path] for part in named}
        return found


def _parts(stacks: Sequence[Stack], kind: type[_Part]) -> list[_Part]:
    return [part for stack in stacks for part in stack.node.find_all() if isinstance(part, kind)]


def _name_of(part: Construct) -> str | None:
    match part:
        case TaskFunction():
            return part.function_name
        case TaskLogGroup():
            return part.log_group_name
        case aws_sqs.Queue():
            return part.queue_name
    return None

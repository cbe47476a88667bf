"""The pumps of the templates: one for each event source mapping and each scheduled rule."""

from collections.abc import Iterator
from typing import Any, Final

from local.aws_clients import AwsClients
from local.functions.functions import Functions
from local.provision.provisioner import Played, Provisioned
from local.pumps.filters import read_filters
from local.pumps.pump import Pump, Threads
from local.pumps.queue_pump import QueuePump
from local.pumps.schedule_pump import SchedulePump, interval_seconds
from local.pumps.stream_batches import RetryPolicy
from local.pumps.stream_pump import StreamPump
from local.template.errors import TemplateError
from local.template.properties import Properties

#: Lambda's defaults (API reference, CreateEventSourceMapping).
_QUEUE_BATCH_SIZE: Final = 10
_STREAM_BATCH_SIZE: Final = 100


def pumps(provisioned: Provisioned, *, functions: Functions, clients: AwsClients, threads: Threads) -> Iterator[Pump]:
    """Yield the pumps; raises TemplateError on a source, filter or schedule that the local system does not know."""
    arns = {
        function.created.reference: function.created.attributes["Arn"]
        for function in provisioned.of_type("AWS::Lambda::Function")
    }
    for mapping in provisioned.of_type("AWS::Lambda::EventSourceMapping"):
        properties = Properties(mapping.resource)
        # Waiting to fill a batch saves invocations on AWS and costs time here.
        properties.ignore("MaximumBatchingWindowInSeconds", "ScalingConfig", "Tags")
        name = properties.require("FunctionName")
        function = functions.find(arns.get(name, name))
        source: str = properties.require("EventSourceArn")
        reports_items = "ReportBatchItemFailures" in properties.take("FunctionResponseTypes", [])
        if ":sqs:" in source:
            yield QueuePump(
                sqs=clients("sqs"),
                threads=threads,
                function=function,
                queue_url=_queue_url(clients, source),
                queue_arn=source,
                batch_size=properties.take("BatchSize", _QUEUE_BATCH_SIZE),
                reports_items=reports_items,
            )
        elif ":dynamodb:" in source:
            destination = properties.take("DestinationConfig", {}).get("OnFailure", {}).get("Destination")
            attempts = int(properties.take("MaximumRetryAttempts", -1))
            yield StreamPump(
                streams=clients("dynamodbstreams"),
                sqs=clients("sqs"),
                threads=threads,
                function=function,
                stream_arn=source,
                starting_position=properties.require("StartingPosition"),
                batch_size=properties.take("BatchSize", _STREAM_BATCH_SIZE),
                matches=read_filters(properties.take("FilterCriteria")),
                policy=RetryPolicy(
                    maximum_attempts=None if attempts < 0 else attempts,
                    bisects=bool(properties.take("BisectBatchOnFunctionError")),
                    reports_items=reports_items,
                ),
                failure_queue_url=_queue_url(clients, destination) if destination else None,
            )
        else:
            raise TemplateError(f"{mapping.resource.place}: the local system knows no events from {source}")
        properties.finish()
    for rule in provisioned.of_type("AWS::Events::Rule"):
        yield from _schedules(rule, functions=functions, region=clients.region)


def _schedules(rule: Played, *, functions: Functions, region: str) -> Iterator[Pump]:
    properties = Properties(rule.resource)
    properties.ignore("Description", "Name", "Tags")
    seconds = interval_seconds(properties.require("ScheduleExpression"))
    targets: list[dict[str, Any]] = properties.require("Targets")
    if properties.take("State", "ENABLED") == "ENABLED":
        for target in targets:
            if unknown := target.keys() - {"Arn", "Id", "RetryPolicy"}:
                raise TemplateError(f"{rule.resource.place}: the local system knows no targets with {sorted(unknown)}")
            yield SchedulePump(
                function=functions.find(target["Arn"]),
                rule_arn=rule.created.attributes["Arn"],
                region=region,
                interval_seconds=seconds,
            )
    properties.finish()


def _queue_url(clients: AwsClients, queue_arn: str) -> str:
    url: str = clients("sqs").get_queue_url(QueueName=queue_arn.rsplit(":", 1)[-1])["QueueUrl"]
    return url

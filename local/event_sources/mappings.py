"""Event sources of the templates: one for each event source mapping and each scheduled rule."""

from collections.abc import Iterator
from typing import Any, Final

from local.aws.clients import LocalAwsClients
from local.cloudformation.errors import TemplateError
from local.cloudformation.properties import Properties
from local.event_sources.event_source import EventSource
from local.event_sources.filters import read_filters
from local.event_sources.queue import QueueEventSource
from local.event_sources.schedule import ScheduleEventSource, interval_seconds
from local.event_sources.stream import StreamEventSource
from local.event_sources.stream_batches import RetryPolicy
from local.lambda_runtime.functions import Functions
from local.provisioning.provisioner import EmulatedResource, Provisioned

#: Lambda's defaults (API reference, CreateEventSourceMapping).
_QUEUE_BATCH_SIZE: Final = 10
_STREAM_BATCH_SIZE: Final = 100


def event_sources(provisioned: Provisioned, *, functions: Functions, clients: LocalAwsClients) -> Iterator[EventSource]:
    """Yield the event sources; raise TemplateError if a source, filter or schedule is unknown here."""
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
        reports_items = "ReportBatchItemFailures" in properties.pop("FunctionResponseTypes", [])
        if ":sqs:" in source:
            yield QueueEventSource(
                sqs=clients("sqs"),
                function=function,
                queue_url=_queue_url(clients, source),
                queue_arn=source,
                batch_size=properties.pop("BatchSize", _QUEUE_BATCH_SIZE),
                reports_items=reports_items,
            )
        elif ":dynamodb:" in source:
            # Batches at once would be of different tasks, because the changes of one task stay in order.
            properties.ignore("ParallelizationFactor")
            destination = properties.pop("DestinationConfig", {}).get("OnFailure", {}).get("Destination")
            attempts = int(properties.pop("MaximumRetryAttempts", -1))
            yield StreamEventSource(
                streams=clients("dynamodbstreams"),
                sqs=clients("sqs"),
                function=function,
                stream_arn=source,
                starting_position=properties.require("StartingPosition"),
                batch_size=properties.pop("BatchSize", _STREAM_BATCH_SIZE),
                matches=read_filters(properties.pop("FilterCriteria")),
                policy=RetryPolicy(
                    maximum_attempts=None if attempts < 0 else attempts,
                    bisects=bool(properties.pop("BisectBatchOnFunctionError")),
                    reports_items=reports_items,
                ),
                failure_queue_url=_queue_url(clients, destination) if destination else None,
            )
        else:
            raise TemplateError(f"{mapping.resource.place}: the local system knows no events from {source}")
        properties.finish()
    for rule in provisioned.of_type("AWS::Events::Rule"):
        yield from _schedules(rule, functions=functions, region=clients.region)


def _schedules(rule: EmulatedResource, *, functions: Functions, region: str) -> Iterator[EventSource]:
    properties = Properties(rule.resource)
    properties.ignore("Description", "Tags")
    seconds = interval_seconds(properties.require("ScheduleExpression"))
    targets: list[dict[str, Any]] = properties.require("Targets")
    if properties.pop("State", "ENABLED") == "ENABLED":
        for target in targets:
            if unknown := target.keys() - {"Arn", "Id", "RetryPolicy"}:
                raise TemplateError(f"{rule.resource.place}: the local system knows no targets with {sorted(unknown)}")
            yield ScheduleEventSource(
                function=functions.find(target["Arn"]),
                rule_arn=rule.created.attributes["Arn"],
                region=region,
                interval_seconds=seconds,
            )
    properties.finish()


def _queue_url(clients: LocalAwsClients, queue_arn: str) -> str:
    url: str = clients("sqs").get_queue_url(QueueName=queue_arn.rsplit(":", 1)[-1])["QueueUrl"]
    return url

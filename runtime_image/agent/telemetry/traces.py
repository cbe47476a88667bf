"""Trace of each task, by OpenTelemetry, joined to the trace that its message carries. Off unless configured.

The spans are made from the task's timeline when it ends. So no thread has to pass a context on, and a task that is not
sampled costs nothing.
"""

import time
from typing import Final

from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.propagators.aws import AwsXRayPropagator
from opentelemetry.sdk.extension.aws.trace import AwsXRayIdGenerator
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.trace import SpanKind, Status, StatusCode, Tracer, set_span_in_context

from runtime_image.agent.core.claimed_task import ClaimedTask
from runtime_image.agent.core.task_result import TaskResult
from runtime_image.process.clock import Clock

#: The X-Ray propagator's name of the header that SQS carries as `AWSTraceHeader`.
_CARRIER_KEY: Final = "X-Amzn-Trace-Id"
#: Seconds for which an exporter waits for its collector, also at the end of the process.
EXPORT_TIMEOUT_SECONDS: Final = 2.0

_NANOSECONDS: Final = 1_000_000_000


class TaskTraces:
    """A TaskObserver. OpenTelemetry's own `OTEL_` variables configure the destination of spans."""

    def __init__(self, *, runtime: str, clock: Clock) -> None:
        resource = Resource.create({"service.name": "darkroom-agent", "darkroom.runtime": runtime})
        # X-Ray accepts only trace ids that begin with their time.
        self._provider = TracerProvider(resource=resource, id_generator=AwsXRayIdGenerator())
        exporter = OTLPSpanExporter(timeout=EXPORT_TIMEOUT_SECONDS)
        self._provider.add_span_processor(BatchSpanProcessor(exporter))
        self._tracer: Tracer = self._provider.get_tracer("darkroom.agent")
        self._propagator = AwsXRayPropagator()
        self._clock = clock

    def task_ended(self, task: ClaimedTask, result: TaskResult, *, pictures: int, error_code: str | None) -> None:
        """Make the task's spans."""
        now, timeline = self._clock.monotonic(), task.timeline
        # Every milestone is monotonic; a span needs the time of day.
        offset = time.time() - now
        carrier = {_CARRIER_KEY: task.message.trace_header} if task.message.trace_header else {}
        span = self._tracer.start_span(
            "task",
            context=self._propagator.extract(carrier),
            kind=SpanKind.CONSUMER,
            start_time=_nanoseconds(task.claimed_at + offset),
            attributes={
                "darkroom.task_id": task.metadata.id,
                "darkroom.run": task.lease.run_id,
                "darkroom.attempt": task.attempt,
                "darkroom.tasktype": task.metadata.tasktype.value,
                "darkroom.result": result.name,
                "darkroom.images": pictures,
                "messaging.system": "aws_sqs",
                "messaging.message.id": task.message.message_id,
            },
        )
        if error_code:
            span.set_attribute("error.type", error_code)
            span.set_status(Status(StatusCode.ERROR, error_code))
        stages = {
            "prepare": (task.claimed_at, timeline.prepared_at),
            "generate": (timeline.generating_at, timeline.generated_at),
            "store": (timeline.generated_at, now),
        }
        context = set_span_in_context(span)
        for name, (start, end) in stages.items():
            if start is not None and end is not None:
                stage = self._tracer.start_span(name, context=context, start_time=_nanoseconds(start + offset))
                stage.end(end_time=_nanoseconds(end + offset))
        span.end(end_time=_nanoseconds(now + offset))

    def close(self) -> None:
        """Send what has not been sent."""
        self._provider.shutdown()


def _nanoseconds(seconds: float) -> int:
    return int(seconds * _NANOSECONDS)

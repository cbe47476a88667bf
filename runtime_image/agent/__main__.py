"""Composition root of the agent: reads the environment, builds every part and passes it to the others."""

import os
import queue
import secrets
import signal
import socket
import sys
import threading
from collections.abc import Callable
from contextlib import ExitStack
from functools import cache
from typing import TYPE_CHECKING

from contract.settings import InvalidEnvironment
from runtime_image.agent.complete.task_completion import TaskCompletion
from runtime_image.agent.core.claimed_tasks import ClaimedTasks, Pipeline
from runtime_image.agent.core.engine import Engine
from runtime_image.agent.core.engine_health import EngineHealth
from runtime_image.agent.core.events import DrainRequested, Event, StopRequested
from runtime_image.agent.core.shutdown_sequence import ShutdownSequence
from runtime_image.agent.core.task_queue import TaskQueue
from runtime_image.agent.core.worker_pools import WorkerPools
from runtime_image.agent.engines import Threads, build_engine
from runtime_image.agent.generate.generation import EngineSetUp, Generation, Interrupt, Readiness
from runtime_image.agent.generate.generation_scheduler import GenerationScheduler
from runtime_image.agent.generate.hang_detector import HangDetector
from runtime_image.agent.generate.outstanding_requests import OutstandingRequests
from runtime_image.agent.generate.progress_attribution import ProgressAttribution
from runtime_image.agent.generate.progress_monitor import ProgressMonitor, ProgressPoller
from runtime_image.agent.intake.prefetch_window import PrefetchWindow
from runtime_image.agent.intake.prefetcher import MessageRequeue, Prefetcher, QueuePoller
from runtime_image.agent.intake.task_claimer import MessageReader, TaskClaimer
from runtime_image.agent.lease.lease_renewal import LeaseRenewal
from runtime_image.agent.lease.replica_heartbeat import ReplicaHeartbeat
from runtime_image.agent.lease.task_monitor import LeaseCheck, ProgressWrite, TaskMonitor
from runtime_image.agent.orchestrator.scale_in_protection import ScaleInProtection, build_orchestrator
from runtime_image.agent.prepare.inputs.picture_resolver import build_picture_resolver
from runtime_image.agent.prepare.task_preparer import TaskPreparer
from runtime_image.agent.settings import AgentSettings
from runtime_image.agent.store.output_uploader import OutputUploader
from runtime_image.agent.store.picture_delivery import PictureDelivery
from runtime_image.agent.store.picture_encoder import PictureEncoder
from runtime_image.agent.store.previews import Previews
from runtime_image.agent.task_loop import TaskLoop
from runtime_image.agent.telemetry.composition import build_telemetry
from runtime_image.process.aws import AwsClients
from runtime_image.process.aws_clock import AwsClock
from runtime_image.process.clock import Clock
from runtime_image.process.exit_codes import ExitCode
from runtime_image.process.logs import EventLog, configure_logs
from runtime_image.process.retry import Retry
from runtime_image.process.threads import start_thread
from task_store.repository import TaskRepository

if TYPE_CHECKING:  # loaded only by agents that need them
    from guarded_http.client import GuardedHttp
    from runtime_image.agent.prepare.model_cache import ModelCache
    from runtime_image.agent.prepare.model_calls import ModelCalls


def main() -> int:
    """Run the agent until it stops; return the exit code."""
    events: queue.SimpleQueue[Event] = queue.SimpleQueue()
    for number in (signal.SIGTERM, signal.SIGINT):
        # Only a put, which is safe at any moment; the loop does the rest.
        signal.signal(number, lambda *_: events.put(StopRequested()))
    signal.signal(signal.SIGUSR1, lambda *_: events.put(DrainRequested()))
    try:
        settings = AgentSettings.from_environment(os.environ)
        log = configure_logs(settings.log_level).bind(runtime=settings.runtime)
        with ExitStack() as at_exit:
            return build_loop(settings, events, log, at_exit).run()
    except InvalidEnvironment as error:
        configure_logs("INFO").error("settings_invalid", reason=str(error))
        return ExitCode.INVALID_SETTINGS


def build_loop(
    settings: AgentSettings, events: "queue.SimpleQueue[Event]", log: EventLog, at_exit: ExitStack
) -> TaskLoop:
    """Build the agent and start its threads; `at_exit` receives the calls to make before the process ends."""
    clock, stopping, post = AwsClock(), threading.Event(), events.put
    aws = AwsClients(clock=clock)
    retry, health = Retry(clock=clock, log=log), EngineHealth()
    owner = f"{socket.gethostname()}-{os.getpid()}-{secrets.token_hex(4)}"
    log.info("agent_started", owner=owner)

    # The world outside: the engine, the queue and the task table.
    engine, engine_threads = build_engine(settings, clock, log)
    task_queue = TaskQueue(
        client=aws.queue,
        queue_url=settings.queue_url,
        low_priority_queue_url=settings.low_priority_queue_url,
        visibility_timeout_seconds=settings.visibility_timeout_seconds,
        clock=clock,
    )
    repository = TaskRepository(
        client=aws.table,
        table_name=settings.task_table,
        retention_seconds=settings.retention_seconds,
        now_ms=clock.now_ms,
    )
    lease_renewal = LeaseRenewal(repository=repository, queue=task_queue, clock=clock, log=log, post=post)
    telemetry = build_telemetry(settings, health=health, engine=engine, clock=clock, log=log, at_exit=at_exit)

    # The journey of a task: claim, prepare, generate, store, complete.
    claimer = TaskClaimer(
        reader=MessageReader(storage=aws.storage, task_bucket=settings.task_bucket, runtime=settings.runtime),
        repository=repository,
        owner=owner,
        queue=task_queue,
        lease_renewal=lease_renewal,
        clock=clock,
        stopping=stopping,
        log=log,
    )
    preparer = TaskPreparer(
        engine=engine,
        pictures=build_picture_resolver(settings, storage=aws.storage, retry=retry, clock=clock),
        model_cache=_build_model_cache(settings, engine, log),
        load_model_calls=_model_calls_loader(settings, clock, log),
        retry=retry,
        clock=clock,
        log=log,
    )
    generation = Generation(clock=clock)
    uploader = OutputUploader(
        storage=aws.storage,
        bucket=settings.output_bucket,
        encoder=PictureEncoder(),
        delivery=PictureDelivery(storage=aws.storage, load_http=_http_loader(settings), clock=clock, log=log),
        retry=retry,
        log=log,
    )
    completion = TaskCompletion(
        repository=repository,
        queue=task_queue,
        lease_renewal=lease_renewal,
        retry=retry,
        observers=telemetry.observers,
        clock=clock,
        log=log,
    )
    stages = (preparer, generation, uploader, completion)
    previews = Previews(storage=aws.storage, bucket=settings.output_bucket)
    pools = WorkerPools(
        stages=(*stages, EngineSetUp(clock=clock, log=log)),
        jobs=(
            claimer,
            MessageRequeue(queue=task_queue),
            LeaseCheck(repository=repository),
            ProgressWrite(repository=repository),
            previews,
            Interrupt(clock=clock, log=log),
            Readiness(engine=engine, retry=retry, clock=clock, stopping=stopping, log=log),
        ),
        post=post,
    )

    # The decisions, all made by the loop.
    outstanding, prefetch_window = OutstandingRequests(), PrefetchWindow()
    attribution = ProgressAttribution(outstanding=outstanding)
    hang_detector = HangDetector(outstanding=outstanding, limit_seconds=settings.hang_seconds)
    scheduler = GenerationScheduler(
        pools=pools,
        outstanding=outstanding,
        attribution=attribution,
        prefetch_window=prefetch_window,
        gpu=telemetry.gpu,
    )
    claimed = ClaimedTasks(pools=pools, withdraw=scheduler.withdraw, log=log)
    pipeline = Pipeline(
        [stage.name for stage in stages],
        engine_stage=generation.name,
        entrances={generation.name: scheduler.add, completion.name: claimed.commit},
        pools=pools,
    )

    # The threads that never end.
    poller = QueuePoller(queue_=task_queue, clock=clock, log=log, post=post)
    progress_poller = ProgressPoller(engine=engine, clock=clock, post=post)
    scale_in_protection = ScaleInProtection(orchestrator=build_orchestrator(settings), clock=clock, log=log, post=post)
    heartbeat = ReplicaHeartbeat(repository=repository, replica=owner, runtime=settings.runtime, clock=clock, log=log)
    threads: Threads = {
        "poller": poller.run,
        "lease_renewal": lease_renewal.run,
        "progress": progress_poller.run,
        "scale_in_protection": scale_in_protection.run,
        "heartbeat": heartbeat.run,
        **engine_threads,
    }
    for name, run in threads.items():
        start_thread(name, run, post)

    return TaskLoop(
        events=events,
        pools=pools,
        pipeline=pipeline,
        prefetcher=Prefetcher(pools=pools, poller=poller, room=scheduler.room, claimed=claimed, stopping=stopping),
        claimed=claimed,
        lease_renewal=lease_renewal,
        task_monitor=TaskMonitor(pools=pools),
        scheduler=scheduler,
        outstanding=outstanding,
        progress_monitor=ProgressMonitor(
            pools=pools,
            outstanding=outstanding,
            attribution=attribution,
            hang_detector=hang_detector,
            poller=progress_poller,
            prefetch_window=prefetch_window,
            preview_job=previews.name,
        ),
        hang_detector=hang_detector,
        engine=engine,
        health=health,
        shutdown=ShutdownSequence(grace_period_seconds=settings.grace_period_seconds),
        scale_in_protection=scale_in_protection,
        report=telemetry.report,
        stopping=stopping,
        clock=clock,
        log=log,
    )


def _build_model_cache(settings: AgentSettings, engine: Engine, log: EventLog) -> "ModelCache | None":
    if not settings.model_bucket:
        return None
    from runtime_image.agent.prepare.model_cache import ModelCache  # noqa: PLC0415 - only with a model bucket
    from runtime_image.model_downloader.bucket import open_bucket  # noqa: PLC0415 - see above
    from runtime_image.model_downloader.folder import ModelsFolder  # noqa: PLC0415 - see above

    return ModelCache(
        bucket=open_bucket(settings.model_bucket),
        folder=ModelsFolder(settings.models_directory),
        max_bytes=settings.models_max_bytes,
        engine=engine,
        log=log,
    )


def _http_loader(settings: AgentSettings) -> "Callable[[], GuardedHttp]":
    @cache
    def load() -> "GuardedHttp":
        # See `_model_calls_loader`.
        from guarded_http.client import GuardedHttp  # noqa: PLC0415 - see above
        from guarded_http.network import resolve_with_system  # noqa: PLC0415 - see above

        return GuardedHttp(resolve=resolve_with_system, allowed_hosts=settings.allowed_link_hosts)

    return load


def _model_calls_loader(settings: AgentSettings, clock: Clock, log: EventLog) -> "Callable[[], ModelCalls]":
    @cache
    def load() -> "ModelCalls":
        # 100 ms and 15 MB, which only agents with such tasks should pay.
        from guarded_http.client import GuardedHttp  # noqa: PLC0415 - see above
        from guarded_http.network import resolve_with_system  # noqa: PLC0415 - see above
        from runtime_image.agent.prepare.model_calls import ModelCalls  # noqa: PLC0415 - see above
        from runtime_image.model_downloader.bucket import open_bucket  # noqa: PLC0415 - see above
        from runtime_image.model_downloader.bucket_index import BucketIndex  # noqa: PLC0415 - see above
        from runtime_image.model_downloader.folder import ModelsFolder  # noqa: PLC0415 - see above

        return ModelCalls(
            folder=ModelsFolder(settings.models_directory),
            index=BucketIndex(open_bucket(settings.model_bucket)) if settings.model_bucket else None,
            http=GuardedHttp(
                resolve=resolve_with_system,
                allowed_hosts=settings.allowed_link_hosts,
            ),
            hub_url=settings.hf_endpoint,
            clock=clock,
            log=log,
        )

    return load


if __name__ == "__main__":
    sys.exit(main())

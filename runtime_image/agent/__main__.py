"""Composition root of the agent: reads the environment, builds every part and passes it to the others."""

import os
import queue
import secrets
import signal
import socket
import sys
import threading
from contextlib import ExitStack
from typing import TYPE_CHECKING

from contract.settings import InvalidEnvironment
from guarded_http.client import GuardedHttp
from guarded_http.network import resolve_with_system
from runtime_image.agent.complete.task_completion import TaskCompletion
from runtime_image.agent.core.claimed_tasks import ClaimedTasks, Pipeline
from runtime_image.agent.core.engine import Engine
from runtime_image.agent.core.engine_health import EngineHealth
from runtime_image.agent.core.events import Event, StopRequested
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
from runtime_image.agent.orchestrator.orchestrator import build_orchestrator
from runtime_image.agent.orchestrator.scale_in_protection import ScaleInProtection
from runtime_image.agent.prepare.inputs.fetchers import HttpFetcher, S3Fetcher
from runtime_image.agent.prepare.inputs.picture_reader import PictureReader
from runtime_image.agent.prepare.inputs.picture_resolver import PictureResolver
from runtime_image.agent.prepare.model_cache import ModelCache
from runtime_image.agent.prepare.model_calls import ModelCalls
from runtime_image.agent.prepare.task_preparer import TaskPreparer
from runtime_image.agent.settings import AgentSettings
from runtime_image.agent.store.output_uploader import OutputUploader
from runtime_image.agent.store.picture_delivery import PictureDelivery
from runtime_image.agent.store.picture_encoder import PictureEncoder
from runtime_image.agent.store.previews import Previews
from runtime_image.agent.task_loop import TaskLoop
from runtime_image.agent.telemetry.composition import build_telemetry
from runtime_image.model_downloader.bucket import open_bucket
from runtime_image.model_downloader.bucket_index import BucketIndex
from runtime_image.model_downloader.folder import ModelsFolder
from runtime_image.process.aws import AwsClients
from runtime_image.process.clock import AwsClock, Clock
from runtime_image.process.exit_codes import ExitCode
from runtime_image.process.logs import EventLog, configure_logs
from runtime_image.process.retry import Retry
from runtime_image.process.threads import start_thread
from task_store.repository import TaskRepository

if TYPE_CHECKING:
    from types_boto3_s3 import S3Client


def main() -> int:
    """Run the agent until it stops; return the exit code."""
    events: queue.SimpleQueue[Event] = queue.SimpleQueue()
    for number in (signal.SIGTERM, signal.SIGINT):
        # Only a put, which is safe at any moment; the loop does the rest.
        signal.signal(number, lambda *_: events.put(StopRequested()))
    signal.signal(signal.SIGUSR1, lambda *_: events.put(StopRequested(is_drain=True)))
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
        event_log=log,
    )
    http = GuardedHttp(resolve=resolve_with_system, allowed_hosts=settings.allowed_link_hosts)
    preparer = _build_preparer(settings, engine=engine, storage=aws.storage, http=http, clock=clock, log=log)
    generation = Generation(clock=clock)
    uploader = OutputUploader(
        storage=aws.storage,
        bucket=settings.output_bucket,
        encoder=PictureEncoder(),
        delivery=PictureDelivery(storage=aws.storage, http=http, clock=clock, log=log),
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
        event_log=log,
    )


def _build_preparer(
    settings: AgentSettings, *, engine: Engine, storage: "S3Client", http: GuardedHttp, clock: Clock, log: EventLog
) -> TaskPreparer:
    retry, folder = Retry(clock=clock, log=log), ModelsFolder(settings.models_directory)
    index: BucketIndex | None = None
    model_cache: ModelCache | None = None
    if settings.model_bucket:
        bucket = open_bucket(settings.model_bucket)
        index = BucketIndex(bucket)
        model_cache = ModelCache(
            bucket=bucket, index=index, folder=folder, max_bytes=settings.models_max_bytes, engine=engine, log=log
        )
    s3 = S3Fetcher(
        storage=storage,
        buckets=settings.link_buckets,
        own_buckets=(settings.task_bucket, settings.output_bucket),
        retry=retry,
        clock=clock,
    )
    return TaskPreparer(
        engine=engine,
        pictures=PictureResolver(
            fetch_http=HttpFetcher(http=http, clock=clock).fetch, fetch_s3=s3.fetch, read=PictureReader().read
        ),
        model_cache=model_cache,
        model_calls=ModelCalls(
            folder=folder, index=index, http=http, hub_url=settings.hf_endpoint.rstrip("/"), clock=clock, log=log
        ),
        retry=retry,
        clock=clock,
        log=log,
    )


if __name__ == "__main__":
    sys.exit(main())

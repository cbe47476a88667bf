"""The composition root of the agent: reads the environment, builds every part and passes it to the others."""

import os
import queue
import secrets
import signal
import socket
import sys
import threading
from contextlib import ExitStack

from contract.settings import InvalidEnvironment
from runtime_image.agent.complete.task_completion import TaskCompletion
from runtime_image.agent.core.claimed_tasks import ClaimedTasks
from runtime_image.agent.core.events import DrainRequested, Event, StopRequested
from runtime_image.agent.core.loop import TaskLoop
from runtime_image.agent.core.shutdown_sequence import ShutdownSequence
from runtime_image.agent.core.webui_health import WebUiHealth
from runtime_image.agent.core.worker_pools import WorkerPools
from runtime_image.agent.generate.adaptive_concurrency import AdaptiveConcurrency
from runtime_image.agent.generate.generation import Generation
from runtime_image.agent.generate.generation_scheduler import GenerationScheduler
from runtime_image.agent.generate.outstanding_requests import OutstandingRequests
from runtime_image.agent.generate.progress_attribution import ProgressAttribution
from runtime_image.agent.generate.progress_watch import ProgressWatch
from runtime_image.agent.generate.readiness import Readiness
from runtime_image.agent.intake.message_reader import MessageReader
from runtime_image.agent.intake.prefetch_window import PrefetchWindow
from runtime_image.agent.intake.prefetcher import Prefetcher
from runtime_image.agent.intake.queue_poller import QueuePoller
from runtime_image.agent.intake.task_claimer import TaskClaimer
from runtime_image.agent.intake.task_queue import TaskQueue
from runtime_image.agent.lease.lease_renewal import LeaseRenewal
from runtime_image.agent.lease.replica_heartbeat import ReplicaHeartbeat
from runtime_image.agent.lease.task_monitor import TaskMonitor
from runtime_image.agent.orchestrator.composition import build_orchestrator
from runtime_image.agent.orchestrator.scale_in_protection import ScaleInProtection
from runtime_image.agent.prepare.inputs.composition import build_links
from runtime_image.agent.prepare.model_tools import ModelTools
from runtime_image.agent.prepare.task_preparer import TaskPreparer
from runtime_image.agent.settings import AgentSettings
from runtime_image.agent.store.output_uploader import OutputUploader
from runtime_image.agent.store.previews import Previews
from runtime_image.agent.telemetry.composition import build_telemetry
from runtime_image.process.aws import AwsClients
from runtime_image.process.clock import Clock
from runtime_image.process.exit_codes import ExitCode
from runtime_image.process.logs import EventLog, configure_logs
from runtime_image.process.retry import Retry
from runtime_image.process.threads import start_thread
from runtime_image.webui.checkpoints import Checkpoints
from runtime_image.webui.client import WebUiClient
from runtime_image.webui.names.catalog import NameCatalog
from runtime_image.webui.names.validation import NameValidation
from runtime_image.webui.options import OptionOverrides
from runtime_image.webui.request_check import RequestCheck
from task_store.repository import TaskRepository


def main() -> int:
    """Run the agent until it is told to stop; returns the exit code."""
    events: queue.SimpleQueue[Event] = queue.SimpleQueue()
    for number in (signal.SIGTERM, signal.SIGINT):
        # Nothing but a put, which is safe in the middle of anything; the loop does the rest.
        signal.signal(number, lambda *_: events.put(StopRequested()))
    signal.signal(signal.SIGUSR1, lambda *_: events.put(DrainRequested()))
    try:
        settings = AgentSettings.from_environment(os.environ)
    except InvalidEnvironment as error:
        configure_logs("INFO").error("settings_invalid", reason=str(error))
        return ExitCode.INVALID_SETTINGS
    log = configure_logs(settings.log_level).bind(runtime=settings.runtime)
    with ExitStack() as at_exit:
        return build_loop(settings, events, log, at_exit).run()


def build_loop(
    settings: AgentSettings, events: "queue.SimpleQueue[Event]", log: EventLog, at_exit: ExitStack
) -> TaskLoop:
    """Build every part of the agent and start its threads; `at_exit` gets what must be done before the process ends."""
    aws, clock, stopping, post = AwsClients(), Clock(), threading.Event(), events.put
    owner = f"{socket.gethostname()}-{os.getpid()}-{secrets.token_hex(4)}"
    log.info("agent_started", owner=owner)

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
    retry, health = Retry(clock=clock, log=log), WebUiHealth()
    webui = WebUiClient(base_url=settings.webui_url)
    checkpoints, options = Checkpoints(client=webui), OptionOverrides(client=webui)
    known_names = NameCatalog(client=webui)
    check = RequestCheck(
        names=NameValidation(known=known_names), options=options, allowed_options=settings.allowed_options
    )
    telemetry = build_telemetry(settings, health=health, checkpoints=checkpoints, clock=clock, log=log, at_exit=at_exit)
    completion = TaskCompletion(
        repository=repository,
        queue=task_queue,
        lease_renewal=lease_renewal,
        retry=retry,
        observers=telemetry.observers,
        clock=clock,
        log=log,
    )
    reader = MessageReader(storage=aws.storage, task_bucket=settings.task_bucket, runtime=settings.runtime)
    links = build_links(settings, storage=aws.storage, retry=retry, clock=clock)
    pools = WorkerPools(
        intake=TaskClaimer(
            reader=reader,
            repository=repository,
            owner=owner,
            queue=task_queue,
            lease_renewal=lease_renewal,
            clock=clock,
            stopping=stopping,
            log=log,
        ),
        preparation=TaskPreparer(
            links=links,
            models=ModelTools(settings=settings, checkpoints=checkpoints, clock=clock, log=log),
            check=check,
            checkpoints=checkpoints,
            clock=clock,
            log=log,
        ),
        generation=Generation(client=webui, checkpoints=checkpoints, options=options, clock=clock, log=log),
        readiness=Readiness(client=webui, clock=clock, stopping=stopping, log=log),
        previews=Previews(storage=aws.storage, bucket=settings.output_bucket),
        storing=OutputUploader(storage=aws.storage, bucket=settings.output_bucket, completion=completion, retry=retry),
        completion=completion,
        repository=repository,
        queue=task_queue,
        post=post,
    )
    poller = QueuePoller(queue_=task_queue, clock=clock, log=log, post=post)
    watch = ProgressWatch(client=webui, clock=clock, post=post)
    outstanding, prefetch_window = OutstandingRequests(), PrefetchWindow()
    attribution = ProgressAttribution(outstanding=outstanding)
    scheduler = GenerationScheduler(
        pools=pools,
        outstanding=outstanding,
        attribution=attribution,
        checkpoints=checkpoints,
        options=options,
        prefetch_window=prefetch_window,
        concurrency=AdaptiveConcurrency(),
        gpu=telemetry.gpu,
    )
    claimed = ClaimedTasks(pools=pools, scheduler=scheduler, lease_renewal=lease_renewal, log=log)
    scale_in_protection = ScaleInProtection(orchestrator=build_orchestrator(settings), clock=clock, log=log, post=post)
    heartbeat_sender = ReplicaHeartbeat(
        repository=repository, replica=owner, runtime=settings.runtime, clock=clock, log=log
    )
    threads = {
        "keeper": lease_renewal.run,
        "receiver": poller.run,
        "progress": watch.run,
        "standing": scale_in_protection.run,
    }
    threads |= {"presence": heartbeat_sender.run}
    for name, run in threads.items():
        start_thread(name, run, post)

    def forget_webui() -> None:
        checkpoints.forget()
        options.forget()
        known_names.forget()

    return TaskLoop(
        events=events,
        pools=pools,
        prefetcher=Prefetcher(pools=pools, poller=poller, scheduler=scheduler, claimed=claimed, stopping=stopping),
        claimed=claimed,
        scheduler=scheduler,
        monitor=TaskMonitor(
            pools=pools,
            outstanding=outstanding,
            attribution=attribution,
            watch=watch,
            prefetch_window=prefetch_window,
            hang_seconds=settings.hang_seconds,
        ),
        forget_webui=forget_webui,
        health=health,
        shutdown=ShutdownSequence(grace_period_seconds=settings.grace_period_seconds),
        scale_in_protection=scale_in_protection,
        report=telemetry.report,
        stopping=stopping,
        clock=clock,
        log=log,
    )


if __name__ == "__main__":
    sys.exit(main())

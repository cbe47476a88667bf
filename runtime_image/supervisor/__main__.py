"""The composition root of the supervisor: reads the environment, builds every part and passes it to the others."""

import os
import queue
import shutil
import signal
import sys
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Final

from contract.settings import InvalidEnvironment
from runtime_image.process.clock import Clock
from runtime_image.process.exit_codes import ExitCode
from runtime_image.process.logs import EventLog, configure_logs
from runtime_image.supervisor.agent import Agent
from runtime_image.supervisor.baked_models import link_baked_models
from runtime_image.supervisor.child import Child
from runtime_image.supervisor.condition import Condition
from runtime_image.supervisor.ending import Ending
from runtime_image.supervisor.events import Event, StopRequested
from runtime_image.supervisor.health_server import HealthServer
from runtime_image.supervisor.idle_watch import IdleWatch
from runtime_image.supervisor.kept_process import KeptProcess
from runtime_image.supervisor.loop import Supervisor
from runtime_image.supervisor.metrics import Metrics
from runtime_image.supervisor.models import Models
from runtime_image.supervisor.output import log_output
from runtime_image.supervisor.restarts import Restarts
from runtime_image.supervisor.settings import SupervisorSettings
from runtime_image.supervisor.webui import WebUi
from runtime_image.supervisor.webui_preparation import WebUiPreparation
from runtime_image.webui.client import WebUiClient

AGENT_COMMAND: Final = (sys.executable, "-m", "runtime_image.agent")
MODELS_COMMAND: Final = (sys.executable, "-m", "runtime_image.model_downloader")


def main(
    environment: Mapping[str, str] = os.environ,
    *,
    agent_command: Sequence[str] = AGENT_COMMAND,
    models_command: Sequence[str] = MODELS_COMMAND,
) -> int:
    """Run the supervisor until it is told to stop or gives up; returns the exit code."""
    events: queue.SimpleQueue[Event] = queue.SimpleQueue()
    for number in (signal.SIGTERM, signal.SIGINT):
        # Nothing but a put, which is safe in the middle of anything; the loop does the rest.
        signal.signal(number, lambda *_: events.put(StopRequested()))
    try:
        return _run(environment, events, agent_command=agent_command, models_command=models_command)
    except InvalidEnvironment as error:
        configure_logs("INFO").error("settings_invalid", reason=str(error))
        return ExitCode.INVALID_SETTINGS


def _run(
    environment: Mapping[str, str],
    events: "queue.SimpleQueue[Event]",
    *,
    agent_command: Sequence[str],
    models_command: Sequence[str],
) -> int:
    settings = SupervisorSettings.from_environment(environment)
    _check(settings)
    log = configure_logs(settings.log_level).bind(runtime=settings.runtime, process="supervisor")
    baked_models = link_baked_models(settings.baked_models_directory, settings.models_directory)
    clock = Clock()
    condition = Condition(seen_at=clock.monotonic())
    metrics = Metrics(
        runtime=settings.runtime,
        condition=condition,
        models_directory=settings.models_directory,
        models_state_file=settings.models_state_file,
    )
    try:
        server = HealthServer(port=settings.health_port, condition=condition, metrics=metrics, clock=clock)
    except OSError as error:
        raise InvalidEnvironment(f"HEALTH_PORT: port {settings.health_port}: {error.strerror}") from error
    log.info("supervisor_started", health_port=server.port, baked_models=baked_models)
    supervisor = build_supervisor(
        settings,
        events,
        environment=environment,
        agent_command=agent_command,
        models_command=models_command if settings.model_bucket else None,
        condition=condition,
        metrics=metrics,
        clock=clock,
        log=log,
    )
    try:
        return supervisor.run()
    finally:
        server.stop()


def _check(settings: SupervisorSettings) -> None:
    program, folder = settings.webui_command[0], settings.status_file.parent
    if shutil.which(program) is None:
        raise InvalidEnvironment(f"WEBUI_COMMAND: there is no program {program}")
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InvalidEnvironment(f"STATUS_FILE: {folder} cannot be made: {error.strerror}") from error
    if not os.access(folder, os.W_OK):
        raise InvalidEnvironment(f"STATUS_FILE: {folder} cannot be written to")


def build_supervisor(
    settings: SupervisorSettings,
    events: "queue.SimpleQueue[Event]",
    *,
    environment: Mapping[str, str],
    agent_command: Sequence[str],
    models_command: Sequence[str] | None,
    condition: Condition,
    metrics: Metrics,
    clock: Clock,
    log: EventLog,
) -> Supervisor:
    """Build every part; nothing has been started yet."""
    post, stop_seconds = events.put, settings.webui_stop_seconds
    for_agent = {
        "STATUS_FILE": str(settings.status_file),
        "GRACE_PERIOD_SECONDS": str(settings.agent_grace_period_seconds),
    }

    def restarts() -> Restarts:
        return Restarts(limit=settings.webui_restarts)

    downloader = models_command and KeptProcess(
        start=partial(Child, "models", models_command, environment=environment, post=post), restarts=restarts(), log=log
    )
    models = Models(downloader or None)
    client = WebUiClient(base_url=settings.webui_url)
    preparation = WebUiPreparation(
        client=client,
        models_on_disk=models.on_disk,
        fetches_models=downloader is not None,
        model_filename=settings.model_filename,
        warm_up=settings.warm_up,
        clock=clock,
        log=log,
    )
    watch = IdleWatch(client=client, condition=condition, limit_seconds=settings.hang_seconds, clock=clock)
    webui = WebUi(
        start=partial(
            Child,
            "webui",
            settings.webui_command,
            # Its lines shall come when they are printed.
            environment={**environment, "PYTHONUNBUFFERED": "1"},
            post=post,
            take_output=partial(log_output, log=log.bind(process="webui")),
        ),
        prepare=preparation.run,
        watch=watch.run,
        post=post,
        restarts=restarts(),
        stop_seconds=stop_seconds,
        metrics=metrics,
        log=log,
    )
    agent = Agent(
        start=partial(Child, "agent", agent_command, environment={**environment, **for_agent}, post=post),
        restarts=restarts(),
        status_file=settings.status_file,
        log=log,
    )
    return Supervisor(
        events=events,
        webui=webui,
        models=models,
        agent=agent,
        ending=Ending(
            agent=agent,
            webui=webui,
            downloader=downloader or None,
            agent_stop_seconds=settings.agent_stop_seconds,
            webui_stop_seconds=stop_seconds,
        ),
        condition=condition,
        metrics=metrics,
        start_deadline_seconds=settings.start_deadline_seconds,
        memory_limit_bytes=settings.webui_memory_limit,
        clock=clock,
        log=log,
    )


if __name__ == "__main__":
    sys.exit(main())

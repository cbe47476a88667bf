"""Composition root of the supervisor: reads the environment, builds every part and passes it to the others."""

import os
import queue
import shutil
import signal
import sys
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Final

from contract.settings import InvalidEnvironment
from runtime_image.comfyui.client import ComfyUiClient
from runtime_image.comfyui.folders import folders_of
from runtime_image.process.clock import Clock
from runtime_image.process.exit_codes import ExitCode
from runtime_image.process.logs import configure_logs
from runtime_image.process.threads import MEMORY_VARIABLES
from runtime_image.process.webui_environment import webui_environment
from runtime_image.supervisor.agent_process import AgentProcess
from runtime_image.supervisor.child_process import ChildProcess
from runtime_image.supervisor.container_metrics import ContainerMetrics
from runtime_image.supervisor.container_status import ContainerStatus
from runtime_image.supervisor.engines import ComfyUi, SdWebUi, SupervisedEngine
from runtime_image.supervisor.events import Event, ShutdownRequested
from runtime_image.supervisor.health_server import HealthServer
from runtime_image.supervisor.hosted_process import HostedProcess
from runtime_image.supervisor.managed_process import RestartPolicy, StartedProcess
from runtime_image.supervisor.model_download import ModelDownload, link_baked_models, make_webui_folders
from runtime_image.supervisor.output_lines import log_output
from runtime_image.supervisor.settings import SupervisorSettings
from runtime_image.supervisor.supervisor import Supervisor
from runtime_image.supervisor.webui_process import WebUiProcess
from runtime_image.supervisor.webui_watch import WebUiWatch
from runtime_image.webui.client import WebUiClient

AGENT_COMMAND: Final = (sys.executable, "-m", "runtime_image.agent")
MODELS_COMMAND: Final = (sys.executable, "-m", "runtime_image.model_downloader")


def main(environment: Mapping[str, str] = os.environ, *, models_command: Sequence[str] = MODELS_COMMAND) -> int:
    """Run the supervisor until it is asked to stop or cannot continue. Returns the exit code."""
    events: queue.SimpleQueue[Event] = queue.SimpleQueue()
    for number in (signal.SIGTERM, signal.SIGINT):
        # A put is safe in the middle of anything. The loop does the rest.
        signal.signal(number, lambda *_: events.put(ShutdownRequested()))
    try:
        return _run(environment, events, models_command)
    except InvalidEnvironment as error:
        configure_logs("INFO").error("settings_invalid", reason=str(error))
        return ExitCode.INVALID_SETTINGS


def _run(environment: Mapping[str, str], events: "queue.SimpleQueue[Event]", models_command: Sequence[str]) -> int:
    settings = SupervisorSettings.from_environment(environment)
    check_machine(settings)
    log = configure_logs(settings.log_level).bind(runtime=settings.runtime, process="supervisor")
    if settings.orchestrator == "kubernetes" and not settings.aws_container_credentials_full_uri:
        # EKS adds them when it makes the pod, and never later: a restart of the container would change nothing.
        log.error("credentials_missing", reason="the pod was made before its role was known; delete the pod")
        return ExitCode.CREDENTIALS_MISSING
    if settings.webui_host and settings.runtime_type == "sdwebui":
        make_webui_folders(settings.models_directory)
    baked_models = link_baked_models(settings.baked_models_directory, settings.models_directory)
    clock = Clock()
    status = ContainerStatus(ticked_at=clock.monotonic())
    metrics = ContainerMetrics(
        runtime=settings.runtime,
        status=status,
        models_directory=settings.models_directory,
        models_state_file=settings.models_state_file,
    )
    models = ModelDownload(
        start=partial(ChildProcess, "models", models_command, environment=environment, post=events.put),
        stop_seconds=settings.webui_stop_seconds,
        restart_policy=RestartPolicy(limit=0),
        is_needed=bool(settings.model_bucket),
        event_log=log,
    )
    engine = _engine(settings, downloads_models=models.is_needed)
    watch = WebUiWatch(
        engine=engine,
        models_on_disk=models.on_disk,
        status=status,
        limit_seconds=settings.hang_seconds,
        clock=clock,
        event_log=log,
    )
    read_output = partial(log_output, engine=engine, log=log.bind(process=engine.name))

    def start_webui() -> StartedProcess:
        if settings.webui_host:
            address = settings.webui_host_address
            return HostedProcess(engine.name, address, clock=clock, post=events.put, read_output=read_output)
        variables = webui_environment(environment, settings.webui_variables)
        return ChildProcess(
            engine.name, settings.webui_command, environment=variables, post=events.put, read_output=read_output
        )

    webui = WebUiProcess(
        start=start_webui,
        watch=watch.run,
        post=events.put,
        stop_seconds=settings.webui_stop_seconds,
        restart_policy=RestartPolicy(limit=settings.webui_restarts),
        metrics=metrics,
        ready_file=settings.engine_ready_file,
        event_log=log,
    )
    agent_environment = {
        **environment,
        **MEMORY_VARIABLES,
        "STATUS_FILE": str(settings.status_file),
        "ENGINE_READY_FILE": str(settings.engine_ready_file),
        "GRACE_PERIOD_SECONDS": str(settings.agent_grace_period_seconds),
    }
    agent = AgentProcess(
        start=partial(ChildProcess, "agent", AGENT_COMMAND, environment=agent_environment, post=events.put),
        stop_seconds=settings.agent_stop_seconds,
        restart_policy=RestartPolicy(limit=settings.webui_restarts),
        status_file=settings.status_file,
        event_log=log,
    )
    supervisor = Supervisor(
        events=events,
        webui=webui,
        models=models,
        agent=agent,
        status=status,
        metrics=metrics,
        start_deadline_seconds=settings.start_deadline_seconds,
        memory_limit_bytes=settings.webui_memory_limit,
        clock=clock,
        event_log=log,
    )
    try:
        server = HealthServer(port=settings.health_port, status=status, metrics=metrics, clock=clock)
    except OSError as error:
        raise InvalidEnvironment(f"HEALTH_PORT: port {settings.health_port}: {error.strerror}") from error
    log.info("supervisor_started", health_port=server.port, baked_models=baked_models)
    try:
        return supervisor.run()
    finally:
        server.stop()


def _engine(settings: SupervisorSettings, *, downloads_models: bool) -> SupervisedEngine:
    if settings.runtime_type == "sdwebui":
        return SdWebUi(
            client=WebUiClient(base_url=settings.webui_url),
            downloads_models=downloads_models,
            model_filename=settings.model_filename,
            warms_up=settings.warm_up,
        )
    return ComfyUi(client=ComfyUiClient(base_url=settings.comfyui_url), folders=folders_of(settings))


def check_machine(settings: SupervisorSettings) -> None:
    """Raise InvalidEnvironment if the machine lacks the Web UI's program or a folder for the agent's status."""
    program, folder = settings.webui_command[0], settings.status_file.parent
    if shutil.which(program) is None:
        raise InvalidEnvironment(f"WEBUI_COMMAND: there is no program {program}")
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InvalidEnvironment(f"STATUS_FILE: {folder} cannot be made: {error.strerror}") from error
    if not os.access(folder, os.W_OK):
        raise InvalidEnvironment(f"STATUS_FILE: {folder} is not writable")


if __name__ == "__main__":
    sys.exit(main())

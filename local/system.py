"""The composition of the local system: what is started after what, and what ends the whole."""

import asyncio
import sys
from contextlib import AsyncExitStack

from local.command_line import PROJECT, Options
from local.console import Console
from local.endpoints import describe_endpoints
from local.event_sources.event_source import run_event_source
from local.infrastructure import InfrastructureStarter, LocalInfrastructure
from local.processes.process_group import LocalProcess, ProcessFailed, ProcessGroup
from local.processes.restarting_process import RestartingProcess
from local.replicas.agents import agent_environment, container_environment, start_agent
from local.replicas.containers import Containers, free_webui_url
from local.services import Services, start_services
from local.state_directory import StateDirectory
from stacks.config import RuntimeConfig


class LocalSystem:
    """One run of the local system in a state directory that the caller holds."""

    def __init__(self, options: Options, *, state: StateDirectory, processes: ProcessGroup, console: Console) -> None:
        self._options = options
        self._environment = options.environment
        self._state = state
        self._processes = processes
        self._console = console

    async def run(self) -> None:
        """Start everything, say where it is, and go on until cancelled or until a part fails for good.

        What was started last ends first: replicas, gateway, functions. Web UIs and AWS end with the other processes.
        """
        async with AsyncExitStack() as closing:
            work = InfrastructureStarter(
                self._options,
                project=PROJECT,
                state=self._state,
                processes=self._processes,
                console=self._console,
            )
            infrastructure = await work.start()
            services = await start_services(
                infrastructure.provisioned,
                clients=infrastructure.clients,
                processes=self._processes,
                project=PROJECT,
                state=self._state,
                authorities_file=self._options.authorities_file,
                closing=closing,
            )
            replicas = await self._start_replicas(infrastructure)
            closing.push_async_callback(self._stop_replicas, replicas)
            async with asyncio.TaskGroup() as group:
                group.create_task(_must_live(infrastructure.aws_server))
                for source in services.event_sources:
                    group.create_task(run_event_source(source))
                for keeper in (*infrastructure.restarting, *replicas):
                    group.create_task(keeper.keep())
                self._announce(infrastructure, services)

    async def _start_replicas(self, infrastructure: LocalInfrastructure) -> list[RestartingProcess]:
        start = self._start_container if self._options.runs_containers else self._start_agent
        numbers = range(1, self._options.agents_per_runtime + 1)
        return await asyncio.gather(
            *(start(infrastructure, runtime, number) for runtime in self._environment.runtimes for number in numbers)
        )

    async def _start_agent(
        self, infrastructure: LocalInfrastructure, runtime: RuntimeConfig, number: int
    ) -> RestartingProcess:
        return await start_agent(
            f"{runtime.name}-{number}",
            agent_environment(self._container_environment(infrastructure, runtime, number)),
            processes=self._processes,
            project=PROJECT,
            logs=self._state.logs,
            console=self._console,
        )

    async def _start_container(
        self, infrastructure: LocalInfrastructure, runtime: RuntimeConfig, number: int
    ) -> RestartingProcess:
        containers = Containers(processes=self._processes, state=self._state, project=PROJECT, console=self._console)
        environment = self._container_environment(infrastructure, runtime, number)
        if number > 1:
            # The first one's Web UI is the one that endpoints.json names.
            environment["WEBUI_URL"] = free_webui_url()
        return await containers.start(f"{runtime.name}-{number}", environment)

    def _container_environment(
        self, infrastructure: LocalInfrastructure, runtime: RuntimeConfig, number: int = 1
    ) -> dict[str, str]:
        name = runtime.name if number == 1 else f"{runtime.name}-{number}"
        return container_environment(
            runtime,
            self._environment,
            outputs=infrastructure.provisioned.outputs,
            webui_url=infrastructure.webui_urls[runtime.name],
            folder=self._state.runtimes / name,
            clients=infrastructure.clients,
        )

    async def _stop_replicas(self, replicas: list[RestartingProcess]) -> None:
        self._console.print("stopping")
        await self._processes.stop([keeper.child for keeper in replicas])

    def _announce(self, infrastructure: LocalInfrastructure, services: Services) -> None:
        outputs = infrastructure.provisioned.outputs
        secrets = infrastructure.clients("secretsmanager")
        endpoints = describe_endpoints(
            self._environment,
            outputs=outputs,
            clients=infrastructure.clients,
            http_url=services.http_url,
            function_urls=services.function_urls,
            callbacks_url=services.callbacks_url,
            api_key=secrets.get_secret_value(SecretId=outputs["ApiKeySecretArn"])["SecretString"],
            webhook_secret=secrets.get_secret_value(SecretId=outputs["WebhookSecretArn"])["SecretString"],
            agent_environments={
                runtime.name: agent_environment(self._container_environment(infrastructure, runtime))
                for runtime in self._environment.runtimes
            },
        )
        self._state.write_endpoints(endpoints)
        sys.stdout.write(self._state.endpoints.read_text())
        sys.stdout.flush()
        self._console.print(f"ready: {services.http_url}; the log files are in {self._state.logs}; Ctrl-C stops it")


async def _must_live(server: LocalProcess) -> None:
    status = await server.wait()
    raise ProcessFailed(f"{server.name} ended with status {status}, and all tasks with it{server.log_tail()}")

"""Composition of the local system: the order in which its parts start, and the failures that end it."""

import asyncio
import sys
import webbrowser
from contextlib import AsyncExitStack

from local.context import LocalContext
from local.endpoints import describe_endpoints
from local.event_sources.event_source import run_event_source
from local.infrastructure import LocalInfrastructure, start_infrastructure
from local.processes.process_group import LocalProcess, ProcessFailed
from local.processes.restarting_process import RestartingProcess
from local.replicas.agents import agent_environment, container_environment, engine_variables, start_agent
from local.replicas.containers import start_container
from local.replicas.engines import comfyui_directory, free_engine_url
from local.services import Services, start_services
from local.summary import describe_system
from stacks.config import RuntimeConfig


class LocalSystem:
    """One run of the local system in a state directory that the caller has locked."""

    def __init__(self, context: LocalContext) -> None:
        self._context = context
        self._runtimes = context.options.environment.runtimes

    async def run(self) -> None:
        """Start everything, print the summary, and run until cancelled or until a part fails for good.

        The parts stop in the reverse order: replicas, gateway, functions, then the other processes.
        """
        async with AsyncExitStack() as closing:
            infrastructure = await start_infrastructure(self._context)
            if infrastructure.kept:
                # Callbacks run in the reverse order: this one when nothing writes any more, and AWS still answers.
                closing.push_async_callback(infrastructure.kept.save_if_possible)
            services = await start_services(infrastructure, self._context, closing)
            replicas = await self._start_replicas(infrastructure)
            closing.push_async_callback(self._stop_replicas, replicas)
            async with asyncio.TaskGroup() as group:
                group.create_task(_fail_at_end(infrastructure.aws_server))
                if infrastructure.kept:
                    group.create_task(infrastructure.kept.keep_saving())
                for source in services.event_sources:
                    group.create_task(run_event_source(source))
                for process in (*infrastructure.engines, *replicas):
                    group.create_task(process.keep_running())
                self._announce(infrastructure, services)

    async def _start_replicas(self, infrastructure: LocalInfrastructure) -> list[RestartingProcess]:
        numbers = range(1, self._context.options.agents_per_runtime + 1)
        return await asyncio.gather(
            *(self._start_replica(infrastructure, runtime, number) for runtime in self._runtimes for number in numbers)
        )

    async def _start_replica(
        self, infrastructure: LocalInfrastructure, runtime: RuntimeConfig, number: int
    ) -> RestartingProcess:
        name = f"{runtime.name}-{number}"
        variables = self._container_environment(infrastructure, runtime, number)
        if self._context.options.external_url(runtime):
            return await start_agent(name, agent_environment(variables), self._context)
        return await start_container(name, runtime, variables, self._context)

    def _container_environment(
        self, infrastructure: LocalInfrastructure, runtime: RuntimeConfig, number: int = 1
    ) -> dict[str, str]:
        folder = self._context.state.runtimes / (runtime.name if number == 1 else f"{runtime.name}-{number}")
        url, options = infrastructure.engine_urls[runtime.name], self._context.options
        if number > 1 and not options.external_url(runtime):
            # endpoints.json names the engine of the first replica.
            url = free_engine_url(self._context)
        directory = (options.comfyui_directory or comfyui_directory(folder)) if runtime.type == "comfyui" else None
        authorities_file = options.authorities_file
        variables = container_environment(
            runtime,
            options.environment,
            outputs=infrastructure.provisioned.outputs,
            engine=engine_variables(url, comfyui_directory=directory),
            folder=folder,
            clients=infrastructure.clients,
        )
        # For links that accept pictures.
        return variables | ({"SSL_CERT_FILE": str(authorities_file)} if authorities_file else {})

    async def _stop_replicas(self, replicas: list[RestartingProcess]) -> None:
        self._context.console.print("stopping")
        await self._context.processes.stop([replica.process for replica in replicas])

    def _announce(self, infrastructure: LocalInfrastructure, services: Services) -> None:
        state = self._context.state
        agents = {
            runtime.name: agent_environment(self._container_environment(infrastructure, runtime))
            for runtime in self._runtimes
        }
        endpoints = describe_endpoints(infrastructure, services, self._runtimes, agents)
        state.write_endpoints(endpoints)
        sys.stdout.write(describe_system(endpoints, self._context.options, logs=state.logs))
        sys.stdout.flush()
        if self._context.options.opens_console and endpoints["console_url"]:
            webbrowser.open(endpoints["console_url"])
        self._context.console.print(
            f"ready: {services.http_url}; the log files are in {state.logs}; Ctrl-C stops the local system"
        )


async def _fail_at_end(server: LocalProcess) -> None:
    status = await server.wait()
    raise ProcessFailed(f"{server.name} ended with status {status}, and all tasks with it{server.log_tail()}")

"""The composition of the local system: what is started after what, and what ends the whole."""

import asyncio
import sys
from contextlib import AsyncExitStack

from local.agents import agent_environment, container_environment, start_agent
from local.children import Child, ChildFailed, Children
from local.containers import Containers, free_webui_url
from local.endpoints import describe_endpoints
from local.ground import Ground, GroundWork
from local.keeper import Keeper
from local.options import PROJECT, Options
from local.progress import Progress
from local.pumps.pump import run_pump
from local.services import Services, start_services
from local.state_directory import StateDirectory
from stacks.config import RuntimeConfig


class LocalSystem:
    """One run of the local system in a state directory that the caller holds."""

    def __init__(self, options: Options, *, state: StateDirectory, children: Children, progress: Progress) -> None:
        self._options = options
        self._environment = options.environment
        self._state = state
        self._children = children
        self._progress = progress

    async def run(self) -> None:
        """Start everything, say where it is, and go on until cancelled or until a part fails for good.

        What was started last ends first: replicas, gateway, functions. Web UIs and AWS end with the other children.
        """
        async with AsyncExitStack() as closing:
            work = GroundWork(
                self._options,
                project=PROJECT,
                state=self._state,
                children=self._children,
                progress=self._progress,
            )
            ground = await work.start()
            services = await start_services(
                ground.provisioned,
                clients=ground.clients,
                children=self._children,
                project=PROJECT,
                state=self._state,
                authorities_file=self._options.authorities_file,
                closing=closing,
            )
            replicas = await self._start_replicas(ground)
            closing.push_async_callback(self._stop_replicas, replicas)
            async with asyncio.TaskGroup() as group:
                group.create_task(_must_live(ground.aws_server))
                for pump in services.pumps:
                    group.create_task(run_pump(pump))
                for keeper in (*ground.keepers, *replicas):
                    group.create_task(keeper.keep())
                self._announce(ground, services)

    async def _start_replicas(self, ground: Ground) -> list[Keeper]:
        start = self._start_container if self._options.runs_containers else self._start_agent
        numbers = range(1, self._options.agents_per_runtime + 1)
        return await asyncio.gather(
            *(start(ground, runtime, number) for runtime in self._environment.runtimes for number in numbers)
        )

    async def _start_agent(self, ground: Ground, runtime: RuntimeConfig, number: int) -> Keeper:
        return await start_agent(
            f"{runtime.name}-{number}",
            agent_environment(self._container_environment(ground, runtime, number)),
            children=self._children,
            project=PROJECT,
            logs=self._state.logs,
            progress=self._progress,
        )

    async def _start_container(self, ground: Ground, runtime: RuntimeConfig, number: int) -> Keeper:
        containers = Containers(children=self._children, state=self._state, project=PROJECT, progress=self._progress)
        environment = self._container_environment(ground, runtime, number)
        if number > 1:
            # The first one's Web UI is the one that endpoints.json names.
            environment["WEBUI_URL"] = free_webui_url()
        return await containers.start(f"{runtime.name}-{number}", environment)

    def _container_environment(self, ground: Ground, runtime: RuntimeConfig, number: int = 1) -> dict[str, str]:
        name = runtime.name if number == 1 else f"{runtime.name}-{number}"
        return container_environment(
            runtime,
            self._environment,
            outputs=ground.provisioned.outputs,
            webui_url=ground.webui_urls[runtime.name],
            folder=self._state.runtimes / name,
            clients=ground.clients,
        )

    async def _stop_replicas(self, replicas: list[Keeper]) -> None:
        self._progress.say("stopping")
        await self._children.stop([keeper.child for keeper in replicas])

    def _announce(self, ground: Ground, services: Services) -> None:
        outputs = ground.provisioned.outputs
        secrets = ground.clients("secretsmanager")
        endpoints = describe_endpoints(
            self._environment,
            outputs=outputs,
            clients=ground.clients,
            http_url=services.http_url,
            function_urls=services.function_urls,
            callbacks_url=services.callbacks_url,
            api_key=secrets.get_secret_value(SecretId=outputs["ApiKeySecretArn"])["SecretString"],
            webhook_secret=secrets.get_secret_value(SecretId=outputs["WebhookSecretArn"])["SecretString"],
            agent_environments={
                runtime.name: agent_environment(self._container_environment(ground, runtime))
                for runtime in self._environment.runtimes
            },
        )
        self._state.write_endpoints(endpoints)
        sys.stdout.write(self._state.endpoints.read_text())
        sys.stdout.flush()
        self._progress.say(f"ready: {services.http_url}; the log files are in {self._state.logs}; Ctrl-C stops it")


async def _must_live(server: Child) -> None:
    status = await server.wait()
    raise ChildFailed(f"{server.name} ended with status {status}, and all tasks with it{server.log_tail()}")

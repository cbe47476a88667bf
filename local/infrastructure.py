"""What the local system stands on: AWS with all resources of the environment, and the Web UIs."""

import asyncio
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from local.aws.clients import AwsClients
from local.cloudformation.synthesis import synthesize
from local.command_line import Options
from local.console import Console
from local.processes.process_group import LocalProcess, ProcessGroup
from local.processes.restarting_process import RestartingProcess
from local.provisioning.provisioner import Provisioned, provision
from local.replicas.checkpoints import checkpoint_names, put_checkpoint_names, put_checkpoints, write_checkpoints
from local.replicas.containers import free_webui_url
from local.replicas.webuis import WebUis
from local.state_directory import StateDirectory

#: The region of an environment that names none.
DEFAULT_REGION: Final = "us-east-1"
_AWS_LISTENING_SECONDS: Final = 60.0


@dataclass(frozen=True)
class LocalInfrastructure:
    """What stands; `webui_urls` has the Web UI of each runtime, `restarting` those that are ours to keep alive."""

    aws_server: LocalProcess
    clients: AwsClients
    provisioned: Provisioned
    webui_urls: Mapping[str, str]
    restarting: Sequence[RestartingProcess]


class InfrastructureStarter:
    """Starts it all, what is slow side by side."""

    def __init__(
        self, options: Options, *, project: Path, state: StateDirectory, processes: ProcessGroup, console: Console
    ) -> None:
        self._options = options
        self._runtimes = options.environment.runtimes
        self._project = project
        self._state = state
        self._processes = processes
        self._console = console
        self._webuis = WebUis(processes=processes, state=state, project=project, console=console)

    async def start(self) -> LocalInfrastructure:
        """Return when AWS holds what the templates say and every Web UI listens."""
        async with asyncio.TaskGroup() as group:
            webuis = group.create_task(self._start_webuis())
            stacks = group.create_task(
                synthesize(
                    self._options.environment,
                    self._options.environment_file,
                    project=self._project,
                    cache=self._state.assembly,
                    log_file=self._state.logs / "synthesis.log",
                    processes=self._processes,
                )
            )
            server, clients = await self._start_aws()
            provisioned = await asyncio.to_thread(provision, await stacks, clients)
            self._console.print("the stacks are provisioned")
        await asyncio.to_thread(self._fill_model_bucket, clients, provisioned.outputs["ModelBucketName"])
        return LocalInfrastructure(server, clients, provisioned, webuis.result(), self._webuis.restarting)

    async def _start_aws(self) -> tuple[LocalProcess, AwsClients]:
        server = await self._processes.start(
            [sys.executable, "-m", "local.aws.server"],
            name="AWS (moto server)",
            log_file=self._state.logs / "aws.log",
            folder=self._project,
            reads_output=True,
        )
        port = await server.listening_port(seconds=_AWS_LISTENING_SECONDS)
        region = self._options.environment.region or DEFAULT_REGION
        clients = AwsClients(endpoint_url=f"http://127.0.0.1:{port}", region=region)
        self._console.print(f"AWS is at {clients.endpoint_url}")
        return server, clients

    async def _start_webuis(self) -> Mapping[str, str]:
        if self._options.webui_url:
            return {runtime.name: self._options.webui_url for runtime in self._runtimes}
        await write_checkpoints(
            checkpoint_names(self._runtimes),
            models=self._state.models,
            project=self._project,
            log_file=self._state.logs / "checkpoints.log",
            processes=self._processes,
        )
        if self._options.runs_containers:
            return {runtime.name: free_webui_url() for runtime in self._runtimes}
        await self._webuis.start(self._runtimes)
        self._console.print(f"{len(self._webuis.urls)} embedded Web UIs are up")
        return self._webuis.urls

    def _fill_model_bucket(self, clients: AwsClients, bucket: str) -> None:
        if self._options.webui_url:
            put_checkpoint_names(clients("s3"), bucket, checkpoint_names(self._runtimes))
        else:
            put_checkpoints(clients("s3"), bucket, self._state.models)

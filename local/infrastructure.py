"""Infrastructure of the local system: AWS with all resources of the environment, and the Web UIs."""

import asyncio
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from local.aws.clients import LocalAwsClients
from local.cloudformation.synthesis import synthesize
from local.context import LocalContext
from local.kept_state import KeptState
from local.processes.process_group import LocalProcess
from local.processes.restarting_process import RestartingProcess
from local.provisioning.provisioner import Provisioned, provision
from local.replicas.checkpoints import (
    checkpoint_names,
    put_checkpoint_names,
    put_checkpoints,
    put_loras,
    write_checkpoints,
)
from local.replicas.webuis import WebUis, free_webui_url

#: Region of an environment that names none.
DEFAULT_REGION: Final = "us-east-1"
_AWS_LISTENING_SECONDS: Final = 180.0


@dataclass(frozen=True)
class LocalInfrastructure:
    """The running infrastructure. `webui_urls` has the Web UI of each runtime."""

    aws_server: LocalProcess
    clients: LocalAwsClients
    provisioned: Provisioned
    webui_urls: Mapping[str, str]
    #: Web UIs that the local system starts and keeps alive.
    webuis: Sequence[RestartingProcess]
    #: None unless the run has `--keep`.
    kept: KeptState | None


async def start_infrastructure(context: LocalContext) -> LocalInfrastructure:
    """Start the slow parts side by side; return when AWS has all resources and every Web UI listens."""
    options = context.options
    webuis = WebUis(context)
    async with asyncio.TaskGroup() as group:
        urls = group.create_task(_start_webuis(webuis, context))
        stacks = group.create_task(synthesize(context))
        server, clients = await _start_aws(context)
        provisioned = await asyncio.to_thread(provision, await stacks, clients)
        context.console.print("the stacks are provisioned")
    kept = await _restore(provisioned, clients, context)
    bucket, s3 = provisioned.outputs["ModelBucketName"], clients("s3")
    if options.webui_url:
        names = {*options.webui_checkpoints, *checkpoint_names(options.environment.runtimes)}
        await asyncio.to_thread(put_checkpoint_names, s3, bucket, sorted(names))
    else:
        await asyncio.to_thread(put_checkpoints, s3, bucket, _models_folder(context))
        await asyncio.to_thread(put_loras, s3, bucket)
    return LocalInfrastructure(server, clients, provisioned, urls.result(), webuis.restarting, kept)


async def _restore(provisioned: Provisioned, clients: LocalAwsClients, context: LocalContext) -> KeptState | None:
    folder = context.state.kept
    if not context.options.keeps_state:
        if folder.exists():
            context.console.print(f"the tasks in {folder} stay there; --keep brings them back")
        return None
    kept = KeptState(folder, clients=clients, table=provisioned.outputs["TaskTableName"])
    context.console.print(f"{await asyncio.to_thread(kept.restore)} tasks are restored from {folder}")
    return kept


async def _start_aws(context: LocalContext) -> tuple[LocalProcess, LocalAwsClients]:
    command = [sys.executable, "-m", "local.aws.server", str(context.options.ports.aws)]
    server = await context.start_process(command, name="AWS (moto server)", log_name="aws", reads_output=True)
    port = await server.listening_port(seconds=_AWS_LISTENING_SECONDS)
    region = context.options.environment.region or DEFAULT_REGION
    clients = LocalAwsClients(endpoint_url=f"http://127.0.0.1:{port}", region=region)
    context.console.print(f"AWS is at {clients.endpoint_url}")
    return server, clients


async def _start_webuis(webuis: WebUis, context: LocalContext) -> Mapping[str, str]:
    options, runtimes = context.options, context.options.environment.runtimes
    if options.webui_url:
        return {runtime.name: options.webui_url for runtime in runtimes}
    models = _models_folder(context)
    await write_checkpoints(checkpoint_names(runtimes), models, context)
    if options.runs_containers:
        return {runtime.name: free_webui_url(context) for runtime in runtimes}
    await webuis.start(runtimes, models)
    context.console.print(f"{len(webuis.urls)} Web UIs listen")
    return webuis.urls


def _models_folder(context: LocalContext) -> Path:
    # The checkpoints of a stub are empty, so they must not stay for an embedded Web UI.
    is_stub = context.options.stub_webui_seconds is not None
    return context.state.stub_models if is_stub else context.state.models

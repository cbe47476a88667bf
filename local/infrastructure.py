"""Infrastructure of the local system: AWS with all resources of the environment, and the engines."""

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
    checkpoint_keys,
    put_checkpoints,
    put_loras,
    put_model_keys,
    write_checkpoints,
)
from local.replicas.engines import free_engine_url, start_engine

#: Region of an environment that names none.
DEFAULT_REGION: Final = "us-east-1"
_AWS_LISTENING_SECONDS: Final = 180.0


@dataclass(frozen=True)
class LocalInfrastructure:
    """The running infrastructure. `engine_urls` has the engine of each runtime."""

    aws_server: LocalProcess
    clients: LocalAwsClients
    provisioned: Provisioned
    engine_urls: Mapping[str, str]
    #: Engines that the local system starts and keeps alive.
    engines: Sequence[RestartingProcess]
    #: None unless the run has `--keep`.
    kept: KeptState | None


async def start_infrastructure(context: LocalContext) -> LocalInfrastructure:
    """Start the slow parts side by side; return when AWS has all resources and every engine listens."""
    options = context.options
    async with asyncio.TaskGroup() as group:
        engines = group.create_task(_start_engines(context))
        stacks = group.create_task(synthesize(context))
        server, clients = await _start_aws(context)
        provisioned = await asyncio.to_thread(provision, await stacks, clients)
        context.console.print("the stacks are provisioned")
    kept = await _restore(provisioned, clients, context)
    bucket, s3 = provisioned.outputs["ModelBucketName"], clients("s3")
    external = [runtime for runtime in options.environment.runtimes if options.external_url(runtime)]
    await asyncio.to_thread(put_model_keys, s3, bucket, {*options.external_models, *checkpoint_keys(external)})
    if own := [runtime for runtime in options.environment.runtimes if runtime not in external]:
        await asyncio.to_thread(put_checkpoints, s3, bucket, _models_folder(context), own)
        await asyncio.to_thread(put_loras, s3, bucket)
    urls, restarting = engines.result()
    return LocalInfrastructure(server, clients, provisioned, urls, restarting, kept)


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


async def _start_engines(context: LocalContext) -> tuple[Mapping[str, str], Sequence[RestartingProcess]]:
    """Return the address of the engine of each runtime, and the engines that the local system keeps alive."""
    options, runtimes = context.options, context.options.environment.runtimes
    external = {runtime.name: url for runtime in runtimes if (url := options.external_url(runtime))}
    own = [runtime for runtime in runtimes if runtime.name not in external]
    models = _models_folder(context)
    await write_checkpoints(checkpoint_keys(own), models, context)
    if options.agents_per_runtime:
        return external | {runtime.name: free_engine_url(context) for runtime in own}, ()
    engines = await asyncio.gather(*(start_engine(runtime, models, context) for runtime in own))
    context.console.print(f"{len(engines)} engines listen")
    urls = {runtime.name: url for runtime, (url, _) in zip(own, engines, strict=True)}
    return external | urls, [process for _, process in engines]


def _models_folder(context: LocalContext) -> Path:
    # The checkpoints of a stub are empty, so they must not stay for an embedded engine.
    is_stub = context.options.stub_webui_seconds is not None
    return context.state.stub_models if is_stub else context.state.models

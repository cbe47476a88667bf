"""Services inside the process of the local system: functions, gateway, event sources and the callback receiver."""

import asyncio
from concurrent.futures import ThreadPoolExecutor
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import Final

from local.api_gateway.application import Gateway
from local.api_gateway.function_urls import function_urls
from local.api_gateway.rest_api import read_rest_api
from local.api_gateway.usage_plans import UsagePlans
from local.callback_receiver import CallbackReceiver
from local.context import LocalContext
from local.event_sources.event_source import EventSource
from local.event_sources.mappings import event_sources
from local.event_sources.stream import StreamEventSource
from local.infrastructure import LocalInfrastructure
from local.lambda_runtime.functions import Functions
from local.log_metrics import LogMetrics
from local.processes.http_server import HttpServer

#: Threads of the event loop for blocking AWS calls. The event source of each queue occupies one nearly all the time.
_THREADS: Final = 64


@dataclass(frozen=True)
class Services:
    """Addresses of the services, and the event sources, which are not started yet."""

    http_url: str
    has_console: bool
    #: Address of each function that has its own URL, by its folder under `lambdas/`.
    function_urls: dict[str, str]
    callbacks_url: str
    event_sources: tuple[EventSource, ...]


async def start_services(
    infrastructure: LocalInfrastructure, context: LocalContext, closing: AsyncExitStack
) -> Services:
    """Start the services; `closing` stops them in the reverse order."""
    clients, provisioned = infrastructure.clients, infrastructure.provisioned
    authorities_file, ports = context.options.authorities_file, context.options.ports
    logs = context.state.logs
    asyncio.get_running_loop().set_default_executor(ThreadPoolExecutor(_THREADS, thread_name_prefix="aws"))
    functions = Functions(
        provisioned.of_type("AWS::Lambda::Function"),
        processes=context.processes,
        surroundings=clients.environment() | ({"SSL_CERT_FILE": str(authorities_file)} if authorities_file else {}),
        code_folder=context.project,
        log_folder=logs / "functions",
    )
    closing.push_async_callback(functions.close)
    metrics = LogMetrics(folder=logs, client=clients("cloudwatch"), environment=context.options.environment.name)
    sources: tuple[EventSource, ...] = (
        *event_sources(provisioned, functions=functions, clients=clients),
        metrics,
    )
    for source in sources:
        # No caller or replica can change a task before this point.
        if infrastructure.kept and isinstance(source, StreamEventSource):
            await source.skip_present_records()
    api = read_rest_api(provisioned, region=clients.region)
    receiver = HttpServer(CallbackReceiver(file=context.state.callbacks).application, port=ports.callbacks)
    gateway = HttpServer(Gateway(api, functions=functions, usage_plans=UsagePlans(api.keys)), port=ports.api)
    urls = {
        name: HttpServer(application, port=ports.function_url(number))
        for number, (name, application) in enumerate(sorted(function_urls(provisioned, functions).items()))
    }
    for server in (receiver, gateway, *urls.values()):
        await server.start()
        closing.push_async_callback(server.stop)
    await asyncio.to_thread(
        clients("sns").subscribe,
        TopicArn=provisioned.outputs["CompletionTopicArn"],
        Protocol="http",
        Endpoint=f"{receiver.url}/notifications",
    )
    return Services(
        http_url=gateway.url,
        has_console=context.options.environment.console,
        function_urls={name: server.url for name, server in urls.items()},
        callbacks_url=f"{receiver.url}/callbacks",
        event_sources=sources,
    )

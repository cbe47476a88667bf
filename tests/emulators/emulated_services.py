"""Emulated services with the stack of the contract tests, by the local system or by MiniStack."""

import asyncio
import io
import json
import re
import shutil
import sys
import zipfile
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import httpx
from anyio.from_thread import start_blocking_portal

from local.aws.clients import LocalAwsClients
from local.cloudformation.synthesis import SynthesizedStack
from local.command_line import parse_options
from local.console import Console
from local.context import PROJECT, LocalContext
from local.event_sources.event_source import run_event_source
from local.infrastructure import LocalInfrastructure
from local.processes.process_group import ProcessGroup
from local.provisioning.provisioner import provision
from local.services import start_services
from local.state_directory import StateDirectory
from tests.deployment.emulated_account import REGION, emulated_account
from tests.emulators import contract_functions
from tests.emulators.contract_stack import STACK_NAME, STAGE, api_key, contract_template
from tests.harness.eventually import eventually
from tests.harness.logs import read_json_lines

_START_SECONDS: Final = 60.0
_CODE_BUCKET: Final = "code-of-the-contract-tests"
_CODE_KEY: Final = "functions.zip"


@dataclass(frozen=True)
class EmulatedServices:
    """Running services with the stack of the contract tests."""

    clients: LocalAwsClients
    outputs: dict[str, str]
    api_url: str
    function_url: str
    events_file: Path

    def http(self, method: str, path: str, *, key: str = "allowed", **options: Any) -> httpx.Response:
        """Send a request to the HTTP API with the key of this name, without one if the name is empty."""
        headers = ({"x-api-key": api_key(key)} if key else {}) | options.pop("headers", {})
        return httpx.request(method, self.api_url + path, headers=headers, timeout=60, **options)

    def batches(self, belongs: Callable[[dict[str, Any]], bool]) -> list[list[dict[str, Any]]]:
        """Return the batches of the recording function, each with the records that belong to a test."""
        batches = [[item for item in event["Records"] if belongs(item)] for event in read_json_lines(self.events_file)]
        return [batch for batch in batches if batch]


@contextmanager
def local_services(folder: Path) -> Iterator[EmulatedServices]:
    """Run the services of the local system in a thread."""
    with start_blocking_portal() as portal, portal.wrap_async_context_manager(_served(folder)) as services:
        yield services


@asynccontextmanager
async def _served(folder: Path) -> AsyncIterator[EmulatedServices]:
    code, state, events_file = folder / "code", StateDirectory(folder / "state"), folder / "events.jsonl"
    code.mkdir()
    shutil.copy(contract_functions.__file__, code)
    options = parse_options(["up", "--port", "0", "--state-dir", str(state.path)])
    async with ProcessGroup(environment={}) as processes, AsyncExitStack() as closing:
        context = LocalContext(options, state, processes, Console(), project=code)
        server = await processes.start(
            [sys.executable, "-m", "local.aws.server"],
            name="AWS",
            log_file=state.logs / "aws.log",
            folder=PROJECT,
            reads_output=True,
        )
        port = await server.listening_port(seconds=_START_SECONDS)
        clients = LocalAwsClients(endpoint_url=f"http://127.0.0.1:{port}", region=REGION)
        template = contract_template(events_file=str(events_file), code={})
        provisioned = await asyncio.to_thread(provision, [SynthesizedStack(STACK_NAME, template)], clients)
        infrastructure = LocalInfrastructure(server, clients, provisioned, engine_urls={}, engines=(), kept=None)
        services = await start_services(infrastructure, context, closing)
        sources = [asyncio.create_task(run_event_source(source)) for source in services.event_sources]
        try:
            yield EmulatedServices(
                clients, provisioned.outputs, services.http_url, services.function_urls["respond"], events_file
            )
        finally:
            for source in sources:
                source.cancel()
            await asyncio.gather(*sources, return_exceptions=True)


@contextmanager
def ministack_services(folder: Path) -> Iterator[EmulatedServices]:
    """Run MiniStack, and create the stack by its CloudFormation."""
    events_file = folder / "events.jsonl"
    with emulated_account(folder) as account:
        clients = LocalAwsClients(endpoint_url=account.url, region=REGION)
        clients("s3").create_bucket(Bucket=_CODE_BUCKET)
        clients("s3").put_object(Bucket=_CODE_BUCKET, Key=_CODE_KEY, Body=_archive())
        template = contract_template(events_file=str(events_file), code={"S3Bucket": _CODE_BUCKET, "S3Key": _CODE_KEY})
        cloudformation = clients("cloudformation")
        cloudformation.create_stack(
            StackName=STACK_NAME, TemplateBody=json.dumps(template), Capabilities=["CAPABILITY_IAM"]
        )

        def is_created() -> bool:
            (stack,) = cloudformation.describe_stacks(StackName=STACK_NAME)["Stacks"]
            events = cloudformation.describe_stack_events(StackName=STACK_NAME)["StackEvents"]
            failures = [event for event in events if event["ResourceStatus"].endswith("FAILED")]
            assert not failures, failures
            return str(stack["StackStatus"]) == "CREATE_COMPLETE"

        eventually(is_created, "the creation of the stack", _START_SECONDS)
        outputs = account.outputs()
        url_id = re.match(r"https://([^.]+)\.", outputs["FunctionUrl"])
        assert url_id, outputs["FunctionUrl"]
        yield EmulatedServices(
            clients,
            outputs,
            f"{account.url}/restapis/{outputs['RestApiId']}/{STAGE}/_user_request_",
            f"{account.url}/_aws/lambda-url/{url_id[1]}",
            events_file,
        )


def _archive() -> bytes:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        archive.write(contract_functions.__file__, Path(contract_functions.__file__).name)
    return content.getvalue()

import asyncio
import json
from typing import Any

import httpx

from local.lambda_runtime.runtime_api import MAX_PAYLOAD_BYTES, Invocation, InvocationResult, RuntimeApi

RUNTIME = "/2018-06-01/runtime"


def client(api: RuntimeApi) -> httpx.AsyncClient:
    return httpx.AsyncClient(transport=httpx.ASGITransport(api.application), base_url="http://runtime")


def run_invocation(path: str, content: bytes) -> tuple[httpx.Response, httpx.Response, InvocationResult | None]:
    """Return the event as the process gets it, the answer to what it posts, and the invocation's outcome."""

    async def scenario() -> tuple[httpx.Response, httpx.Response, InvocationResult | None]:
        api = RuntimeApi()
        invocation = Invocation(b'{"a": 1}', "arn:function", timeout_seconds=3, request_id="first")
        async with client(api) as process:
            asking = asyncio.create_task(process.get(f"{RUNTIME}/invocation/next"))
            await asyncio.sleep(0)
            assert not asking.done()
            api.submit(invocation)
            event = await asking
            assert invocation.received.is_set()
            posted = await process.post(RUNTIME + path, content=content)
        return event, posted, invocation.answer.result() if invocation.answer.done() else None

    return asyncio.run(scenario())


def test_the_process_gets_the_event_with_what_the_context_needs() -> None:
    event, posted, answer = run_invocation("/invocation/first/response", b'"done"')
    assert event.json() == {"a": 1}
    assert event.headers["lambda-runtime-aws-request-id"] == "first"
    assert event.headers["lambda-runtime-invoked-function-arn"] == "arn:function"
    assert int(event.headers["lambda-runtime-deadline-ms"]) > 1_700_000_000_000
    assert posted.status_code == 202
    assert answer == InvocationResult(b'"done"')


def test_an_error_is_an_answer() -> None:
    _, posted, answer = run_invocation("/invocation/first/error", b'{"errorMessage": "no"}')
    assert posted.status_code == 202
    assert answer == InvocationResult(b'{"errorMessage": "no"}', is_error=True)


def test_a_failed_start_is_the_answer_to_the_first_event() -> None:
    _, posted, answer = run_invocation("/init/error", b'{"errorType": "Runtime.ImportModuleError"}')
    assert posted.status_code == 202
    assert answer == InvocationResult(b'{"errorType": "Runtime.ImportModuleError"}', is_error=True)


def test_a_late_answer_to_another_invocation_is_refused() -> None:
    _, posted, answer = run_invocation("/invocation/zeroth/response", b'"late"')
    assert posted.status_code == 400
    assert answer is None


def test_too_large_an_answer_is_lambdas_own_error() -> None:
    _, _, answer = run_invocation("/invocation/first/response", b'"%s"' % (b"x" * MAX_PAYLOAD_BYTES))
    assert answer is not None
    assert answer.is_error
    error: Any = json.loads(answer.payload)
    assert error["errorType"] == "Function.ResponseSizeTooLarge"


def test_only_the_first_outcome_counts() -> None:
    async def scenario() -> InvocationResult:
        invocation = Invocation(b"{}", "arn", timeout_seconds=1)
        invocation.finish(InvocationResult(b"1"))
        invocation.finish(InvocationResult(b"2"))
        return await invocation.answer

    assert asyncio.run(scenario()) == InvocationResult(b"1")


def test_a_process_that_is_gone_no_longer_waits() -> None:
    async def scenario() -> int:
        api = RuntimeApi()
        async with client(api) as process:
            asking = asyncio.create_task(process.get(f"{RUNTIME}/invocation/next"))
            await asyncio.sleep(0)
            api.reset()
            return (await asking).status_code

    assert asyncio.run(scenario()) == 410

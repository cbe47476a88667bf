import asyncio
from collections.abc import Awaitable, Callable

from benchmarks.aws_proxy import AwsProxy

Ask = Callable[[bytes], Awaitable[bytes]]
REQUEST = b"POST / HTTP/1.1\r\nX-Amz-Target: AmazonSQS.ReceiveMessage\r\nContent-Length: 2\r\n\r\nhi"


def ask(request: bytes, *, failure_rate: float = 0.0, seed: int = 0) -> tuple[bytes, list[bytes]]:
    """Return what the proxy answers, and what came through it."""

    async def talk() -> tuple[bytes, list[bytes]]:
        arrived: list[bytes] = []

        async def aws(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            arrived.append(await reader.readuntil(b"hi"))
            writer.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nyes\r\n0\r\n\r\n")
            await reader.read()
            writer.close()

        server = await asyncio.start_server(aws, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        proxy = AwsProxy(target=f"http://127.0.0.1:{port}", delay_seconds=0.0, failure_rate=failure_rate, seed=seed)
        front = await asyncio.start_server(proxy.serve, "127.0.0.1", 0)
        reader, writer = await asyncio.open_connection("127.0.0.1", front.sockets[0].getsockname()[1])
        writer.write(request)
        writer.write_eof()
        answer = await asyncio.wait_for(reader.read(), timeout=10)
        writer.close()
        for each in (front, server):
            each.close()
            await each.wait_closed()
        return answer, arrived

    return asyncio.run(talk())


def test_passes_a_call_on_and_its_answer_back() -> None:
    answer, arrived = ask(REQUEST)

    assert arrived == [REQUEST]
    assert answer.endswith(b"3\r\nyes\r\n0\r\n\r\n")


def test_asks_for_the_body_itself() -> None:
    answer, arrived = ask(REQUEST.replace(b"Content-Length", b"Expect: 100-continue\r\nContent-Length"))

    assert arrived == [REQUEST]
    assert answer.startswith(b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK")


def test_fails_in_every_way_if_all_calls_fail() -> None:
    outcomes = [ask(REQUEST, failure_rate=1.0, seed=seed) for seed in range(12)]

    refused = [arrived for answer, arrived in outcomes if answer.startswith(b"HTTP/1.1 503")]
    cut = [arrived for answer, arrived in outcomes if not answer]
    assert refused
    assert not any(refused)
    assert any(cut)
    assert [] in cut
    assert len(refused) + len(cut) == len(outcomes)

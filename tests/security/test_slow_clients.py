"""S14: clients that are slow on purpose, against the real server process of uvicorn; the long form is `bench.load.slow_clients`."""

from __future__ import annotations

import asyncio
import contextlib
import resource
import time
from collections.abc import AsyncIterator

import pytest
import uvicorn
from fastapi import FastAPI

from shoptalk.server.connections import SLOW, Crowd, bounded, places

ASK = b"GET /ping HTTP/1.1\r\nHost: a\r\n\r\n"


@contextlib.asynccontextmanager
async def served(crowd: Crowd) -> AsyncIterator[int]:
    app = FastAPI()

    @app.get("/ping")
    async def ping() -> dict[str, str]:
        return {"status": "ok"}

    @app.post("/echo")
    async def echo(body: dict[str, str]) -> dict[str, str]:
        return body

    server = uvicorn.Server(
        uvicorn.Config(app, port=0, http=bounded(crowd), log_config=None, timeout_keep_alive=60)
    )
    task = asyncio.create_task(server.serve())
    while not server.started:
        await asyncio.sleep(0.01)
    try:
        yield server.servers[0].sockets[0].getsockname()[1]
    finally:
        server.should_exit = True
        await task


Talk = tuple[asyncio.StreamReader, asyncio.StreamWriter]


@contextlib.asynccontextmanager
async def talks(port: int, count: int = 1) -> AsyncIterator[list[Talk]]:
    opened: list[Talk] = []
    try:
        for _ in range(count):
            opened.append(await asyncio.open_connection("127.0.0.1", port))
        yield opened
    finally:
        for _, writer in opened:
            writer.close()
        await asyncio.gather(*(writer.wait_closed() for _, writer in opened), return_exceptions=True)


async def ask(port: int) -> float:
    begin = time.perf_counter()
    async with talks(port) as [(reader, writer)]:
        writer.write(ASK)
        assert (await reader.readline()).startswith(b"HTTP/1.1 200")
    return time.perf_counter() - begin


async def test_a_head_must_come_soon() -> None:
    async with served(Crowd(head_s=0.3)) as port, talks(port, 2) as [(silent, _), (reader, writer)]:
        begin = time.perf_counter()
        answer = asyncio.create_task(reader.read(12))
        for byte in ASK:
            writer.write(bytes([byte]))
            await asyncio.wait([answer], timeout=0.1)
            if answer.done():
                break
        assert await answer == b"HTTP/1.1 408"
        assert (await silent.read(12)) == b"HTTP/1.1 408"
        assert time.perf_counter() - begin < 5


async def test_the_second_request_of_a_connection_is_bounded_as_well() -> None:
    async with served(Crowd(head_s=0.3)) as port, talks(port) as [(reader, writer)]:
        writer.write(ASK)
        await reader.readuntil(b'{"status":"ok"}')
        await asyncio.sleep(0.5)  # doing nothing between two requests is no offence
        writer.write(ASK[:20])
        assert (await reader.read()).startswith(b"HTTP/1.1 408")


async def test_a_head_must_be_small() -> None:
    async with served(Crowd(max_head=2000)) as port, talks(port) as [(reader, writer)]:
        writer.write(ASK[:-2] + b"X: " + b"a" * 5000)
        assert (await reader.read()).startswith(b"HTTP/1.1 431")


POST = b"POST /echo HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nContent-Length: 9\r\n"


async def test_a_slow_body_is_no_slow_head() -> None:
    async with served(Crowd(head_s=0.2)) as port, talks(port) as [(reader, writer)]:
        writer.write(POST + b'\r\n{"a":')
        await asyncio.sleep(0.5)
        writer.write(b'"b"}')
        assert (await reader.readline()).startswith(b"HTTP/1.1 200")


async def test_a_body_must_come_soon() -> None:
    async with served(Crowd(body_s=0.3)) as port, talks(port) as [(reader, writer)]:
        writer.write(POST + b'\r\n{"a":')
        assert await reader.read() == SLOW


async def test_a_body_that_waits_to_be_asked_for_is_asked_for() -> None:
    async with served(Crowd()) as port, talks(port) as [(reader, writer)]:
        writer.write(POST + b"Expect: 100-continue\r\n\r\n")
        assert await reader.readuntil(b"\r\n\r\n") == b"HTTP/1.1 100 Continue\r\n\r\n"
        writer.write(b'{"a":"b"}')
        assert (await reader.readline()).startswith(b"HTTP/1.1 200")


@pytest.mark.parametrize("is_chunked", [True, False])
async def test_a_body_too_large_to_be_held_is_served_while_it_comes(is_chunked: bool) -> None:
    text = b'{"a":"%s"}' % (b"b" * 3000)
    async with served(Crowd(held=1000)) as port, talks(port) as [(reader, writer)]:
        head = POST.replace(
            b"Content-Length: 9",
            b"Transfer-Encoding: chunked" if is_chunked else b"Content-Length: %d" % len(text),
        )
        writer.write(head + b"\r\n")
        for piece in (text[:1500], text[1500:]):
            writer.write(b"%x\r\n%s\r\n" % (len(piece), piece) if is_chunked else piece)
            await asyncio.sleep(0.05)
        writer.write(b"0\r\n\r\n" if is_chunked else b"")
        assert text in await reader.readuntil(text)


async def test_requests_that_come_together_are_answered_in_order() -> None:
    async with served(Crowd()) as port, talks(port) as [(reader, writer)]:
        one = POST + b'\r\n{"a":"%d"}'
        writer.write(one % 1 + ASK + one % 2)
        for answer in (b'{"a":"1"}', b'{"status":"ok"}', b'{"a":"2"}'):
            assert (await reader.readuntil(answer)).startswith(b"HTTP/1.1 200")


async def test_bodies_that_never_come_keep_nobody_out() -> None:
    async with served(Crowd(most=50, grace_s=0)) as port, talks(port, 200) as crowd:
        for _, writer in crowd:
            writer.write(POST + b'\r\n{"a":')
        await asyncio.sleep(0.1)
        assert max([await ask(port) for _ in range(20)]) < 1


async def test_others_are_served_while_a_crowd_says_nothing() -> None:
    async with served(Crowd(head_s=30, most=50, grace_s=0)) as port, talks(port) as [(idle, asking)]:
        asking.write(ASK)
        await idle.readuntil(b'{"status":"ok"}')
        async with talks(port, 200) as crowd:
            waits = [await ask(port) for _ in range(20)]
            assert max(waits) < 5
            ended = await asyncio.wait_for(asyncio.gather(*(reader.read(12) for reader, _ in crowd[:100])), 5)
            assert set(ended) == {b"HTTP/1.1 408"}
            assert await idle.read() == b""


def test_a_process_has_room_for_what_it_may_open() -> None:
    assert places(100) == 100
    assert places(10**9) * 1.5 < resource.getrlimit(resource.RLIMIT_NOFILE)[0]

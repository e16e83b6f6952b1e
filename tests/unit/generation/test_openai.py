"""An OpenAI-compatible service that fails in every way, over real sockets (SECURITY R11)."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import pytest

from shoptalk.errors import GenerationError
from shoptalk.generation import ChatMessage, GuardedGenerator, Limits
from shoptalk.generation.breaker import Breaker
from shoptalk.generation.openai import OpenAIModel, Service

ASKED = [ChatMessage("user", "hi")]
Handler = Callable[[asyncio.StreamWriter, bytes], Awaitable[None]]
HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nconnection: close\r\n\r\n"


class Server:
    """Speaks raw HTTP and counts."""

    def __init__(self, handler: Handler) -> None:
        self.handler, self.bodies, self.heads = handler, [], []
        self.url = ""

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            head = await reader.readuntil(b"\r\n\r\n")
            length = next(
                int(h.split(b":")[1]) for h in head.split(b"\r\n") if h.lower().startswith(b"content-length")
            )
            body = await reader.readexactly(length)
            self.heads.append(head)
            self.bodies.append(json.loads(body))
            await self.handler(writer, body)
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()


@asynccontextmanager
async def served(
    handler: Handler, breaker: Breaker | None = None
) -> AsyncIterator[tuple[OpenAIModel, Server]]:
    server = Server(handler)
    listening = await asyncio.start_server(server.serve, "127.0.0.1", 0)
    port = listening.sockets[0].getsockname()[1]
    model = OpenAIModel(
        Service(f"http://127.0.0.1:{port}/v1", "m", api_key="k1", extra={"top_p": 1}), breaker
    )
    try:
        yield model, server
    finally:
        await model.close()
        listening.close()
        await asyncio.sleep(0.01)


def event(text: str | None, finish: str | None = None) -> bytes:
    return (
        b"data: "
        + json.dumps({"choices": [{"delta": {"content": text}, "finish_reason": finish}]}).encode()
        + b"\n\n"
    )


def answering(*parts: bytes, pause_s: float = 0.0) -> Handler:
    async def handle(writer: asyncio.StreamWriter, _: bytes) -> None:
        for part in parts:
            writer.write(part)
            await writer.drain()
            await asyncio.sleep(pause_s)

    return handle


async def said(model: OpenAIModel, seconds: float = 1.5) -> str:
    return "".join([piece async for piece in model.stream(ASKED, Limits(seconds=seconds))])


async def test_a_reply_comes_in_pieces_split_anywhere() -> None:
    whole = (
        b": ping\n\n"
        + event(None)
        + event("Hel")
        + event("lo, 你好")
        + event(None, "stop")
        + b"data: [DONE]\n\n"
    )
    pieces = [whole[i : i + 11] for i in range(0, len(whole), 11)]
    async with served(answering(HEAD, *pieces)) as (model, server):
        assert await said(model) == "Hello, 你好"
    assert server.bodies[0]["messages"] == [{"role": "user", "content": "hi"}]
    assert server.bodies[0]["stream"] is True
    assert server.bodies[0]["top_p"] == 1
    assert b"Bearer k1" in server.heads[0]


FAULTS = {
    "429": (b"HTTP/1.1 429 Too Many Requests\r\ncontent-length: 0\r\nconnection: close\r\n\r\n",),
    "500": (b"HTTP/1.1 500 Oops\r\ncontent-length: 5\r\nconnection: close\r\n\r\nTrace",),
    "401": (b"HTTP/1.1 401 No\r\ncontent-length: 0\r\nconnection: close\r\n\r\n",),
    "redirect": (
        b"HTTP/1.1 302 F\r\nlocation: http://127.0.0.1:1/\r\ncontent-length: 0\r\nconnection: close\r\n\r\n",
    ),
    "half stream": (HEAD, event("I am sorry. The ref")),
    "garbage": (HEAD, b"data: {not json}\n\n"),
    "wrong json": (HEAD, b'data: {"choices": 7}\n\n'),
    "list": (HEAD, b"data: [1, 2]\n\n"),
    "deep json": (HEAD, b"data: " + b"[" * 30_000 + b"\n\n"),
    "no text": (HEAD, b'data: {"choices": [{"delta": {"content": 7}}]}\n\n'),
    "html": (HEAD, b"<html>hello</html>\n"),
    "error event": (HEAD, b'data: {"error": {"message": "overloaded"}}\n\n'),
    "closed at once": (),
    "no http": (b"\x00\x01\x02garbage\r\n\r\n",),
    "10 MB line": (HEAD, *[b"x" * 1_000_000] * 10),
    "10 MB stream": (HEAD, *[event("bla " * 10_000)] * 250),
}


@pytest.mark.parametrize("fault", FAULTS)
async def test_a_fault_is_reported_as_one_thing(fault: str) -> None:
    async with served(answering(*FAULTS[fault])) as (model, _):
        begun = time.monotonic()
        with pytest.raises(GenerationError):
            await said(model)
        assert time.monotonic() - begun < 4


@pytest.mark.parametrize("fault", FAULTS)
async def test_a_shopper_sees_no_fault(fault: str, ask: Callable[..., object]) -> None:
    shown: list[str] = []

    class Sink:
        async def delta(self, message_id: str, text: str) -> None:
            shown.append(text)

    async with served(answering(*FAULTS[fault])) as (model, _):
        generator = GuardedGenerator(model, Limits(seconds=1.5))
        text = await generator.generate(ask("my parcel is late"), Sink())
    if fault == "half stream":
        assert text is not None
        assert text.startswith("I am sorry.")
        assert "The ref" not in text
    elif fault == "10 MB stream":
        assert text is None or "bla" not in text
    else:
        assert text is None
        assert shown == []


async def test_a_hang_ends_in_time() -> None:
    for parts in ((), (HEAD,), (HEAD, event("Hello "))):
        async with served(answering(*parts, pause_s=30)) as (model, _):
            begun = time.monotonic()
            with pytest.raises(GenerationError):
                await said(model, seconds=0.3)
            assert time.monotonic() - begun < 10


async def test_a_drip_ends_in_time() -> None:
    async with served(answering(HEAD, *[event("a")] * 100, pause_s=0.05)) as (model, _):
        with pytest.raises(GenerationError, match="in time"):
            await said(model, seconds=0.4)


async def test_one_failure_is_tried_again() -> None:
    calls: list[int] = []

    async def handle(writer: asyncio.StreamWriter, _: bytes) -> None:
        calls.append(1)
        good = HEAD + event("Hi.", "stop")
        writer.write(FAULTS["429"][0] if len(calls) == 1 else good)
        await writer.drain()

    async with served(handle) as (model, _):
        assert await said(model) == "Hi."
    assert len(calls) == 2


async def test_the_circuit_opens_after_five_and_closes_again() -> None:
    clock = [0.0]
    broken = [True]

    async def handle(writer: asyncio.StreamWriter, _: bytes) -> None:
        writer.write(FAULTS["401"][0] if broken[0] else HEAD + event("Hi.", "stop"))
        await writer.drain()

    async with served(handle, Breaker(clock=lambda: clock[0])) as (model, server):
        for _ in range(5):
            with pytest.raises(GenerationError):
                await said(model)
        assert len(server.bodies) == 5
        with pytest.raises(GenerationError, match="left alone"):
            await said(model)
        assert len(server.bodies) == 5
        clock[0], broken[0] = 31.0, False
        assert await said(model) == "Hi."
        assert await said(model) == "Hi."


async def test_nobody_listens() -> None:
    model = OpenAIModel(Service("http://127.0.0.1:9/v1", "m"))
    with pytest.raises(GenerationError, match="cannot be reached"):
        await said(model)
    await model.close()

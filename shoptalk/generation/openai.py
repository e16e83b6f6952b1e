"""Any service that speaks OpenAI's chat-completions protocol: llama.cpp, vLLM, Ollama, a cloud.

Source: https://platform.openai.com/docs/api-reference/chat/create (streaming with server-sent events).
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import httpx

from shoptalk.errors import GenerationError
from shoptalk.generation.base import ChatMessage, Limits
from shoptalk.generation.breaker import Breaker

logger = logging.getLogger(__name__)

CONNECT_S = 2.0
LINE_BYTES, TOTAL_BYTES = 64_000, 512_000
RETRIES = 1
RETRY_WAIT_S = 0.4
AGAIN = (408, 409, 429, 500, 502, 503, 504)
_SKIP = (":", "event:", "id:", "retry:")


@dataclass(frozen=True, slots=True)
class Service:
    """Where the model is.

    Args:
        url: base address, such as http://127.0.0.1:8000/v1.
        model: its name there.
        api_key: sent as a bearer token.
        headers: sent as well.
        temperature: 0 says the likeliest words.
        extra: further keys of the request.
    """

    url: str
    model: str
    api_key: str | None = field(default=None, repr=False)
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    temperature: float = 0.0
    extra: Mapping[str, Any] = field(default_factory=dict)


class OpenAIModel:
    """A model behind HTTP.

    Before the first piece a failed call is tried once more. After five failures in a row the service is left alone for
    half a minute.

    Args:
        service: where it is.
        breaker: shared state of failures.
        transport: replaces the network in tests.
    """

    def __init__(
        self,
        service: Service,
        breaker: Breaker | None = None,
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        self.name = service.model
        self._service, self._breaker = service, breaker or Breaker()
        self._transport = transport
        self._client: httpx.AsyncClient | None = None

    async def stream(self, messages: Sequence[ChatMessage], limits: Limits) -> AsyncIterator[str]:
        """The reply, piece by piece."""
        self._breaker.enter()
        deadline = time.monotonic() + limits.seconds
        started = False
        for attempt in range(RETRIES + 1):
            try:
                async for piece in self._attempt(messages, limits, deadline):
                    started = True
                    yield piece
                self._breaker.succeeded()
                return
            except _TryAgain as error:
                if attempt == RETRIES or started or time.monotonic() + error.wait_s >= deadline:
                    self._breaker.failed()
                    raise GenerationError(error.message) from error
                await asyncio.sleep(error.wait_s)
            except GenerationError:
                self._breaker.failed()
                raise

    async def close(self) -> None:
        """Close the connections."""
        if self._client is not None:
            await self._client.aclose()
            self._client = None

    def _connected(self) -> httpx.AsyncClient:
        if self._client is None:
            headers = dict(self._service.headers)
            if self._service.api_key:
                headers["Authorization"] = f"Bearer {self._service.api_key}"
            self._client = httpx.AsyncClient(
                headers=headers,
                timeout=httpx.Timeout(None, connect=CONNECT_S),
                follow_redirects=False,
                transport=self._transport,
            )
        return self._client

    async def _attempt(
        self, messages: Sequence[ChatMessage], limits: Limits, deadline: float
    ) -> AsyncIterator[str]:
        body = {
            **self._service.extra,
            "model": self._service.model,
            "messages": [{"role": m.role, "content": m.content} for m in messages],
            "max_tokens": limits.tokens,
            "temperature": self._service.temperature,
            "stream": True,
        }
        client = self._connected()
        request = client.build_request("POST", f"{self._service.url.rstrip('/')}/chat/completions", json=body)
        try:
            response = await _in_time(client.send(request, stream=True), deadline)
        except httpx.HTTPError as error:
            raise _TryAgain(f"The language model cannot be reached: {type(error).__name__}.") from error
        try:
            _check_status(response)
            async for piece in _pieces(response, deadline):
                yield piece
        finally:
            with contextlib.suppress(httpx.HTTPError, RuntimeError):
                await response.aclose()


class _TryAgain(GenerationError):
    def __init__(self, message: str, wait_s: float = RETRY_WAIT_S) -> None:
        super().__init__(message)
        self.wait_s = wait_s


def _check_status(response: httpx.Response) -> None:
    if response.status_code == httpx.codes.OK:
        return
    message = f"The language model's service answered {response.status_code}."
    if response.status_code in AGAIN:
        after = response.headers.get("retry-after", "")
        raise _TryAgain(message, float(after) if after.isdigit() else RETRY_WAIT_S)
    raise GenerationError(
        message, hint="Check `url:`, `model:` and `api_key:` under `generation:` in endpoints.yml."
    )


async def _pieces(response: httpx.Response, deadline: float) -> AsyncIterator[str]:
    finished = False
    async for line in _lines(response, deadline):
        if not line or line.startswith(_SKIP):
            continue
        if not line.startswith("data:"):
            raise GenerationError("The language model's service does not speak server-sent events.")
        data = line[5:].strip()
        if data == "[DONE]":
            return
        piece, ends = _read(data)
        finished = finished or ends
        if piece:
            yield piece
    if not finished:
        raise GenerationError("The language model's service broke its reply off.")


def _read(data: str) -> tuple[str, bool]:
    """The text of an event, and whether it says that the reply ends."""
    try:
        event = json.loads(data)
        if "error" in event:
            raise GenerationError("The language model's service reports an error in its reply.")
        choices = event["choices"]
        if not choices:
            return "", False
        piece = choices[0]["delta"].get("content") or ""
        ends = choices[0].get("finish_reason") is not None
    except (ValueError, KeyError, TypeError, AttributeError, IndexError, RecursionError) as error:
        raise GenerationError("The language model's service sends something that is no reply.") from error
    if not isinstance(piece, str):
        raise GenerationError("The language model's service sends something that is no reply.")
    return piece, ends


async def _lines(response: httpx.Response, deadline: float) -> AsyncIterator[str]:
    held, total = b"", 0
    chunks = response.aiter_bytes()
    while True:
        try:
            chunk = await _in_time(anext(chunks, None), deadline)
        except httpx.HTTPError as error:
            raise GenerationError("The language model's service broke its reply off.") from error
        if chunk is None:
            break
        total += len(chunk)
        held += chunk
        *whole, held = held.split(b"\n")
        if total > TOTAL_BYTES or len(held) > LINE_BYTES:
            raise GenerationError("The language model's reply is too large.")
        for line in whole:
            yield line.decode("utf-8", "replace").strip()
    if held.strip():
        yield held.decode("utf-8", "replace").strip()


async def _in_time(work: Any, deadline: float) -> Any:
    try:
        return await asyncio.wait_for(work, max(0.01, deadline - time.monotonic()))
    except TimeoutError as error:
        raise GenerationError("The language model did not answer in time.") from error

"""The encoder and the local language model as services of a Ray cluster: replicas, batches, scaling by load.

    pip install 'shoptalk[ray]'
    serve run shoptalk.server.ray_service:build encoder=all-MiniLM-L6-v2 model=qwen2.5-0.5b replicas=2
    serve run shoptalk.server.ray_service:build encoder=all-MiniLM-L6-v2 replicas=1 most_replicas=8

Servers use it by endpoints.yml: `encoder: {url: http://host:8000}` and, as the language model has OpenAI's routes,
`generation: {type: openai, url: http://host:8000/v1, model: qwen2.5-0.5b}`. It answers anybody who can reach it: keep it
in a private network, as Ray itself.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from typing import Any, Self

from ray import serve
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse

from shoptalk.encoders import load_encoder, wire
from shoptalk.errors import ConfigError, GenerationError
from shoptalk.generation.base import ChatMessage, Limits
from shoptalk.generation.local import LocalModel
from shoptalk.generation.storage import find_file

MOST_TEXTS = 256
MOST_TOKENS = 1024
THROUGH = 256
"""Requests the gateway passes on at a time. With Ray's own 5 the replicas behind it never look busy, and are not scaled."""


@dataclass(frozen=True, slots=True)
class Options:
    """What is served and how.

    Args:
        encoder: its name, as in config.yml; "" for none.
        runtime: of the encoder; see `shoptalk.encoders.load_encoder`.
        model: a language model's name or file; "" for none.
        replicas: of each, at least.
        most_replicas: of each, when they are busy; 0 for a fixed number.
        batch: requests encoded together.
        batch_wait_s: how long a request waits for others; 0 takes what is there.
        cpus: a replica's share of processors.
        threads: a language model's.
    """

    encoder: str = ""
    runtime: str = "auto"
    model: str = ""
    replicas: int = 1
    most_replicas: int = 0
    batch: int = 8
    batch_wait_s: float = 0.0
    cpus: float = 1.0
    threads: int = 1

    @classmethod
    def read(cls, args: Mapping[str, str]) -> Self:
        """From the arguments of `serve run`.

        Raises:
            ConfigError: one is unknown or no number, or nothing is to be served.
        """
        defaults, given = cls(), dict[str, Any]()
        for name, text in args.items():
            if name not in cls.__slots__:
                raise ConfigError(
                    f"There is no argument {name!r}.", hint=f"Known: {', '.join(cls.__slots__)}."
                )
            try:
                given[name] = type(getattr(defaults, name))(text)
            except ValueError as error:
                raise ConfigError(f"{name}={text!r} is no number.") from error
        options = cls(**given)
        if not options.encoder and not options.model:
            raise ConfigError("Nothing is to be served.", hint="Give encoder=NAME, model=NAME or both.")
        return options

    @property
    def scaling(self) -> dict[str, Any]:
        """What Ray is told about replicas."""
        if not self.most_replicas:
            return {"num_replicas": self.replicas}
        busy = {"target_ongoing_requests": 4, "upscale_delay_s": 5, "downscale_delay_s": 60}
        bounds = {"min_replicas": self.replicas, "max_replicas": self.most_replicas}
        return {"autoscaling_config": {**bounds, **busy}}


class EncoderReplica:
    """One copy of the encoder; requests that come together are encoded together."""

    def __init__(self, options: Options) -> None:
        self._encoder = load_encoder(options.encoder, options.runtime)
        self._name, self.served = options.encoder, 0
        self._encode.set_max_batch_size(options.batch)
        self._encode.set_batch_wait_timeout_s(options.batch_wait_s)

    def about(self) -> dict[str, Any]:
        """What the encoder is."""
        encoder = self._encoder
        return {
            "name": self._name, "fingerprint": encoder.fingerprint, "layers": encoder.layers, "width": encoder.width,
            "sentence_layers": list(encoder.sentence_layers),
        }  # fmt: skip

    async def encode(self, body: dict[str, Any]) -> bytes:
        """The vectors of a request's texts, as `wire` packs them."""
        packed: bytes = await self._encode(body)
        return packed

    @serve.batch(max_batch_size=8, batch_wait_timeout_s=0.0)  # type: ignore[untyped-decorator]
    async def _encode(self, bodies: list[dict[str, Any]]) -> list[bytes]:
        self.served += len(bodies)
        return await asyncio.to_thread(self._together, bodies)

    def _together(self, bodies: list[dict[str, Any]]) -> list[bytes]:
        groups: dict[str, list[int]] = {}
        for place, body in enumerate(bodies):
            alike = json.dumps([body["layers"], body["prefix"], body["whole"]])
            groups.setdefault(alike, []).append(place)
        packed = [b""] * len(bodies)
        for alike, places in groups.items():
            layers, prefix, whole = json.loads(alike)
            texts = wire.joined([bodies[place]["texts"] for place in places])
            encoded, at = self._encoder.encode(texts, layers, prefix, whole), 0
            for place in places:
                count = len(bodies[place]["texts"])
                packed[place] = wire.pack(wire.part(encoded, at, count))
                at += count
        return packed


class ModelReplica:
    """One copy of the language model, one reply at a time."""

    def __init__(self, options: Options) -> None:
        self._model = LocalModel.from_path(find_file(options.model), threads=options.threads)

    async def reply(self, body: dict[str, Any]) -> AsyncIterator[str]:
        """A reply in pieces."""
        messages = [ChatMessage(item["role"], str(item["content"])) for item in body["messages"]]
        limits = Limits(tokens=min(MOST_TOKENS, int(body.get("max_tokens") or 96)), seconds=60.0)
        async for piece in self._model.stream(messages, limits):
            yield piece


class Gateway:
    """HTTP in front of both."""

    def __init__(self, options: Options, encoder: Any = None, model: Any = None) -> None:
        self._options, self._encoder, self._model = options, encoder, model

    async def __call__(self, request: Request) -> Response:
        """Answer a request."""
        match request.method, request.url.path.rstrip("/"):
            case "GET", "/health":
                return JSONResponse({"status": "ok"})
            case "GET", "/encoder" if self._encoder is not None:
                return JSONResponse(await self._encoder.about.remote())
            case "POST", "/encode" if self._encoder is not None:
                return await self._encode(await _body(request))
            case "GET", "/v1/models":
                known = [{"id": self._options.model, "object": "model"}] if self._model is not None else []
                return JSONResponse({"object": "list", "data": known})
            case "POST", "/v1/chat/completions" if self._model is not None:
                return await self._chat(await _body(request))
        return _refusal(404, "There is nothing here.")

    async def _encode(self, body: dict[str, Any]) -> Response:
        texts = body.get("texts")
        good = isinstance(texts, list) and all(isinstance(text, str) for text in texts)
        if not good or not 0 < len(texts or ()) <= MOST_TEXTS:
            return _refusal(400, f"`texts` must be a list of 1 to {MOST_TEXTS} texts.")
        layers = body.get("layers") or [-1]
        if not isinstance(layers, list) or not all(isinstance(layer, int) for layer in layers):
            return _refusal(400, "`layers` must be a list of numbers.")
        asked = {"texts": texts, "layers": layers, "prefix": body.get("prefix"), "whole": body.get("whole")}
        return Response(await self._encoder.encode.remote(asked), media_type=wire.MEDIA_TYPE)

    async def _chat(self, body: dict[str, Any]) -> Response:
        messages = body.get("messages")
        roles = ("system", "user", "assistant")
        if not isinstance(messages, list) or not all(
            isinstance(item, dict) and item.get("role") in roles and "content" in item for item in messages
        ):
            return _refusal(400, "`messages` must be a list of objects with `role` and `content`.")
        pieces = self._model.reply.options(stream=True).remote(body)
        if body.get("stream"):
            return StreamingResponse(self._events(pieces), media_type="text/event-stream")
        try:
            text = "".join([piece async for piece in pieces])
        except GenerationError as error:
            return _refusal(503, error.message)
        choice = {"index": 0, "message": {"role": "assistant", "content": text}, "finish_reason": "stop"}
        return JSONResponse({**self._frame("chat.completion"), "choices": [choice]})

    async def _events(self, pieces: AsyncIterator[str]) -> AsyncIterator[str]:
        try:
            async for piece in pieces:
                choice = {"index": 0, "delta": {"content": piece}, "finish_reason": None}
                yield self._event({**self._frame("chat.completion.chunk"), "choices": [choice]})
        except GenerationError as error:
            yield self._event({"error": {"message": error.message}})
            return
        last = {"index": 0, "delta": {}, "finish_reason": "stop"}
        yield self._event({**self._frame("chat.completion.chunk"), "choices": [last]})
        yield "data: [DONE]\n\n"

    def _event(self, content: Mapping[str, Any]) -> str:
        return f"data: {json.dumps(content, ensure_ascii=False)}\n\n"

    def _frame(self, kind: str) -> dict[str, Any]:
        moment = time.time_ns()
        return {
            "id": f"chatcmpl-{moment:x}", "object": kind, "created": moment // 10**9, "model": self._options.model,
        }  # fmt: skip


async def _body(request: Request) -> dict[str, Any]:
    try:
        content = json.loads(await request.body())
    except (ValueError, RecursionError):
        return {}
    return content if isinstance(content, dict) else {}


def _refusal(status: int, message: str) -> JSONResponse:
    return JSONResponse({"error": {"message": message, "type": "invalid_request_error"}}, status)


def build(args: Mapping[str, str]) -> serve.Application:
    """The application `serve run` starts.

    Raises:
        ConfigError: an argument is wrong.
    """
    options = Options.read(args)
    share = {"ray_actor_options": {"num_cpus": options.cpus}}
    encoder = model = None
    if options.encoder:
        encoder = serve.deployment(EncoderReplica, name="encoder", max_ongoing_requests=64)
        encoder = encoder.options(**options.scaling, **share).bind(options)
    if options.model:
        model = serve.deployment(ModelReplica, name="model", max_ongoing_requests=4)
        model = model.options(**options.scaling, **share).bind(options)
    gateway = serve.deployment(
        Gateway, name="gateway", max_ongoing_requests=THROUGH, ray_actor_options={"num_cpus": 0}
    )
    return gateway.bind(options, encoder, model)

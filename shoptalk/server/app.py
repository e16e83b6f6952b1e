"""The server's application, as a function of what it serves."""

from __future__ import annotations

import contextlib
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from fastapi import APIRouter, FastAPI, Request
from fastapi.responses import FileResponse, JSONResponse, PlainTextResponse, Response
from fastapi.staticfiles import StaticFiles
from fastapi_offline import FastAPIOffline
from starlette.middleware.cors import CORSMiddleware

import shoptalk
from shoptalk.channels.base import Channel, Mounted
from shoptalk.errors import StoreError
from shoptalk.server import api, errors
from shoptalk.server.auth import Auth
from shoptalk.server.holder import Holder
from shoptalk.server.limits import AnswerLimit, AtOnce, BodyLimit, BoundedInbox, Bounds, Buckets, OriginCheck
from shoptalk.server.metrics import Metrics
from shoptalk.server.observe import Telemetry
from shoptalk.server.tracing import Tracing

STATIC = Path(__file__).parent / "static"
PAGE_POLICY = (
    "default-src 'self'; img-src 'self' data:; style-src 'self'; script-src 'self'; connect-src 'self'; "
    "frame-ancestors 'none'; base-uri 'none'; form-action 'none'; "
    "require-trusted-types-for 'script'; trusted-types 'none'"
)
"""Content security policy of the pages: nothing inline, nothing from elsewhere."""

API_BODIES = {"/model/": 10 << 20, "/conversations/": 10 << 20}
"""Training data and whole conversations are larger than messages; these paths are behind the API's lock."""
LOOPBACK = ("127.0.0.1", "::1")
NAMING = ("rest", "callback")
"""Channels whose callers name their senders."""

Lifespan = Callable[[FastAPI], contextlib.AbstractAsyncContextManager[None]]
Work = Callable[[], contextlib.AbstractAsyncContextManager[None]]


@dataclass(frozen=True, slots=True)
class ServerOptions:
    """What a server offers.

    Args:
        enable_api: Rasa's HTTP API, beside the channels.
        auth: what unlocks it.
        cors: origins whose pages may call the server; none by default.
        page: serve the demo page at `/`.
        routers: routes of the user's own project.
        bounds: on requests.
        metrics, tracing: what measures; None does not.
    """

    enable_api: bool = False
    auth: Auth = field(default_factory=Auth)
    cors: Sequence[str] = ()
    page: bool = False
    routers: Sequence[APIRouter] = ()
    bounds: Bounds = field(default_factory=lambda: Bounds(larger=API_BODIES))
    metrics: Metrics | None = None
    tracing: Tracing | None = None


def create_app(
    holder: Holder,
    channels: Sequence[Channel],
    options: ServerOptions | None = None,
    background: Sequence[Callable[[], Awaitable[None]]] = (),
) -> FastAPI:
    """The application.

    Args:
        holder: the assistant to serve.
        channels: ways in and out.
        options: what else is offered.
        background: work that runs while the server does (reminders, outbox), cancelled at its end.
    """
    chosen = options or ServerOptions()
    app = _bare(_lifespan(holder, background), described=chosen.enable_api)
    errors.install(app)
    _protect(app, chosen)
    app.include_router(_health(holder))
    app.include_router(_numbers(holder, chosen))
    buckets = Buckets(chosen.bounds.sender_rate, chosen.bounds.sender_burst)
    for channel in channels:
        inbox = BoundedInbox(holder, chosen.bounds, buckets, named=channel.name in NAMING)
        app.include_router(channel.routes(inbox), responses=errors.DOCUMENTED)
        if isinstance(channel, Mounted):
            channel.mount(app, inbox, chosen.cors)
    if chosen.enable_api:
        app.include_router(api.open_routes())
        app.include_router(api.routes(holder, chosen.auth), responses=errors.DOCUMENTED)
    for router in chosen.routers:
        app.include_router(router)
    _front(app, chosen.page)
    return app


def _bare(lifespan: Lifespan, *, described: bool) -> FastAPI:
    """No routes yet but, if it is described, `/openapi.json` and `/docs`, a page that asks nobody else's server."""
    if not described:
        return FastAPI(title="Shoptalk", version=shoptalk.__version__, lifespan=lifespan, openapi_url=None)
    return FastAPIOffline(redoc_url=None, title="Shoptalk", version=shoptalk.__version__, lifespan=lifespan)


def _protect(app: FastAPI, options: ServerOptions) -> None:
    """What stands around all routes; the last one added is the outermost."""
    app.add_middleware(BodyLimit, bounds=options.bounds)
    app.add_middleware(AnswerLimit, seconds=options.bounds.answer_s)
    app.add_middleware(AtOnce, bounds=options.bounds)
    app.add_middleware(OriginCheck, allowed=tuple(options.cors))
    if options.cors:
        app.add_middleware(
            CORSMiddleware, allow_origins=list(options.cors), allow_methods=["*"], allow_headers=["*"]
        )
    if options.metrics is not None or options.tracing is not None:
        app.add_middleware(Telemetry, metrics=options.metrics, tracing=options.tracing)


def _lifespan(holder: Holder, background: Sequence[Callable[[], Awaitable[None]]]) -> Lifespan:
    @contextlib.asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        import asyncio

        tasks = [asyncio.ensure_future(work()) for work in background]
        try:
            yield
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            await holder.close()

    return lifespan


def _health(holder: Holder) -> APIRouter:
    router = APIRouter(tags=["server"])

    @router.get("/health")
    async def health() -> dict[str, str]:
        """Whether the process lives and its event loop turns."""
        return {"status": "ok", "version": shoptalk.__version__}

    @router.get("/ready", responses={503: {"description": "Messages cannot be served now"}})
    async def ready() -> Response:
        """Whether messages can be served now: a model is loaded and the store answers."""
        model = holder.model.model_id if holder.model else None
        if not holder.is_ready:
            return JSONResponse({"status": "no model", "model_id": None, "store": None}, 503)
        begin = time.perf_counter()
        try:
            await holder.assistant.store.ping()
        except StoreError:
            return JSONResponse(
                {"status": "no store", "model_id": model, "store": "away"}, 503, headers={"Retry-After": "2"}
            )
        ms = round((time.perf_counter() - begin) * 1000, 2)
        return JSONResponse({"status": "ready", "model_id": model, "store": "ok", "store_ms": ms})

    return router


def _numbers(holder: Holder, options: ServerOptions) -> APIRouter:
    """`/metrics`: for this machine, or for whoever has the API's token."""
    router = APIRouter(tags=["server"])
    metrics = options.metrics
    if metrics is None:
        return router

    @router.get("/metrics", responses={200: {"content": {"text/plain": {}}}, **errors.DOCUMENTED})
    async def numbers(request: Request) -> Response:
        """Numbers for Prometheus."""
        local = request.client is not None and request.client.host in LOOPBACK
        if not local:
            if options.auth.is_open:
                raise errors.ApiError(
                    403, "NotAuthorized", "Metrics are shown to this machine only; see --auth-token."
                )
            options.auth.check(request)
        store = holder.assistant.store if holder.is_ready else None
        return Response(await metrics.text(store), media_type="text/plain; version=0.0.4; charset=utf-8")

    return router


def _front(app: FastAPI, page: bool) -> None:
    """The page at `/`, or what Rasa answers there."""

    @app.get("/", include_in_schema=False)
    async def root(request: Request) -> Any:
        if page:
            return FileResponse(STATIC / "index.html", headers=_page_headers())
        return PlainTextResponse(f"Hello from Rasa: {api.API_VERSION}")

    if page:
        app.mount("/static", _Static(directory=STATIC), name="static")


class _Static(StaticFiles):
    """Static files with the headers of a page."""

    def file_response(self, *args: Any, **kwargs: Any) -> Response:
        response = super().file_response(*args, **kwargs)
        response.headers.update(_page_headers())
        return response


def _page_headers() -> dict[str, str]:
    return {
        "Content-Security-Policy": PAGE_POLICY,
        "X-Content-Type-Options": "nosniff",
        "Referrer-Policy": "same-origin",
        "Cache-Control": "no-cache",
    }

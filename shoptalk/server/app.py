"""The server's application, as a function of what it serves."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from fastapi import APIRouter, FastAPI, Request
from fastapi.responses import FileResponse, JSONResponse, PlainTextResponse, Response
from fastapi.staticfiles import StaticFiles
from starlette.middleware.cors import CORSMiddleware

import shoptalk
from shoptalk.channels.base import Channel
from shoptalk.errors import StoreError
from shoptalk.server import api, errors
from shoptalk.server.auth import Auth
from shoptalk.server.holder import Holder
from shoptalk.server.limits import BodyLimit

STATIC = Path(__file__).parent / "static"
PAGE_POLICY = (
    "default-src 'self'; img-src 'self' data:; style-src 'self'; script-src 'self'; connect-src 'self'; "
    "frame-ancestors 'none'; base-uri 'none'; form-action 'none'; "
    "require-trusted-types-for 'script'; trusted-types 'none'"
)
"""Content security policy of the pages: nothing inline, nothing from elsewhere."""

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
        max_body: bytes a request may have.
    """

    enable_api: bool = False
    auth: Auth = field(default_factory=Auth)
    cors: Sequence[str] = ()
    page: bool = False
    routers: Sequence[APIRouter] = ()
    max_body: int = 64 << 10


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
    app = FastAPI(
        title="Shoptalk",
        version=shoptalk.__version__,
        lifespan=_lifespan(holder, background),
        docs_url="/docs" if chosen.enable_api else None,
        redoc_url=None,
        openapi_url="/openapi.json" if chosen.enable_api else None,
    )
    errors.install(app)
    app.add_middleware(BodyLimit, max_bytes=chosen.max_body)
    if chosen.cors:
        app.add_middleware(
            CORSMiddleware, allow_origins=list(chosen.cors), allow_methods=["*"], allow_headers=["*"]
        )
    app.include_router(_health(holder))
    for channel in channels:
        app.include_router(channel.routes(holder))
    if chosen.enable_api:
        app.include_router(api.open_routes())
        app.include_router(api.routes(holder, chosen.auth))
    for router in chosen.routers:
        app.include_router(router)
    _front(app, chosen.page)
    return app


def _lifespan(
    holder: Holder, background: Sequence[Callable[[], Awaitable[None]]]
) -> Callable[[FastAPI], contextlib.AbstractAsyncContextManager[None]]:
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
            if holder.is_ready:
                await holder.assistant.close()

    return lifespan


def _health(holder: Holder) -> APIRouter:
    router = APIRouter(tags=["server"])

    @router.get("/health")
    async def health() -> dict[str, str]:
        """Whether the process lives and its event loop turns."""
        return {"status": "ok"}

    @router.get("/ready")
    async def ready() -> Response:
        """Whether messages can be served now: a model is loaded and the store answers."""
        if not holder.is_ready:
            return JSONResponse({"status": "no model"}, 503)
        try:
            await holder.assistant.store.ping()
        except StoreError as error:
            return JSONResponse(
                {"status": "no store", "message": error.message}, 503, headers={"Retry-After": "2"}
            )
        return JSONResponse({"status": "ready"})

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

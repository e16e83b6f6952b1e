"""Puts a server together from a project's files, and runs it."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from fastapi import APIRouter, FastAPI

from shoptalk import model as models
from shoptalk import registry
from shoptalk.actions.load import load_actions
from shoptalk.assistant import Assistant
from shoptalk.channels.base import Channel, Inbox, Mounted, Starting
from shoptalk.channels.web import WebChannel
from shoptalk.errors import ArchiveError, ConfigError
from shoptalk.formats.yaml import Map, read_file
from shoptalk.model import Model
from shoptalk.server.app import ServerOptions, create_app
from shoptalk.server.auth import Auth
from shoptalk.server.delivery import OutboxWorker, deliver_for
from shoptalk.server.holder import Holder
from shoptalk.settings import Endpoints
from shoptalk.stores.base import TrackerStore
from shoptalk.stores.build import build_store

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Options:
    """What `shoptalk run` is asked for.

    Args:
        root: the project's folder.
        model: an archive or a folder of them.
        endpoints, credentials: files; a missing one means the defaults.
        host, port: where to listen.
        connector: serve only this channel.
        cors, auth, enable_api: as for `ServerOptions`.
        page: serve the demo page.
        routers: dotted paths of routers of the user's own.
        shutdown_s: how long open requests may take to finish at the end.
    """

    root: Path = Path()
    model: Path = Path("models")
    endpoints: Path = Path("endpoints.yml")
    credentials: Path = Path("credentials.yml")
    host: str = "127.0.0.1"
    port: int = 5005
    connector: str | None = None
    cors: Sequence[str] = ()
    auth: Auth = field(default_factory=Auth)
    enable_api: bool = False
    page: bool = False
    routers: Sequence[str] = ()
    shutdown_s: int = 10
    ssl_certificate: str | None = None
    ssl_keyfile: str | None = None
    ssl_password: str | None = None


def read_endpoints(path: Path) -> Endpoints:
    """The settings of an endpoints file; the defaults when there is none.

    Raises:
        ConfigError, DataError: it is wrong.
    """
    if not path.exists():
        return Endpoints()
    content = read_file(path, environment=True)
    return Endpoints.read(content, str(path))


def read_channels(path: Path, connector: str | None = None) -> list[Channel]:
    """The channels a credentials file asks for; REST alone when there is none.

    Raises:
        ConfigError: a channel is unknown or its settings are wrong.
    """
    content = read_file(path, environment=True) if path.exists() else Map()
    if not isinstance(content, Map):
        raise ConfigError("Credentials must be a mapping of channels.", file=str(path), line=1)
    wanted: Mapping[str, Any] = (
        {connector: content.get(connector)} if connector else dict(content) or {"rest": None}
    )
    channels: list[Channel] = []
    for name, section in wanted.items():
        if section is not None and not isinstance(section, Mapping):
            at = content.at(name)
            raise ConfigError(f"The settings of {name!r} must be a mapping.", file=at.file, line=at.line)
        try:
            channels.append(make_channel(name, section))
        except ConfigError as error:
            line = error.line or content.at(name if name in content else None).line
            raise ConfigError(error.message, hint=error.hint, file=str(path), line=line) from error
    return channels


def make_channel(name: str, section: Mapping[str, Any] | None) -> Channel:
    """The channel of a name or dotted path.

    Raises:
        ConfigError: there is none, it is no channel, or its settings are wrong.
    """
    found = registry.resolve("channel", name)
    missing = [word for word in ("name", "from_credentials", "routes", "send") if not hasattr(found, word)]
    if missing:
        hint = "Write it as docs/channels.md says; it takes a screenful."
        if hasattr(found, "blueprint"):
            hint = f"This looks like a channel for Rasa's own web server. {hint}"
        raise ConfigError(f"The class {name!r} is no channel: it has no {', '.join(missing)}.", hint=hint)
    channel: Channel = found.from_credentials(section)
    return channel


def mount(app: FastAPI, channels: Sequence[Channel], inbox: Inbox, origins: Sequence[str]) -> None:
    """Let channels that serve more than routes add it to an application."""
    for channel in channels:
        if isinstance(channel, Mounted):
            channel.mount(app, inbox, origins)


def load_holder(options: Options, endpoints: Endpoints, channels: Sequence[Channel]) -> Holder:
    """The assistant of the newest model, with its actions and its store; an empty holder when there is no model."""
    inspectors = [c.inspector for c in channels if isinstance(c, WebChannel) and c.inspector]
    stores: list[TrackerStore] = []

    def make(model: Model) -> Assistant:
        actions = load_actions(model.domain, endpoints, options.root)
        if not stores:
            stores.append(build_store(endpoints.tracker_store))
        watch = inspectors[0].watch if inspectors else None
        return Assistant.from_model(model, actions, store=stores[0], watch=watch, deliver=deliver_for(channels))

    try:
        model = models.load(options.root / options.model)
    except ArchiveError as error:
        if not options.enable_api:
            raise
        logger.error("model.missing %s", error)
        return Holder(make=make)
    return Holder(make(model), model, make)


def run(options: Options, ready: Callable[[], None] | None = None) -> None:
    """Serve until stopped by a signal.

    Args:
        options: what to serve.
        ready: called when requests are taken.

    Raises:
        ArchiveError: there is no model and the API is not enabled.
        ConfigError: a setting is wrong.
    """
    import uvicorn

    endpoints = read_endpoints(options.root / options.endpoints)
    channels = read_channels(options.root / options.credentials, options.connector)
    holder = load_holder(options, endpoints, channels)
    app = create_app(
        holder,
        channels,
        ServerOptions(
            enable_api=options.enable_api,
            auth=options.auth,
            cors=options.cors,
            page=options.page,
            routers=[_router(path) for path in options.routers],
        ),
        _background(holder, channels, ready),
    )
    mount(app, channels, holder, options.cors)
    config = uvicorn.Config(
        app,
        host=options.host,
        port=options.port,
        log_config=None,
        access_log=False,
        timeout_graceful_shutdown=options.shutdown_s,
        ssl_certfile=options.ssl_certificate,
        ssl_keyfile=options.ssl_keyfile,
        ssl_keyfile_password=options.ssl_password,
    )
    uvicorn.Server(config).run()


def _router(path: str) -> APIRouter:
    found = registry.load_dotted(path)
    if not isinstance(found, APIRouter):
        raise ConfigError(f"{path!r} is no FastAPI router.")
    return found


def _background(
    holder: Holder, channels: Sequence[Channel], ready: Callable[[], None] | None
) -> list[Callable[[], Awaitable[None]]]:
    work: list[Callable[[], Awaitable[None]]] = []
    if ready is not None:
        called = ready

        async def tell() -> None:
            await asyncio.to_thread(called)

        work.append(tell)
    work.append(holder.serve_reminders)
    work.append(OutboxWorker(lambda: holder.assistant.store if holder.is_ready else None, channels).run)
    work += [channel.start for channel in channels if isinstance(channel, Starting)]
    return work

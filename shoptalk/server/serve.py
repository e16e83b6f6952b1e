"""Puts a server together from a project's files, and runs it."""

from __future__ import annotations

import asyncio
import gc
import logging
import socket
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from fastapi import APIRouter, FastAPI

from shoptalk import model as models
from shoptalk import registry
from shoptalk.actions.load import load_actions
from shoptalk.assistant import Assistant
from shoptalk.channels.base import Channel, Starting
from shoptalk.channels.web import WebChannel
from shoptalk.encoders import use_service
from shoptalk.errors import ArchiveError, ConfigError, StoreError
from shoptalk.formats.yaml import Map, read_file
from shoptalk.generation.build import build_generator
from shoptalk.model import Model
from shoptalk.server.app import API_BODIES, ServerOptions, create_app
from shoptalk.server.auth import Auth
from shoptalk.server.delivery import OutboxWorker, deliver_for
from shoptalk.server.holder import Holder
from shoptalk.server.limits import Bounds
from shoptalk.server.logs import Logs
from shoptalk.server.metrics import make_metrics
from shoptalk.server.publishing import Publisher
from shoptalk.server.pulling import ModelServer
from shoptalk.server.tracing import make_tracing
from shoptalk.server.watching import watch
from shoptalk.settings import Endpoint, Endpoints
from shoptalk.stores.base import TrackerStore
from shoptalk.stores.build import build_broker, build_store
from shoptalk.turn import TurnRecord
from shoptalk.worker import Watch

logger = logging.getLogger(__name__)

KEEP_ALIVE_S = 75
GARBAGE = 10_000
"""New objects after which the youngest garbage is collected."""
STALLED_S = 3.0
"""How often messages are looked for that nobody serves, as after a worker died."""


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
        watch: serve a newer model as soon as it is there.
        shutdown_s: how long open requests may take to finish at the end.
        workers: processes that serve; more than one share the store and the port.
        bounds: on requests, per process.
        logs: which log lines are kept, and where.
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
    watch: bool = False
    shutdown_s: int = 10
    workers: int = 1
    bounds: Bounds = field(default_factory=lambda: Bounds(larger=API_BODIES))
    logs: Logs = field(default_factory=Logs)
    ssl_certificate: str | None = None
    ssl_keyfile: str | None = None
    ssl_password: str | None = None
    ssl_ca_file: str | None = None


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


def load_holder(
    options: Options, endpoints: Endpoints, channels: Sequence[Channel], watchers: Sequence[Watch] = ()
) -> Holder:
    """The assistant of the newest model, with its actions and its store; an empty holder when there is none yet."""
    inspectors = [c.inspector for c in channels if isinstance(c, WebChannel) and c.inspector]
    if endpoints.encoder:
        use_service(str(endpoints.encoder.get("url") or ""))
    generator = build_generator(endpoints.generation, options.root)
    told = _all([*(inspector.watch for inspector in inspectors), *watchers])
    stores: list[TrackerStore] = []

    def make(model: Model) -> Assistant:
        actions = load_actions(model.domain, endpoints, options.root, generator)
        if not stores:
            stores.append(build_store(endpoints.tracker_store))
        return Assistant.from_model(
            model, actions, store=stores[0], watch=told, deliver=deliver_for(channels)
        )

    if endpoints.models:  # its server has the model, as in Rasa whatever lies in the folder
        return Holder(make=make)
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
    endpoints = read_endpoints(options.root / options.endpoints)
    if options.workers > 1:
        from shoptalk.server.processes import run_workers

        read_channels(options.root / options.credentials, options.connector)
        run_workers(options, endpoints, ready)
    else:
        serve(options, endpoints, ready)


def serve(
    options: Options,
    endpoints: Endpoints,
    ready: Callable[[], None] | None = None,
    listener: socket.socket | None = None,
) -> None:
    """Serve in this process until stopped by a signal.

    Args:
        options: what to serve.
        endpoints: services to use.
        ready: called when requests are taken.
        listener: a bound socket that other processes may listen on too; without it one is opened.
    """
    import uvicorn

    channels = read_channels(options.root / options.credentials, options.connector)
    metrics, tracing = make_metrics(), make_tracing()
    if metrics is not None:
        logging.getLogger().addHandler(metrics.handler())
    broker = build_broker(endpoints.event_broker)
    publisher = Publisher(broker) if broker is not None else None
    _warn_of_unused(endpoints)
    watchers = [each.watch for each in (metrics, tracing, publisher) if each is not None]
    holder = load_holder(options, endpoints, channels, watchers)
    background = _background(options, holder, channels, ready)
    source = Endpoint.read(endpoints.models)
    if source is not None:
        model_server = ModelServer(source)
        background.append(lambda: model_server.follow(holder))
    if publisher is not None:
        background.append(publisher.run)
    app = create_app(
        holder,
        channels,
        ServerOptions(
            enable_api=options.enable_api,
            auth=options.auth,
            cors=options.cors,
            page=options.page,
            routers=[_router(path) for path in options.routers],
            bounds=options.bounds,
            metrics=metrics,
            tracing=tracing,
        ),
        background,
    )
    _settle_memory()
    uvicorn.Server(_config(app, options)).run([listener] if listener is not None else None)
    if tracing is not None:
        tracing.close()


def _settle_memory() -> None:
    """Leave out of garbage collection what stays anyway: a model is millions of objects to look through.

    Python looks after every 700 new objects, which a turn makes several times, and at everything every so often:
    a pause of tenths of a second. What is made by turns is collected as ever, in larger portions. What is not frozen
    is looked at as a whole after every few of them, for a websocket that closes after a minute leaves a cycle that got
    old; the last collection tells Python how little that is.
    """
    gc.collect()
    gc.freeze()
    gc.collect()
    gc.set_threshold(GARBAGE, 10, 3)


def _config(app: FastAPI, options: Options) -> Any:
    """How uvicorn listens."""
    import uvicorn

    from shoptalk.server.connections import Crowd, bounded, places

    return uvicorn.Config(
        app,
        http=bounded(Crowd(body_s=options.bounds.body_s, most=places())),
        host=options.host,
        port=options.port,
        log_config=None,
        log_level=logging.getLogger().getEffectiveLevel(),  # without one uvicorn words what it does for nobody
        access_log=False,
        server_header=False,
        ws_max_size=options.bounds.max_body,
        timeout_keep_alive=KEEP_ALIVE_S,
        timeout_graceful_shutdown=options.shutdown_s,
        ssl_certfile=options.ssl_certificate,
        ssl_keyfile=options.ssl_keyfile,
        ssl_keyfile_password=options.ssl_password,
        ssl_ca_certs=options.ssl_ca_file,
    )


UNUSED = {
    "lock_store": "the tracker store itself lets one worker at a time serve a conversation",
    "nlu": "understanding is part of this server; serve a model trained with `shoptalk train`",
}
"""Sections of Rasa's endpoints.yml that mean nothing here, and why."""


def _warn_of_unused(endpoints: Endpoints) -> None:
    for name, reason in UNUSED.items():
        if getattr(endpoints, name):
            logger.warning("endpoints.yml: `%s:` has no effect: %s.", name, reason)


def _all(watchers: Sequence[Watch]) -> Watch | None:
    """One watcher that tells all."""

    def tell(record: TurnRecord) -> None:
        for each in watchers:
            each(record)

    return tell if watchers else None


def _router(path: str) -> APIRouter:
    found = registry.load_dotted(path)
    if not isinstance(found, APIRouter):
        raise ConfigError(f"{path!r} is no FastAPI router.")
    return found


def _background(
    options: Options, holder: Holder, channels: Sequence[Channel], ready: Callable[[], None] | None
) -> list[Callable[[], Awaitable[None]]]:
    work: list[Callable[[], Awaitable[None]]] = []
    if ready is not None:
        called = ready

        async def tell() -> None:
            await asyncio.to_thread(called)

        work.append(tell)

    async def serve_stalled() -> None:
        while True:
            await asyncio.sleep(STALLED_S)
            try:
                if holder.is_ready:
                    await holder.assistant.worker.drain_stalled()
            except StoreError as error:
                logger.warning("stalled.store_failed: %s", error.code)

    work += [holder.serve_reminders, serve_stalled]
    if options.watch:
        work.append(lambda: watch(holder, options.root / options.model))
    work.append(OutboxWorker(lambda: holder.assistant.store if holder.is_ready else None, channels).run)
    work += [channel.start for channel in channels if isinstance(channel, Starting)]
    return work

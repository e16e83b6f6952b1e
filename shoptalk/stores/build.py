"""`tracker_store` and `event_broker` of endpoints.yml -> the store and the broker they name."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from shoptalk.errors import ConfigError
from shoptalk.registry import load_dotted
from shoptalk.stores.base import StoreOptions, TrackerStore
from shoptalk.stores.broker import EventBroker

_OPTIONS = ("lease_ms", "max_waiting", "dedupe_s", "busy_s", "reclaim_s")
_SQL = ("dialect", "url", "port", "db", "username", "password", "login_db", "query")
_SSL = ("use_ssl", "ssl_keyfile", "ssl_certfile", "ssl_ca_certs")
_ADDRESS = (
    "url", "port", "db", "username", "password", *_SSL, "cluster", "sentinels", "sentinel_service", "unix_socket",
    "timeout_s", "max_connections",
)  # fmt: skip
_REDIS = (*_ADDRESS, "replicas", "record_exp", "key_prefix", "adopt_rasa")
_MONGOD = ("db", "username", "password", "auth_source", "collection")
_DYNAMO = ("url", "table_name", "region")
_EMBEDDED = ("folder", "appendfsync", "record_exp", "key_prefix", "timeout_s")
_KAFKA_SECURITY = (
    "security_protocol", "sasl_username", "sasl_password", "sasl_mechanism", "ssl_cafile", "ssl_certfile",
    "ssl_keyfile", "ssl_check_hostname",
)  # fmt: skip


def build_store(config: Mapping[str, Any] | None) -> TrackerStore:
    """The tracker store of an endpoints.yml section; nothing is connected yet, except `embedded`.

    Args:
        config: the section; None or empty keeps conversations in memory.

    Raises:
        ConfigError: an unknown type or key.
    """
    kind, given = _kind(config, "in_memory")
    makers: dict[str, Callable[[dict[str, Any]], TrackerStore]] = {
        "in_memory": _memory,
        "memory": _memory,
        "redis": _redis,
        "valkey": _redis,
        "sql": _sql,
        "embedded": _embedded,
        "mongod": _mongod,
        "dynamo": _dynamo,
    }
    if kind in makers:
        return makers[kind](given)
    if "." not in kind:
        raise ConfigError(f"There is no tracker store {kind!r}.", hint=_nearest(kind, [*makers]))
    store = load_dotted(kind, "tracker_store")(**given)
    if not isinstance(store, TrackerStore):
        raise ConfigError(
            f"{kind!r} is not a tracker store of Shoptalk's kind.",
            hint="It must have the methods of shoptalk.stores.base.TrackerStore; "
            "shoptalk.stores.conformance checks them.",
        )
    return store


def build_broker(config: Mapping[str, Any] | None) -> EventBroker | None:
    """The event broker of an endpoints.yml section; None when there is none.

    Raises:
        ConfigError: an unknown type or key, or its client library is not installed.
    """
    if not config:
        return None
    kind, given = _kind(config, "pika")
    makers: dict[str, Callable[[dict[str, Any]], EventBroker]] = {
        "pika": _pika,
        "kafka": _kafka,
        "sql": _sql_broker,
        "file": _file_broker,
        "redis": _stream_broker,
        "valkey": _stream_broker,
    }
    if kind in makers:
        return makers[kind](given)
    if "." not in kind:
        raise ConfigError(f"There is no event broker {kind!r}.", hint=_nearest(kind, [*makers]))
    broker: EventBroker = load_dotted(kind, "event_broker")(**given)
    return broker


def _memory(given: dict[str, Any]) -> TrackerStore:
    from shoptalk.stores.memory import MemoryTrackerStore

    _only(given, "in_memory", _OPTIONS)
    return MemoryTrackerStore(_options(given))


def _redis(given: dict[str, Any]) -> TrackerStore:
    from shoptalk.stores.legacy import AdoptingStore, RasaRedisReader
    from shoptalk.stores.redis import RedisTrackerStore

    _only(given, "redis", (*_REDIS, *_OPTIONS))
    store = RedisTrackerStore(redis_address(given), given.get("key_prefix"), _options(given))
    if not given.get("adopt_rasa", True):
        return store
    return AdoptingStore(store, RasaRedisReader(store.link, store.keys.prefix))


def _sql(given: dict[str, Any]) -> TrackerStore:
    from shoptalk.stores.sql import SqlTrackerStore
    from shoptalk.stores.sql_link import sql_url

    _only(given, "sql", (*_SQL, "record_exp", *_OPTIONS))
    address = {key: given[key] for key in _SQL if key in given and key != "login_db"}
    return SqlTrackerStore(sql_url(**address), _options(given))


def _embedded(given: dict[str, Any]) -> TrackerStore:
    from shoptalk.stores.embedded import EmbeddedTrackerStore, EmbeddedValkey

    _only(given, "embedded", (*_EMBEDDED, *_OPTIONS))
    server = EmbeddedValkey(
        given.get("folder", Path(".shoptalk") / "valkey"),
        appendfsync=given.get("appendfsync", "everysec"),
        timeout_s=float(given.get("timeout_s", 1.5)),
    )
    return EmbeddedTrackerStore(server.start(), given.get("key_prefix"), _options(given))


def _mongod(given: dict[str, Any]) -> TrackerStore:
    _only(given, "mongod", ("url", *_MONGOD, "record_exp", "adopt_rasa", *_OPTIONS))
    address = {key: given[key] for key in _MONGOD if key in given}
    if "url" in given:
        address["host"] = given["url"]
    return _documents(given, "Mongo", "pymongo", address)


def _dynamo(given: dict[str, Any]) -> TrackerStore:
    _only(given, "dynamo", (*_DYNAMO, "record_exp", "adopt_rasa", *_OPTIONS))
    address = {key: given[key] for key in _DYNAMO if key in given}
    return _documents(given, "Dynamo", "aiobotocore", address)


def _documents(given: Mapping[str, Any], name: str, package: str, address: Mapping[str, Any]) -> TrackerStore:
    from shoptalk.stores.documents import DocumentTrackerStore
    from shoptalk.stores.legacy import AdoptingStore

    module, install = f"shoptalk.stores.documents_{name.lower()}", f"'shoptalk[{name.lower()}]'"
    documents = _extra(f"{module}.{name}Documents", package, "tracker store", install)(**address)
    store = DocumentTrackerStore(documents, _options(given))
    if not given.get("adopt_rasa", True):
        return store
    return AdoptingStore(store, load_dotted(f"{module}.Rasa{name}Reader", "tracker_store")(documents))


def redis_address(given: Mapping[str, Any]) -> Any:
    """The `RedisAddress` of an endpoints.yml section with Rasa's keys; `url` may be a host or redis://."""
    from shoptalk.stores.redis_link import RedisAddress

    host, port, db = str(given.get("url", "localhost")), int(given.get("port", 6379)), int(given.get("db", 0))
    username, password, secure = given.get("username"), given.get("password"), bool(given.get("use_ssl"))
    if "://" in host:
        parts = urlsplit(host)
        host, port, secure = (
            parts.hostname or "localhost",
            parts.port or port,
            secure or parts.scheme == "rediss",
        )
        username = unquote(parts.username) if parts.username else username
        password = unquote(parts.password) if parts.password else password
        db = int(parts.path.strip("/") or db)
    tls = {key: given[key] for key in _SSL[1:] if given.get(key)} if secure else None
    sentinels = tuple((str(name), int(number)) for name, number in given.get("sentinels", ()))
    optional = {
        key: given[key]
        for key in ("unix_socket", "sentinel_service", "replicas", "timeout_s", "max_connections")
        if key in given
    }
    if given.get("cluster") and given.get("replicas"):
        raise ConfigError(
            "`replicas` is for a single primary, not for a cluster.",
            hint="Leave it out; a cluster that loses a node may lose its last second.",
        )
    return RedisAddress(
        host,
        port,
        db,
        username,
        password,
        ssl=tls,
        cluster=bool(given.get("cluster")),
        sentinels=sentinels,
        **optional,
    )


def _pika(given: dict[str, Any]) -> EventBroker:
    broker = _extra("shoptalk.stores.broker_pika.PikaBroker", "aio_pika", "event broker", "aio-pika")
    known = ("url", "username", "password", "port", "queues", "exchange_name")
    # Rasa's keys for what is always so here: events wait in the tracker, and a failure is told.
    unused = (
        "should_keep_unpublished_messages",
        "raise_on_failure",
        "connection_attempts",
        "retry_delay_in_seconds",
    )
    _only(given, "pika", (*known, *unused))
    chosen = {key: given[key] for key in known if key in given}
    if isinstance(chosen.get("queues"), str):
        chosen["queues"] = [chosen["queues"]]
    made: EventBroker = broker(**{"url": "localhost", **chosen})
    return made


def _kafka(given: dict[str, Any]) -> EventBroker:
    broker = _extra("shoptalk.stores.broker_kafka.KafkaBroker", "aiokafka", "event broker", "aiokafka")
    known = ("url", "topic", "partition_by_sender", "client_id")
    _only(given, "kafka", (*known, *_KAFKA_SECURITY, "queue_size"))
    security = {key: given[key] for key in _KAFKA_SECURITY if key in given}
    made: EventBroker = broker(**{key: given[key] for key in known if key in given}, security=security)
    return made


def _sql_broker(given: dict[str, Any]) -> EventBroker:
    from shoptalk.stores.broker import SqlBroker
    from shoptalk.stores.sql_link import sql_url

    _only(given, "sql", _SQL)
    address = {key: given[key] for key in _SQL if key in given and key != "login_db"}
    return SqlBroker(sql_url(**{"db": "events.db", **address}))


def _file_broker(given: dict[str, Any]) -> EventBroker:
    from shoptalk.stores.broker import FileBroker

    _only(given, "file", ("path",))
    return FileBroker(given.get("path", "rasa_event.log"))


def _stream_broker(given: dict[str, Any]) -> EventBroker:
    from shoptalk.stores.broker_stream import StreamBroker

    _only(given, "redis", (*_ADDRESS, "stream", "keep"))
    chosen = {key: given[key] for key in ("stream", "keep") if key in given}
    return StreamBroker(redis_address(given), **chosen)


def _extra(path: str, module: str, what: str, install: str) -> Any:
    try:
        return load_dotted(path, what)
    except ConfigError as error:
        missing = error.__cause__.name if isinstance(error.__cause__, ModuleNotFoundError) else None
        if (missing or "").partition(".")[0] != module:
            raise
        raise ConfigError(
            f"This {what} needs the package {module!r}.", hint=f"pip install {install}"
        ) from error


def _kind(config: Mapping[str, Any] | None, default: str) -> tuple[str, dict[str, Any]]:
    given = dict(config or {})
    kind = given.pop("type", None) or given.pop("store_type", None) or default
    given.pop("store_type", None)
    return str(kind), given


def _options(given: Mapping[str, Any]) -> StoreOptions:
    chosen = {key: given[key] for key in _OPTIONS if key in given}
    return StoreOptions(**chosen, record_exp_s=given.get("record_exp"))


def _only(given: Mapping[str, Any], kind: str, known: tuple[str, ...]) -> None:
    for key in given:
        if key not in known:
            raise ConfigError(
                f"The {kind} section has an unknown key {key!r}.", hint=_nearest(key, list(known))
            )


def _nearest(name: str, known: list[str]) -> str:
    close = difflib.get_close_matches(name, known, n=1, cutoff=0.5)
    return f"Did you mean {close[0]!r}?" if close else f"Known: {', '.join(known)}."

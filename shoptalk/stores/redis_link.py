"""One connection to Redis or Valkey (single, Sentinel or Cluster): scripts, time limits, errors."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections.abc import Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from hashlib import sha1
from importlib import resources
from typing import Any, TypeVar

from redis import asyncio as aioredis
from redis import exceptions
from redis.asyncio.cluster import ClusterNode, RedisCluster
from redis.asyncio.retry import Retry
from redis.asyncio.sentinel import Sentinel
from redis.backoff import NoBackoff

from shoptalk.errors import StoreError, Unavailable

logger = logging.getLogger(__name__)
Result = TypeVar("Result")

# Answers that say "not now": the data is safe, the request may be repeated later.
_AWAY = (
    "READONLY",
    "OOM",
    "MISCONF",
    "LOADING",
    "MASTERDOWN",
    "CLUSTERDOWN",
    "NOREPLICAS",
    "TRYAGAIN",
    "BUSY",
)
PATIENCE = 4
"""Attempts of a call that is late while others are answered, as on a machine with too much to do."""
_HINT = (
    "Nothing is lost; the request may be repeated. Is the server up, writable and within its memory limit, and is it where "
    "`tracker_store:` says?"
)
_STRANGER = "Set the `username` and `password` of `tracker_store:` to those of the server."


@dataclass(frozen=True, slots=True)
class RedisAddress:
    """Where the server is and how to talk to it.

    Args:
        host, port, db, username, password: as in endpoints.yml.
        unix_socket: path of a Unix socket; host and port are then unused.
        ssl: keyword arguments for TLS (`ssl_certfile`, …); None connects in the clear.
        cluster: the server is a node of a Redis Cluster.
        sentinels: addresses of Sentinels; host and port are then unused.
        sentinel_service: name of the primary the Sentinels watch.
        replicas: how many of them must have what a script wrote before it counts as done; for a single primary.
        timeout_s: an operation that takes longer fails with `Unavailable`.
        max_connections: bound of the connection pool.
    """

    host: str = "localhost"
    port: int = 6379
    db: int = 0
    username: str | None = None
    password: str | None = field(default=None, repr=False)
    unix_socket: str | None = None
    ssl: Mapping[str, Any] | None = field(default=None, repr=False)
    cluster: bool = False
    sentinels: tuple[tuple[str, int], ...] = ()
    sentinel_service: str = "mymaster"
    replicas: int = 0
    timeout_s: float = 1.5
    max_connections: int = 64

    def __str__(self) -> str:
        if self.sentinels:
            return f"{self.sentinel_service} by Sentinel"
        return self.unix_socket or f"{self.host}:{self.port}"


@cache
def script(name: str) -> tuple[bytes, str]:
    """Source and SHA-1 of a Lua script of this package."""
    source = resources.files("shoptalk.stores").joinpath("lua", f"{name}.lua").read_bytes()
    return source, sha1(source, usedforsecurity=False).hexdigest()


class RedisLink:
    """Runs scripts and commands; every failure to reach the server is `Unavailable`, in bounded time."""

    def __init__(self, address: RedisAddress, mark: str = "shoptalk:replicated") -> None:
        self.address, self._mark = address, mark
        self._client = _connect(address)
        self._listener: Any = None
        # A cluster client fails at its bound of connections instead of waiting, so this waits for it.
        # It also closes connections under requests that use them when the cluster changes (redis-py 8.1),
        # which shows as an AttributeError of a writer that is gone: a lost connection like any other.
        self._lost: tuple[type[Exception], ...] = (exceptions.ConnectionError,)
        if address.cluster:
            self._lost += (AttributeError,)
        self._room = asyncio.Semaphore(address.max_connections)
        self._heard = 0.0  # when the server last answered anything

    async def run(self, name: str, keys: list[str], args: list[Any]) -> Any:
        """Run a script of this package. All of them may be repeated: a lost connection is tried twice."""
        source, digest = script(name)
        execute = self._replicated if self.address.replicas else self._client.execute_command

        async def evaluate() -> Any:
            try:
                return await execute("EVALSHA", digest, len(keys), *keys, *args)
            except exceptions.NoScriptError:
                return await execute("EVAL", source, len(keys), *keys, *args)

        return await self._guarded(name, evaluate)

    async def _replicated(self, *parts: Any) -> Any:
        """Run a command; what it gives, and all it is built on, is then on the replicas as well.

        WAIT speaks of the last write of its connection, and a command may have only read what another connection wrote. So
        something is written before it.
        """
        wanted, patience_ms = self.address.replicas, int(self.address.timeout_s * 500)
        async with self._client.pipeline(transaction=False) as pipeline:
            pipeline.execute_command(*parts)
            pipeline.execute_command("SET", self._mark, "")
            pipeline.execute_command("WAIT", wanted, patience_ms)
            given, marked, reached = await pipeline.execute(raise_on_error=False)
        for answer in (given, marked, reached):
            if isinstance(answer, Exception):
                raise answer
        if reached < wanted:
            raise exceptions.ResponseError(f"NOREPLICAS {reached} of {wanted} replicas have it")
        return given

    async def command(self, *parts: Any) -> Any:
        """Run one plain command that may be repeated."""

        async def execute() -> Any:
            return await self._client.execute_command(*parts)

        return await self._guarded(str(parts[0]), execute)

    async def commands(self, many: Sequence[Sequence[Any]]) -> list[Any]:
        """Run plain commands that may be repeated, in one round trip where the server allows it."""
        if self.address.cluster:
            return list(await asyncio.gather(*(self.command(*parts) for parts in many)))

        async def execute() -> list[Any]:
            async with self._client.pipeline(transaction=False) as pipeline:
                for parts in many:
                    pipeline.execute_command(*parts)
                answers: list[Any] = await pipeline.execute()
                return answers

        return await self._guarded(f"{len(many)} commands", execute)

    async def pubsub(self) -> Any:
        """A connection that listens to channels; on a cluster any node hears all of them."""
        if self.address.cluster:
            await self._guarded("initialize", self._client.initialize)
            node = self._client.get_random_node()
            await self._drop_listener()
            single = RedisAddress(
                node.host, node.port, username=self.address.username, password=self.address.password,
                ssl=self.address.ssl, timeout_s=self.address.timeout_s,
            )  # fmt: skip
            self._listener = _connect(single)
        return (self._listener or self._client).pubsub()

    async def close(self) -> None:
        """Close all connections."""
        await self._drop_listener()
        await self._client.aclose()
        if self.address.sentinels:
            for sentinel in self._client.connection_pool.sentinel_manager.sentinels:
                await sentinel.aclose()

    async def _drop_listener(self) -> None:
        if self._listener is not None:
            await self._listener.aclose()
            self._listener = None

    async def _guarded(self, what: str, call: Callable[[], Coroutine[Any, Any, Result]]) -> Result:
        try:
            await self._enter()
            try:
                result = await self._answered(call)
            finally:
                self._room.release()
            return result
        except (TimeoutError, exceptions.TimeoutError) as error:
            raise self._away(what, f"no answer within {self.address.timeout_s} s") from error
        except exceptions.AuthenticationError as error:
            raise self._away(what, str(error), _STRANGER) from error
        except self._lost as error:
            raise self._away(what, str(error)) from error
        except (exceptions.ClusterError, exceptions.RedisClusterException, OSError) as error:
            raise self._away(what, str(error)) from error
        except exceptions.ResponseError as error:
            if _is_away(error):
                raise self._away(what, str(error)) from error
            raise StoreError(f"Redis at {self.address} refused {what}: {error}.") from error
        except exceptions.RedisError as error:
            raise StoreError(f"Redis at {self.address}, {what}: {error}.") from error

    async def _enter(self) -> None:
        """Wait for a free connection as long as the server answers others, for a while when it does not."""
        while True:
            begin = time.monotonic()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(self.address.timeout_s):
                    await self._room.acquire()
                    return
            if self._heard < begin:
                raise TimeoutError

    async def _answered(self, call: Callable[[], Coroutine[Any, Any, Result]]) -> Result:
        """What a call gives. If it is late although others got answers, we are slow and not the server: it is repeated."""
        for attempt in range(PATIENCE):
            begin = time.monotonic()
            try:
                async with asyncio.timeout(self.address.timeout_s):
                    try:
                        result = await call()
                    except self._lost:
                        # A pooled connection may be the one of a server that restarted meanwhile.
                        result = await call()
            except (TimeoutError, exceptions.TimeoutError):
                if self._heard < begin or attempt == PATIENCE - 1:
                    raise
            else:
                self._heard = time.monotonic()
                return result
        raise AssertionError("unreachable")

    def _away(self, what: str, why: str, hint: str = _HINT) -> Unavailable:
        logger.warning("store.unavailable", extra={"store": str(self.address), "operation": what, "why": why})
        return Unavailable(f"Redis at {self.address} cannot serve {what!r}: {why.rstrip('.')}.", hint=hint)


def _is_away(error: exceptions.ResponseError) -> bool:
    kinds = (exceptions.ReadOnlyError, exceptions.OutOfMemoryError, exceptions.TryAgainError)
    text = str(error)
    return isinstance(error, kinds) or any(
        text.startswith(f"{code} ") or f"-{code} " in text for code in _AWAY
    )


def _connect(address: RedisAddress) -> Any:
    shared: dict[str, Any] = {
        "username": address.username,
        "password": address.password,
        "socket_timeout": address.timeout_s,
        "socket_connect_timeout": address.timeout_s,
        "socket_keepalive": True,
        "protocol": 2,
        "retry": Retry(NoBackoff(), 0),
    }
    if address.cluster:
        tls = {"ssl": True, **address.ssl} if address.ssl is not None else {}
        return RedisCluster(
            startup_nodes=[ClusterNode(address.host, address.port)],
            max_connections=address.max_connections,
            # A moved slot is learned by itself (we use 64 of them); the default closes the connections
            # of all other requests after five moves.
            reinitialize_steps=0,
            **{**shared, "retry": None},
            **tls,
        )
    if address.sentinels:
        tls = {"ssl": True, **address.ssl} if address.ssl is not None else {}
        make: Any = Sentinel
        sentinel = make(list(address.sentinels), sentinel_kwargs={"socket_timeout": address.timeout_s})
        return sentinel.master_for(address.sentinel_service, db=address.db, **shared, **tls)
    shared["db"] = address.db
    if address.unix_socket:
        kind: Any = aioredis.UnixDomainSocketConnection
        where: dict[str, Any] = {"path": address.unix_socket}
        del shared["socket_connect_timeout"], shared["socket_keepalive"]
    else:
        kind = aioredis.Connection if address.ssl is None else aioredis.SSLConnection
        where = {"host": address.host, "port": address.port, **(address.ssl or {})}
    pool = aioredis.BlockingConnectionPool(
        connection_class=kind,
        max_connections=address.max_connections,
        timeout=address.timeout_s,
        **where,
        **shared,
    )
    return aioredis.Redis.from_pool(pool)

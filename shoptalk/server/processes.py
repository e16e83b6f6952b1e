"""Several processes that serve one port and one store, and the parent that keeps them running.

The parent binds the port once and hands it to every worker; connections that wait are in one queue, so nothing is
refused while a worker is replaced. SIGTERM and SIGINT stop everything gracefully, SIGHUP replaces the workers one by
one (new model, new settings), and a worker that dies is started again.
"""

from __future__ import annotations

import contextlib
import ctypes
import dataclasses
import logging
import multiprocessing
import multiprocessing.connection
import os
import shutil
import signal
import socket
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from typing import TYPE_CHECKING, Any

from shoptalk.errors import ConfigError, ShoptalkError
from shoptalk.settings import Endpoints

if TYPE_CHECKING:
    from multiprocessing.context import SpawnProcess

    from shoptalk.server.serve import Options
    from shoptalk.stores.embedded import EmbeddedValkey

logger = logging.getLogger(__name__)

START_S = 180.0
"""A worker must be ready after this long."""
TICK_S = 0.5
GRACE_S = 5.0
"""Beyond the time open requests have, before a worker is killed."""
MAX_STILLBORN = 5
"""Workers in a row that may die before they are ready."""
METRICS_VARIABLE = "PROMETHEUS_MULTIPROC_DIR"


@dataclass(slots=True)
class Worker:
    """One process that serves."""

    number: int
    process: SpawnProcess
    told: Connection
    was_ready: bool = False

    def await_ready(self) -> bool:
        """Wait until it takes requests; False when it ended or took too long."""
        multiprocessing.connection.wait([self.told, self.process.sentinel], START_S)
        return self.has_been_ready()

    def has_been_ready(self) -> bool:
        """Whether it ever took requests."""
        if not self.was_ready and self.told.poll():
            with contextlib.suppress(EOFError):
                self.was_ready = bool(self.told.recv())
        return self.was_ready

    def stop(self, seconds: float) -> None:
        """Let it finish what is open, then end it."""
        self.process.terminate()
        self.process.join(seconds)
        if self.process.is_alive():
            logger.warning("worker.killed %d: it did not stop within %.0f s.", self.number, seconds)
            self.process.kill()
            self.process.join()


class Supervisor:
    """Starts, replaces and stops workers.

    Args:
        options: what they serve.
        endpoints: with a store that processes can share.
        listener: the bound socket they share.
    """

    def __init__(self, options: Options, endpoints: Endpoints, listener: socket.socket) -> None:
        self.options, self.endpoints, self.listener = options, endpoints, listener
        self.workers: list[Worker] = []
        self._spawn = multiprocessing.get_context("spawn")
        self._wanted: set[signal.Signals] = set()
        self._stillborn = 0

    def run(self, ready: Callable[[], None] | None) -> None:
        """Serve until told to stop.

        Raises:
            ConfigError: a worker did not start, or workers keep dying.
        """
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            signal.signal(number, lambda received, _: self._wanted.add(signal.Signals(received)))
        try:
            self.workers = [self._start(number) for number in range(self.options.workers)]
            for worker in self.workers:
                if not worker.await_ready() and not self._is_stopping:
                    raise ConfigError(
                        f"Worker {worker.number} did not start.", hint="Its own message stands above."
                    )
            if ready is not None:
                ready()
            while not self._is_stopping:
                self._tend()
        finally:
            self._stop_all()

    @property
    def _is_stopping(self) -> bool:
        return bool(self._wanted & {signal.SIGTERM, signal.SIGINT})

    def _start(self, number: int) -> Worker:
        told, tell = self._spawn.Pipe(duplex=False)
        arguments = (self.options, self.endpoints, self.listener, tell)
        process = self._spawn.Process(target=_work, args=arguments, name=f"shoptalk-worker-{number}")
        process.start()
        tell.close()
        return Worker(number, process, told)

    def _tend(self) -> None:
        multiprocessing.connection.wait([worker.process.sentinel for worker in self.workers], TICK_S)
        if signal.SIGHUP in self._wanted:
            self._wanted.discard(signal.SIGHUP)
            self._replace_all()
        for place, worker in enumerate(self.workers):
            if not worker.process.is_alive() and not self._is_stopping:
                logger.error(
                    "worker.died %d with status %s; starting another.", worker.number, worker.process.exitcode
                )
                self._count_death(worker)
                self.workers[place] = self._start(worker.number)

    def _count_death(self, worker: Worker) -> None:
        self._stillborn = 0 if worker.has_been_ready() else self._stillborn + 1
        if self._stillborn > MAX_STILLBORN:
            raise ConfigError("Workers die before they are ready.", hint="Their own messages stand above.")

    def _replace_all(self) -> None:
        """Rolling restart: each worker goes only when its successor is ready."""
        for place, worker in enumerate(self.workers):
            successor = self._start(worker.number)
            if not successor.await_ready():
                logger.error("worker.not_replaced %d: its successor did not start.", worker.number)
                successor.stop(0)
                return
            self.workers[place] = successor
            worker.stop(self.options.shutdown_s + GRACE_S)
            logger.info("worker.replaced %d", worker.number)

    def _stop_all(self) -> None:
        for worker in self.workers:
            worker.process.terminate()
        for worker in self.workers:
            worker.stop(self.options.shutdown_s + GRACE_S)


def run_workers(options: Options, endpoints: Endpoints, ready: Callable[[], None] | None = None) -> None:
    """Serve in several processes until stopped by a signal.

    Raises:
        ConfigError: the store cannot be shared, the port is taken, or a worker did not start.
    """
    listener = _listen(options)
    folder = None
    if METRICS_VARIABLE not in os.environ:
        folder = os.environ[METRICS_VARIABLE] = tempfile.mkdtemp(prefix="shoptalk-metrics-")
    shared, server = share_store(endpoints)
    try:
        Supervisor(options, shared, listener).run(ready)
    finally:
        listener.close()
        if server is not None:
            server.stop()
        if folder is not None:
            del os.environ[METRICS_VARIABLE]
            shutil.rmtree(folder, ignore_errors=True)


def share_store(endpoints: Endpoints) -> tuple[Endpoints, EmbeddedValkey | None]:
    """Endpoints whose store several processes can use; an embedded one is started here, once.

    Raises:
        ConfigError: conversations would be in each process's own memory.
    """
    section: dict[str, Any] = dict(endpoints.tracker_store or {})
    kind = section.get("type") or section.get("store_type") or "in_memory"
    if kind in ("in_memory", "memory"):
        raise ConfigError(
            "Several workers cannot share conversations that are in memory.",
            hint="Set `tracker_store:` in endpoints.yml to `type: embedded` or `type: redis`, or leave --workers out.",
        )
    if kind != "embedded":
        return endpoints, None
    from shoptalk.stores.embedded import EmbeddedValkey

    server = EmbeddedValkey(
        section.get("folder", Path(".shoptalk") / "valkey"),
        appendfsync=section.get("appendfsync", "everysec"),
    ).start()
    address = server.address
    own = {
        key: value
        for key, value in section.items()
        if key not in ("type", "store_type", "folder", "appendfsync")
    }
    store = {**own, "type": "redis", "unix_socket": address.unix_socket, "adopt_rasa": False}
    return dataclasses.replace(endpoints, tracker_store=store), server


def _listen(options: Options) -> socket.socket:
    listener = socket.socket(socket.AF_INET6 if ":" in options.host else socket.AF_INET)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((options.host, options.port))
    except OSError as error:
        listener.close()
        raise ConfigError(
            f"Port {options.port} of {options.host} cannot be used: {error.strerror}."
        ) from error
    listener.listen(2048)
    return listener


def _work(options: Options, endpoints: Endpoints, listener: socket.socket, tell: Connection) -> None:
    """A worker process: serves until it is terminated; ends with its parent."""
    from shoptalk.server.logs import install_logging
    from shoptalk.server.serve import serve

    _die_with_parent()
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    install_logging(options.logs)
    try:
        serve(options, endpoints, lambda: tell.send(True), listener)
    except ShoptalkError as error:
        logger.error("%s: %s", type(error).__name__, error)
        sys.exit(1)


def _die_with_parent() -> None:
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(1, signal.SIGTERM)

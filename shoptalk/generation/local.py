"""A language model on this machine: loaded when first asked, run in a thread of its own, one reply at a time."""

from __future__ import annotations

import asyncio
import logging
import os
import threading
import time
from collections.abc import AsyncIterator, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from shoptalk.errors import GenerationError
from shoptalk.generation.base import ChatMessage, Limits
from shoptalk.generation.engines import Engine, load_engine

logger = logging.getLogger(__name__)

QUEUE_LIMIT = 4
"""Replies that may wait for the model; the next one is declined at once."""
Loader = Callable[[], Engine]


class LocalModel:
    """Runs an engine without blocking the event loop.

    Args:
        name: of the model, for logs.
        load: makes the engine; called once, in the model's thread, when the first reply is asked for.
    """

    def __init__(self, name: str, load: Loader) -> None:
        self.name, self._load = name, load
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="generation")
        self._engine: Engine | None = None
        self._fault: GenerationError | None = None
        self._waiting = 0

    @classmethod
    def from_path(cls, path: Path, engine: str = "auto", threads: int | None = None) -> LocalModel:
        """The model of a file or folder."""
        count = threads or max(1, (os.cpu_count() or 2) // 2)
        return cls(path.stem, lambda: load_engine(engine, path, count))

    @property
    def is_loaded(self) -> bool:
        """Whether the engine is in memory."""
        return self._engine is not None

    async def stream(self, messages: Sequence[ChatMessage], limits: Limits) -> AsyncIterator[str]:
        """The reply, piece by piece; closing the iterator stops the engine at its next token."""
        if self._waiting >= QUEUE_LIMIT:
            raise GenerationError("The language model has too many replies waiting.")
        loop = asyncio.get_running_loop()
        pieces: asyncio.Queue[str | GenerationError | None] = asyncio.Queue()
        stop = threading.Event()
        deadline = time.monotonic() + limits.seconds

        def put(item: str | GenerationError | None) -> None:
            if not loop.is_closed():
                loop.call_soon_threadsafe(pieces.put_nowait, item)

        def emit(piece: str) -> bool:
            put(piece)
            return stop.is_set() or time.monotonic() > deadline

        def work() -> None:
            try:
                if not stop.is_set():
                    self._ready().run(messages, limits, emit)
                put(None)
            except GenerationError as error:
                put(error)

        self._waiting += 1
        job = loop.run_in_executor(self._thread, work)
        job.add_done_callback(self._done)
        try:
            while (item := await pieces.get()) is not None:
                if isinstance(item, GenerationError):
                    raise item
                yield item
        finally:
            stop.set()

    def _done(self, job: asyncio.Future[None]) -> None:
        self._waiting -= 1
        if not job.cancelled() and (error := job.exception()) is not None:
            logger.error("generation.crashed %s: %s", self.name, error)

    def _ready(self) -> Engine:
        if self._fault is not None:
            raise self._fault
        if self._engine is None:
            begun = time.monotonic()
            try:
                self._engine = self._load()
            except GenerationError as error:
                self._fault = error
                raise
            logger.info("generation.loaded %s in %.1f s", self.name, time.monotonic() - begun)
        return self._engine

    async def close(self) -> None:
        """Drop the engine; a reply it is working on breaks off."""
        self._thread.shutdown(wait=False, cancel_futures=True)
        engine, self._engine = self._engine, None
        if engine is not None:
            engine.close()

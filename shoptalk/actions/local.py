"""The user's actions inside this process, through rasa-sdk's own executor: no action server is needed.

Actions with a plain `run` go to threads, those with an async `run` to one event loop of their own, so that nothing a
user's code does stops the server's loop.
"""

from __future__ import annotations

import asyncio
import importlib
import inspect
import logging
import pkgutil
import queue
import sys
import threading
import uuid
from collections.abc import Coroutine, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from shoptalk.actions.base import Scene, Sink
from shoptalk.actions.custom import Answer, call_body
from shoptalk.core.domain import Domain
from shoptalk.errors import ActionError, ConfigError, NotFound, Rejected, Timeout

logger = logging.getLogger(__name__)

TIMEOUT_S = 30.0
THREADS = 8


class LocalActions:
    """Runs custom actions in this process.

    Args:
        module: name of the module or package that holds them, mostly `actions`.
        root: the project's folder; modules are looked for there first.
        domain: what the assistant knows.
        timeout_s: for one action. A thread cannot be stopped: its result is dropped when it comes.
        newest: how many of the session's events actions see; None for all.
        threads: plain actions that run at a time.

    Raises:
        ConfigError: the module cannot be imported.
    """

    def __init__(
        self,
        module: str,
        root: Path,
        domain: Domain,
        timeout_s: float = TIMEOUT_S,
        newest: int | None = None,
        threads: int = THREADS,
    ) -> None:
        self._executor = _executor(module, root)
        self._domain, self._timeout_s, self._newest = dict(domain.raw), timeout_s, newest
        self._threads = ThreadPoolExecutor(threads, thread_name_prefix="action")
        self._loop = _LoopThread()
        self._streams = "sink" in inspect.signature(self._executor.run).parameters

    @property
    def names(self) -> list[str]:
        """The actions there are, sorted."""
        return sorted(self._executor.actions)

    async def run(self, name: str, scene: Scene) -> Answer:
        """Run one; what it streams goes to the scene's sink as it comes.

        Raises:
            Rejected: the action declines.
            NotFound: there is no such action.
            Timeout: it takes too long.
            ActionError: it raised something.
        """
        action = self._executor.actions.get(name)
        if action is None:
            raise NotFound(f"No action is called {name!r}.", hint=f"There are: {', '.join(self.names)}.")
        scene.steps.next_key()
        # What foreign code is given it may change, and events are shared by turns.
        body = {**own_copy(call_body(name, scene, self._newest)), "domain": self._domain}
        stream = _Stream(asyncio.get_running_loop(), scene.sink) if self._streams else None
        work = self._executor.run(body, stream) if stream else self._executor.run(body)
        future = (
            self._loop.submit(work)
            if inspect.iscoroutinefunction(action)
            else self._threads.submit(asyncio.run, work)
        )
        try:
            result = await asyncio.wait_for(asyncio.wrap_future(future), self._timeout_s)
        except TimeoutError as error:
            raise Timeout(f"Action {name!r} did not end within {self._timeout_s:.0f} s.") from error
        except Exception as error:
            # The user's own code: anything can come out of it.
            raise _translated(name, error) from error
        if stream is not None:
            await stream.flushed()
        answer = result.model_dump() if hasattr(result, "model_dump") else dict(result or {})
        told = stream.messages() if stream else []
        return Answer(list(answer.get("events") or []), [*told, *(answer.get("responses") or [])])

    async def close(self) -> None:
        """Stop the threads; actions still running are left to end by themselves."""
        self._threads.shutdown(wait=False, cancel_futures=True)
        await asyncio.to_thread(self._loop.stop)


def own_copy(value: Any) -> Any:
    """A copy of what JSON can hold that shares no list and no object with the original."""
    if isinstance(value, dict):
        own = dict(value)
        for key, item in value.items():
            if item.__class__ in _HOLDERS:
                own[key] = own_copy(item)
        return own
    if isinstance(value, list | tuple):
        return [own_copy(item) if item.__class__ in _HOLDERS else item for item in value]
    return value


_HOLDERS: frozenset[type] = frozenset((dict, list, tuple))


class _Stream:
    """Takes what an action streams in its own thread, and passes it on in the server's loop.

    It stands in for the queue rasa-sdk puts its stream into.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop, sink: Sink) -> None:
        self._loop, self._sink = loop, sink
        self._id = uuid.uuid4().hex
        self._chunks: list[dict[str, Any]] = []
        self._pending: queue.SimpleQueue[Any] = queue.SimpleQueue()

    async def put(self, item: Mapping[str, Any]) -> None:
        """Called by rasa-sdk with each event of the stream."""
        if item.get("event") == "stream_start":
            self._tell(self._sink.typing())
        elif item.get("event") == "stream_chunk":
            chunk = {key: value for key, value in item.items() if key != "event"}
            self._chunks.append(chunk)
            if chunk.get("text"):
                self._tell(self._sink.delta(self._id, chunk["text"]))

    def _tell(self, what: Coroutine[Any, Any, None]) -> None:
        self._pending.put(asyncio.run_coroutine_threadsafe(what, self._loop))

    async def flushed(self) -> None:
        """Wait until everything was passed on."""
        while not self._pending.empty():
            await asyncio.wrap_future(self._pending.get())

    def messages(self) -> list[dict[str, Any]]:
        """What was streamed, as one message with the stream's id."""
        if not self._chunks:
            return []
        whole: dict[str, Any] = {"id": self._id, "text": "", "buttons": []}
        for chunk in self._chunks:
            for key, value in chunk.items():
                if key == "text":
                    whole["text"] += value
                elif key in ("buttons", "elements"):
                    whole[key] = [*whole.get(key, []), *value]
                else:
                    whole[key] = value
        return [whole]


class _LoopThread:
    """An event loop in a thread of its own, started when first needed."""

    def __init__(self) -> None:
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None
        self._guard = threading.Lock()

    def submit(self, work: Coroutine[Any, Any, Any]) -> Any:
        """Run a coroutine there; returns a concurrent future."""
        with self._guard:
            if self._loop is None:
                self._loop = asyncio.new_event_loop()
                self._thread = threading.Thread(
                    target=_run_loop, args=(self._loop,), name="async-actions", daemon=True
                )
                self._thread.start()
        return asyncio.run_coroutine_threadsafe(work, self._loop)

    def stop(self) -> None:
        """End the loop; what still runs in it is cancelled."""
        if self._loop is not None and self._thread is not None:
            self._loop.call_soon_threadsafe(self._loop.stop)
            self._thread.join(1.0)
            self._loop = self._thread = None


def _run_loop(loop: asyncio.AbstractEventLoop) -> None:
    try:
        loop.run_forever()
    finally:
        loop.run_until_complete(_cancel_all(asyncio.all_tasks(loop)))
        loop.close()


async def _cancel_all(tasks: set[asyncio.Task[Any]]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


def _translated(name: str, error: Exception) -> ActionError:
    from rasa_sdk.interfaces import ActionExecutionRejection

    if isinstance(error, ActionExecutionRejection):
        return Rejected(str(error.message or f"Action {name!r} declined to run."))
    return ActionError(f"Action {name!r} raised {type(error).__name__}: {error}")


def _executor(module: str, root: Path) -> Any:
    """rasa-sdk's executor with the actions of one module and of what it holds, and no others."""
    try:
        from rasa_sdk.executor import ActionExecutor
    except ImportError as error:
        raise ConfigError("Custom actions need rasa-sdk.", hint="Run `pip install rasa-sdk`.") from error
    found = str(root.resolve())
    if found not in sys.path:
        sys.path.insert(0, found)
    _import_all(module)
    executor = ActionExecutor()
    executor.register_package(module)
    for name, action in list(executor.actions.items()):
        owner = getattr(action, "__self__", None)
        home = type(owner).__module__ if owner is not None else action.__module__
        if home != module and not home.startswith(f"{module}."):
            logger.debug("Action %r of %s is not of %s; it is left out.", name, home, module)
            del executor.actions[name]
    return executor


def _import_all(module: str) -> None:
    """Import a module and all below it, so that a mistake in one is an error with its place."""
    try:
        loaded = importlib.import_module(module)
        for found in pkgutil.iter_modules(getattr(loaded, "__path__", []), f"{module}."):
            _import_all(found.name)
    except ImportError as error:
        raise ConfigError(
            f"The actions module {module!r} cannot be imported: {error}.",
            hint="`actions_module:` in endpoints.yml names a module in the project's folder.",
        ) from error

"""Prometheus metrics: requests, turns and their steps, actions, warnings, and what waits in the store.

Needs the extra `metrics`. Several worker processes share their numbers through files when
PROMETHEUS_MULTIPROC_DIR is set before the start, as `shoptalk run --workers` does.
"""

from __future__ import annotations

import logging
import os
import re
from typing import TYPE_CHECKING, Any

from shoptalk.errors import StoreError
from shoptalk.turn import TurnRecord

if TYPE_CHECKING:
    from shoptalk.stores.base import TrackerStore

SECONDS = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)
"""Bounds of the histograms' buckets."""
EVENT = re.compile(r"[a-z_]+(\.[a-z_]+)+")
"""Log messages that begin with such a name are events worth counting, as `store.unavailable`."""
OTHER = "other"
MODEL_EVENTS = "generation."


class Metrics:
    """The numbers of one process.

    Raises:
        ModuleNotFoundError: prometheus-client is not installed.
    """

    def __init__(self) -> None:
        import prometheus_client as prometheus

        self._prometheus = prometheus
        self.registry = prometheus.CollectorRegistry()
        own: dict[str, Any] = {"registry": self.registry}
        self.requests = prometheus.Counter(
            "shoptalk_http_requests", "Requests answered.", ["method", "route", "status"], **own
        )
        self.request_seconds = prometheus.Histogram(
            "shoptalk_http_request_seconds",
            "From a request to the end of its answer.",
            ["route"],
            buckets=SECONDS,
            **own,
        )
        self.turns = prometheus.Counter("shoptalk_turns", "Turns committed.", ["channel"], **own)
        self.turn_seconds = prometheus.Histogram(
            "shoptalk_turn_seconds", "Time a turn takes, by its parts.", ["part"], buckets=SECONDS, **own
        )
        self.actions = prometheus.Counter(
            "shoptalk_actions", "Actions run.", ["action", "policy", "outcome"], **own
        )
        self.warnings = prometheus.Counter(
            "shoptalk_log_events",
            "Warnings, errors and calls of language models, by name.",
            ["event", "level"],
            **own,
        )
        if "PROMETHEUS_MULTIPROC_DIR" not in os.environ:
            prometheus.ProcessCollector(registry=self.registry)
            prometheus.PlatformCollector(registry=self.registry)

    def watch(self, record: TurnRecord) -> None:
        """Count a committed turn."""
        self.turns.labels(record.tracker.latest_input_channel or OTHER).inc()
        for part, ms in record.timings_ms.items():
            self.turn_seconds.labels(part).observe(ms / 1000)
        for step in record.steps:
            self.actions.labels(step.action, step.policy or "", step.outcome).inc()

    def answered(self, method: str, route: str, status: int, seconds: float) -> None:
        """Count an answered request."""
        self.requests.labels(method, route, str(status)).inc()
        self.request_seconds.labels(route).observe(seconds)

    def handler(self) -> logging.Handler:
        """A log handler that counts warnings and errors."""
        return _Counting(self)

    async def text(self, store: TrackerStore | None) -> bytes:
        """All numbers in Prometheus's text form; of all worker processes when they share a folder."""
        registry = self.registry
        if "PROMETHEUS_MULTIPROC_DIR" in os.environ:
            from prometheus_client import multiprocess

            registry = self._prometheus.CollectorRegistry()
            multiprocess.MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
        return self._prometheus.generate_latest(registry) + await self._waiting(store)

    async def _waiting(self, store: TrackerStore | None) -> bytes:
        """What waits in the store, read now; `shoptalk_store_up` says whether it could be."""
        registry = self._prometheus.CollectorRegistry()
        up = self._prometheus.Gauge("shoptalk_store_up", "Whether the store answers.", registry=registry)
        up.set(0)
        depths = getattr(store, "depths", None)
        try:
            if store is not None:
                await store.ping()
                up.set(1)
            for name, count in (await depths()).items() if depths is not None else ():
                kind = "Waiting in the store, all processes together."
                self._prometheus.Gauge(f"shoptalk_waiting_{name}", kind, registry=registry).set(count)
        except StoreError:
            up.set(0)
        return self._prometheus.generate_latest(registry)


class _Counting(logging.Handler):
    """Counts records by the event they name: warnings and worse, and what language models did."""

    def __init__(self, metrics: Metrics) -> None:
        super().__init__(logging.INFO)
        self._metrics = metrics

    def emit(self, record: logging.LogRecord) -> None:
        named = EVENT.match(str(record.msg))
        event = named.group() if named else OTHER
        if record.levelno < logging.WARNING and not event.startswith(MODEL_EVENTS):
            return
        self._metrics.warnings.labels(event, record.levelname.lower()).inc()


def make_metrics() -> Metrics | None:
    """The numbers of this process, or None without prometheus-client."""
    try:
        return Metrics()
    except ModuleNotFoundError:
        return None

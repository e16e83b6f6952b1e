"""OpenTelemetry traces: a span a request, a span a turn, a span an action. Off unless the environment asks for them.

The usual variables configure it (OTEL_EXPORTER_OTLP_ENDPOINT, OTEL_SERVICE_NAME, OTEL_TRACES_SAMPLER …). Spans hold
names and times, never texts or slot values.
"""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from shoptalk.errors import ConfigError
from shoptalk.turn import TurnRecord

if TYPE_CHECKING:
    from opentelemetry.trace import Span
    from starlette.types import Scope

SWITCHES = ("OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")
NS = 1_000_000
PARTS = ("nlu", "slots", "predict")
"""Parts of a turn before its actions; the store comes last."""


class Tracing:
    """Makes spans and sends them to an OTLP endpoint over HTTP.

    Raises:
        ConfigError: the OpenTelemetry packages are not installed.
    """

    def __init__(self) -> None:
        try:
            from opentelemetry import propagate, trace
            from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
            from opentelemetry.sdk.resources import Resource
            from opentelemetry.sdk.trace import TracerProvider
            from opentelemetry.sdk.trace.export import BatchSpanProcessor
        except ModuleNotFoundError as error:
            raise ConfigError(
                f"Traces are asked for, but {error.name} is not installed.",
                hint="pip install opentelemetry-sdk opentelemetry-exporter-otlp-proto-http, or unset "
                "OTEL_EXPORTER_OTLP_ENDPOINT.",
            ) from error
        self._trace, self._propagate = trace, propagate
        named = {} if "OTEL_SERVICE_NAME" in os.environ else {"service.name": "shoptalk"}
        self._provider = TracerProvider(resource=Resource.create(named))
        self._provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
        self._tracer = self._provider.get_tracer("shoptalk")

    @contextlib.contextmanager
    def request(self, scope: Scope) -> Iterator[Span]:
        """The span of a request; it continues the caller's trace."""
        carrier = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
        with self._tracer.start_as_current_span(
            scope["method"], context=self._propagate.extract(carrier), kind=self._trace.SpanKind.SERVER
        ) as span:
            yield span

    def end(self, span: Span, route: str, status: int) -> None:
        """Name a request's span after its route."""
        span.update_name(route)
        span.set_attribute("http.route", route)
        span.set_attribute("http.response.status_code", status)

    def watch(self, record: TurnRecord) -> None:
        """The spans of a committed turn, made from its timings."""
        end = time.time_ns()
        begin = end - int(record.timings_ms.get("total", 0.0) * NS)
        turn = self._tracer.start_span("turn", start_time=begin, attributes=_facts(record))
        context = self._trace.set_span_in_context(turn)
        at = begin
        for part in PARTS:
            if part in record.timings_ms:
                at = self._span(part, context, at, record.timings_ms[part], {})
        for step in record.steps:
            facts = {
                "policy": step.policy or "",
                "outcome": step.outcome,
                "confidence": float(step.confidence),
            }
            at = self._span(step.action, context, at, step.ms, facts)
        if "store" in record.timings_ms:
            self._span("store", context, at, record.timings_ms["store"], {})
        turn.end(end)

    def close(self) -> None:
        """Send what is left."""
        self._provider.shutdown()

    def _span(self, name: str, context: Any, at: int, ms: float, facts: dict[str, Any]) -> int:
        span = self._tracer.start_span(name, context=context, start_time=at, attributes=facts)
        span.end(at + int(ms * NS))
        return at + int(ms * NS)


def _facts(record: TurnRecord) -> dict[str, Any]:
    intent = (record.parse.get("intent") or {}).get("name")
    return {
        "channel": record.tracker.latest_input_channel or "",
        "intent": str(intent or ""),
        "events": len(record.events),
        "replies": len(record.replies),
    }


def make_tracing() -> Tracing | None:
    """Traces, if the environment names where they go."""
    return Tracing() if any(os.environ.get(name) for name in SWITCHES) else None

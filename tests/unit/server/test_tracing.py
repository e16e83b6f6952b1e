"""OpenTelemetry: spans of a request, its turn and its actions reach an OTLP endpoint; texts do not."""

import asyncio
import gzip
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import httpx
import pytest
from fastapi import FastAPI
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from shoptalk.assistant import Assistant
from shoptalk.core.messages import UserMessage
from shoptalk.formats.domain import read
from shoptalk.formats.yaml import read_text
from shoptalk.server.observe import Telemetry
from shoptalk.server.tracing import make_tracing

TRACE = "0af7651916cd43dd8448eb211c80319c"


@pytest.fixture
def collector(monkeypatch):
    """An OTLP endpoint; gives the bodies it got."""
    bodies = []

    class Collect(BaseHTTPRequestHandler):
        def do_POST(self):
            body = self.rfile.read(int(self.headers["content-length"]))
            bodies.append(gzip.decompress(body) if self.headers.get("content-encoding") == "gzip" else body)
            self.send_response(200)
            self.end_headers()

        def log_message(self, *args):
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Collect)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", f"http://127.0.0.1:{server.server_port}")
    yield bodies
    server.shutdown()
    thread.join()
    server.server_close()


def test_off_unless_the_environment_asks(monkeypatch):
    monkeypatch.delenv("OTEL_EXPORTER_OTLP_ENDPOINT", raising=False)
    assert make_tracing() is None


def test_spans_of_a_turn_arrive(collector):
    tracing = make_tracing()
    assert tracing is not None
    domain = read(read_text("intents: [greet]\n"), lambda message, source: None)
    app = FastAPI()

    @app.post("/say")
    async def say():
        assistant = Assistant(domain, None, watch=tracing.watch)
        await assistant.handle(UserMessage("/greet secretword", "anna", channel="rest"))
        await assistant.close()

    async def run():
        transport = httpx.ASGITransport(Telemetry(app, None, tracing))
        async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
            await client.post("/say", headers={"traceparent": f"00-{TRACE}-b7ad6b7169203331-01"})

    asyncio.run(run())
    tracing.close()
    spans = {}
    for body in collector:
        assert b"secretword" not in body
        for resource in ExportTraceServiceRequest.FromString(body).resource_spans:
            for scope in resource.scope_spans:
                spans |= {span.name: span for span in scope.spans}
    assert {"/say", "turn", "nlu", "action_session_start", "store"} <= set(spans)
    assert all(span.trace_id.hex() == TRACE for span in spans.values())
    assert spans["turn"].parent_span_id == spans["/say"].span_id
    assert spans["nlu"].parent_span_id == spans["turn"].span_id
    assert (
        spans["turn"].start_time_unix_nano
        <= spans["nlu"].start_time_unix_nano
        < spans["turn"].end_time_unix_nano
    )

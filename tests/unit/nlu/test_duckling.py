"""Duckling over real HTTP."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from urllib.parse import parse_qs

import pytest

from shoptalk.nlu.extractors.duckling import DucklingEntityExtractor
from shoptalk.nlu.message import Message

ANSWER = [
    {"body": "42", "start": 0, "end": 2, "dim": "number", "value": {"type": "value", "value": 42}, "latent": False},
    {
        "body": "today", "start": 3, "end": 8, "dim": "time",
        "value": {"type": "interval", "from": {"value": "a"}, "to": {"value": "b"}},
    },
]  # fmt: skip


@pytest.fixture
def server() -> Iterator[HTTPServer]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"])).decode()
            self.server.asked = parse_qs(body)
            data = json.dumps(ANSWER).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, *args: object) -> None:
            return

    made = HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=made.serve_forever)
    thread.start()
    yield made
    made.shutdown()
    thread.join()
    made.server_close()


def test_entities_as_rasa_writes_them(server: HTTPServer) -> None:
    url = f"http://127.0.0.1:{server.server_port}"
    extractor = DucklingEntityExtractor({"url": url, "dimensions": ["number", "time"], "language": "en"})
    message = Message("42 today", time_ms=1000)
    extractor.process([message])
    assert server.asked["locale"] == ["en_EN"]
    assert server.asked["reftime"] == ["1000"]
    assert json.loads(server.asked["dims"][0]) == ["number", "time"]
    assert message.entities[0] == {
        "start": 0, "end": 2, "text": "42", "value": 42, "confidence": 1.0,
        "additional_info": {"type": "value", "value": 42}, "entity": "number", "extractor": "DucklingEntityExtractor",
    }  # fmt: skip
    assert message.entities[1]["value"] == {"to": "b", "from": "a"}


def test_dimensions_filter(server: HTTPServer) -> None:
    message = Message("42 today")
    url = f"http://127.0.0.1:{server.server_port}"
    DucklingEntityExtractor({"url": url, "dimensions": ["time"]}).process([message])
    assert [e["entity"] for e in message.entities] == ["time"]


def test_an_absent_server_costs_only_its_entities(caplog: pytest.LogCaptureFixture) -> None:
    message = Message("42")
    DucklingEntityExtractor({"url": "http://127.0.0.1:9", "timeout": 1}).process([message])
    assert message.entities == []
    assert "does not answer" in caplog.text

"""The front end's development server: the web channel's HTTP contract over canned conversations.

Standard library only. It holds no assistant: it answers by key words, so that every state of the widget can be
looked at and tested without training anything. Run `python3 dev/server.py --port 5080` and open the printed address.
"""

from __future__ import annotations

import argparse
import json
import secrets
import time
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, ClassVar
from urllib.parse import parse_qs, unquote, urlsplit

import catalogue
import conversation
import inspect_data

STATIC = Path(__file__).resolve().parents[2] / "shoptalk" / "server" / "static"
TYPES = {".js": "text/javascript", ".css": "text/css", ".html": "text/html", ".svg": "image/svg+xml"}
MAX_TEXT = 2000
CONTENT_SECURITY_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; base-uri 'none'; "
    "form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'"
)
CUSTOMERS = [
    {"id": "C0001", "name": "Anna Lindqvist", "language": "en", "orders": 3},
    {"id": "C0002", "name": "王晓梅", "language": "zh", "orders": 5},
    {"id": "C0003", "name": "Tomás Ferreira", "language": "en", "orders": 1},
]


class Talk:
    """One sender's conversation, in memory."""

    def __init__(self, customer: dict[str, Any] | None) -> None:
        self.sender = f"web-{secrets.token_hex(8)}"
        self.customer = customer
        self.history: list[dict[str, Any]] = []
        self.turns: list[dict[str, Any]] = []
        self.slots: dict[str, Any] = {
            "order_id": None,
            "product": None,
            "language": None,
            "requested_slot": None,
        }
        self.replies: dict[str, list[tuple[str, dict[str, Any]]]] = {}


class Refused(Exception):
    """An error answer of the contract."""

    def __init__(self, status: HTTPStatus, code: str, message: str) -> None:
        super().__init__(message)
        self.status, self.code = status, code


class Handler(BaseHTTPRequestHandler):
    """Answers the web channel, the shop's reads and the built files."""

    protocol_version = "HTTP/1.1"
    talks: ClassVar[dict[str, Talk]] = {}

    def do_GET(self) -> None:
        """Serves reads."""
        url = urlsplit(self.path)
        query = {name: values[-1] for name, values in parse_qs(url.query).items()}
        self._answer(lambda: self._get(unquote(url.path), query))

    def do_POST(self) -> None:
        """Serves session and message."""
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self._answer(lambda: self._post(urlsplit(self.path).path, json.loads(body)))

    def log_message(self, format: str, *args: Any) -> None:
        """Keeps the terminal quiet."""

    def _answer(self, work: Any) -> None:
        try:
            work()
        except Refused as refused:
            error = {
                "code": refused.code,
                "message": str(refused),
                "hint": "see the contract in widget/README.md",
            }
            self._json({"error": error}, refused.status)
        except (BrokenPipeError, ConnectionResetError):
            self.close_connection = True  # the browser went away in the middle of a stream

    def _get(self, path: str, query: dict[str, str]) -> None:
        language = "zh" if query.get("language") == "zh" else "en"
        if path == "/webhooks/web/customers":
            self._json(CUSTOMERS)
        elif path == "/webhooks/web/history":
            self._json({"messages": self._talk().history})
        elif path == "/webhooks/web/inspect":
            talk = self._talk()
            self._json(
                {"sender_id": talk.sender, "slots": talk.slots, "active_loop": {}, "turns": talk.turns}
            )
        elif path == "/shop/products":
            self._json(
                catalogue.products(language, query.get("q", ""), query.get("category", ""))[
                    : int(query.get("limit", 50))
                ]
            )
        elif path.startswith("/shop/products/"):
            self._one(catalogue.product(path.split("/")[-1], language))
        elif path == "/shop/articles":
            self._json(catalogue.article_list(language))
        elif path.startswith("/shop/articles/"):
            slug = path.split("/")[-1]
            found = catalogue.ARTICLES.get(slug, {}).get(language)
            self._one({"slug": slug, "title": found[0], "text": found[1]} if found else None)
        else:
            self._file(path)

    def _post(self, path: str, body: dict[str, Any]) -> None:
        if path == "/webhooks/web/session":
            customer = next((one for one in CUSTOMERS if one["id"] == body.get("customer_id")), None)
            token, talk = secrets.token_urlsafe(24), Talk(customer)
            self.talks[token] = talk
            self._json(
                {
                    "token": token,
                    "sender_id": talk.sender,
                    "customer": customer,
                    "expires_at": time.time() + 86_400,
                }
            )
        elif path == "/webhooks/web/message":
            self._message(self._talk(), body)
        else:
            raise Refused(HTTPStatus.NOT_FOUND, "not_found", f"there is no {path}")

    def _message(self, talk: Talk, body: dict[str, Any]) -> None:
        text, key, language = str(body["text"]), str(body["message_id"]), str(body["language"])
        if len(text) > MAX_TEXT:
            raise Refused(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "too_long", f"at most {MAX_TEXT} characters")
        self.send_response(HTTPStatus.OK)
        self._headers("text/event-stream")
        self.send_header("Connection", "close")
        self.end_headers()
        self.close_connection = True
        started = time.monotonic()
        if key not in talk.replies:
            self._play(talk, key, text, language)
        else:
            for event, data in talk.replies[key]:
                self._event(event, data)
        count = sum(event == "message" for event, _ in talk.replies[key])
        self._event("done", {"turn_ms": round((time.monotonic() - started) * 1000, 1), "messages": count})

    def _play(self, talk: Talk, key: str, text: str, language: str) -> None:
        talk.history.append({"from": "user", "at": time.time(), "id": key, "text": text})
        self._event("typing", {})
        time.sleep(0.35)  # long enough to see the typing indicator
        events, intent, kind = conversation.turn(text, language)
        said: list[tuple[str, dict[str, Any]]] = []
        for event, data in events:
            count = sum(kind == "message" for kind, _ in said)
            data = data | {"id": f"{key}.{count}"}
            if event == "message":
                said.append((event, data))
                talk.history.append({"from": "bot", "at": time.time(), **data})
            self._event(event, data)
        talk.replies[key] = said
        talk.turns.append(inspect_data.inspected(text, language, intent, kind, talk.slots))

    def _talk(self) -> Talk:
        token = self.headers.get("Authorization", "").removeprefix("Bearer ")
        if token not in self.talks:
            raise Refused(
                HTTPStatus.UNAUTHORIZED, "unauthorized", "no such session: POST /webhooks/web/session first"
            )
        return self.talks[token]

    def _event(self, event: str, data: dict[str, Any]) -> None:
        self.wfile.write(f"event: {event}\ndata: {json.dumps(data)}\n\n".encode())
        self.wfile.flush()

    def _one(self, found: dict[str, Any] | None) -> None:
        if found is None:
            raise Refused(HTTPStatus.NOT_FOUND, "not_found", f"there is no {self.path}")
        self._json(found)

    def _file(self, path: str) -> None:
        if path.startswith("/shop/images/") and (drawn := catalogue.image(Path(path).stem)):
            return self._bytes(drawn.encode(), TYPES[".svg"])
        name = "index.html" if path == "/" else path.removeprefix("/static/")
        file = STATIC / Path(name).name
        if not file.is_file() or file.suffix not in TYPES:
            raise Refused(HTTPStatus.NOT_FOUND, "not_found", f"there is no {path}")
        return self._bytes(file.read_bytes(), TYPES[file.suffix] + "; charset=utf-8")

    def _json(self, value: Any, status: HTTPStatus = HTTPStatus.OK) -> None:
        self._bytes(json.dumps(value).encode(), "application/json", status)

    def _bytes(self, content: bytes, kind: str, status: HTTPStatus = HTTPStatus.OK) -> None:
        self.send_response(status)
        self._headers(kind)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def _headers(self, kind: str) -> None:
        self.send_header("Content-Type", kind)
        self.send_header("Cache-Control", "no-store")
        self.send_header("X-Content-Type-Options", "nosniff")
        self.send_header("Content-Security-Policy", CONTENT_SECURITY_POLICY)


def main() -> None:
    """Serves until interrupted."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, default=5080, help="0 picks a free one (default: %(default)s)")
    server = ThreadingHTTPServer(("127.0.0.1", parser.parse_args().port), Handler)
    print(f"http://127.0.0.1:{server.server_port}/", flush=True)
    try:
        server.serve_forever()
    except KeyboardInterrupt:
        server.server_close()


if __name__ == "__main__":
    main()

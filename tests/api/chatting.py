"""A shopper at the web channel: a signed session, messages, replies as server-sent events."""

from __future__ import annotations

import json
import secrets
from dataclasses import dataclass, field
from typing import Any

import httpx

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Reply:
    """What came back for one message.

    Args:
        status: of HTTP.
        events: pairs of name and data, in order.
        body: of an answer that was no stream.
    """

    status: int
    events: tuple[tuple[str, Json], ...] = ()
    body: str = ""

    @property
    def messages(self) -> list[Json]:
        return [data for name, data in self.events if name == "message"]

    @property
    def text(self) -> str:
        return "\n".join(str(message.get("text") or "") for message in self.messages)

    @property
    def buttons(self) -> list[Json]:
        return [button for message in self.messages for button in message.get("buttons") or []]

    @property
    def cards(self) -> list[Json]:
        return [message["custom"] for message in self.messages if message.get("custom")]

    @property
    def error(self) -> Json:
        """The error of a refusal, or the one within the stream."""
        if self.body:
            return dict(json.loads(self.body)["error"])
        return next((data for name, data in self.events if name == "error"), {})


@dataclass
class Chat:
    """One session.

    Args:
        url: of the server.
        customer: signed in as; None is a guest.
        language: of the page.
    """

    url: str
    customer: str | None = None
    language: str = "en"
    token: str = ""
    sender: str = ""
    last: Reply = field(default_factory=lambda: Reply(0))
    offered: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.http = httpx.Client(base_url=self.url, timeout=60)
        wanted = {"customer_id": self.customer, "language": self.language}
        begun = self.http.post("/webhooks/web/session", json=wanted).raise_for_status().json()
        self.token, self.sender = begun["token"], begun["sender_id"]

    def __enter__(self) -> Chat:
        return self

    def __exit__(self, *_: object) -> None:
        self.http.close()

    @property
    def headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.token}"}

    def say(self, text: str, message_id: str | None = None) -> Reply:
        """Send a text (a button's payload, too) and read the replies to their end."""
        said = {
            "message_id": message_id or secrets.token_hex(13),
            "text": text,
            "language": self.language,
        }
        return self.post(json.dumps(said).encode())

    def post(self, body: bytes, **headers: str) -> Reply:
        """Send whatever bytes as a message."""
        answer = self.http.post(
            "/webhooks/web/message",
            content=body,
            headers={"Content-Type": "application/json", **self.headers, **headers},
        )
        streamed = answer.headers.get("content-type", "").startswith("text/event-stream")
        self.last = (
            Reply(answer.status_code, tuple(read_events(answer.text)))
            if streamed
            else Reply(answer.status_code, body=answer.text)
        )
        self.offered |= {button["title"]: button["payload"] for button in self.last.buttons}
        return self.last

    def press(self, title: str) -> Reply:
        """Press the button whose title contains a text."""
        titles = [known for known in self.offered if title in known]
        titles += [known for known in titles if known == title]
        assert titles, f"no button says {title!r}; there were {list(self.offered)}"
        return self.say(self.offered[titles[-1]])

    def inspect(self) -> Json:
        """Slots, form and turns so far."""
        found = self.http.get("/webhooks/web/inspect", headers=self.headers).raise_for_status()
        return dict(found.json())

    def history(self) -> list[Json]:
        """What the widget would show after a reload."""
        found = self.http.get("/webhooks/web/history", headers=self.headers).raise_for_status()
        return list(found.json()["messages"])


def read_events(stream: str) -> list[tuple[str, Json]]:
    """The events of a stream of server-sent events."""
    found = []
    for block in stream.split("\n\n"):
        fields = dict(line.split(": ", 1) for line in block.splitlines() if ": " in line)
        if "event" in fields:
            found.append((fields["event"], json.loads(fields.get("data", "{}"))))
    return found

"""Speaks Rasa's HTTP API to a server, and takes out of the answers what no two servers share."""

from __future__ import annotations

import json
import re
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

TIMEOUT_S = 60.0
VOLATILE = ("timestamp", "message_id", "latest_event_time", "model_id", "assistant_id")
"""Keys whose values differ from run to run."""

SLOT = re.compile(r"\{[^{}]*\}")
"""Where a response names a slot."""

Turn = dict[str, Any]
"""What is sent: one of say, trigger, append, get, post, parse, call; see `Server.take`."""


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer: HTTP status and JSON (or text)."""

    status: int
    body: Any


class Server:
    """A server at a URL."""

    def __init__(self, url: str) -> None:
        self.url = url.rstrip("/")

    def call(self, method: str, path: str, body: Any = None) -> Reply:
        """One request."""
        data = None if body is None else json.dumps(body).encode()
        headers = {"Content-Type": "application/json"}
        request = urllib.request.Request(self.url + path, data, headers, method=method)
        try:
            with urllib.request.urlopen(request, timeout=TIMEOUT_S) as answer:
                return Reply(answer.status, _parsed(answer.read()))
        except urllib.error.HTTPError as error:
            return Reply(error.code, _parsed(error.read()))

    def is_ready(self) -> bool:
        """Whether a model is loaded."""
        try:
            return bool(self.call("GET", "/status").status == 200)
        except OSError:
            return False

    def tracker(self, sender: str) -> dict[str, Any]:
        """A whole conversation."""
        body = self.call("GET", f"/conversations/{sender}/tracker?include_events=ALL").body
        return body if isinstance(body, dict) else {}

    def take(self, sender: str, turn: Turn) -> Reply:
        """Play a turn of a conversation."""
        of = f"/conversations/{sender}/"
        if "say" in turn:
            rest = {k: turn[k] for k in ("metadata", "input_channel") if k in turn}
            return self.call(
                "POST", "/webhooks/rest/webhook", {"sender": sender, "message": turn["say"], **rest}
            )
        if "trigger" in turn:
            return self.call("POST", of + "trigger_intent", turn["trigger"])
        if "append" in turn:
            return self.call("POST", of + "tracker/events", turn["append"])
        if "parse" in turn:
            return self.call("POST", "/model/parse", {"text": turn["parse"]})
        if "get" in turn:
            return self.call("GET", of + turn["get"])
        if "post" in turn:
            return self.call("POST", of + turn["post"], turn.get("body", {}))
        method, _, path = str(turn["call"]).partition(" ")
        return self.call(method, path.replace("{id}", sender), turn.get("body"))


def _parsed(data: bytes) -> Any:
    text = data.decode("utf-8", "replace")
    try:
        return json.loads(text)
    except ValueError:
        return text


def cleaned(value: Any, sender: str, masks: Masks) -> Any:
    """A JSON value without ids and times; texts that Rasa draws at random become their response's name."""
    if isinstance(value, dict):
        return {key: _field(key, item, sender, masks) for key, item in value.items() if key not in VOLATILE}
    if isinstance(value, list):
        return [cleaned(item, sender, masks) for item in value]
    if isinstance(value, str):
        return masks.of(value).replace(sender, "{id}")
    return round(value, 4) if isinstance(value, float) else value


def _field(key: str, value: Any, sender: str, masks: Masks) -> Any:
    kept = cleaned(value, sender, masks)
    if key == "data" and isinstance(kept, dict):
        return {name: item for name, item in kept.items() if item is not None}
    if key == "parse_data" and isinstance(kept, dict):
        return {name: item for name, item in kept.items() if name != "metadata"}
    return kept


def answer_of(reply: Reply, sender: str, masks: Masks) -> Any:
    """What of an answer is compared: of an error its status and reason, of a tracker its last session."""
    body = cleaned(reply.body, sender, masks)
    if reply.status >= 400:
        return {"status": reply.status, "reason": body.get("reason") if isinstance(body, dict) else None}
    if isinstance(body, dict):
        for holder in (body, body.get("tracker")):
            if isinstance(holder, dict) and isinstance(holder.get("events"), list):
                holder["events"] = last_session(holder["events"])
    if isinstance(body, list):
        body = [
            {k: v for k, v in m.items() if k != "recipient_id"} if isinstance(m, dict) else m for m in body
        ]
    return body


def last_session(events: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The events since the last session began: Rasa's memory store forgets earlier ones."""
    begins = [at for at, event in enumerate(events) if event.get("event") == "session_started"]
    return events[begins[-1] :] if begins else events


class Masks:
    """Names of responses in place of texts that are drawn at random, whatever their slots hold.

    Args:
        domain: with the responses.
    """

    def __init__(self, domain: Mapping[str, Any]) -> None:
        self._texts: dict[str, str] = {}
        self._templates: list[tuple[re.Pattern[str], str]] = []
        for name, variations in (domain.get("responses") or {}).items():
            drawn = [v for v in variations or [] if isinstance(v, dict) and not v.get("condition")]
            for text in (v["text"] for v in drawn if len(drawn) > 1 and isinstance(v.get("text"), str)):
                self._texts[text] = f"<{name}>"
                if SLOT.search(text):
                    pattern = ".*".join(map(re.escape, SLOT.split(text)))
                    self._templates.append((re.compile(pattern, re.DOTALL), f"<{name}>"))

    def of(self, text: str) -> str:
        """What is compared of a text."""
        known = self._texts.get(text)
        if known is None:
            known = next((name for pattern, name in self._templates if pattern.fullmatch(text)), text)
        return known


Next = Callable[[dict[str, Any], int], Turn | None]
"""What to say next, by the tracker and the number of turns played; None to end."""

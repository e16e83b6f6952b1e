"""An action server whose answers are a function of the request alone, so that two frameworks get the same ones.

A project may say in `actions.yml` what its actions answer:

    action_name:
    - when: {slots: {city: Rome}, intent: ask, entity: {what: x}, candidate: {size: 0}}   # all must hold
      events: [...]            # slot events and others, as rasa-sdk sends them
      responses: [...]
    - status: 400              # otherwise; 400 is a rejection
    - raw: "text"              # the body as it is
    - echo: true               # every value under validation is taken as it is

Actions that are not listed say what they were asked with; `validate_*` and `action_validate_*` take every value but
those that begin with "bad".
"""

from __future__ import annotations

import json
import threading
from collections.abc import Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import yaml

Answer = tuple[int, str]
"""Status and body."""


class ActionServer:
    """Answers on a port of this machine; `calls` holds what was asked and answered since it was last emptied."""

    def __init__(self, port: int) -> None:
        self.table: Mapping[str, list[Mapping[str, Any]]] = {}
        self.calls: list[tuple[str, Any]] = []
        self._lock = threading.Lock()
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                status, text = outer.answer(body)
                data = text.encode()
                self.send_response(status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

            def log_message(self, format: str, *args: Any) -> None:
                """Quiet."""

        self._server = ThreadingHTTPServer(("127.0.0.1", port), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)

    def __enter__(self) -> ActionServer:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    def serve(self, project: Path) -> None:
        """Answer as a project's `actions.yml` says."""
        path = project / "actions.yml"
        self.table = yaml.safe_load(path.read_text(encoding="utf-8")) if path.exists() else {}

    def taken(self) -> list[tuple[str, Any]]:
        """The calls since this was last asked."""
        with self._lock:
            calls, self.calls = self.calls, []
        return calls

    def answer(self, body: Mapping[str, Any]) -> Answer:
        """What a request gets."""
        name = str(body.get("next_action"))
        status, text = _answer(name, body.get("tracker") or {}, self.table)
        with self._lock:
            self.calls.append((name, _remembered(status, text)))
        return status, text


def _remembered(status: int, text: str) -> Any:
    if status != 200:
        return "rejected" if status == 400 else "failed"
    try:
        return json.loads(text)
    except ValueError:
        return "failed"


def _answer(name: str, tracker: Mapping[str, Any], table: Mapping[str, list[Mapping[str, Any]]]) -> Answer:
    if name not in table:
        return 200, json.dumps(_default(name, tracker))
    for entry in table[name]:
        if _holds(entry.get("when") or {}, tracker):
            return _entry(name, entry, tracker)
    return 200, json.dumps({"events": [], "responses": []})


def _entry(name: str, entry: Mapping[str, Any], tracker: Mapping[str, Any]) -> Answer:
    status = int(entry.get("status", 200))
    if status == 400:
        return status, json.dumps({"action_name": name, "error": "refused"})
    if status != 200:
        return status, json.dumps({"error": "failed", "action_name": name})
    if "raw" in entry:
        return 200, str(entry["raw"])
    events = list(entry.get("events") or [])
    if entry.get("echo"):
        events += [_slot(slot, value) for slot, value in candidates(tracker).items()]
    events = [{"timestamp": None, **event} if "event" in event else event for event in events]
    return 200, json.dumps({"events": events, "responses": list(entry.get("responses") or [])})


def _default(name: str, tracker: Mapping[str, Any]) -> dict[str, Any]:
    if name.startswith(("validate_", "action_validate_")):
        taken = candidates(tracker)
        bad = {slot: value for slot, value in taken.items() if str(value).startswith("bad")}
        events = [_slot(slot, None if slot in bad else value) for slot, value in taken.items()]
        return {
            "events": events,
            "responses": [{"text": f"{slot} cannot be {bad[slot]}"} for slot in sorted(bad)],
        }
    slots = {
        k: v
        for k, v in sorted((tracker.get("slots") or {}).items())
        if v is not None and k != "session_started_metadata"
    }
    loop = (tracker.get("active_loop") or {}).get("name")
    said = f"{name}: intent={_intent(tracker)} loop={loop} last={tracker.get('latest_action_name')} slots={json.dumps(slots, sort_keys=True)}"
    return {"events": [], "responses": [{"text": said}]}


def candidates(tracker: Mapping[str, Any]) -> dict[str, Any]:
    """The slots under validation: the slot events at the end, as rasa-sdk takes them."""
    found: dict[str, Any] = {}
    for event in reversed(tracker.get("events") or []):
        if event.get("event") != "slot":
            break
        found.setdefault(event["name"], event["value"])
    return {slot: value for slot, value in reversed(found.items()) if slot != "requested_slot"}


def _slot(name: str, value: Any) -> dict[str, Any]:
    return {"event": "slot", "timestamp": None, "name": name, "value": value}


def _intent(tracker: Mapping[str, Any]) -> Any:
    return ((tracker.get("latest_message") or {}).get("intent") or {}).get("name")


def _holds(when: Mapping[str, Any], tracker: Mapping[str, Any]) -> bool:
    slots = tracker.get("slots") or {}
    taken = candidates(tracker)
    found = {
        e.get("entity"): e.get("value") for e in (tracker.get("latest_message") or {}).get("entities") or []
    }
    return (
        all(slots.get(name) == value for name, value in when.get("slots", {}).items())
        and all(name in taken and taken[name] == value for name, value in when.get("candidate", {}).items())
        and all(found.get(name) == value for name, value in when.get("entity", {}).items())
        and when.get("intent", _intent(tracker)) == _intent(tracker)
    )

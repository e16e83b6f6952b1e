"""Conversations with the real action executor over hand-made trackers."""

from __future__ import annotations

import asyncio
import itertools
import json
import re
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from rasa_sdk.executor import ActionExecutor

Json = dict[str, Any]


@dataclass
class Reply:
    """What an action answered, with the domain's words filled in."""

    responses: list[Json]
    events: list[Json]
    texts: list[str]

    @property
    def names(self) -> list[str]:
        return [response["response"] for response in self.responses if response.get("response")]

    @property
    def text(self) -> str:
        return "\n".join(self.texts)

    @property
    def followup(self) -> str | None:
        return next((event["name"] for event in self.events if event["event"] == "followup"), None)

    def slot(self, name: str) -> Any:
        values = [
            event["value"] for event in self.events if event["event"] == "slot" and event["name"] == name
        ]
        return values[-1] if values else "unset"

    def card(self) -> Json:
        return next(response["custom"] for response in self.responses if response.get("custom"))


@dataclass
class Talk:
    """One conversation: slots and events kept as an engine would, every message through the executor."""

    executor: ActionExecutor
    domain: Json
    customer: str | None = None
    language: str = "en"
    channel: str = "web"
    sender: str = "sender-1"
    slots: Json = field(default_factory=dict)
    events: list[Json] = field(default_factory=list)
    loop: Json = field(default_factory=dict)
    latest: Json = field(default_factory=dict)
    _ids: Iterator[int] = field(default_factory=itertools.count)

    def hear(self, text: str, intent: str = "inform", message_id: str | None = None, **extra: Any) -> None:
        """A user message with its entities (`order_id="10234"`; a list for several)."""
        metadata = extra.pop(
            "metadata", {"customer_id": self.customer, "verified": self.customer is not None}
        )
        ranking = extra.pop("ranking", [])
        entities = [
            {"entity": name, "value": value}
            for name, values in extra.items()
            for value in (values if isinstance(values, list) else [values])
        ]
        self.latest = {
            "text": text,
            "intent": {"name": intent, "confidence": 0.9},
            "entities": entities,
            "intent_ranking": ranking,
            "message_id": message_id or f"m{next(self._ids)}",
            "metadata": metadata,
        }
        self.events.append(
            {"event": "user", "timestamp": time.time(), "text": text, "parse_data": self.latest,
             "input_channel": self.channel, "message_id": self.latest["message_id"], "metadata": metadata}
        )  # fmt: skip

    def fill(self, **slots: Any) -> None:
        """Candidates as slot extraction appends them."""
        self.events.append(
            {"event": "action", "name": self.loop.get("name", "action_listen"), "timestamp": 0.0}
        )
        for name, value in slots.items():
            self.slots[name] = value
            self.events.append({"event": "slot", "name": name, "value": value, "timestamp": 0.0})

    def run(self, action: str) -> Reply:
        """Run an action; apply its events; check that its words can be said in both languages."""
        call = {
            "next_action": action,
            "sender_id": self.sender,
            "tracker": self.tracker(),
            "domain": self.domain,
        }
        result = asyncio.run(self.executor.run(json.loads(json.dumps(call))))
        # rasa-sdk 3.6 gives a dict, later versions an object.
        answer = json.loads(json.dumps(result if isinstance(result, dict) else vars(result)))
        for event in answer["events"]:
            self._apply(event)
        texts = [self._words(response) for response in answer["responses"]]
        for response, text in zip(answer["responses"], texts, strict=True):
            data = {"custom": response.get("custom"), "buttons": response.get("buttons")}
            self.events.append(
                {"event": "bot", "text": text, "data": data, "timestamp": time.time(), "metadata": {}}
            )
        return Reply(answer["responses"], answer["events"], texts)

    def tracker(self) -> Json:
        slots = {name: None for name in self.domain["slots"]} | {
            "language": self.language,
            "requested_slot": None,
        }
        return {
            "sender_id": self.sender, "slots": slots | {"session_started_metadata": None} | self.slots,
            "latest_message": self.latest, "events": self.events, "paused": False, "followup_action": None,
            "active_loop": self.loop, "latest_action_name": "action_listen", "latest_event_time": 0.0,
        }  # fmt: skip

    def _apply(self, event: Json) -> None:
        self.events.append(event)
        if event["event"] == "slot":
            self.slots[event["name"]] = event["value"]
        elif event["event"] == "active_loop":
            self.loop = {"name": event["name"]} if event["name"] else {}

    def _words(self, response: Json) -> str:
        if not response.get("response"):
            return str(response["text"])
        variations = self.domain["responses"][response["response"]]
        assert len(variations) == 2, response["response"]
        values = self.slots | response
        for variation in variations:
            missing = set(re.findall(r"{(\w+)}", variation["text"])) - values.keys()
            assert not missing, f"{response['response']} lacks {missing}"
        text = variations[1 if self.language == "zh" else 0]["text"]
        return re.sub(r"{(\w+)}", lambda found: str(values[found.group(1)]), text)

"""What every action needs to know about the turn: who asks, in which language, about which order."""

from __future__ import annotations

import os
import time
from dataclasses import dataclass
from typing import Any

from rasa_sdk import Tracker
from rasa_sdk.executor import CollectingDispatcher

from shop.identity import Shopper, order_number

Event = dict[str, Any]
# Entities that say something of the message as a whole.
OF_THE_WHOLE = ("language", "sentiment", "urgency")
Domain = dict[str, Any]
# The slots of a task; cleared when it ends, is stopped or starts over.
TASK_SLOTS = (
    "return_item",
    "return_reason",
    "resolution",
    "exchange_size",
    "new_address",
    "confirm",
    "complaint_kind",
    "complaint_detail",
    "form_outcome",
    "pending_task",
)
URGENT_FOR = 4
"""Messages after which an urgent one counts no more: a form's questions lie between it and its answer."""
MEMORY_SLOTS = (
    "order_id",
    "product",
    "aspect",
    "category",
    "color",
    "size",
    "budget",
    "attribute",
    "verifier",
    "last_task",
    "offer",
    "shown_orders",
    "shown_products",
    "ticket",
)


@dataclass(frozen=True, slots=True)
class Desk:
    """One turn at the service desk."""

    tracker: Tracker
    dispatcher: CollectingDispatcher

    @property
    def now(self) -> int:
        return int(time.time())

    @property
    def language(self) -> str:
        return "zh" if self.tracker.get_slot("language") == "zh" else "en"

    @property
    def shopper(self) -> Shopper:
        return Shopper(str(self.tracker.sender_id), customer_id(self.tracker))

    @property
    def text(self) -> str:
        return str(self.tracker.latest_message.get("text") or "")

    @property
    def question(self) -> str:
        """The latest words of the shopper themselves, slips mended; a pressed button counts for the message it answers."""
        if not self.text.startswith("/"):
            return str(self.tracker.latest_message.get("read_as") or self.text)
        for event in reversed(self.tracker.events):
            if event.get("event") == "user" and event.get("text") and not str(event["text"]).startswith("/"):
                return str((event.get("parse_data") or {}).get("read_as") or event["text"])
        return ""

    @property
    def intent(self) -> str | None:
        name = (self.tracker.latest_message.get("intent") or {}).get("name")
        return str(name) if name else None

    @property
    def confidence(self) -> float:
        """How sure the pipeline is of the intent."""
        return float((self.tracker.latest_message.get("intent") or {}).get("confidence") or 0.0)

    @property
    def loop(self) -> str | None:
        """The form that is open."""
        name = (self.tracker.active_loop or {}).get("name")
        return str(name) if name else None

    @property
    def key(self) -> str | None:
        """Names the message that asked, so that its change is made once even if the turn is run again."""
        message_id = self.tracker.latest_message.get("message_id")
        return f"{self.tracker.sender_id}:{message_id}" if message_id else None

    @property
    def verifier(self) -> str | None:
        value = self.tracker.get_slot("verifier")
        return str(value) if value is not None else None

    @property
    def form_order(self) -> str | None:
        """The order that the open form is about, whatever number the message names."""
        number = order_number(self.tracker.get_slot("order_id"))
        return str(number) if number else None

    @property
    def order_id(self) -> str | None:
        """The order the message names, or the one talked about."""
        named = [value for value in self.entities("order_id") if order_number(value)]
        value = named[-1] if named else self.tracker.get_slot("order_id")
        number = order_number(value)
        return str(number) if number else None

    def entities(self, name: str) -> list[str]:
        """Values of an entity in the latest message, in order."""
        found = self.tracker.latest_message.get("entities") or []
        return [
            str(entity["value"]) for entity in found if entity.get("entity") == name and entity.get("value")
        ]

    def info(self, name: str) -> dict[str, Any] | None:
        """What the pipeline's EntityNormalizer says of the last entity of a name in the latest message."""
        found = self.tracker.latest_message.get("entities") or []
        known = [e["additional_info"] for e in found if e.get("entity") == name and e.get("additional_info")]
        return known[-1] if known and isinstance(known[-1], dict) else None

    def before(self, slot: str) -> Any:
        """What a slot held before the latest message."""
        events = iter(reversed(self.tracker.events))
        next((event for event in events if event.get("event") == "user"), None)
        return next((e["value"] for e in events if e.get("event") == "slot" and e["name"] == slot), None)

    def said_before(self, *entities: str) -> str | None:
        """The last value of one of these entities in an earlier message, whatever became of it."""
        messages = [event for event in self.tracker.events if event.get("event") == "user"][:-1]
        found = [e for m in messages for e in (m.get("parse_data") or {}).get("entities") or []]
        return next((str(e["value"]) for e in reversed(found) if e.get("entity") in entities), None)

    @property
    def upset(self) -> bool:
        """Whether the latest message sounds unhappy."""
        return "negative" in self.entities("sentiment")

    @property
    def urgent(self) -> bool:
        """Whether one of the last few messages of the shopper could not wait."""
        if "urgent" in self.entities("urgency"):
            return True
        messages = [event for event in self.tracker.events if event.get("event") == "user"]
        entities = [
            e for m in messages[-URGENT_FOR:] for e in (m.get("parse_data") or {}).get("entities") or []
        ]
        return any(e.get("entity") == "urgency" and e.get("value") == "urgent" for e in entities)

    def say(self, response: str, custom: dict[str, Any] | None = None, **values: Any) -> None:
        """Send a response of the domain, with a card if there is one."""
        self.dispatcher.utter_message(response=response, json_message=custom, **values)


def customer_id(tracker: Tracker) -> str | None:
    """The signed-in customer, from what the channel's verified session says and from nothing a shopper can write.

    Only channels whose metadata the server itself signs are believed (SHOP_IDENTITY_CHANNELS, by default `web`).
    """
    channels = {name.strip() for name in os.environ.get("SHOP_IDENTITY_CHANNELS", "web").split(",")}
    if tracker.get_latest_input_channel() not in channels:
        return None
    message = _latest_metadata(tracker)
    if "customer_id" not in message:
        started = tracker.slots.get("session_started_metadata")
        message = started if isinstance(started, dict) else {}
    value = message.get("customer_id")
    return value if isinstance(value, str) and message.get("verified") is True else None


def _latest_metadata(tracker: Tracker) -> dict[str, Any]:
    """Metadata as the channel attached it: of the last user event, else of the latest message."""
    for event in reversed(tracker.events):
        if event.get("event") == "user":
            metadata = event.get("metadata")
            return metadata if isinstance(metadata, dict) else {}
    metadata = tracker.latest_message.get("metadata")
    return metadata if isinstance(metadata, dict) else {}


def clear(*names: str) -> list[Event]:
    """Events that empty slots."""
    return [{"event": "slot", "timestamp": None, "name": name, "value": None} for name in names]


def put(name: str, value: Any) -> Event:
    """The event that sets a slot."""
    return {"event": "slot", "timestamp": None, "name": name, "value": value}


def go_on_with(action: str) -> Event:
    """The event that makes an action or form the next one."""
    return {"event": "followup", "timestamp": None, "name": action}


def reject(form: str) -> Event:
    """The event by which a form says that a message was no answer, so that the rules look at it."""
    return {"event": "action_execution_rejected", "timestamp": None, "name": form}


def leave_form() -> list[Event]:
    """The events that end whatever form is open."""
    return [{"event": "active_loop", "timestamp": None, "name": None}, put("requested_slot", None)]


def apply(tracker: Tracker, events: list[Event]) -> None:
    """Let an action that is run within another one see the slots set so far."""
    for event in events:
        if event["event"] == "slot":
            tracker.slots[event["name"]] = event["value"]


def button(title: str, payload: str) -> dict[str, str]:
    """A button that sends a payload."""
    return {"title": title, "payload": payload}


def transcript(tracker: Tracker) -> list[dict[str, Any]]:
    """What was said so far, for a person to read."""
    lines = []
    for event in tracker.events:
        if event.get("event") in ("user", "bot") and event.get("text"):
            lines.append(
                {"from": event["event"], "text": str(event["text"])[:1000], "at": event.get("timestamp")}
            )
    return lines

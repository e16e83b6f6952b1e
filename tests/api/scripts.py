"""Conversations written down in `conversations/`, and playing them turn by turn.

A file is a list of conversations:

    - name: Cancel an order that was paid
      topic: cancel                 # what the tables count by
      who: C0001                    # a demo customer, or `guest`
      turns:
      - say: please cancel order 10412
        says: [10412, EUR 152.80]   # all of these are in the replies
        form: cancel_form           # the form that is open afterwards; `none`
        buttons: [Yes, No]          # titles that contain these are offered
      - press: Yes                  # the button whose title contains this
        does: [action_cancel_order] # actions that ran, in this order (others may stand between)
        answers: [utter_cancelled_refund]      # responses of the domain that were sent
        orders: {10412: cancelled}  # states in the database afterwards

Further checks: `says_any` (one of them), `never` (none of them), `never_answers`, `card` (the type of a custom
message), `slots`, `query` (SQL and the value it gives), `intent`, `like` (the same replies as the turn with that
`label`, order numbers aside). `any_of` under `say` is not needed: one turn, one text.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from chatting import Chat, Reply
from serving import Shop

FOLDER = Path(__file__).parent / "conversations"
CHECKS = frozenset(
    ("say", "press", "says", "says_any", "never", "does", "answers", "never_answers", "card", "buttons")
) | frozenset(("form", "slots", "orders", "query", "intent", "label", "like"))


@dataclass(frozen=True, slots=True)
class Script:
    """One conversation."""

    name: str
    topic: str
    language: str
    customer: str | None
    turns: tuple[dict[str, Any], ...]

    @property
    def id(self) -> str:
        return f"{self.language}-{self.topic}-{self.name}".replace(" ", "_")


@dataclass(frozen=True, slots=True)
class Seen:
    """What a turn showed: replies to the shopper, and the record for developers."""

    reply: Reply
    state: dict[str, Any]

    @property
    def turn(self) -> dict[str, Any]:
        return dict(self.state["turns"][-1])

    @property
    def actions(self) -> list[str]:
        return [step["action"] for step in self.turn["steps"]]

    @property
    def responses(self) -> list[str]:
        said = [event for event in self.turn["events"] if event["event"] == "bot"]
        return [str(event["metadata"].get("utter_action")) for event in said]


def load_scripts() -> list[Script]:
    """All conversations, by language and file."""
    found = []
    for path in sorted(FOLDER.glob("*/*.yml")):
        for entry in yaml.safe_load(path.read_text(encoding="utf-8")):
            unknown = {key for turn in entry["turns"] for key in turn} - CHECKS
            assert not unknown, f"{path.name}, {entry['name']}: unknown {sorted(unknown)}"
            customer = None if entry["who"] == "guest" else str(entry["who"])
            turns = tuple(entry["turns"])
            found.append(Script(entry["name"], entry["topic"], path.parent.name, customer, turns))
    return found


def play(script: Script, url: str, shop: Shop) -> list[str]:
    """Play a conversation to its end or to the first turn that goes wrong.

    Returns:
        What was wrong, with the whole course of the conversation; empty if nothing was.
    """
    course: list[str] = []
    labels: dict[str, str] = {}
    with Chat(url, script.customer, script.language) as chat:
        for turn in script.turns:
            reply = chat.press(str(turn["press"])) if "press" in turn else chat.say(str(turn["say"]))
            if reply.status != 200:
                return [f"{turn}: {reply.status} {reply.body}"]
            seen = Seen(reply, chat.inspect())
            course += _shown(turn, seen)
            wrong = [*_said(turn, seen, labels), *_done(turn, seen), *_kept(turn, seen, shop)]
            if wrong:
                return [*wrong, "", *course]
            if "label" in turn:
                labels[turn["label"]] = _without_numbers(seen.reply)
    return []


def _shown(turn: dict[str, Any], seen: Seen) -> list[str]:
    parse = seen.turn["parse"]
    intent = parse.get("intent") or {}
    entities = [(x["entity"], x["value"], x.get("role")) for x in parse.get("entities") or []]
    shown = [f"> {turn.get('say', turn.get('press'))}"]
    shown += [f"  < {message.get('text')}" for message in seen.reply.messages]
    confidence = float(intent.get("confidence") or 0)
    return [
        *shown,
        f"    {intent.get('name')} {confidence:.2f} {[x for x in entities if x[0] != 'language']}",
        f"    {seen.actions} {seen.responses} form {seen.state['active_loop'].get('name')}",
    ]


def _said(turn: dict[str, Any], seen: Seen, labels: dict[str, str]) -> list[str]:
    text, wrong = seen.reply.text, []
    if not seen.reply.messages:
        wrong.append("no reply at all")
    wrong += [f"the replies lack {part!r}" for part in _list(turn, "says") if str(part) not in text]
    choices = _list(turn, "says_any")
    if choices and not any(str(part) in text for part in choices):
        wrong.append(f"the replies have none of {choices}")
    wrong += [f"the replies hold {part!r}" for part in _list(turn, "never") if str(part) in text]
    titles = [button["title"] for button in seen.reply.buttons]
    for part in _list(turn, "buttons"):
        if not any(str(part) in title for title in titles):
            wrong.append(f"no button {part!r} among {titles}")
    cards = [card.get("type") for card in seen.reply.cards]
    if "card" in turn and turn["card"] not in cards:
        wrong.append(f"no card {turn['card']!r} among {cards}")
    if "like" in turn and _without_numbers(seen.reply) != labels[turn["like"]]:
        wrong.append(f"not the same reply as {turn['like']!r}: {labels[turn['like']]!r}")
    return wrong


def _done(turn: dict[str, Any], seen: Seen) -> list[str]:
    wrong = []
    if not _in_order(_list(turn, "does"), seen.actions):
        wrong.append(f"the actions {_list(turn, 'does')} did not run")
    if not _in_order(_list(turn, "answers"), seen.responses):
        wrong.append(f"the responses {_list(turn, 'answers')} were not sent")
    unwanted = set(_list(turn, "never_answers")) & set(seen.responses)
    if unwanted:
        wrong.append(f"the responses {sorted(unwanted)} were sent")
    intent = (seen.turn["parse"].get("intent") or {}).get("name")
    if "intent" in turn and turn["intent"] != intent:
        wrong.append(f"understood {intent!r}, not {turn['intent']!r}")
    failed = [step["action"] for step in seen.turn["steps"] if step.get("outcome") == "failed"]
    return [*wrong, *(f"{action} failed" for action in failed)]


def _kept(turn: dict[str, Any], seen: Seen, shop: Shop) -> list[str]:
    wrong = []
    form = seen.state["active_loop"].get("name") or "none"
    if "form" in turn and turn["form"] != form:
        wrong.append(f"the form {form!r} is open, not {turn['form']!r}")
    slots = seen.state["slots"]
    for name, value in (turn.get("slots") or {}).items():
        if slots.get(name) != value:
            wrong.append(f"slot {name} is {slots.get(name)!r}, not {value!r}")
    for number, state in (turn.get("orders") or {}).items():
        found = shop.one("SELECT state FROM orders WHERE number = ?", number)
        if found != state:
            wrong.append(f"order {number} is {found!r}, not {state!r}")
    for query, value in (turn.get("query") or {}).items():
        found = shop.one(query)
        if found != value:
            wrong.append(f"{query}: {found!r}, not {value!r}")
    return wrong


def _list(turn: dict[str, Any], key: str) -> list[Any]:
    value = turn.get(key, [])
    return value if isinstance(value, list) else [value]


def _in_order(wanted: list[Any], found: list[str]) -> bool:
    rest = iter(found)
    return all(name in rest for name in wanted)


def _without_numbers(reply: Reply) -> str:
    return re.sub(
        r"(?<!\d)\d{5}(?!\d)", "#####", "\n".join([reply.text, str(reply.buttons), str(reply.cards)])
    )

"""What Rasa answered, as a text that people and tests/conformance/test_facts.py read."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from bench.parity.client import Turn
from bench.parity.play import Played
from bench.parity.talks import Case
from shoptalk.core.events import (
    ActionExecuted,
    BotUttered,
    Event,
    SlotSet,
    UserFeaturization,
    UserUttered,
    decode,
)

EARLIER = "(… of an earlier session)"
SESSION = ["action_session_start None 1.0", "session_started", "action_listen"]
METADATA = "slot session_started_metadata"
"""What Rasa puts before a first session, and no longer has when it reads the conversation back."""
ENTITY_KEYS = ("entity", "value", "start", "end", "role", "group", "extractor")
UNSTABLE = ("timestamp", "metadata", "date_time")
OURS = ("model_id", "assistant_id")


@dataclass(slots=True)
class Said:
    """Something said, what custom actions answered, and the events that came of it."""

    said: str
    calls: list[tuple[str, Any]] = field(default_factory=list)
    events: list[str] = field(default_factory=list)


@dataclass(slots=True)
class Fact:
    """A recorded conversation."""

    name: str
    turns: list[Said] = field(default_factory=list)
    end: dict[str, Any] = field(default_factory=dict)


def read(path: Path) -> Iterator[Fact]:
    """The conversations of a facts file."""
    for block in path.read_text(encoding="utf-8").strip().split("\n\n"):
        lines = block.split("\n")
        fact = Fact(lines[0].removeprefix("= "))
        for line in lines[1:]:
            mark, rest = line[:2], line[2:]
            if mark == "> ":
                fact.turns.append(Said(rest))
            elif mark == "! ":
                name, _, answer = rest.partition(" ")
                fact.turns[-1].calls.append((name, json.loads(answer)))
            elif mark == "  ":
                fact.turns[-1].events.extend(SESSION if rest == "session" else [rest])
            else:
                fact.end = json.loads(rest)
        yield fact


def write(path: Path, talked: Iterable[tuple[Case, Played]]) -> None:
    """Write the conversations that need no HTTP API to be had again."""
    path.parent.mkdir(parents=True, exist_ok=True)
    blocks = [_block(case, played) for case, played in talked if all(map(_is_said, played.turns))]
    path.write_text("\n\n".join(blocks) + "\n", encoding="utf-8")


def _is_said(turn: Turn) -> bool:
    return bool({"say", "trigger", "append"} & set(turn))


def _block(case: Case, played: Played) -> str:
    lines = [f"= {case.kind}: {case.name}"]
    for turn, news, hidden, calls in zip(played.turns, played.news, played.hidden, played.calls, strict=True):
        plain = set(turn) == {"say"} and not turn["say"].startswith("{")
        lines.append("> " + (turn["say"] if plain else _json(turn)))
        lines += [f"! {name} {_json(answer)}" for name, answer in calls]
        outlines = [outline(decode(event)) for event in news]
        if turn is played.turns[0] and outlines[0:1] and outlines[0].startswith(METADATA):
            del outlines[0]
        if hidden:
            lines.append(f"  {EARLIER}")
        lines += [f"  {line}" for line in _short(outlines)]
    lines.append(f". {_json(ending(played.raw))}")
    return "\n".join(lines)


def _short(outlines: Sequence[str]) -> list[str]:
    out: list[str] = []
    for line in outlines:
        out.append(line)
        if out[-3:] == SESSION:
            out[-3:] = ["session"]
    return out


def _json(value: Any) -> str:
    return json.dumps(value, sort_keys=True, ensure_ascii=False)


def outline(event: Event) -> str:
    """An event in a line."""
    match event:
        case ActionExecuted():
            name = event.name or _json(event.action_text)
            hidden = " hidden" if event.hide_rule_turn else ""
            return f"{name} {event.policy} {event.confidence}".replace(" None None", "") + hidden
        case UserUttered():
            intent = event.intent
            found = [{k: e[k] for k in ENTITY_KEYS if e.get(k) is not None} for e in event.entities]
            line = f"user {_json(event.text)} {intent.get('name')} {intent.get('confidence')}"
            metadata = {key: value for key, value in event.metadata.items() if key not in OURS}
            return " ".join([line, *map(_json, filter(None, (found, metadata)))])
        case SlotSet():
            return f"slot {event.name} {_json(event.value)}"
        case UserFeaturization():
            return "by text" if event.use_text_for_featurization else "by intent"
        case BotUttered():
            rest = {key: value for key, value in event.data.items() if value is not None}
            metadata = {k: v for k, v in event.metadata.items() if k != "utter_action" and k not in OURS}
            if metadata:
                rest["metadata"] = metadata
            line = f"says {event.metadata.get('utter_action', '-')} {_json(event.text)}"
            return f"{line} {_json(rest)}" if rest else line
    rest = {key: value for key, value in event.as_dict().items() if key not in ("event", *UNSTABLE)}
    return f"{event.kind} {_json(rest)}" if rest else event.kind


def ending(state: dict[str, Any]) -> dict[str, Any]:
    """What of a tracker's JSON counts at the end of a conversation."""
    latest = state["latest_message"]
    out: dict[str, Any] = {
        "slots": {name: value for name, value in state["slots"].items() if value is not None},
        "latest": [latest["text"], (latest.get("intent") or {}).get("name"), state["latest_action_name"]],
    }
    loop = dict(state["active_loop"])
    if loop:
        trigger = loop["trigger_message"] or {}
        loop["trigger_message"] = {
            "text": trigger.get("text"),
            "intent": (trigger.get("intent") or {}).get("name"),
        }
        out["active_loop"] = loop
    if state["paused"]:
        out["paused"] = True
    if state["followup_action"]:
        out["followup_action"] = state["followup_action"]
    return out

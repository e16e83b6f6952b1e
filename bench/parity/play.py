"""Has a conversation with a server and keeps what is compared."""

from __future__ import annotations

import copy
from dataclasses import dataclass, field
from typing import Any

from bench.parity.actions import ActionServer
from bench.parity.client import Masks, Server, Turn, answer_of, cleaned, last_session
from bench.parity.talks import Case

STATE = (
    "latest_action",
    "latest_action_name",
    "followup_action",
    "paused",
    "active_loop",
    "latest_input_channel",
)


@dataclass(slots=True)
class Played:
    """A conversation that was had.

    Args:
        turns: what was said.
        answers: what came back, cleaned.
        events, slots, state: at its end, cleaned.
        raw: the tracker as it is at the end; `news`: what each turn added to it; `hidden`: whether Rasa forgot more.
        calls: custom actions called in each turn, with their answers.
    """

    turns: list[Turn] = field(default_factory=list)
    answers: list[Any] = field(default_factory=list)
    events: list[dict[str, Any]] = field(default_factory=list)
    slots: dict[str, Any] = field(default_factory=dict)
    state: dict[str, Any] = field(default_factory=dict)
    raw: dict[str, Any] = field(default_factory=dict)
    news: list[list[dict[str, Any]]] = field(default_factory=list)
    hidden: list[bool] = field(default_factory=list)
    calls: list[list[tuple[str, Any]]] = field(default_factory=list)


def play(server: Server, actions: ActionServer, case: Case, sender: str, masks: Masks) -> Played:
    """Have a conversation; a form's filler looks at the tracker before each turn."""
    out = Played()
    actions.taken()
    filler = copy.deepcopy(case.form)
    seen: list[dict[str, Any]] = []
    while True:
        if filler is not None:
            turn = filler.next(server.tracker(sender) if out.turns else {}, len(out.turns))
        else:
            turn = case.turns[len(out.turns)] if len(out.turns) < len(case.turns) else None
        if turn is None:
            break
        out.turns.append(turn)
        out.answers.append(answer_of(server.take(sender, turn), sender, masks))
        out.calls.append(actions.taken())
        seen = _news(out, server.tracker(sender).get("events") or [], seen)
    tracker = server.tracker(sender)
    out.raw = tracker
    out.events = last_session(cleaned(tracker.get("events") or [], sender, masks))
    out.slots = cleaned(tracker.get("slots") or {}, sender, masks)
    out.state = {key: cleaned(tracker.get(key), sender, masks) for key in STATE}
    return out


def _news(out: Played, events: list[dict[str, Any]], seen: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Keep what is new since the turn before; `hidden`: a new session made Rasa forget the rest."""
    known = next((len(seen) - at for at in range(len(seen)) if events[: len(seen) - at] == seen[at:]), 0)
    out.news.append(events[known:])
    out.hidden.append(known == 0 and bool(seen))
    return events

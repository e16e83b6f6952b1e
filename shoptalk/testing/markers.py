"""Markers sought in conversations, session by session, and what can be counted of them.

A marker holds or does not hold at each event. Negated kinds are truly negated, as the documentation of Rasa says (its
program treats them as their opposites). `never` is reported at the first event of a session in which its part never
held; inside other operators it means "not so far".
"""

from __future__ import annotations

import csv
import io
import statistics
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from shoptalk.core.domain import ACTION_SESSION_START
from shoptalk.core.events import ActionExecuted, Event, SlotSet, UserUttered
from shoptalk.formats.markers import Marker

COUNTED = "number of preceding user turns"
STATISTICS: Mapping[str, Callable[[Sequence[int]], float]] = {
    "count": len,
    "mean": statistics.fmean,
    "median": statistics.median,
    "min": min,
    "max": max,
}


@dataclass(frozen=True, slots=True)
class Found:
    """A place where a marker holds.

    Args:
        sender_id, session: whose conversation, and which part of it, counted from 0.
        marker: its name.
        event: place in the whole conversation, counted from 0.
        user_turns: messages of the user before it, in the session.
    """

    sender_id: str
    session: int
    marker: str
    event: int
    user_turns: int


@dataclass(frozen=True, slots=True)
class Search:
    """All places, and the sessions looked at: pairs of sender and number."""

    found: tuple[Found, ...]
    sessions: tuple[tuple[str, int], ...]
    markers: tuple[str, ...]


def search(conversations: Iterable[tuple[str, Sequence[Event]]], markers: Mapping[str, Marker]) -> Search:
    """Seek markers in conversations."""
    found: list[Found] = []
    looked: list[tuple[str, int]] = []
    for sender, events in conversations:
        for number, (start, session) in enumerate(_sessions(events)):
            looked.append((sender, number))
            for name, marker in markers.items():
                found += [
                    Found(sender, number, name, start + place, _user_turns(session[:place]))
                    for place in places(marker, session)
                ]
    return Search(tuple(found), tuple(looked), tuple(markers))


def places(marker: Marker, events: Sequence[Event]) -> list[int]:
    """The events of one session at which a marker is reported."""
    holds = history(marker, events)
    if marker.tag == "never":
        return [0] if holds and holds[-1] else []
    if marker.tag == "at_least_once":
        return [holds.index(True)] if True in holds else []
    return [place for place, value in enumerate(holds) if value]


def history(marker: Marker, events: Sequence[Event]) -> list[bool]:
    """Whether a marker holds at each event of a session."""
    parts = [history(part, events) for part in marker.parts]
    columns = list(zip(*parts, strict=True))
    if marker.tag in ("and", "at_least_one_not"):
        out = [all(column) for column in columns]
    elif marker.tag == "or":
        out = [any(column) for column in columns]
    elif marker.tag == "not":
        out = parts[0]
    elif marker.tag == "seq":
        out = _sequence(parts)
    elif marker.tag in ("at_least_once", "never"):
        out = _so_far(parts[0])
    elif marker.tag in ("slot_was_set", "slot_was_not_set"):
        out = _slot(marker.name, events)
    else:
        out = [_matches(marker, event) for event in events]
    negated = marker.tag.startswith("not") or marker.tag in ("never", "at_least_one_not", "slot_was_not_set")
    return [not value for value in out] if negated else out


def _sequence(parts: Sequence[Sequence[bool]]) -> list[bool]:
    """True where the last part holds after the others held in order; one step an event, then from the beginning."""
    out, step = [], 0
    for column in zip(*parts, strict=True):
        step += column[step]
        out.append(step == len(parts))
        step %= len(parts)
    return out


def _so_far(values: Sequence[bool]) -> list[bool]:
    out, before = [], False
    for value in values:
        before = before or value
        out.append(before)
    return out


def _slot(name: str, events: Sequence[Event]) -> list[bool]:
    out, is_set = [], False
    for event in events:
        if isinstance(event, SlotSet) and event.name == name:
            is_set = event.value is not None
        out.append(is_set)
    return out


def _matches(marker: Marker, event: Event) -> bool:
    if marker.tag in ("action", "not_action"):
        return isinstance(event, ActionExecuted) and event.name == marker.name
    return isinstance(event, UserUttered) and event.intent_name == marker.name


def _user_turns(events: Sequence[Event]) -> int:
    return sum(isinstance(event, UserUttered) for event in events)


def _sessions(events: Sequence[Event]) -> list[tuple[int, Sequence[Event]]]:
    """Start and events of each session; what stands before the first one is a session of its own."""
    starts = [
        n for n, e in enumerate(events) if isinstance(e, ActionExecuted) and e.name == ACTION_SESSION_START
    ]
    if events and (not starts or starts[0] > 0):
        starts.insert(0, 0)
    ends = [*starts[1:], len(events)]
    return [(start, events[start:end]) for start, end in zip(starts, ends, strict=True)]


# ---------------------------------------------------------------------------------------------------- tables


def as_csv(found: Search) -> str:
    """One line a place."""
    rows = [(f.sender_id, f.session, f.marker, f.event, f.user_turns) for f in found.found]
    return _csv(("sender_id", "session_idx", "marker", "event_idx", "num_preceding_user_turns"), rows)


def overall_csv(found: Search) -> str:
    """How often each marker was found, and after how many messages of the user."""
    total = len(found.sessions)
    rows: list[tuple[Any, ...]] = [("all", "nan", "-", "total_number_of_sessions", total)]
    for name in sorted(found.markers):
        at = [f for f in found.found if f.marker == name]
        hits = len({(f.sender_id, f.session) for f in at})
        share = round(100 * hits / total, 3) if total else 0.0
        rows.append(("all", "nan", name, "number_of_sessions_where_marker_applied_at_least_once", hits))
        rows.append(("all", "nan", name, "percentage_of_sessions_where_marker_applied_at_least_once", share))
    for name in sorted(found.markers):
        turns = [f.user_turns for f in found.found if f.marker == name]
        rows += [("all", "nan", name, label, value) for label, value in _statistics(turns)]
    return _csv(STATISTICS_HEADER, rows)


def per_session_csv(found: Search) -> str:
    """The same numbers for every session."""
    rows: list[tuple[Any, ...]] = []
    for name in sorted(found.markers):
        for sender, session in found.sessions:
            turns = [
                f.user_turns
                for f in found.found
                if (f.marker, f.sender_id, f.session) == (name, sender, session)
            ]
            rows += [(sender, session, name, label, value) for label, value in _statistics(turns)]
    return _csv(STATISTICS_HEADER, rows)


STATISTICS_HEADER = ("sender_id", "session_idx", "marker", "statistic", "value")


def _statistics(turns: Sequence[int]) -> list[tuple[str, Any]]:
    if not turns:
        return [(f"{name}({COUNTED})", 0 if name == "count" else "nan") for name in STATISTICS]
    values = [(name, compute(turns)) for name, compute in STATISTICS.items()]
    return [(f"{name}({COUNTED})", v if isinstance(v, int) else round(v, 3)) for name, v in values]


def _csv(header: Sequence[str], rows: Iterable[Sequence[Any]]) -> str:
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(header)
    writer.writerows(rows)
    return out.getvalue()

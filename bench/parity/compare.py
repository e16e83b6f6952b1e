"""Two systems' answers beside each other."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from bench.parity.play import Played

ASPECTS = ("replies", "http", "events", "slots", "state")
READ = ("examples", "synonyms", "regexes", "lookups", "responses", "actions", "slots")


@dataclass(frozen=True, slots=True)
class Difference:
    """Where the two differ: what, and both values (cut to the first place)."""

    project: str
    case: str
    kind: str
    aspect: str
    rasa: Any
    shoptalk: Any


def of_conversation(project: str, case: str, kind: str, rasa: Played, ours: Played) -> list[Difference]:
    """Differences of a conversation, at most one an aspect."""
    out: list[Difference] = []
    for turn, theirs, mine in zip(rasa.turns, rasa.answers, ours.answers, strict=True):
        aspect = "replies" if "say" in turn else "http"
        if theirs != mine and all(d.aspect != aspect for d in out):
            where = first_difference(theirs, mine)
            out.append(Difference(project, case, kind, aspect, {"sent": turn, **where[0]}, where[1]))
    for aspect in ("events", "slots", "state"):
        theirs, mine = getattr(rasa, aspect), getattr(ours, aspect)
        if theirs != mine:
            where = first_difference(theirs, mine)
            out.append(Difference(project, case, kind, aspect, *where))
    return out


def of_reading(project: str, rasa: Mapping[str, Any], ours: Mapping[str, Any]) -> dict[str, list[Difference]]:
    """Differences in what was read of the project, by case name."""
    out: dict[str, list[Difference]] = {}
    theirs, mine = rasa.get("read") or {}, ours.get("read") or {}
    for part in READ:
        a, b = theirs.get(part), mine.get(part)
        if part == "actions" and a and b and not ours.get("in_order"):
            a, b = sorted(a), sorted(b)  # Rasa takes retrieval intents and files of a folder in any order
        out[f"read: {part}"] = (
            [Difference(project, f"read: {part}", "reading", part, *first_difference(a, b))] if a != b else []
        )
    for number, name in enumerate(("validate", "validate --fail-on-warnings")):
        a = (rasa.get("validate") or [None, None])[number]
        b = (ours.get("validate") or [None, None])[number]
        out[name] = (
            [Difference(project, name, "reading", "exit status", {"is": a}, {"is": b})] if a != b else []
        )
    a, b = bool(rasa.get("trained")), bool(ours.get("trained"))
    out["train"] = [Difference(project, "train", "reading", "trains", {"is": a}, {"is": b})] if a != b else []
    return out


def first_difference(a: Any, b: Any, path: str = "") -> tuple[dict[str, Any], dict[str, Any]]:
    """The first place where two JSON values differ, with both values there."""
    if isinstance(a, dict) and isinstance(b, dict):
        for key in [*a, *(key for key in b if key not in a)]:
            if key not in a or key not in b or a[key] != b[key]:
                return first_difference(a.get(key, "(absent)"), b.get(key, "(absent)"), f"{path}/{key}")
    if isinstance(a, list) and isinstance(b, list):
        for place in range(max(len(a), len(b))):
            one = a[place] if place < len(a) else "(absent)"
            two = b[place] if place < len(b) else "(absent)"
            if one != two:
                return first_difference(one, two, f"{path}/{place}")
    return {"at": path or "/", "is": a}, {"at": path or "/", "is": b}

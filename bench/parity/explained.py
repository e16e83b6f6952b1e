"""Differences that are decisions: where Shoptalk does better on purpose, and how one recognises them."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass

from bench.parity.compare import Difference


@dataclass(frozen=True, slots=True)
class Decision:
    """A reason to differ."""

    name: str
    why: str
    fits: Callable[[Difference], bool]


def _status(difference: Difference, theirs: int, ours: int | None) -> bool:
    """Whether an HTTP status differs in this way; None is any success."""
    rasa, mine = difference.rasa, difference.shoptalk
    same_place = rasa.get("at") == "/status" and rasa.get("is") == theirs
    return bool(same_place and mine.get("is") == ("(absent)" if ours is None else ours))


def _is_case(name: str, *projects: str) -> Callable[[Difference], bool]:
    return lambda d: name in d.case and (not projects or d.project in projects)


DECISIONS: list[Decision] = [
    Decision(
        "An own session start works over HTTP, too",
        "With `action_session_start` among the domain's actions, Rasa answers `POST …/tracker/events` and "
        "`POST …/trigger_intent` on a new conversation with 500 and loses the request; here the session begins and the "
        "request is served.",
        lambda d: (
            d.project == "sessions"
            and d.case.endswith(("begun by events", "begun from outside", "api 16: events"))
        ),
    ),
    Decision(
        "A refused request leaves nothing behind",
        "Rasa begins and stores a conversation even when it refuses an unknown intent with 404, so that the next "
        "`execute` on it fails with 500; here nothing is stored and `execute` answers 404.",
        lambda d: d.case.endswith("wrong requests") and _status(d, 500, 404),
    ),
    Decision(
        "`include_events` counts for predictions, too",
        "`POST …/predict?include_events=NONE`: Rasa checks the parameter and sends the events all the same; here it "
        "says which events the answer holds.",
        lambda d: d.case.endswith(": predict") and "include_events" in sent(d),
    ),
    Decision(
        "A response for a channel is chosen by the message's channel",
        "Over REST with `input_channel: slack` Rasa chooses among variations as if the channel were `collector`; here "
        "the channel that the message names counts.",
        _is_case("another channel", "responses"),
    ),
    Decision(
        "`user_featurization` in an action's answer counts",
        "Policies send this event; when an action server sends it, Rasa stores it and predicts as before, while here the "
        "rest of the turn is predicted from the text, as the event says.",
        _is_case("an action answers: featurization", "action_events"),
    ),
]


def explain(difference: Difference) -> Decision | None:
    """The decision a difference comes of, None for one that is a fault."""
    return next((decision for decision in DECISIONS if decision.fits(difference)), None)


def sent(difference: Difference) -> str:
    """What was sent, as JSON text."""
    value = difference.rasa.get("sent") if isinstance(difference.rasa, dict) else None
    return json.dumps(value)

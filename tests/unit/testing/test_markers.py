"""Markers: every kind on a short conversation, negation as documented."""

from __future__ import annotations

from pathlib import Path

import pytest

from shoptalk.core.events import ActionExecuted, Event, SlotSet, UserUttered
from shoptalk.errors import ConfigError
from shoptalk.formats import markers as marker_format
from shoptalk.testing import markers


def user(intent: str) -> UserUttered:
    return UserUttered(text=intent, parse_data={"intent": {"name": intent}})


EVENTS: list[Event] = [
    ActionExecuted(name="action_session_start"),
    user("greet"),
    ActionExecuted(name="utter_greet"),
    SlotSet(name="city", value="Rome"),
    user("buy"),
    SlotSet(name="city", value=None),
    ActionExecuted(name="utter_sold"),
    user("greet"),
]

KINDS = {
    "action: utter_greet": [2],
    "not_action: utter_greet": [0, 1, 3, 4, 5, 6, 7],
    "intent: greet": [1, 7],
    "not_intent: greet": [0, 2, 3, 4, 5, 6],
    "slot_was_set: city": [3, 4],
    "slot_was_not_set: city": [0, 1, 2, 5, 6, 7],
    "seq: [{intent: greet}, {action: utter_sold}]": [6],
    "seq: [{intent: greet}, {action: utter_greet}]": [2],
    "or: [{intent: buy}, {action: utter_sold}]": [4, 6],
    "and: [{intent: buy}, {slot_was_set: city}]": [4],
    "at_least_one_not: [{intent: buy}, {slot_was_set: city}]": [0, 1, 2, 3, 5, 6, 7],
    "not: [{slot_was_set: city}]": [0, 1, 2, 5, 6, 7],
    "at_least_once: [{intent: greet}]": [1],
    "never: [{intent: thank}]": [0],
    "never: [{intent: buy}]": [],
}


@pytest.mark.parametrize("text", KINDS)
def test_where_a_marker_holds(text: str, tmp_path: Path) -> None:
    (tmp_path / "markers.yml").write_text(f"one:\n  {text}\n")
    marker = marker_format.load(tmp_path / "markers.yml")["one"]
    assert markers.places(marker, EVENTS) == KINDS[text]


def test_sessions_are_counted_and_places_run_through() -> None:
    found = markers.search([("ann", [*EVENTS, *EVENTS])], {"b": marker_format.Marker("intent", "buy")})
    assert [(f.session, f.event, f.user_turns) for f in found.found] == [(0, 4, 1), (1, 12, 1)]
    assert markers.as_csv(found).splitlines() == [
        "sender_id,session_idx,marker,event_idx,num_preceding_user_turns",
        "ann,0,b,4,1",
        "ann,1,b,12,1",
    ]
    overall = markers.overall_csv(found).splitlines()
    assert overall[1] == "all,nan,-,total_number_of_sessions,2"
    assert overall[3] == "all,nan,b,percentage_of_sessions_where_marker_applied_at_least_once,100.0"
    assert "ann,1,b,count(number of preceding user turns),1" in markers.per_session_csv(found).splitlines()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("one:\n  sequence: [{intent: a}]\n", "markers.yml:2: 'sequence' is no condition or operator."),
        ("one:\n  seq:\n    intent: a\n", "markers.yml:2: `seq:` needs a list of markers."),
        ("one:\n  never: [{intent: a}, {intent: b}]\n", "markers.yml:2: `never:` takes exactly one marker."),
        ("never:\n  intent: a\n", "markers.yml:1: 'never' is a kind of marker"),
        ("one:\n  intent: a\n  action: b\n", "markers.yml:1: A marker must have one condition or operator."),
    ],
)
def test_wrong_markers_are_named(
    text: str, message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("markers.yml").write_text(text)
    with pytest.raises(ConfigError) as error:
        marker_format.load(Path("markers.yml"))
    assert message in str(error.value)

"""Events and their wire form."""

import pytest

from shoptalk.core import events as ev
from shoptalk.errors import DataError

WIRE = [
    {"event": "user", "text": "hi", "parse_data": {"intent": {"name": "greet", "confidence": 0.5}, "entities": [],
     "text": "hi", "message_id": "m", "metadata": {}}, "input_channel": "rest", "message_id": "m", "metadata": {}},
    {"event": "bot", "text": "hello", "data": {"image": None, "buttons": [{"title": "a"}]}, "metadata": {"k": 1}},
    {"event": "slot", "name": "a", "value": [1, None]},
    {"event": "action", "name": "utter_x", "policy": "P", "confidence": 1.0, "action_text": None, "hide_rule_turn": True},
    {"event": "action", "name": None, "policy": None, "confidence": None, "action_text": "hi!", "hide_rule_turn": False},
    {"event": "active_loop", "name": None},
    {"event": "loop_interrupted", "is_interrupted": True},
    {"event": "action_execution_rejected", "name": "f", "policy": None, "confidence": None},
    {"event": "user_featurization", "use_text_for_featurization": True},
    {"event": "entities", "entities": [{"entity": "a", "value": 1}]},
    {"event": "followup", "name": "a"},
    {"event": "reminder", "intent": "i", "date_time": "2030-01-01T00:00:00", "entities": None, "name": "n",
     "kill_on_user_msg": False},
    {"event": "agent", "text": "a person", "data": None},
    {"event": "rewind"}, {"event": "undo"}, {"event": "restart"}, {"event": "session_started"},
    {"event": "reset_slots"}, {"event": "pause"}, {"event": "resume"}, {"event": "export"},
]  # fmt: skip


@pytest.mark.parametrize("wire", WIRE, ids=lambda w: w["event"])
def test_wire_form_survives_a_round_trip(wire):
    again = ev.decode({**wire, "timestamp": 5.0}).as_dict()
    assert again.pop("timestamp") == 5.0
    assert again == wire


def test_every_kind_is_tested():
    assert {w["event"] for w in WIRE} | {"cancel_reminder"} == set(ev.KINDS)


def test_legacy_kinds_become_their_successors():
    assert ev.decode({"event": "form", "name": "f"}) == ev.ActiveLoop(name="f")
    assert ev.decode({"event": "form_validation", "validate": False}) == ev.LoopInterrupted(
        is_interrupted=True
    )


def test_cancelling_a_reminder_says_no_more_than_that_on_the_wire():
    event = ev.decode({"event": "cancel_reminder", "name": "n", "intent": "i", "timestamp": 1})
    assert event == ev.ReminderCancelled(name="n", intent="i")
    assert event.as_dict() == {"event": "cancel_reminder", "timestamp": 1.0}


def test_an_unknown_kind_is_kept_whole_unless_told_otherwise():
    wire = {"event": "flow_started", "timestamp": 2.0, "flow_id": "f"}
    assert ev.decode(wire).as_dict() == wire
    with pytest.raises(DataError, match="no event called 'flow_started'"):
        ev.decode(wire, strict=True)


def test_a_missing_key_is_named():
    with pytest.raises(DataError, match="'slot' needs 'name'"):
        ev.decode({"event": "slot", "value": 1})


def test_a_missing_timestamp_means_now():
    assert ev.decode({"event": "pause", "timestamp": None}).timestamp > 1.6e9

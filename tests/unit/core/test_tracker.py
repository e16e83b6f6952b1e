"""The tracker: a fold of events, taken back and read back."""

import pytest

from shoptalk.core.domain import Domain
from shoptalk.core.events import (
    ActionExecuted,
    ActionExecutionRejected,
    ActionReverted,
    ActiveLoop,
    AllSlotsReset,
    ConversationPaused,
    ConversationResumed,
    EntitiesAdded,
    FollowupAction,
    LoopInterrupted,
    Restarted,
    SessionStarted,
    SlotSet,
    UserUtteranceReverted,
    UserUttered,
)
from shoptalk.core.slots import make_slot
from shoptalk.core.tracker import Tracker


@pytest.fixture
def domain():
    slots = {
        "name": make_slot("name", {"type": "text"}, ()),
        "tags": make_slot("tags", {"type": "list"}, ()),
        "mood": make_slot("mood", {"type": "text", "initial_value": "calm"}, ()),
    }
    return Domain(slots=slots)


@pytest.fixture
def tracker(domain):
    return Tracker("s", domain.all_slots)


def said(intent, text=None):
    return UserUttered(text=text or f"/{intent}", parse_data={"intent": {"name": intent, "confidence": 1.0}})


def ran(name):
    return ActionExecuted(name=name)


LISTEN = ActionExecuted(name="action_listen")


def kinds(events):
    return [getattr(e, "name", None) or e.kind for e in events]


def test_a_fresh_tracker_is_to_listen(tracker):
    assert tracker.followup_action == "action_listen"
    assert tracker.slots == {"name": None, "tags": None, "mood": "calm", "session_started_metadata": None}
    assert tracker.as_dict()["latest_message"] == {
        "intent": {}, "entities": [], "text": None, "message_id": None, "metadata": {}
    }  # fmt: skip


def test_slots_are_set_wrapped_and_reset(tracker):
    tracker.apply_all(
        [SlotSet(name="name", value="Ann"), SlotSet(name="tags", value="a"), SlotSet(name="x", value=1)]
    )
    assert tracker.slots["name"] == "Ann"
    assert tracker.slots["tags"] == ["a"]
    assert "x" not in tracker.slots
    assert tracker.has_been_set("name")
    tracker.apply(AllSlotsReset())
    assert tracker.slots["name"] is None
    assert not tracker.has_been_set("name")


def test_a_user_message_or_an_action_clears_the_follow_up(tracker):
    tracker.apply(LISTEN)
    assert tracker.followup_action is None
    tracker.apply(FollowupAction(name="utter_x"))
    assert tracker.followup_action == "utter_x"
    tracker.apply(said("hi"))
    assert tracker.followup_action is None


def test_rewind_takes_back_the_message_and_the_action_before_it(tracker):
    tracker.apply_all(
        [LISTEN, said("a"), SlotSet(name="name", value="Ann"), ran("utter_a"), LISTEN, said("b")]
    )
    tracker.apply_all([SlotSet(name="name", value="Bob"), UserUtteranceReverted()])
    assert kinds(tracker.applied) == ["action_listen", "user", "name", "utter_a"]
    assert tracker.slots["name"] == "Ann"
    assert tracker.latest_message.intent_name == "a"
    assert tracker.latest_action_name == "utter_a"


def test_undo_takes_back_the_last_action(tracker):
    tracker.apply_all([LISTEN, said("a"), ran("utter_a"), ran("utter_b"), ActionReverted()])
    assert kinds(tracker.applied) == ["action_listen", "user", "utter_a"]
    assert len(tracker.events) == 5


def test_a_session_or_restart_begins_anew(tracker):
    tracker.apply_all([LISTEN, said("a"), SlotSet(name="name", value="Ann"), SessionStarted()])
    assert tracker.applied == []
    assert tracker.slots["name"] is None
    assert tracker.followup_action == "action_listen"
    tracker.apply(Restarted())
    assert tracker.followup_action == "action_session_start"
    assert tracker.events_after_restart() == []


def test_pausing(tracker):
    tracker.apply(ConversationPaused())
    assert tracker.paused
    tracker.apply(ConversationResumed())
    assert not tracker.paused


def test_a_loop_remembers_what_started_it(tracker):
    tracker.apply_all([LISTEN, said("order"), ran("form"), ActiveLoop(name="form")])
    assert tracker.active_loop_name == "form"
    assert tracker.active_loop.trigger_message["intent"]["name"] == "order"
    tracker.apply(LoopInterrupted())
    assert tracker.active_loop.is_interrupted
    tracker.apply(ActionExecutionRejected(name="form"))
    assert tracker.active_loop.rejected
    tracker.apply(ran("utter_x"))
    assert (tracker.active_loop.is_interrupted, tracker.active_loop.rejected) == (False, True)
    tracker.apply(ran("form"))
    assert not tracker.active_loop.rejected
    tracker.apply(ActiveLoop(name=None))
    assert tracker.as_dict()["active_loop"] == {}


def test_repeated_runs_of_a_loop_count_once_and_slots_stay(tracker):
    tracker.apply_all([LISTEN, said("order"), ran("form"), ActiveLoop(name="form"), LISTEN])
    tracker.apply_all([said("inform"), SlotSet(name="name", value="Ann"), ran("form"), LISTEN])
    assert kinds(tracker.applied) == ["action_listen", "user", "form", "form", "name", "action_listen"]
    assert tracker.latest_message.intent_name == "inform"


def test_a_loop_run_after_a_rejection_counts_on_its_own(tracker):
    tracker.apply_all([LISTEN, said("order"), ran("form"), ActiveLoop(name="form"), LISTEN, said("chat")])
    tracker.apply_all([ActionExecutionRejected(name="form"), ran("utter_chat"), ran("form")])
    assert [e.name for e in tracker.applied if isinstance(e, ActionExecuted)] == [
        "action_listen", "form", "action_listen", "utter_chat", "form"
    ]  # fmt: skip


def test_read_back_only_what_counts_has_an_effect(domain, tracker):
    events = [
        LISTEN,
        said("order"),
        ran("form"),
        ActiveLoop(name="form"),
        LISTEN,
        said("inform"),
        ran("form"),
        LISTEN,
    ]
    tracker.apply_all(events)
    again = Tracker.from_stored("s", [e.as_dict() for e in events], domain)
    assert tracker.latest_message.intent_name == "inform"
    assert again.latest_message.intent_name == "order"
    assert again.slots == tracker.slots
    assert len(again.events) == len(events)


def test_entities_found_later_join_the_message(tracker):
    tracker.apply_all([LISTEN, said("a"), EntitiesAdded(entities=[{"entity": "x", "value": 1}])])
    tracker.apply(EntitiesAdded(entities=[{"entity": "x", "value": 1}]))
    assert tracker.latest_message.entities == [{"entity": "x", "value": 1}]


def test_a_copy_is_independent(tracker):
    tracker.apply(LISTEN)
    copy = tracker.copy()
    copy.apply(SlotSet(name="name", value="Ann"))
    assert tracker.slots["name"] is None
    assert len(tracker.events) == 1


def test_a_tracker_made_from_a_snapshot_goes_on_as_the_first_would(domain, tracker):
    before = [
        LISTEN,
        said("order"),
        ran("form"),
        ActiveLoop(name="form"),
        SlotSet(name="name", value="Ann"),
        LISTEN,
    ]
    later = [said("inform"), ran("form"), LISTEN]
    tracker.apply_all(before)
    resumed = Tracker("s", domain.all_slots, tracker.take_snapshot())
    tracker.apply_all(later)
    resumed.apply_all(later)
    full, short = tracker.as_dict(), resumed.as_dict()
    assert short == full
    assert not resumed.from_start


def test_taking_back_more_than_the_window_holds_shows(domain, tracker):
    tracker.apply_all([LISTEN, said("a"), ran("utter_a"), LISTEN])
    resumed = Tracker("s", domain.all_slots, tracker.take_snapshot())
    resumed.apply_all([said("b"), ran("utter_b"), LISTEN, UserUtteranceReverted()])
    assert resumed.ran_out
    assert not tracker.ran_out
    resumed.apply(SessionStarted())
    assert not resumed.ran_out

"""A turn: what is logged, in which order, and when it ends."""

import pytest

from shoptalk.actions.base import CollectingSink
from shoptalk.actions.custom import Answer
from shoptalk.actions.runner import ActionRunner
from shoptalk.assistant import Assistant
from shoptalk.core.events import (
    ActionExecuted,
    BotUttered,
    ConversationPaused,
    FollowupAction,
    ReminderScheduled,
    SessionStarted,
    SlotSet,
    UserFeaturization,
    UserUttered,
    decode,
)
from shoptalk.core.messages import UserMessage
from shoptalk.core.tracker import Tracker
from shoptalk.dialogue.policies.base import Prediction, Reason, one_hot
from shoptalk.errors import ActionError, NotFound, Rejected
from shoptalk.formats.domain import read
from shoptalk.formats.yaml import read_text
from shoptalk.turn import Run

DOMAIN = """
intents: [greet, inform, restart]
entities: [name]
slots:
  name: {type: text, mappings: [{type: from_entity, entity: name}]}
actions: [action_x]
responses:
  utter_hi: [{text: "Hi {name}"}]
  utter_more: [{text: More.}]
"""


class Plan:
    """A dialogue that follows a plan: after this action, that one; `predictions` counts what it was asked."""

    is_light = True

    def __init__(self, after=None, **facts):
        self.after, self.facts, self.predictions = after or {}, facts, 0

    def predict(self, tracker, domain):
        self.predictions += 1
        action = self.after.get(tracker.latest_action_name, "action_listen")
        events = (UserFeaturization(),) if tracker.latest_action_name == "action_listen" else ()
        reason = Reason("rule", f"after {tracker.latest_action_name}")
        return Prediction(one_hot(action, domain), "Plan", events=events, reason=reason, **self.facts)


class Custom:
    """Custom actions that do what the test says."""

    def __init__(self, answer):
        self.answer = answer

    async def run(self, name, scene):
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer

    async def close(self):
        """Nothing is open."""


@pytest.fixture
def make():
    """`make(plan, custom answer, more domain)` -> an assistant and a fresh tracker."""

    def build(plan, answer=None, more="", marks=None):
        domain = read(read_text(DOMAIN + more), lambda message, source: None)
        runner = ActionRunner(domain, custom=Custom(answer) if answer is not None else None)
        return Assistant(domain, plan, actions=runner, marks=marks), Tracker("anna", domain.all_slots)

    return build


def brief(events):
    out = []
    for event in events:
        match event:
            case ActionExecuted(name=name, policy=policy):
                out.append(f"{name} {policy}" if policy else str(name))
            case BotUttered():
                out.append(f"says {event.text}")
            case SlotSet():
                out.append(f"{event.name}={event.value}")
            case _:
                out.append(event.kind)
    return out


SESSION = ["action_session_start", "session_started", "action_listen"]
GREET = Plan({"action_listen": "utter_hi"})


async def test_a_first_message_from_session_start_to_listen(make):
    assistant, tracker = make(Plan({"action_listen": "utter_hi"}))
    record = await assistant.turn(tracker, UserMessage('/greet{"name": "Ann"}', metadata={"page": "cart"}))
    assert brief(record.events) == [
        "action_session_start", "session_started", "session_started_metadata={'page': 'cart'}", "action_listen",
        "user", "name=Ann", "user_featurization", "utter_hi Plan", "says Hi Ann", "action_listen Plan",
    ]  # fmt: skip
    assert [r["text"] for r in record.replies] == ["Hi Ann"]
    assert [(s.action, s.policy, s.outcome) for s in record.steps] == [
        ("action_session_start", None, "done"), ("utter_hi", "Plan", "done"), ("action_listen", "Plan", "done")
    ]  # fmt: skip
    assert record.tracker is tracker
    assert tracker.events == record.events


async def test_times_grow_and_every_event_is_marked(make):
    assistant, tracker = make(GREET, marks={"model_id": "m"})
    record = await assistant.turn(tracker, UserMessage("/greet", metadata={"k": 1}))
    times = [e.timestamp for e in record.events]
    assert times == sorted(times)
    assert len(set(times)) == len(times)
    assert {e.metadata["model_id"] for e in record.events} == {"m"}
    [user] = [e for e in record.events if isinstance(e, UserUttered)]
    assert user.as_dict()["parse_data"]["metadata"] == {"k": 1}
    assert "model_id" not in record.replies[0]["metadata"]


async def test_the_sink_hears_replies_and_the_record_is_json(make):
    assistant, tracker = make(GREET)
    sink = CollectingSink()
    record = await assistant.turn(tracker, UserMessage("/greet"), sink)
    assert sink.messages == record.replies
    facts = record.as_dict()
    assert facts["steps"][1]["reason"] == {
        "kind": "rule",
        "name": "after action_listen",
        "file": None,
        "line": None,
    }
    assert {"nlu", "slots", "predict", "actions", "total"} <= set(facts["timings_ms"])
    assert facts["parse"]["intent"]["name"] == "greet"


async def test_an_action_that_declines_leaves_only_its_rejection(make):
    assistant, tracker = make(Plan({"action_listen": "action_x"}), Rejected("no"))

    class Once(Plan):
        def predict(self, tracker, domain):
            self.after = {"action_listen": "action_x" if not self.predictions else "utter_more"}
            return super().predict(tracker, domain)

    assistant.dialogue = Once()
    record = await assistant.turn(tracker, UserMessage("/greet"))
    assert brief(record.events)[4:] == [
        "action_execution_rejected", "user_featurization", "utter_more Plan", "says More.", "action_listen Plan"
    ]  # fmt: skip
    assert [s.outcome for s in record.steps] == ["done", "rejected", "done", "done"]


async def test_an_action_that_fails_is_logged_and_says_nothing(make, caplog):
    assistant, tracker = make(Plan({"action_listen": "action_x"}), ActionError("broken"))
    record = await assistant.turn(tracker, UserMessage("/greet"))
    assert brief(record.events)[5:] == ["action_x Plan", "action_listen Plan"]
    assert record.replies == []
    assert [s.outcome for s in record.steps] == ["done", "failed", "done"]
    assert "action.failed action_x" in caplog.text


async def test_an_apology_is_said_where_the_domain_has_one(make):
    more = "  utter_action_failed: [{text: Sorry.}]\n"
    assistant, tracker = make(Plan({"action_listen": "action_x"}), RuntimeError("anything"), more)
    record = await assistant.turn(tracker, UserMessage("/greet"))
    assert [r["text"] for r in record.replies] == ["Sorry."]


async def test_an_action_that_says_it_was_rejected_did_not_run(make):
    answer = Answer(
        [
            {"event": "action_execution_rejected", "name": "action_x"},
            {"event": "followup", "name": "utter_hi"},
        ]
    )
    assistant, tracker = make(Plan({"action_listen": "action_x"}), answer)
    record = await assistant.turn(tracker, UserMessage("/greet"))
    assert "action_x Plan" not in brief(record.events)
    assert "utter_hi followup_action" in brief(record.events)


async def test_a_message_an_action_adds_fills_slots_too(make):
    said = {"event": "user", "text": "x", "parse_data": {"intent": {"name": "inform"}, "entities": [
        {"entity": "name", "value": "Bob"}]}}  # fmt: skip
    assistant, tracker = make(Plan({"action_listen": "action_x"}), Answer([said]))
    record = await assistant.turn(tracker, UserMessage("/greet"))
    assert "name=Bob" in brief(record.events)


async def test_a_follow_up_goes_before_the_policies(make):
    plan = Plan({"action_listen": "action_x"})
    assistant, tracker = make(plan, Answer([{"event": "followup", "name": "utter_more"}]))
    record = await assistant.turn(tracker, UserMessage("/greet"))
    assert brief(record.events)[5:] == [
        "action_x Plan", "followup", "utter_more followup_action", "says More.", "action_listen Plan"
    ]  # fmt: skip
    assert plan.predictions == 2


async def test_a_follow_up_nobody_knows_is_ignored(make, caplog):
    assistant, tracker = make(GREET)
    tracker.apply(FollowupAction(name="utter_nothing"))
    prediction = await assistant.predict(tracker)
    assert prediction.policy == "Plan"
    assert "utter_nothing" in caplog.text


@pytest.mark.parametrize("limit", [3, 10])
async def test_a_turn_that_never_listens_is_stopped(make, monkeypatch, limit):
    monkeypatch.setenv("MAX_NUMBER_OF_PREDICTIONS", str(limit))
    assistant, tracker = make(Plan({"action_listen": "utter_hi", "utter_hi": "utter_hi"}))
    record = await assistant.turn(tracker, UserMessage("/greet"))
    assert len(record.replies) == limit


async def test_a_paused_conversation_is_logged_only(make):
    assistant, tracker = make(GREET)
    await assistant.turn(tracker, UserMessage("/greet"))
    tracker.apply(ConversationPaused())
    record = await assistant.turn(tracker, UserMessage('/greet{"name": "Ann"}'))
    assert brief(record.events) == ["user", "name=Ann"]
    record = await assistant.turn(tracker, UserMessage("/restart"))
    assert record.replies


async def test_logging_a_message_without_answering(make):
    assistant, tracker = make(GREET)
    record = await assistant.turn(tracker, UserMessage('/inform{"name": "Ann"}'), answer=False)
    assert brief(record.events) == [*SESSION, "user", "name=Ann"]


async def test_what_was_understood_elsewhere_is_taken(make):
    assistant, tracker = make(GREET)
    parse = {"intent": {"name": "greet", "confidence": 0.7}, "entities": []}
    record = await assistant.turn(tracker, UserMessage("hello", parse_data=parse))
    assert record.parse == parse
    assert tracker.latest_message.intent["confidence"] == 0.7


async def test_without_policies_a_message_is_only_understood(make, caplog):
    assistant, tracker = make(None)
    record = await assistant.turn(tracker, UserMessage("/greet"))
    assert brief(record.events) == [*SESSION, "user"]
    assert "no policies" in caplog.text


async def test_an_end_to_end_action_is_logged_by_its_text(make):
    assistant, tracker = make(Plan({"action_listen": "Well, hello!"}), more='e2e_actions: ["Well, hello!"]\n')
    record = await assistant.turn(tracker, UserMessage("/greet"))
    executed = [e for e in record.events if isinstance(e, ActionExecuted)][2]
    assert (executed.name, executed.action_text) == (None, "Well, hello!")


async def test_what_a_prediction_says_of_itself_is_kept_with_the_action(make):
    plan = Plan({"action_listen": "utter_hi"}, hide_rule_turn=True, action_metadata={"query_intent": "x"})
    assistant, tracker = make(plan)
    record = await assistant.turn(tracker, UserMessage("/greet"))
    executed = [e for e in record.events if isinstance(e, ActionExecuted)][2]
    assert executed.hide_rule_turn
    assert executed.metadata["query_intent"] == "x"


@pytest.mark.parametrize(
    ("minutes", "idle_min", "new"), [(60, 59, False), (60, 61, True), (0, 10_000, False)]
)
async def test_a_session_expires(make, minutes, idle_min, new):
    assistant, tracker = make(GREET, more=f"session_config: {{session_expiration_time: {minutes}}}\n")
    await assistant.turn(tracker, UserMessage('/greet{"name": "Ann"}'))
    old = [decode({**e.as_dict(), "timestamp": e.timestamp - 60 * idle_min}) for e in tracker.events]
    aged = Tracker("anna", tracker.slot_specs)
    aged.apply_all(old)
    record = await assistant.turn(aged, UserMessage("/greet"))
    assert any(isinstance(e, SessionStarted) for e in record.events) is new
    assert aged.slots["name"] == "Ann"


async def test_something_outside_triggers_an_intent(make):
    assistant, tracker = make(GREET)
    run = Run(assistant.engine, tracker)
    record = await run.trigger("greet", {"name": "Ann"})
    [user] = [e for e in record.events if isinstance(e, UserUttered)]
    assert (user.text, user.intent, user.metadata) == (
        "EXTERNAL: greet",
        {"name": "greet"},
        {"is_external": True},
    )
    assert user.entities == [{"entity": "name", "value": "Ann"}]
    assert record.replies[0]["text"] == "Hi Ann"


REMINDER = ReminderScheduled(intent="greet", date_time="2030-01-01T00:00:00", name="r")


@pytest.mark.parametrize(
    ("before", "answers"),
    [([REMINDER], True), ([REMINDER, UserUttered(text="hi")], False), ([], False)],
)
async def test_a_reminder_is_acted_on_unless_the_conversation_moved_on(make, before, answers):
    assistant, tracker = make(GREET)
    tracker.apply_all([ActionExecuted(name="action_listen"), *before])
    record = await Run(assistant.engine, tracker).remind(REMINDER)
    assert bool(record.replies) is answers


async def test_one_action_is_executed_on_request(make):
    assistant, tracker = make(GREET)
    record = await Run(assistant.engine, tracker).execute("utter_more", "MyPolicy", 0.5)
    executed = [e for e in record.events if isinstance(e, ActionExecuted)][-1]
    assert (executed.name, executed.policy, executed.confidence) == ("utter_more", "MyPolicy", 0.5)
    with pytest.raises(NotFound):
        await Run(assistant.engine, tracker).execute("utter_nothing")

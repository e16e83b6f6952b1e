"""An assistant with a store: once, in order, by one worker at a time; long conversations; reminders."""

import asyncio
import contextlib
import time
from datetime import datetime

import pytest

from shoptalk.actions.base import CollectingSink
from shoptalk.actions.custom import Answer
from shoptalk.actions.runner import ActionRunner
from shoptalk.assistant import Assistant
from shoptalk.core.events import ActionExecuted, SessionStarted, SlotSet, UserUttered, decode
from shoptalk.core.messages import UserMessage
from shoptalk.core.tracker import Tracker
from shoptalk.dialogue.policies.base import Prediction, one_hot
from shoptalk.errors import LeaseLost, NotFound, Overloaded, Timeout
from shoptalk.formats.domain import read
from shoptalk.formats.yaml import read_text
from shoptalk.reminders import due_time
from shoptalk.stores.base import StoreOptions
from shoptalk.stores.memory import MemoryTrackerStore
from shoptalk.worker import Limits, stored

DOMAIN = read(
    read_text(
        """
intents: [greet, inform, back, EXTERNAL_call]
entities: [name]
slots:
  name: {type: text, mappings: [{type: from_entity, entity: name}]}
  count: {type: text, mappings: [{type: from_text}]}
actions: [action_x]
responses:
  utter_hi: [{text: "Hi {name}"}]
"""
    ),
    lambda message, source: None,
)


class Greeter:
    """Greets, goes back when told to, and runs `action_x` for `inform`; may be slow or fail."""

    is_light = True

    def __init__(self):
        self.delay_s, self.fails, self.running, self.most = 0.0, 0, 0, 0

    def predict(self, tracker, domain):
        if self.fails:
            self.fails -= 1
            raise ZeroDivisionError("a bug")
        if tracker.latest_action_name != "action_listen":
            return Prediction(one_hot("action_listen", domain), "Greeter")
        intent = tracker.latest_message.intent_name
        action = {"back": "action_back", "inform": "action_x"}.get(intent, "utter_hi")
        return Prediction(one_hot(action, domain), "Greeter")


class Slow:
    """Custom actions that take a while and see whether they ever overlap."""

    def __init__(self, delay_s=0.0, events=()):
        self.delay_s, self.events, self.running, self.most, self.keys = delay_s, list(events), 0, 0, []

    async def run(self, name, scene):
        self.keys.append(scene.steps.next_key())
        self.running += 1
        self.most = max(self.most, self.running)
        await asyncio.sleep(self.delay_s)
        self.running -= 1
        return Answer(self.events, [{"text": scene.tracker.latest_message.text}])

    async def close(self):
        """Nothing is open."""


@pytest.fixture
async def make():
    """`make(store=…, custom=…, limits=…)` -> an assistant; closed after the test."""
    made = []

    def build(custom=None, **options):
        assistant = Assistant(DOMAIN, Greeter(), actions=ActionRunner(DOMAIN, custom=custom), **options)
        made.append(assistant)
        return assistant

    yield build
    for assistant in made:
        await assistant.close()


def say(text, message_id=None, sender="anna"):
    given = {"message_id": message_id} if message_id else {}
    return UserMessage(text, sender, **given)


def texts(replies):
    return [reply["text"] for reply in replies]


async def test_a_message_is_answered_and_the_conversation_kept(make):
    assistant = make()
    assert texts(await assistant.handle(say('/greet{"name": "Ann"}'))) == ["Hi Ann"]
    assert texts(await assistant.handle(say("/greet"))) == ["Hi Ann"]
    tracker = await assistant.tracker("anna", full=True)
    assert [e.kind for e in tracker.events].count("user") == 2
    assert tracker.slots["name"] == "Ann"


async def test_the_same_message_again_gets_the_same_replies_and_happens_once(make):
    assistant = make()
    first = await assistant.handle(say("/greet", "m1"))
    assert await assistant.handle(say("/greet", "m1")) == first
    tracker = await assistant.tracker("anna", full=True)
    assert [e.kind for e in tracker.events].count("user") == 1


async def test_messages_of_a_sender_are_served_one_by_one_in_order(make):
    custom = Slow(0.005)
    assistant = make(custom)
    said = [f"/inform@{n / 100:.2f}" for n in range(1, 16)]
    replies = await asyncio.gather(*(assistant.handle(say(text)) for text in said))
    assert [texts(r) for r in replies] == [[text] for text in said]
    tracker = await assistant.tracker("anna", full=True)
    assert [e.text for e in tracker.events if isinstance(e, UserUttered)] == said
    assert custom.most == 1


async def test_senders_do_not_wait_for_each_other(make):
    custom = Slow(0.05)
    assistant = make(custom)
    await asyncio.gather(*(assistant.handle(say("/inform", sender=f"s{n}")) for n in range(10)))
    assert custom.most > 1


async def test_workers_share_a_store(make):
    store, custom = MemoryTrackerStore(), Slow(0.003)
    workers = [make(custom, store=store) for _ in range(3)]
    said = [f"/inform@{n / 100:.2f}" for n in range(1, 16)]
    replies = await asyncio.gather(*(workers[n % 3].handle(say(text)) for n, text in enumerate(said)))
    assert [texts(r) for r in replies] == [[text] for text in said]
    assert custom.most == 1


async def test_too_many_waiting_messages_are_refused(make):
    assistant = make(Slow(0.05), store=MemoryTrackerStore(StoreOptions(max_waiting=2)))
    results = await asyncio.gather(
        *(assistant.handle(say("/inform")) for _ in range(6)), return_exceptions=True
    )
    assert sum(isinstance(r, Overloaded) for r in results) >= 1
    assert all(isinstance(r, list | Overloaded) for r in results)


async def test_a_turn_ends_even_when_the_caller_has_gone(make):
    assistant = make(Slow(0.05))
    call = asyncio.create_task(assistant.handle(say("/inform", "m1")))
    await asyncio.sleep(0.01)
    call.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await call
    assert texts(await assistant.handle(say("/inform", "m1"))) == ["/inform"]


async def test_the_key_of_a_step_is_the_same_at_every_attempt(make):
    custom = Slow()
    assistant = make(custom)
    failing = assistant.dialogue
    plain = failing.predict
    calls = []

    def fail_after_the_action(tracker, domain):
        if tracker.latest_action_name == "action_x" and not calls:
            calls.append(1)
            raise ZeroDivisionError("a bug")
        return plain(tracker, domain)

    failing.predict = fail_after_the_action
    with pytest.raises(ZeroDivisionError):
        await assistant.handle(say("/inform", "m1"))
    assert texts(await assistant.handle(say("/inform", "m1"))) == ["/inform"]
    assert custom.keys == ["anna:m1:1", "anna:m1:1"]
    tracker = await assistant.tracker("anna", full=True)
    assert [e.kind for e in tracker.events].count("user") == 1


async def test_a_message_that_always_fails_is_answered_in_the_end_and_blocks_nobody(make):
    assistant = make(limits=Limits(attempts=2))
    assistant.dialogue.fails = 2
    with pytest.raises(ZeroDivisionError):
        await assistant.handle(say("/greet", "m1"))
    assert texts(await assistant.handle(say("/greet", "m1"))) == [assistant.worker.failure]
    assert texts(await assistant.handle(say("/greet"))) == ["Hi None"]
    tracker = await assistant.tracker("anna", full=True)
    assert [e.kind for e in tracker.events].count("user") == 2


async def test_a_poisonous_message_before_ours_does_not_stop_ours(make):
    assistant = make(limits=Limits(attempts=3))
    assistant.dialogue.fails = 1
    with pytest.raises(ZeroDivisionError):
        await assistant.handle(say("/greet", "m1"))
    assistant.dialogue.fails = 1
    assert texts(await assistant.handle(say('/greet{"name": "B"}', "m2"))) == ["Hi B"]


async def test_a_turn_that_takes_too_long_is_given_up(make):
    assistant = make(Slow(5.0), limits=Limits(turn_s=0.05))
    with pytest.raises(Timeout, match="took longer"):
        await assistant.handle(say("/inform"))


async def test_a_long_turn_keeps_its_lease(make):
    store = MemoryTrackerStore(StoreOptions(lease_ms=400))
    assistant = make(Slow(0.6), store=store, limits=Limits(extend_s=0.02))
    assert texts(await assistant.handle(say("/inform"))) == ["/inform"]


async def test_a_turn_whose_lease_is_lost_writes_nothing(make):
    store = MemoryTrackerStore(StoreOptions(lease_ms=20))
    custom = Slow(0.1)
    assistant = make(custom, store=store, limits=Limits(extend_s=0.05))
    await store.accept(stored(say("/inform", "m1")))
    turn = await store.begin_turn("anna")
    assert await assistant.worker.serve(turn) is None
    assert await store.load("anna") is None
    with pytest.raises(LeaseLost):
        await turn.extend()


async def test_the_sink_hears_what_is_said(make):
    assistant = make()
    sink = CollectingSink()
    replies = await assistant.handle(say("/greet"), sink)
    assert sink.messages == replies


async def test_accepted_messages_go_to_the_outbox(make):
    def deliver(message, replies):
        return [{"to": message.sender_id, "text": reply["text"]} for reply in replies]

    assistant = make(deliver=deliver)
    await assistant.accept(say("/greet"))
    await assistant.worker.finish()
    assert [entry.body for entry in await assistant.store.outbox.claim("me")] == [
        {"to": "anna", "text": "Hi None"}
    ]


async def test_what_a_dead_worker_left_is_served(make):
    assistant = make()
    await assistant.store.accept(stored(say('/greet{"name": "Ann"}')))
    serving = asyncio.create_task(assistant.serve_stalled(0.01))

    async def served():
        return (await assistant.tracker("anna")).slots["name"] == "Ann"

    assert await until(served)
    serving.cancel()


async def test_committed_turns_are_watched(make):
    records = []
    assistant = make(watch=records.append)
    await assistant.handle(say("/greet"))
    [record] = records
    assert {"nlu", "store", "total"} <= set(record.timings_ms)
    assert [s.action for s in record.steps] == ["action_session_start", "utter_hi", "action_listen"]


# ----------------------------------------------------------------------------------------------- by other means


async def test_an_intent_is_triggered(make):
    assistant = make()
    assert texts(await assistant.trigger("anna", "greet", {"name": "Ann"})) == ["Hi Ann"]


async def test_an_action_is_executed(make):
    assistant = make()
    assert texts(await assistant.execute("anna", "utter_hi")) == ["Hi None"]
    with pytest.raises(NotFound):
        await assistant.execute("anna", "utter_nothing")


async def test_a_message_is_logged_without_an_answer(make):
    assistant = make()
    await assistant.log_message(say('/greet{"name": "Ann"}'))
    tracker = await assistant.tracker("anna")
    assert tracker.slots["name"] == "Ann"
    prediction, _ = await assistant.predict_next("anna")
    assert prediction.action(DOMAIN) == "utter_hi"


async def test_events_are_added_as_they_are(make):
    assistant = make()
    await assistant.add_events("anna", [SlotSet(name="name", value="Ann", timestamp=5.0)])
    tracker = await assistant.tracker("anna", full=True)
    assert [e.kind for e in tracker.events] == ["action", "session_started", "action", "slot"]
    assert tracker.events[-1].timestamp == 5.0
    begun = [ActionExecuted(name="action_session_start"), SessionStarted()]
    await assistant.add_events("bob", begun)
    assert (await assistant.tracker("bob", full=True)).events == begun


async def test_bot_messages_among_added_events_are_sent_on_request(make):
    assistant = make()
    event = decode({"event": "bot", "text": "Psst."})
    assert await assistant.add_events("anna", [event]) == []
    assert texts(await assistant.add_events("anna", [event], say=True)) == ["Psst."]


async def test_a_conversation_that_is_not_there_may_be_shown_as_begun(make):
    assistant = make()
    assert (await assistant.tracker("anna", full=True)).events == []
    shown = await assistant.tracker("anna", full=True, begun=True)
    assert [e.kind for e in shown.events] == ["action", "session_started", "action"]
    assert await assistant.store.load("anna") is None


# ------------------------------------------------------------------------------------------------ long histories


def outline(tracker):
    return [(e.kind, getattr(e, "name", None) or getattr(e, "text", None)) for e in tracker.applied]


@pytest.fixture
def small_window(monkeypatch):
    monkeypatch.setattr("shoptalk.history.SNAPSHOT_EVERY", 40)
    monkeypatch.setattr("shoptalk.history.WINDOW", 40)


@pytest.mark.usefixtures("small_window")
async def test_a_long_conversation_is_read_from_a_window_and_stays_the_same(make):
    assistant = make()
    plain = Tracker("anna", DOMAIN.all_slots)
    most = 0
    for number in range(40):
        message = say(f'/greet{{"name": "N{number}"}}', f"m{number}")
        await assistant.handle(message)
        await assistant.turn(plain, message)
        conversation = await assistant.store.load("anna")
        snapshot = conversation.snapshot or {"events": []}
        most = max(most, len(conversation.events) + len(snapshot["events"]))
    tracker = await assistant.tracker("anna")
    assert tracker.snapshot is not None
    assert most <= 40 + 40 + 10
    assert tracker.slots == plain.slots
    kept = outline(tracker)
    assert outline(plain)[-len(kept) :] == kept
    whole = await assistant.tracker("anna", full=True)
    assert len(whole.events) == len(plain.events)


@pytest.mark.usefixtures("small_window")
async def test_going_back_further_than_the_window_reads_the_whole(make):
    assistant = make()
    plain = Tracker("anna", DOMAIN.all_slots)
    said = [f'/greet{{"name": "N{n}"}}' for n in range(30)] + ["/back"] * 25 + ["/greet"]
    for number, text in enumerate(said):
        replies = await assistant.handle(say(text, f"m{number}"))
        record = await assistant.turn(plain, say(text, f"m{number}"))
        assert replies == record.replies
    tracker = await assistant.tracker("anna")
    assert tracker.slots == plain.slots
    assert tracker.slots["name"] == "N4"


# ------------------------------------------------------------------------------------------------------ reminders


def reminder(seconds, name="call", **more):
    due = datetime.fromtimestamp(time.time() + seconds).isoformat()
    return {"event": "reminder", "intent": "EXTERNAL_call", "date_time": due, "name": name, **more}


async def until(condition, seconds=3.0):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if await condition():
            return True
        await asyncio.sleep(0.02)
    return False


async def test_a_reminder_goes_off_once(make):
    assistant = make(Slow(events=[reminder(0.05)]))
    await assistant.handle(say("/inform"))
    serving = asyncio.create_task(assistant.serve_reminders(0.02))

    async def reminded():
        tracker = await assistant.tracker("anna")
        return tracker.latest_message.text == "EXTERNAL: EXTERNAL_call"

    assert await until(reminded)
    await asyncio.sleep(0.1)
    serving.cancel()
    tracker = await assistant.tracker("anna", full=True)
    assert [e.text for e in tracker.events if isinstance(e, UserUttered)] == [
        "/inform",
        "EXTERNAL: EXTERNAL_call",
    ]
    assert await assistant.store.reminders.pending("anna") == []


@pytest.mark.parametrize(
    ("cancelled", "left"),
    [
        ({}, []),
        ({"name": "call"}, ["other"]),
        ({"intent": "EXTERNAL_call"}, []),
        ({"intent": "greet"}, ["call", "other"]),
        ({"name": "call", "intent": "greet"}, ["call", "other"]),
        ({"entities": [{"entity": "name", "value": "A"}]}, ["other"]),
        ({"entities": {"name": "A"}}, ["other"]),
    ],
)
async def test_reminders_are_cancelled_by_what_is_known_of_them(make, cancelled, left):
    custom = Slow(events=[reminder(60, entities=[{"entity": "name", "value": "A"}]), reminder(90, "other")])
    assistant = make(custom)
    await assistant.handle(say("/inform"))
    custom.events = [{"event": "cancel_reminder", **cancelled}]
    await assistant.handle(say("/inform"))
    assert [r.name for r in await assistant.store.reminders.pending("anna")] == left


async def test_a_reminder_at_no_time_is_left_out_and_the_turn_goes_on(make, caplog):
    custom = Slow(events=[{**reminder(60), "date_time": "soon"}, reminder(90, "other")])
    assistant = make(custom)
    assert texts(await assistant.handle(say("/inform"))) == ["/inform"]
    assert [r.name for r in await assistant.store.reminders.pending("anna")] == ["other"]
    assert "'soon' is no time" in caplog.text


@pytest.mark.parametrize(
    "text", ["2030-01-01T00:00:00+00:00", "2030-01-01T00:00:00Z", "2030-01-01T01:00:00+01:00"]
)
def test_the_zone_of_a_reminder_counts(text):
    assert due_time(text) == 1893456000.0

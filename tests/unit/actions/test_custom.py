"""Reading what a custom action answers, and what it is asked."""

import pytest

from shoptalk.actions.custom import Answer, call_body, read_answer
from shoptalk.core.events import ActiveLoop, BotUttered, SlotSet
from shoptalk.errors import ActionError

DOMAIN = """
intents: [greet]
responses:
  utter_hi:
  - text: "Hi {name}"
    buttons: [{title: a, payload: /a}]
"""


async def test_messages_come_before_events(make_scene):
    answer = Answer([{"event": "slot", "name": "a", "value": 1, "timestamp": None}], [{"text": "x"}])
    events = await read_answer("action_x", answer, make_scene(DOMAIN))
    assert [type(e) for e in events] == [BotUttered, SlotSet]


async def test_a_named_response_gets_arguments_buttons_and_what_overrides_it(make_scene):
    item = {
        "response": "utter_hi",
        "template": "utter_hi",
        "name": "Ann",
        "text": None,
        "buttons": [{"title": "b", "payload": "/b"}],
        "image": "i",
        "custom": {},
    }
    [event] = await read_answer("action_x", Answer(responses=[item]), make_scene(DOMAIN))
    assert event.text == "Hi Ann"
    assert [b["title"] for b in event.data["buttons"]] == ["a", "b"]
    assert event.data["image"] == "i"
    assert event.data["custom"] is None
    assert event.metadata == {"utter_action": "utter_hi", "template": "utter_hi", "name": "Ann"}


async def test_a_response_nobody_knows_is_left_out(make_scene):
    answer = Answer(responses=[{"response": "utter_nothing", "text": "own text"}, {"text": "after it"}])
    [event] = await read_answer("action_x", answer, make_scene(DOMAIN))
    assert event.text == "after it"


async def test_legacy_events_are_read(make_scene):
    [event] = await read_answer("action_x", Answer([{"event": "form", "name": "f"}]), make_scene(DOMAIN))
    assert event == ActiveLoop(name="f")


@pytest.mark.parametrize(
    ("event", "message"),
    [
        ("slot", "not an object"),
        ({"name": "a"}, "no `event`"),
        ({"event": "no_such_event"}, "no event called"),
        ({"event": "slot", "value": 1}, "without `name` or `value`"),
        ({"event": "slot", "name": "a"}, "without `name` or `value`"),
        ({"event": "pause", "timestamp": "now"}, "not a number"),
        ({"event": "pause", "timestamp": True}, "not a number"),
        ({"event": "pause", "metadata": []}, "metadata"),
        ({"event": "entities", "entities": {}}, "not a list"),
        ({"event": "followup"}, "needs 'name'"),
    ],
)
async def test_an_event_that_is_none_fails_the_action(make_scene, event, message):
    with pytest.raises(ActionError, match=message):
        await read_answer("action_x", Answer([event]), make_scene(DOMAIN))


def test_an_action_is_sent_the_tracker(make_scene, said):
    body = call_body("action_x", make_scene(DOMAIN, said("greet")))
    assert (body["next_action"], body["sender_id"]) == ("action_x", "anna")
    assert body["tracker"]["latest_message"]["intent"]["name"] == "greet"
    assert [e["event"] for e in body["tracker"]["events"]] == ["user"]


@pytest.mark.parametrize(("newest", "left"), [(None, 3), (2, 2), (9, 3), (0, 0)])
def test_no_more_than_the_newest_events_are_sent(make_scene, said, newest, left):
    scene = make_scene(DOMAIN, said("greet"), said("greet"), said("greet"))
    assert len(call_body("action_x", scene, newest)["tracker"]["events"]) == left

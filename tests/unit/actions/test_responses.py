"""Choosing and wording responses."""

import pytest

from shoptalk.actions.base import CollectingSink, Scene, bot_uttered
from shoptalk.actions.responses import DomainResponses, eligible, utter, utter_retrieved
from shoptalk.core.events import SlotSet, UserUttered
from shoptalk.errors import ActionError, GenerationError

DOMAIN = """
slots:
  name: {type: text, mappings: [{type: custom}]}
responses:
  utter_hi:
  - text: "Hi {name}"
    buttons: [{title: "{name}", payload: /hi}]
    elements: [{title: "{name}"}]
    image: "https://pictures.example/{name}.png"
    extra: kept
  utter_faq/shipping:
  - text: Two days.
  utter_worded:
  - text: "Say hi to {name}"
    metadata: {generate: true, tone: warm}
"""


def condition(name, value):
    return {"type": "slot", "name": name, "value": value}


VARIATIONS = [
    {"text": "any"},
    {"text": "rest", "channel": "rest"},
    {"text": "loud", "condition": [condition("mood", "LOUD")]},
    {"text": "loud on rest", "condition": [condition("mood", "loud")], "channel": "rest"},
    {"text": "three", "condition": [condition("n", 3), condition("mood", None)]},
    {"text": "nothing to hold", "condition": []},
]


@pytest.mark.parametrize(
    ("channel", "slots", "texts"),
    [
        ("web", {}, ["any"]),
        ("rest", {}, ["rest"]),
        ("web", {"mood": "Loud"}, ["loud"]),
        ("rest", {"mood": "Loud"}, ["loud on rest"]),
        ("web", {"n": 3}, ["three"]),
        ("rest", {"n": 3}, ["rest"]),
        ("web", {"n": 3, "mood": "x"}, ["any"]),
    ],
)
def test_the_first_tier_that_fits_is_chosen_from(channel, slots, texts):
    assert [v["text"] for v in eligible(VARIATIONS, channel, slots)] == texts


def test_nothing_fits():
    assert eligible([{"text": "a", "channel": "slack"}], "rest", {}) == []


async def test_a_response_is_filled_and_what_is_no_part_of_a_message_becomes_metadata(make_scene):
    scene = make_scene(DOMAIN, SlotSet(name="name", value="Ann"))
    [event] = await utter("utter_hi", scene)
    assert event.text == "Hi Ann"
    assert event.data["buttons"] == [{"title": "Ann", "payload": "/hi"}]
    assert event.data["elements"] == [{"title": "{name}"}]
    assert event.data["attachment"] == event.data["image"] == "https://pictures.example/Ann.png"
    assert event.metadata == {"extra": "kept", "utter_action": "utter_hi"}
    assert scene.domain.responses["utter_hi"][0]["text"] == "Hi {name}"


async def test_arguments_go_before_slots(make_scene):
    scene = make_scene(DOMAIN, SlotSet(name="name", value="Ann"))
    draft = await scene.actions.responses.generate("utter_hi", scene, {"name": "Bob"})
    assert draft["text"] == "Hi Bob"


async def test_a_missing_response_says_nothing_and_complains(make_scene, caplog):
    scene = make_scene(DOMAIN)
    assert await utter("utter_nothing", scene) == []
    assert "no response 'utter_nothing'" in caplog.text


async def test_all_variations_that_fit_are_said(make_scene):
    scene = make_scene(DOMAIN)
    responses = DomainResponses({"utter_x": [{"text": "a"}, {"text": "b"}]})
    texts = {(await responses.generate("utter_x", scene, {}))["text"] for _ in range(60)}
    assert texts == {"a", "b"}


def selection(**selectors):
    answers = {name: {"response": {"utter_action": action}} for name, action in selectors.items()}
    return UserUttered(text="?", parse_data={"intent": {"name": "faq"}, "response_selector": answers})


@pytest.mark.parametrize("selector", ["faq", "default"])
async def test_the_selected_answer_of_a_retrieval_intent_is_said(make_scene, selector):
    scene = make_scene(DOMAIN, selection(**{selector: "utter_faq/shipping"}))
    [event] = await utter_retrieved("utter_faq", scene)
    assert (event.text, event.metadata["utter_action"]) == ("Two days.", "utter_faq/shipping")


async def test_without_a_response_selector_the_action_fails(make_scene):
    with pytest.raises(ActionError, match="Add ResponseSelector"):
        await utter_retrieved("utter_faq", make_scene(DOMAIN, UserUttered(text="?")))


class Writer:
    """A language model that says what it was asked, in pieces; or fails."""

    def __init__(self, fails=False):
        self.fails, self.requests = fails, []

    async def generate(self, request, sink):
        self.requests.append(request)
        if self.fails:
            raise GenerationError("no answer")
        await sink.delta(request.message_id, "Dear ")
        await sink.delta(request.message_id, "Ann")
        return "Dear Ann"


async def test_a_variation_may_be_worded_by_a_language_model(make_scene):
    writer, sink = Writer(), CollectingSink()
    plain = make_scene(DOMAIN, SlotSet(name="name", value="Ann"))
    scene = Scene(plain.tracker, plain.domain, plain.actions, sink=sink)
    draft = await DomainResponses(plain.domain.responses, writer).generate("utter_worded", scene, {})
    assert draft["text"] == "Dear Ann"
    assert [text for _, text in sink.deltas] == ["Dear ", "Ann"]
    assert {draft["id"]} == {message_id for message_id, _ in sink.deltas}
    assert sink.typed == 1
    [request] = writer.requests
    assert (request.text, request.instructions["tone"]) == ("Say hi to Ann", "warm")


async def test_when_the_model_fails_the_own_text_is_said(make_scene):
    scene = make_scene(DOMAIN, SlotSet(name="name", value="Ann"))
    responses = DomainResponses(scene.domain.responses, Writer(fails=True))
    draft = await responses.generate("utter_worded", scene, {})
    assert draft["text"] == "Say hi to Ann"
    assert "id" not in draft


def test_a_bot_event_always_has_all_six_parts():
    event = bot_uttered({"text": "a", "attachment": "b", "image": "c", "template": "d"})
    assert event.data == {
        "elements": None, "quick_replies": None, "buttons": None, "attachment": "b", "image": "c", "custom": None
    }  # fmt: skip
    assert event.metadata == {"template": "d"}

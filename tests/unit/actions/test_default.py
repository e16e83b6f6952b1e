"""Default actions, fallback in two stages, and which action a name stands for."""

import pytest

from shoptalk.actions.base import Scene
from shoptalk.actions.custom import Answer
from shoptalk.core.events import (
    ActionExecuted,
    ActiveLoop,
    BotUttered,
    Restarted,
    SessionStarted,
    SlotSet,
    UserUtteranceReverted,
    UserUttered,
)
from shoptalk.errors import ActionError, NotFound

LISTEN = ActionExecuted(name="action_listen")
DOMAIN = """
intents: [greet, order]
slots:
  name: {type: text, mappings: [{type: custom}]}
responses:
  utter_default: [{text: What?}]
  utter_ask_rephrase: [{text: Again?}]
"""


async def run(name, scene):
    return await scene.actions.run(name, scene)


def brief(events):
    return [e.text if isinstance(e, BotUttered) else getattr(e, "name", None) or e.kind for e in events]


@pytest.mark.parametrize(
    ("action", "events"),
    [
        ("action_listen", []),
        ("action_unlikely_intent", []),
        ("action_restart", ["restart"]),
        ("action_default_fallback", ["What?", "rewind"]),
        ("action_deactivate_loop", ["active_loop", "requested_slot"]),
        ("action_back", ["rewind", "rewind"]),
        ("action_default_ask_rephrase", ["Again?"]),
    ],
)
async def test_what_default_actions_do(make_scene, said, action, events):
    assert brief(await run(action, make_scene(DOMAIN, said("greet")))) == events


async def test_a_session_starts_with_the_slots_carried_over(make_scene):
    scene = make_scene(DOMAIN, SlotSet(name="name", value="Ann", metadata={"k": 1}))
    events = await run("action_session_start", scene)
    assert events == [
        SessionStarted(),
        SlotSet(name="name", value="Ann"),
        ActionExecuted(name="action_listen"),
    ]
    assert events[1].metadata == {"k": 1}
    fresh = "session_config: {carry_over_slots_to_new_session: false}\n" + DOMAIN
    events = await run("action_session_start", make_scene(fresh, SlotSet(name="name", value="Ann")))
    assert events == [SessionStarted(), ActionExecuted(name="action_listen")]


@pytest.mark.parametrize(
    ("slot", "carried", "set_to"),
    [
        ("{type: text, influence_conversation: false, mappings: [{type: custom}]}", None, ["zh"]),
        ("{type: text, influence_conversation: false, mappings: [{type: custom}]}", "en", ["en"]),
        ("{type: text, mappings: [{type: custom}]}", None, []),
    ],
)
async def test_a_session_begins_in_the_language_of_the_page(make_scene, slot, carried, set_to):
    metadata = SlotSet(name="session_started_metadata", value={"language": "zh"})
    before = [SlotSet(name="language", value=carried)] if carried else []
    scene = make_scene(f"slots:\n  language: {slot}", *before, metadata)
    events = await run("action_session_start", scene)
    assert [e.value for e in events if isinstance(e, SlotSet) and e.name == "language"] == set_to


async def test_affirmation_asks_for_the_likeliest_real_intent(make_scene, said):
    scene = make_scene(DOMAIN, said("nlu_fallback", ranking=["nlu_fallback", "order"]))
    [event] = await run("action_default_ask_affirmation", scene)
    assert event.text == "Did you mean 'order'?"
    assert [b["payload"] for b in event.data["buttons"]] == ["/order", "/out_of_scope"]


FALLBACK = "action_two_stage_fallback"
RUNNING = ActiveLoop(name=FALLBACK)
ASKED = "Did you mean 'nlu_fallback'?"


async def test_the_first_stage_asks_for_affirmation(make_scene, said):
    events = await run(FALLBACK, make_scene(DOMAIN, LISTEN, said("nlu_fallback")))
    assert brief(events) == [FALLBACK, ASKED]


async def test_the_second_stage_asks_for_other_words(make_scene, said):
    events = await run(
        FALLBACK, make_scene(DOMAIN, said("nlu_fallback"), RUNNING, LISTEN, said("out_of_scope"))
    )
    assert brief(events) == ["Again?"]


async def test_being_understood_puts_the_message_in_place_of_the_detour(make_scene):
    message = UserUttered(text="order", parse_data={"intent": {"name": "order", "confidence": 0.4}})
    events = await run(FALLBACK, make_scene(DOMAIN, RUNNING, LISTEN, message))
    assert events[:3] == [
        ActiveLoop(name=None),
        UserUtteranceReverted(),
        ActionExecuted(name="action_listen"),
    ]
    assert (events[3].text, events[3].intent) == ("order", {"name": "order", "confidence": 1.0})


@pytest.mark.parametrize(
    "intents",
    [["nlu_fallback", "nlu_fallback"], ["out_of_scope", "nlu_fallback", "out_of_scope"]],
)
async def test_it_gives_up(make_scene, said, intents):
    events = await run(FALLBACK, make_scene(DOMAIN, RUNNING, *(said(intent) for intent in intents)))
    assert brief(events) == ["active_loop", "What?", "rewind"]


async def test_names_stand_for_actions_in_rasas_order(make_scene):
    text = (
        DOMAIN + "actions: [action_restart, action_mine, my_form]\nforms: {my_form: {required_slots: []}}\n"
    )
    answer = Answer(responses=[{"text": "mine"}])
    scene = make_scene(text, custom=dict.fromkeys(("action_restart", "action_mine", "my_form"), answer))
    for name in ("action_restart", "action_mine", "my_form"):
        assert brief(await run(name, scene)) == ["mine"]


async def test_an_end_to_end_text_is_said(make_scene):
    scene = make_scene(DOMAIN + "e2e_actions: [hello there]\n")
    assert brief(await run("hello there", scene)) == ["hello there"]


async def test_an_action_the_domain_lacks_is_named(make_scene):
    with pytest.raises(NotFound, match="no action 'action_x'"):
        await run("action_x", make_scene(DOMAIN))


async def test_custom_actions_need_somebody_to_run_them(make_scene):
    with pytest.raises(ActionError, match="action_endpoint"):
        await run("action_mine", make_scene(DOMAIN + "actions: [action_mine]\n"))


async def test_restart_says_so_when_there_is_a_response(make_scene):
    scene = make_scene("responses: {utter_restart: [{text: Anew.}]}")
    assert isinstance(scene, Scene)
    events = await run("action_restart", scene)
    assert brief(events[:1]) == ["Anew."]
    assert events[1] == Restarted()

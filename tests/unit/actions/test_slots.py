"""Filling slots from what the user said."""

import pytest

from shoptalk.actions.custom import Answer
from shoptalk.actions.slots import extract_slots
from shoptalk.core.events import ActionExecutionRejected, ActiveLoop, BotUttered, SlotSet, UserUttered
from shoptalk.errors import ActionError, Rejected

INTENTS = "intents: [greet, inform, deny, order, chat]\n"
ENTITIES = "entities: [colour, city, {size: {roles: [old, new]}}]\n"


def slot(name, *mappings, kind="text"):
    return f"  {name}:\n    type: {kind}\n    mappings:\n" + "".join(f"    - {m}\n" for m in mappings)


def domain(*slots, forms="", actions=""):
    return INTENTS + ENTITIES + "slots:\n" + "".join(slots) + forms + actions


def found(events):
    return {event.name: event.value for event in events if isinstance(event, SlotSet)}


async def test_the_first_mapping_that_finds_something_wins_in_the_order_of_the_domain(make_scene, said):
    text = domain(
        slot("b", "{type: from_entity, entity: colour}", "{type: from_text}"),
        slot("a", "{type: from_entity, entity: city}", "{type: from_text}"),
    )
    events = await extract_slots(make_scene(text, said("inform", "red", colour="red")))
    assert [(e.name, e.value) for e in events] == [("b", "red"), ("a", "red")]
    events = await extract_slots(make_scene(text, said("inform", "in Oslo", city="Oslo")))
    assert [(e.name, e.value) for e in events] == [("b", "in Oslo"), ("a", "Oslo")]


async def test_a_list_takes_all_values_and_others_the_last(make_scene):
    text = domain(
        slot("one", "{type: from_entity, entity: colour}"),
        slot("many", "{type: from_entity, entity: colour}", kind="list"),
    )
    entities = [{"entity": "colour", "value": value} for value in ("red", "blue")]
    message = UserUttered(text="x", parse_data={"intent": {"name": "inform"}, "entities": entities})
    assert found(await extract_slots(make_scene(text, message))) == {"one": "blue", "many": ["red", "blue"]}


async def test_a_role_must_be_the_same_and_none_means_none(make_scene):
    text = domain(
        slot("plain", "{type: from_entity, entity: size}"),
        slot("old", "{type: from_entity, entity: size, role: old}"),
    )
    entities = [{"entity": "size", "value": "S", "role": "old"}]
    message = UserUttered(text="x", parse_data={"intent": {"name": "inform"}, "entities": entities})
    assert found(await extract_slots(make_scene(text, message))) == {"old": "S"}


@pytest.mark.parametrize(
    ("mapping", "intent", "fills"),
    [
        ("{type: from_intent, intent: deny, value: false}", "deny", True),
        ("{type: from_intent, intent: [greet, deny], value: false}", "deny", True),
        ("{type: from_intent, intent: deny, value: false}", "greet", False),
        ("{type: from_intent, not_intent: deny, value: false}", "greet", True),
        ("{type: from_intent, not_intent: deny, value: false}", "deny", False),
        ("{type: from_intent, intent: no_such_intent, value: false}", "no_such_intent", False),
        ("{type: from_entity, entity: no_such_entity}", "greet", False),
    ],
)
async def test_intents_of_a_mapping(make_scene, said, mapping, intent, fills):
    text = domain(slot("a", mapping, kind="bool"))
    message = said(intent, no_such_entity="x")
    assert bool(await extract_slots(make_scene(text, message))) is fills


FORM = "forms:\n  form:\n    required_slots: [a, b]\n    ignored_intents: chat\n  other:\n    required_slots: [a]\n"
ASKED = [ActiveLoop(name="form"), SlotSet(name="requested_slot", value="a")]


@pytest.mark.parametrize(
    ("condition", "events", "fills"),
    [
        ("", [], True),
        ("active_loop: form", [], False),
        ("active_loop: form", ASKED, True),
        ("active_loop: form, requested_slot: a", ASKED, True),
        ("active_loop: form, requested_slot: b", ASKED, False),
        ("active_loop: null", [], True),
        ("active_loop: null", ASKED, False),
        ("active_loop: form", [*ASKED, ActionExecutionRejected(name="form")], False),
    ],
)
async def test_conditions_of_a_mapping(make_scene, said, condition, events, fills):
    conditions = f", conditions: [{{{condition}}}]" if condition else ""
    text = domain(slot("a", f"{{type: from_text{conditions}}}"), slot("b", "{type: custom}"), forms=FORM)
    assert bool(await extract_slots(make_scene(text, *events, said("inform", "words")))) is fills


async def test_ignored_intents_of_the_running_form_fill_nothing(make_scene, said):
    text = domain(
        slot("a", "{type: from_text}"),
        slot("b", "{type: from_text, conditions: [{active_loop: other}, {active_loop: null}]}"),
        forms=FORM,
    )
    assert found(await extract_slots(make_scene(text, *ASKED, said("chat")))) == {}
    assert found(await extract_slots(make_scene(text, said("chat")))) == {"a": "/chat", "b": "/chat"}


async def test_one_mapping_of_two_slots_fills_only_the_one_asked_for(make_scene, said):
    same = "{type: from_entity, entity: city}"
    text = domain(slot("a", same), slot("b", same), forms=FORM)
    message = said("inform", city="Oslo")
    assert found(await extract_slots(make_scene(text, *ASKED, message))) == {"a": "Oslo"}
    assert found(await extract_slots(make_scene(text, message))) == {"a": "Oslo", "b": "Oslo"}


async def test_a_trigger_intent_fills_only_while_its_form_runs(make_scene, said):
    text = domain(
        slot("a", "{type: from_trigger_intent, intent: order, value: ordered}"),
        slot("b", "{type: from_trigger_intent, intent: order, value: x, conditions: [{active_loop: other}]}"),
        forms=FORM,
    )
    assert found(await extract_slots(make_scene(text, said("order")))) == {}
    assert found(await extract_slots(make_scene(text, *ASKED, said("order")))) == {"a": "ordered"}


async def test_a_null_value_only_empties_what_was_set(make_scene):
    text = domain(slot("a", "{type: from_entity, entity: colour}"))
    message = UserUttered(
        text="x", parse_data={"intent": {}, "entities": [{"entity": "colour", "value": None}]}
    )
    assert await extract_slots(make_scene(text, message)) == []
    assert found(await extract_slots(make_scene(text, SlotSet(name="a", value="red"), message))) == {
        "a": None
    }


async def test_a_custom_action_is_asked_once_and_only_its_slots_count(make_scene, said):
    text = domain(
        slot("a", "{type: custom, action: action_find}"),
        slot("b", "{type: custom, action: action_find}", "{type: from_text}"),
    )
    answer = Answer([{"event": "slot", "name": "a", "value": 1}, {"event": "restart"}], [{"text": "looking"}])
    scene = make_scene(text, said("inform", "words"), custom={"action_find": answer})
    events = await extract_slots(scene)
    assert found(events) == {"a": 1, "b": "words"}
    assert all(isinstance(e, SlotSet) for e in events)
    assert [name for name, _ in scene.actions.custom_actions.calls] == ["action_find"]


@pytest.mark.parametrize("error", [Rejected("no"), ActionError("broken")])
async def test_a_failing_custom_action_costs_only_its_own_slots(make_scene, said, error):
    text = domain(slot("a", "{type: custom, action: action_find}"), slot("b", "{type: from_text}"))
    scene = make_scene(text, said("inform", "words"), custom={"action_find": error})
    assert found(await extract_slots(scene)) == {"b": "words"}


async def test_validation_sees_the_candidates_and_has_the_last_word(make_scene, said):
    text = domain(
        slot("a", "{type: from_text}"),
        slot("b", "{type: from_text}"),
        actions="actions: [action_validate_slot_mappings]\n",
    )

    def validate(scene):
        assert [e.name for e in scene.tracker.events[-2:]] == ["a", "b"]
        return Answer([{"event": "slot", "name": "a", "value": "checked"}], [{"text": "well"}])

    scene = make_scene(text, said("inform", "words"), custom={"action_validate_slot_mappings": validate})
    events = await extract_slots(scene)
    assert isinstance(events[0], BotUttered)
    assert found(events) == {"a": "checked", "b": "words"}

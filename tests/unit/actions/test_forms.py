"""A form's life: activation, answers, validation, rejection, the end."""

import pytest

from shoptalk.actions.custom import Answer
from shoptalk.core.events import (
    ActionExecuted,
    ActionExecutionRejected,
    ActiveLoop,
    BotUttered,
    LoopInterrupted,
    SlotSet,
    UserUttered,
)
from shoptalk.errors import ActionError, Rejected

PLAIN = """
intents: [order, inform, chat]
entities: [colour, count]
slots:
  colour: {type: text, mappings: [{type: from_entity, entity: colour}]}
  count: {type: text, mappings: [{type: from_entity, entity: count}]}
  kind: {type: text, mappings: [{type: from_trigger_intent, intent: order, value: gift}]}
forms:
  form: {required_slots: [colour, count]}
  empty: {required_slots: []}
responses:
  utter_ask_form_colour: [{text: Which colour?}]
  utter_ask_colour: [{text: never}]
  utter_ask_count: [{text: How many?}]
"""
VALIDATED = PLAIN + "actions: [validate_form]\n"
LISTEN = ActionExecuted(name="action_listen")
RAN = ActionExecuted(name="form")


def asked(slot):
    return [ActiveLoop(name="form"), SlotSet(name="requested_slot", value=slot), LISTEN]


def brief(events):
    out = []
    for event in events:
        match event:
            case BotUttered():
                out.append(event.text)
            case SlotSet():
                out.append(f"{event.name}={event.value}")
            case ActiveLoop():
                out.append(f"loop {event.name}")
            case _:
                out.append(event.kind)
    return out


def answered(*slots, responses=()):
    events = [{"event": "slot", "name": name, "value": value} for name, value in slots]
    return Answer(events, [{"text": text} for text in responses])


async def run(scene, form="form"):
    return await scene.actions.run(form, scene)


async def test_activation_asks_for_the_first_empty_slot(make_scene, said):
    events = await run(make_scene(PLAIN, LISTEN, said("order")))
    assert brief(events) == ["loop form", "kind=gift", "requested_slot=colour", "Which colour?"]


async def test_what_is_filled_already_is_not_asked(make_scene, said):
    events = await run(make_scene(PLAIN, SlotSet(name="colour", value="red"), LISTEN, said("chat")))
    assert brief(events) == ["loop form", "requested_slot=count", "How many?"]


async def test_a_form_with_nothing_to_ask_ends_at_once(make_scene, said):
    events = await run(make_scene(PLAIN, LISTEN, said("chat")), "empty")
    assert brief(events) == ["loop empty", "requested_slot=None", "loop None"]


async def test_an_answer_leads_to_the_next_question(make_scene, said):
    taken = SlotSet(name="colour", value="red")
    scene = make_scene(PLAIN, RAN, *asked("colour"), said("inform", colour="red"), taken)
    assert brief(await run(scene)) == ["requested_slot=count", "How many?"]


async def test_the_last_answer_ends_the_form(make_scene, said):
    taken = SlotSet(name="count", value="2")
    before = SlotSet(name="colour", value="red")
    scene = make_scene(PLAIN, before, RAN, *asked("count"), said("inform", count="2"), taken)
    assert brief(await run(scene)) == ["requested_slot=None", "loop None"]


async def test_an_answer_that_fills_nothing_is_rejected(make_scene, said):
    with pytest.raises(Rejected, match="asked for 'colour'"):
        await run(make_scene(PLAIN, RAN, *asked("colour"), said("chat")))


async def test_an_interrupted_form_asks_again_without_looking(make_scene, said):
    scene = make_scene(PLAIN, RAN, *asked("colour"), said("chat"), LoopInterrupted())
    assert brief(await run(scene)) == ["requested_slot=colour", "Which colour?"]


async def test_a_form_that_runs_on_after_another_action_asks_again(make_scene, said):
    scene = make_scene(PLAIN, RAN, *asked("colour"), said("chat"), ActionExecuted(name="utter_x"))
    assert brief(await run(scene)) == ["requested_slot=colour", "Which colour?"]


async def test_slots_of_another_forms_question_are_not_waited_for(make_scene, said):
    scene = make_scene(
        PLAIN, ActiveLoop(name="other"), SlotSet(name="requested_slot", value="x"), LISTEN, said("chat")
    )
    assert brief(await run(scene)) == ["loop form", "requested_slot=colour", "Which colour?"]


async def test_validation_sees_the_candidates_after_the_forms_own_mark(make_scene, said):
    seen = []

    def validate(scene):
        seen.append(brief(scene.tracker.events)[-3:])
        assert scene.tracker.latest_action_name == "form"
        return answered(("colour", "RED"), responses=["Fine."])

    taken = SlotSet(name="colour", value="red")
    scene = make_scene(
        VALIDATED,
        RAN,
        *asked("colour"),
        said("inform", colour="red"),
        taken,
        custom={"validate_form": validate},
    )
    assert brief(await run(scene)) == ["Fine.", "colour=RED", "requested_slot=count", "How many?"]
    assert seen == [["requested_slot=colour", "action", "colour=red"]]


@pytest.mark.parametrize(
    ("answer", "events"),
    [
        (answered(("colour", None)), ["colour=None", "requested_slot=colour", "Which colour?"]),
        (answered(("requested_slot", None)), ["requested_slot=None", "requested_slot=None", "loop None"]),
        (answered(("requested_slot", "count")), ["requested_slot=count", "How many?"]),
        (Answer([{"event": "active_loop", "name": None}]), ["loop None", "requested_slot=None", "loop None"]),
        (Answer([{"event": "action_execution_rejected", "name": "form"}]), ["action_execution_rejected"]),
        (answered(), ["requested_slot=count", "How many?"]),
    ],
)
async def test_what_validation_may_decide(make_scene, said, answer, events):
    taken = SlotSet(name="colour", value="red")
    scene = make_scene(
        VALIDATED,
        RAN,
        *asked("colour"),
        said("inform", colour="red"),
        taken,
        custom={"validate_form": answer},
    )
    assert brief(await run(scene)) == events


async def test_validation_may_fill_a_slot_out_of_words_that_filled_none(make_scene, said):
    scene = make_scene(
        VALIDATED, RAN, *asked("colour"), said("chat"), custom={"validate_form": answered(("colour", "red"))}
    )
    assert brief(await run(scene)) == ["colour=red", "requested_slot=count", "How many?"]


async def test_at_activation_validation_gets_all_that_is_filled(make_scene, said):
    def validate(scene):
        assert brief(scene.tracker.events)[-1] == "count=2"
        return answered(("count", None))

    scene = make_scene(
        VALIDATED, SlotSet(name="count", value="2"), LISTEN, said("order"), custom={"validate_form": validate}
    )
    assert brief(await run(scene)) == [
        "loop form",
        "count=None",
        "kind=gift",
        "requested_slot=colour",
        "Which colour?",
    ]


@pytest.mark.parametrize("error", [Rejected("no"), ActionError("broken")])
async def test_what_validation_raises_is_the_forms_own(make_scene, said, error):
    scene = make_scene(VALIDATED, LISTEN, said("order"), custom={"validate_form": error})
    with pytest.raises(type(error)):
        await run(scene)


async def test_a_custom_question_sees_the_form_as_it_will_be(make_scene, said):
    def ask(scene):
        assert scene.tracker.slots["requested_slot"] is None
        assert scene.tracker.active_loop_name == "form"
        return answered(("colour", "blue"), responses=["Colour, please."])

    text = PLAIN + "actions: [action_ask_form_colour]\n"
    scene = make_scene(text, LISTEN, said("order"), custom={"action_ask_form_colour": ask})
    assert brief(await run(scene)) == [
        "loop form", "kind=gift", "requested_slot=colour", "Colour, please.", "colour=blue"
    ]  # fmt: skip


async def test_a_slot_nobody_asks_for_is_requested_in_silence(make_scene, said):
    text = PLAIN.replace("utter_ask_", "utter_no_")
    assert brief(await run(make_scene(text, LISTEN, said("chat")))) == ["loop form", "requested_slot=colour"]


async def test_only_slots_since_the_message_are_answers(make_scene, said):
    old = [SlotSet(name="colour", value="red"), SlotSet(name="colour", value=None)]
    scene = make_scene(PLAIN, RAN, *asked("colour"), *old, said("chat"))
    with pytest.raises(Rejected):
        await run(scene)


async def test_a_rejection_is_not_done(make_scene):
    from shoptalk.actions.forms import is_done

    assert not is_done([SlotSet(name="requested_slot", value=None), ActionExecutionRejected(name="form")])
    assert not is_done([UserUttered(text="x")])

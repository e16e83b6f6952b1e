from shoptalk.dialogue.states import SHOULD_NOT_BE_SET, State, matches, parse_states, states_text

FULL = State(
    intent="greet",
    entities=("city",),
    action="action_listen",
    slots=(("city", (1.0,)), ("known", (1.0, 0.0))),
    loop="order_form",
)


def test_the_text_of_states_is_rasas_json() -> None:
    assert states_text([State(), FULL]) == (
        '[{}, {"active_loop": {"name": "order_form"}, "prev_action": {"action_name": "action_listen"}, '
        '"slots": {"city": [1.0], "known": [1.0, 0.0]}, "user": {"entities": ["city"], "intent": "greet"}}]'
    )


def test_states_survive_their_text() -> None:
    states = (
        State(),
        FULL,
        State(text="你好", action="action_listen"),
        State(action_text="Hi", intent="greet"),
    )
    assert parse_states(states_text(states)) == states


def test_a_rule_matches_whatever_else_is_so() -> None:
    assert matches(State(intent="greet", action="action_listen"), FULL)
    assert not matches(State(intent="bye", action="action_listen"), FULL)
    assert not matches(State(intent="greet", action="utter_greet"), FULL)


def test_entities_of_a_rule_must_be_exactly_those() -> None:
    rule = State(entities=("city",), action="action_listen")
    assert matches(rule, FULL)
    assert not matches(rule, State(entities=("city", "colour"), action="action_listen"))


def test_a_start_matches_only_a_start_whatever_slots_it_has() -> None:
    assert matches(State(slots=(("city", (1.0,)),)), State())
    assert not matches(State(), FULL)
    assert not matches(FULL, State())


def test_what_must_not_be_set_must_be_absent() -> None:
    no_city = State(action="action_listen", slots=(("city", SHOULD_NOT_BE_SET),))
    no_loop = State(action="action_listen", loop=SHOULD_NOT_BE_SET)
    assert not matches(no_city, FULL)
    assert matches(no_city, State(action="action_listen"))
    assert not matches(no_loop, FULL)
    assert matches(no_loop, State(action="action_listen"))

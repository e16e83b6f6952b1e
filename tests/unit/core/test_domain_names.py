"""The domain: names in the order that decides ties."""

from shoptalk.core.domain import DEFAULT_ACTIONS, Domain, EntitySpec, FormSpec, IntentSpec


def test_actions_stand_in_rasas_order():
    domain = Domain(
        actions=("utter_listed", "action_x", "my_form", "action_restart"),
        responses={"utter_z": [], "utter_a": [], "utter_listed": []},
        forms={"my_form": FormSpec("my_form"), "other_form": FormSpec("other_form")},
        e2e_actions=("hello there",),
    )
    assert domain.action_names == (
        *DEFAULT_ACTIONS, "utter_listed", "action_x", "my_form", "utter_a", "utter_z", "other_form", "hello there"
    )  # fmt: skip
    assert domain.action_index["action_listen"] == 0
    assert domain.is_custom("my_form")


def test_automatic_slots_come_with_forms_and_the_knowledge_base():
    assert list(Domain().all_slots) == ["session_started_metadata"]
    with_form = Domain(forms={"f": FormSpec("f")}, actions=("action_query_knowledge_base",))
    assert list(with_form.all_slots) == [
        "requested_slot", "knowledge_base_listed_objects", "knowledge_base_last_object",
        "knowledge_base_last_object_type", "session_started_metadata",
    ]  # fmt: skip


def test_entities_that_count_beside_an_intent():
    entities = {
        "city": EntitySpec("city", roles=("from", "to")),
        "size": EntitySpec("size"),
        "thing": EntitySpec("thing", influence_conversation=False),
    }
    intents = {
        "all": IntentSpec("all"),
        "none": IntentSpec("none", use_entities=()),
        "one": IntentSpec("one", use_entities=("size",)),
        "not_size": IntentSpec("not_size", ignore_entities=("size",)),
    }
    domain = Domain(intents=intents, entities=entities)
    assert domain.labels_for("all") == {"city", "city#from", "city#to", "size"}
    assert domain.labels_for("none") == frozenset()
    assert domain.labels_for("one") == {"size"}
    assert domain.labels_for("not_size") == {
        "city",
        "city#from",
        "city#to",
    }  # as Rasa trained on such a domain
    assert domain.labels_for("nlu_fallback") == {"city", "city#from", "city#to", "size"}
    assert domain.labels_for("no_such_intent") == set(domain.entity_labels)

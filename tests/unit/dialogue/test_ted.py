import hashlib
import logging
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from shoptalk.core.events import ActionExecuted, SlotSet
from shoptalk.dialogue import Dialogue
from shoptalk.errors import ArchiveError, ConfigError

TalkOf = Callable[..., Any]
DOMAIN = """
intents: [greet, bye, yes, no, order]
entities: [city]
slots:
  known: {type: bool, mappings: [{type: custom}]}
responses:
  utter_greet: [{text: Hello}]
  utter_bye: [{text: Bye}]
  utter_done: [{text: Done}]
  utter_pity: [{text: Pity}]
"""
STORIES = """
stories:
- story: happy
  steps:
  - intent: greet
  - action: utter_greet
  - intent: yes
  - action: utter_done
  - intent: bye
  - action: utter_bye
- story: sad
  steps:
  - intent: greet
  - action: utter_greet
  - intent: no
  - action: utter_pity
- story: known
  steps:
  - intent: greet
  - action: utter_greet
  - slot_was_set:
    - known: true
  - intent: order
  - action: utter_done
- story: unknown
  steps:
  - intent: greet
  - action: utter_greet
  - intent: order
  - action: utter_pity
"""
TED = {"name": "TEDPolicy", "epochs": 40, "max_history": 5, "batch_size": 16, "connection_density": 1.0}


def learnt(talk: TalkOf, stories: str = STORIES, **more: Any) -> Any:
    config = {**TED, **{key: value for key, value in more.items() if key != "featurize_text"}}
    train = {"featurize_text": more["featurize_text"]} if "featurize_text" in more else {}
    return talk(stories, config, domain=DOMAIN, augmentation=10, **train)


def test_stories_are_learnt_and_survive_saving(talk: TalkOf) -> None:
    conversation = learnt(talk)
    assert conversation.say("greet") == ["utter_greet", "action_listen"]
    assert conversation.say("yes") == ["utter_done", "action_listen"]
    prediction = conversation.hear("bye").predict()
    assert prediction.action(conversation.domain) == "utter_bye"
    assert sum(prediction.probabilities) == pytest.approx(1.0, abs=1e-5)
    assert (prediction.policy, prediction.priority, prediction.reason.kind) == ("TEDPolicy", 1, "model")


@pytest.mark.parametrize("seed", [1, 3])
def test_a_project_of_few_stories_learns_them_whatever_the_seed(talk: TalkOf, seed: int) -> None:
    conversation = learnt(talk, epochs=100, batch_size=[64, 256], connection_density=0.2, random_seed=seed)
    conversation.say("greet")
    prediction = conversation.hear("no").predict()
    assert prediction.action(conversation.domain) == "utter_pity"
    assert prediction.confidence > 0.6


def test_weights_of_another_form_are_refused(talk: TalkOf) -> None:
    conversation = learnt(talk, epochs=1)
    saved = conversation.dialogue.save()
    assert saved["TEDPolicy0"].form == 2
    older = {"TEDPolicy0": replace(saved["TEDPolicy0"], form=1)}
    with pytest.raises(ArchiveError, match=r"TEDPolicy learnt is kept in form 1.*Train again"):
        Dialogue.load([TED], older, conversation.domain)


def test_slots_count(talk: TalkOf) -> None:
    conversation = learnt(talk)
    conversation.say("greet")
    assert conversation.hear("order").predict().action(conversation.domain) == "utter_pity"
    conversation = learnt(talk)
    conversation.say("greet")
    conversation.tracker.apply(SlotSet(name="known", value=True))
    assert conversation.hear("order").predict().action(conversation.domain) == "utter_done"


@pytest.mark.parametrize(("intent", "answer"), [("yes", "utter_done"), ("no", "utter_pity")])
def test_what_no_story_begins_with_is_answered_all_the_same(talk: TalkOf, intent: str, answer: str) -> None:
    conversation = learnt(talk)
    assert conversation.hear(intent).predict().action(conversation.domain) == answer


def test_intents_no_story_has_are_all_alike(talk: TalkOf) -> None:
    scores = [learnt(talk).hear(name).predict().probabilities for name in ("nlu_fallback", "out_of_scope")]
    assert scores[0] == scores[1]


def test_the_same_training_gives_the_same_weights(talk: TalkOf) -> None:
    one, two = (learnt(talk, epochs=2).dialogue.save()["TEDPolicy0"] for _ in range(2))
    assert one.config == two.config
    assert all(np.array_equal(one.tensors[name], two.tensors[name]) for name in one.tensors)
    other = learnt(talk, epochs=2, random_seed=7).dialogue.save()["TEDPolicy0"]
    assert not np.array_equal(one.tensors["labels"], other.tensors["labels"])


def test_a_ranking_can_be_cut(talk: TalkOf) -> None:
    cut = learnt(talk, epochs=2, ranking_length=3).hear("greet").predict().probabilities
    assert sum(score > 0 for score in cut) == 3
    assert sum(cut) < 1.0
    again = learnt(talk, epochs=2, ranking_length=3, renormalize_confidences=True).hear("greet").predict()
    assert sum(again.probabilities) == pytest.approx(1.0, abs=1e-5)


def test_a_margin_can_be_the_loss(talk: TalkOf) -> None:
    conversation = learnt(talk, loss_type="margin")
    assert conversation.say("greet")[0] == "utter_greet"


def test_without_stories_nothing_is_predicted(talk: TalkOf, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        conversation = learnt(
            talk, "rules:\n- rule: r\n  steps:\n  - intent: greet\n  - action: utter_greet\n"
        )
    assert "no stories" in caplog.text
    assert conversation.hear("greet").predict().confidence == 0.0


def test_keys_without_effect_are_named(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO):
        Dialogue.build([{"name": "TEDPolicy", "BILOU_flag": False}])
    assert "BILOU_flag has no effect: entities of texts come from the NLU pipeline" in caplog.text
    with pytest.raises(ConfigError, match="loss_type"):
        Dialogue.build([{"name": "TEDPolicy", "loss_type": "hinge"}])


def vectors(texts: list[str]) -> np.ndarray:
    """Sums of one random vector per word: texts that share words are similar."""

    def word(name: str) -> np.ndarray:
        seed = int.from_bytes(hashlib.sha256(name.encode()).digest()[:4], "big")
        return np.random.default_rng(seed).normal(size=24).astype(np.float32)

    return np.stack(
        [sum((word(w) for w in text.lower().split()), np.zeros(24, np.float32)) for text in texts]
    )


END_TO_END = """
stories:
- story: by text
  steps:
  - user: where is my parcel
  - bot: It is on its way.
- story: other text
  steps:
  - user: what does this jacket cost
  - bot: Forty euros.
- story: by intent
  steps:
  - intent: greet
  - action: utter_greet
"""


def test_texts_are_answered_by_texts(talk: TalkOf) -> None:
    conversation = learnt(talk, END_TO_END, epochs=60, featurize_text=vectors)
    prediction = conversation.hear("nlu_fallback", text="where is this parcel").predict()
    assert prediction.action(conversation.domain) == "It is on its way."
    assert prediction.is_end_to_end


def test_without_vectors_of_texts_the_intent_decides(talk: TalkOf) -> None:
    conversation = learnt(talk, END_TO_END, epochs=60, featurize_text=vectors)
    conversation.dialogue.use_text(None)
    prediction = conversation.hear("greet", text="where is this parcel").predict()
    assert prediction.action(conversation.domain) == "utter_greet"
    assert not prediction.is_end_to_end


UNEXPECTED = {
    "name": "UnexpecTEDIntentPolicy",
    "epochs": 50,
    "max_history": 5,
    "batch_size": 16,
    "connection_density": 1.0,
}


def unexpected(talk: TalkOf, **more: Any) -> Any:
    return talk(STORIES, {**UNEXPECTED, **more}, domain=DOMAIN, augmentation=0)


def after_greeting(conversation: Any, intent: str) -> Any:
    conversation.hear("greet")
    for name in ("utter_greet", "action_listen"):
        conversation.tracker.apply(ActionExecuted(name=name))
    return conversation.hear(intent).predict()


def test_an_intent_no_story_has_here_is_remarked(talk: TalkOf) -> None:
    conversation = unexpected(talk)
    prediction = conversation.hear("yes").predict()
    assert prediction.action(conversation.domain) == "action_unlikely_intent"
    query = prediction.action_metadata["query_intent"]
    assert query["name"] == "yes"
    assert query["severity"] == pytest.approx(query["threshold"] - query["score"])
    assert query["severity"] > 0
    assert len(prediction.action_metadata["ranking"]) == 10


@pytest.mark.parametrize("intent", ["yes", "no", "order"])
def test_what_stories_lead_to_expect_is_not_remarked_but_graded(talk: TalkOf, intent: str) -> None:
    prediction = after_greeting(unexpected(talk), intent)
    assert prediction.confidence == 0.0
    assert prediction.action_metadata["query_intent"]["severity"] <= 0


def test_an_ignored_intent_is_never_remarked(talk: TalkOf) -> None:
    conversation = unexpected(talk, ignore_intents_list=["yes"])
    assert conversation.hear("yes").predict().confidence == 0.0


def test_an_intent_of_no_story_has_no_threshold(talk: TalkOf) -> None:
    prediction = after_greeting(unexpected(talk), "out_of_scope")
    assert prediction.confidence == 0.0
    assert prediction.action_metadata["query_intent"]["threshold"] is None


def test_it_speaks_only_right_after_the_user(talk: TalkOf) -> None:
    conversation = unexpected(talk)
    assert conversation.hear("yes").predict().action_metadata is not None
    conversation.tracker.apply(ActionExecuted(name="action_unlikely_intent"))
    assert conversation.predict().action_metadata is None

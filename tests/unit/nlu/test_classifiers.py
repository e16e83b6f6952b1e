"""Every trainable component: learns a small shop, is the same after loading, writes Rasa's JSON."""

from __future__ import annotations

from typing import Any

import pytest
from nlu_kit import SHOP, data, entities, example, trained

from shoptalk.core.training_data import Example, TrainingData
from shoptalk.errors import ConfigError
from shoptalk.nlu.pipeline import Pipeline

JOINT = {"name": "JointClassifier", "entity_epochs": 120, "entity_hidden": 64}
DIET = {
    "name": "DIETClassifier",
    "epochs": 60,
    "transformer_size": 64,
    "batch_size": 32,
    "constrain_similarities": True,
}
OURS: list[Any] = ["MultilingualTokenizer", "HashedNgrams", JOINT]
RASA: list[Any] = ["MultilingualTokenizer", "LexicalSyntacticFeaturizer", "CountVectorsFeaturizer"]

QUESTIONS = {
    "where is order 10555": ("order_status", [("order_id", "10555", None)]),
    "swap the green one for blue": ("exchange", [("color", "green", "old"), ("color", "blue", "new")]),
    "把红色换成白色": ("exchange", [("color", "红色", "old"), ("color", "白色", "new")]),
    "hello there": ("greet", []),
}


@pytest.fixture(scope="module")
def joint() -> Pipeline:
    return trained(OURS, SHOP)


@pytest.mark.parametrize("text", QUESTIONS)
def test_joint(joint: Pipeline, text: str) -> None:
    result = joint.parse([text])[0]
    assert (result["intent"]["name"], entities(result)) == QUESTIONS[text]
    for found in result["entities"]:
        assert text[found["start"] : found["end"]] == found["value"]
        assert 0 < found["confidence_entity"] <= 1
        assert ("confidence_role" in found) == ("role" in found)


def test_joint_result_has_rasas_fields(joint: Pipeline) -> None:
    result = joint.parse(["hello there"])[0]
    assert set(result) == {"text", "intent", "entities", "text_tokens", "intent_ranking", "scope"} - (
        {"scope"} if "scope" not in result else set()
    )
    ranking = result["intent_ranking"]
    assert result["intent"] == ranking[0]
    assert sum(r["confidence"] for r in ranking) == pytest.approx(1.0, abs=1e-5)
    assert [r["confidence"] for r in ranking] == sorted((r["confidence"] for r in ranking), reverse=True)


def test_joint_is_the_same_after_loading_and_training_again() -> None:
    configs = [{"name": n} if isinstance(n, str) else n for n in OURS]
    results = []
    for _ in range(2):
        pipeline = Pipeline.build(configs)
        pipeline.train(SHOP)
        results.append(pipeline.parse(list(QUESTIONS)))
    assert results[0] == results[1]


def test_joint_continues_after_one_more_example() -> None:
    configs = [{"name": n} if isinstance(n, str) else n for n in OURS]
    first = Pipeline.build(configs)
    first.train(SHOP)
    more = SHOP.merge([TrainingData((example("where did [10777](order_id) go", "order_status"),))])
    second = Pipeline.build(configs)
    report = second.train(more, previous=first.save())
    assert report["02-JointClassifier"]["warm"] is True
    for text, (intent, found) in QUESTIONS.items():
        result = second.parse([text])[0]
        assert (result["intent"]["name"], entities(result)) == (intent, found)


def test_a_changed_annotation_counts_as_a_new_example() -> None:
    seen = []
    for text in ("fetch 10888 for me", "fetch [10888](order_id) for me"):
        pipeline = Pipeline.build([*({"name": n} for n in OURS[:2]), {**JOINT, "entity_recognition": False}])
        pipeline.train(SHOP.merge([TrainingData((example(text, "order_status"),))]))
        seen.append(set(pipeline.save()["02-JointClassifier"].config["seen"]))
    assert (len(seen[0] - seen[1]), len(seen[1] - seen[0])) == (1, 1)


def test_ranking_is_cut() -> None:
    pipeline = trained([*OURS[:2], {**JOINT, "ranking_length": 2, "entity_recognition": False}], SHOP)
    assert len(pipeline.parse(["hello"])[0]["intent_ranking"]) == 2


@pytest.mark.parametrize("text", list(QUESTIONS)[:3])
def test_diet(diet: Pipeline, text: str) -> None:
    result = diet.parse([text])[0]
    assert (result["intent"]["name"], entities(result)) == QUESTIONS[text]
    assert {e["extractor"] for e in result["entities"]} == {"DIETClassifier"}


@pytest.fixture(scope="module")
def diet() -> Pipeline:
    return trained([*RASA, DIET], SHOP)


def test_diet_shares_words_between_multi_intents() -> None:
    greetings, orders = ("hello", "hi", "hey"), ("my parcel", "the order", "the shipment")
    both = [f"{a} {b}" for a in greetings for b in orders][:-1]
    multi = data({"greet": list(greetings), "order": list(orders), "greet+order": both})
    tokenizer = {"name": "WhitespaceTokenizer", "intent_tokenization_flag": True, "intent_split_symbol": "+"}
    pipeline = trained([tokenizer, "CountVectorsFeaturizer", {**DIET, "batch_strategy": "sequence"}], multi)
    assert pipeline.parse(["hey the shipment"])[0]["intent"]["name"] == "greet+order"


@pytest.mark.parametrize(
    "more", [{"loss_type": "margin"}, {"use_masked_language_model": True}, {"BILOU_flag": False}]
)
def test_diet_with_other_losses(more: dict[str, Any]) -> None:
    pipeline = trained([*RASA, {**DIET, **more}], SHOP)
    assert pipeline.parse(["hello there"])[0]["intent"]["name"] == "greet"


def test_diet_refuses_what_it_cannot_do() -> None:
    with pytest.raises(ConfigError, match=r"model_confidence.*softmax"):
        Pipeline.build(
            [
                {"name": "WhitespaceTokenizer"},
                {"name": "CountVectorsFeaturizer"},
                {**DIET, "model_confidence": "linear_norm"},
            ]
        )


def test_crf() -> None:
    crf: list[Any] = ["MultilingualTokenizer", {"name": "CRFEntityExtractor", "max_iterations": 40}]
    pipeline = trained(crf, SHOP)
    for text in ("swap the green one for blue", "track parcel 10555 please"):
        result = pipeline.parse([text])[0]
        assert entities(result) == QUESTIONS.get(text, ("", [("order_id", "10555", None)]))[1]
        assert all(0 < e["confidence_entity"] <= 1 for e in result["entities"])


def test_logistic_regression() -> None:
    pipeline = trained(["MultilingualTokenizer", "HashedNgrams", "LogisticRegressionClassifier"], SHOP)
    assert [r["intent"]["name"] for r in pipeline.parse(list(QUESTIONS))] == [
        q[0] for q in QUESTIONS.values()
    ]


def test_two_intents_are_enough_for_logistic_regression() -> None:
    two = data({"a": ["red", "rot"], "b": ["blue", "blau"]})
    pipeline = trained(["WhitespaceTokenizer", "CountVectorsFeaturizer", "LogisticRegressionClassifier"], two)
    assert [r["intent"]["name"] for r in pipeline.parse(["rot", "blue"])] == ["a", "b"]


SMALL_TALK = TrainingData(
    examples=(
        *(
            Example(text, "chat", f"chat/{key}")
            for key, texts in {
                "joke": ["tell me a joke", "make me laugh", "say something funny"],
                "weather": ["how is the weather", "is it raining", "will it be sunny"],
                "age": ["how old are you", "what is your age", "when were you born"],
            }.items()
            for text in texts
        ),
        Example("bye", "goodbye"),
        Example("see you", "goodbye"),
    ),
    responses={
        "utter_chat/joke": [{"text": "A sock walks into a bar."}],
        "utter_chat/weather": [{"text": "Sunny in here."}, {"text": "It never rains on a server."}],
    },
)


@pytest.mark.parametrize(
    "selector",
    [
        {"name": "ResponseSelector", "epochs": 60},
        {"name": "ResponseSelector", "epochs": 80, "use_text_as_label": True},
        {"name": "RetrievalSelector"},
        {"name": "RetrievalSelector", "retrieval_intent": "chat"},
    ],
)
def test_selectors(selector: dict[str, Any]) -> None:
    pipeline = trained(
        ["WhitespaceTokenizer", "CountVectorsFeaturizer", {**JOINT, "entity_recognition": False}, selector],
        SMALL_TALK,
    )
    result = pipeline.parse(["will the weather be sunny"])[0]
    found = result["response_selector"]
    key = selector.get("retrieval_intent", "default")
    assert found["all_retrieval_intents"] == ["chat"]
    best = found[key]["response"]
    assert best["intent_response_key"] == "chat/weather"
    assert best["utter_action"] == "utter_chat/weather"
    assert [v["text"] for v in best["responses"]] == ["Sunny in here.", "It never rains on a server."]
    assert found[key]["ranking"][0] == {
        "confidence": best["confidence"],
        "intent_response_key": "chat/weather",
    }
    full = result["intent"]["full_retrieval_intent_name"]
    assert full == ("chat/weather" if key == "chat" else None)


def test_a_key_without_response_answers_with_itself(caplog: pytest.LogCaptureFixture) -> None:
    pipeline = trained(["WhitespaceTokenizer", "CountVectorsFeaturizer", "RetrievalSelector"], SMALL_TALK)
    best = pipeline.parse(["how old are you"])[0]["response_selector"]["default"]["response"]
    assert best["responses"] == [{"text": "chat/age"}]
    assert "utter_chat/age" in caplog.text

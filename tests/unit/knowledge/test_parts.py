"""The parts of the index: documents, words, topics, answers, calibration."""

from __future__ import annotations

import numpy as np
import pytest

from shoptalk.knowledge import Document, calibration
from shoptalk.knowledge.answers import extract
from shoptalk.knowledge.calibration import Evidence
from shoptalk.knowledge.kernel import best_of, kernel, learn
from shoptalk.knowledge.lexical import Lexicon


def test_the_topic_is_the_id_without_the_language() -> None:
    assert Document("zh/returns", "退货", "", language="zh").topic == "returns"
    assert Document("returns", "Returns", "", language="en").topic == "returns"
    assert Document("en/a", "", "").topic == "en/a"


def test_sentences_in_both_scripts() -> None:
    document = Document("d", "t", "It costs EUR 4.90. It is free from 50.\n标准运费是四欧。加急不包邮！")
    assert list(document.sentences()) == [
        "It costs EUR 4.90.",
        "It is free from 50.",
        "标准运费是四欧。",
        "加急不包邮！",
    ]


def test_lexical_likeness_is_a_cosine() -> None:
    texts = ["return a jacket", "shipping cost", "退货要多少天", "运费多少"]
    lexicon = Lexicon(texts)
    pairs = lexicon.all_pairs()
    assert np.allclose(np.diag(pairs), 1.0, atol=1e-5)
    for place, text in enumerate(texts):
        assert np.allclose(lexicon.likeness(text), pairs[place], atol=1e-5)
    assert lexicon.likeness("运费").argmax() == 3
    assert lexicon.likeness("returning jackets").argmax() == 0
    assert not lexicon.likeness("🙂 ???").any()


def test_topics_are_learned_from_passages() -> None:
    points = np.array([[1, 0], [0.9, 0.43], [0, 1], [0.1, 0.99]], np.float32)
    topics = np.array([0, 0, 1, 1])
    weights = learn(points @ points.T, topics, 2)
    votes = kernel(np.array([[0.99, 0.1]], np.float32) @ points.T) @ weights
    assert votes.argmax() == 0
    assert best_of(np.array([0.2, 0.7, 0.1, -0.5], np.float32), topics, 2) == pytest.approx([0.7, 0.1])


def test_a_long_answer_begins_with_what_answers() -> None:
    filler = [f"Filler number {n} says nothing that anybody asked for." for n in range(8)]
    document = Document("d", "t", " ".join([*filler[:4], "Returns are free.", *filler[4:]]))
    likeness = [0.1] * 4 + [0.9] + [0.1] * 4
    answer = extract(document, likeness, 0.9)
    assert answer.lead == "Returns are free."
    assert answer.text.startswith("Returns are free.\nFiller number 0")
    assert all(sentence in answer.text for sentence in document.sentences())


def test_a_short_answer_stays_as_it_is() -> None:
    document = Document("d", "t", "Returns are free. Shipping is not.")
    answer = extract(document, [0.1, 0.8], 0.9)
    assert answer.text == document.text
    assert answer.lead == "Shipping is not."


def test_more_evidence_is_more_likely() -> None:
    weak = calibration.probability(Evidence(0.05, 0.01, 0.2, 0.1, 0.0))
    strong = calibration.probability(Evidence(0.4, 0.3, 0.7, 0.5, 0.2))
    assert 0 < weak < 0.3 < calibration.THRESHOLD < strong < 1

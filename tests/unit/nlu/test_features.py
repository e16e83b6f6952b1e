"""Featurizers: columns, counts, hashes, and what is the same after loading."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from shoptalk.core.training_data import Example, Lookup, Pattern, TrainingData
from shoptalk.errors import ConfigError
from shoptalk.nlu.features.counts import CountVectorsFeaturizer
from shoptalk.nlu.features.lexical import LexicalSyntacticFeaturizer
from shoptalk.nlu.features.ngrams import HashedNgrams
from shoptalk.nlu.features.regex import RegexFeaturizer
from shoptalk.nlu.message import Features, Message
from shoptalk.nlu.sparse import Sparse, join_columns, stack_rows
from shoptalk.nlu.tokenizers.multilingual import MultilingualTokenizer
from shoptalk.nlu.tokenizers.whitespace import WhitespaceTokenizer


def messages(*texts: str, tokenizer: Any = None) -> list[Message]:
    made = [Message(text, example=Example(text, "i")) for text in texts]
    (tokenizer or WhitespaceTokenizer({})).process(made)
    return made


def features(component: Any, *texts: str, seen: list[str] | None = None) -> list[Features]:
    component.train(TrainingData(), messages(*(seen or texts)))
    loaded = type(component).load(
        {k: v for k, v in component.options.items() if k != "featurizers"}, component.save()
    )
    given = messages(*texts)
    loaded.process(given)
    return [m.features[0] for m in given]


def columns(component: Any) -> list[str]:
    return component.save().config["columns"]


def test_counts_of_words() -> None:
    component = CountVectorsFeaturizer({})
    found = features(component, "Red red shoes 42", seen=["red shoes 7"])[0]
    assert columns(component) == ["__number__", "red", "shoes"]
    assert found.sentence.dense().tolist() == [[1.0, 2.0, 1.0]]
    assert found.tokens.dense().tolist() == [[0, 1, 0], [0, 1, 0], [0, 0, 1], [1, 0, 0]]


def test_counts_equal_sklearn() -> None:
    from sklearn.feature_extraction.text import CountVectorizer

    texts = ["Where is my order", "my red shoes", "order the shoes please"]
    for analyzer, low, high in (("word", 1, 2), ("char_wb", 1, 4), ("char", 2, 3)):
        settings = {"analyzer": analyzer, "min_ngram": low, "max_ngram": high}
        component = CountVectorsFeaturizer(settings)
        ours = [f.sentence.dense()[0] for f in features(component, *texts)]
        pattern = {"token_pattern": r"(?u)\b\w+\b"} if analyzer == "word" else {}
        theirs = CountVectorizer(analyzer=analyzer, ngram_range=(low, high), **pattern)
        expected = theirs.fit_transform([t.lower() for t in texts]).toarray()
        order = [columns(component).index(name) for name in theirs.get_feature_names_out()]
        np.testing.assert_array_equal(np.stack(ours)[:, order], expected)


def test_counts_limits() -> None:
    seen = ["a b", "a c", "a d"]
    component = CountVectorsFeaturizer({"min_df": 2})
    features(component, "a", seen=seen)
    assert columns(component) == ["a"]
    component = CountVectorsFeaturizer({"max_df": 0.5, "max_features": 2})
    features(component, "a", seen=seen)
    assert columns(component) == ["b", "c"]


def test_unknown_words_become_the_oov_token() -> None:
    component = CountVectorsFeaturizer({"OOV_token": "oov"})
    found = features(component, "red lamp", seen=["red oov"])[0]
    assert found.sentence.dense().tolist() == [[1.0, 1.0]]


def test_known_columns_stay_when_trained_again() -> None:
    component = CountVectorsFeaturizer({})
    component.train(TrainingData(), messages("red shoes"))
    again = CountVectorsFeaturizer({})
    again.warm_start(component.save())
    again.train(TrainingData(), messages("blue shoes"))
    assert columns(again) == ["red", "shoes", "blue"]


def test_window_of_traits() -> None:
    component = LexicalSyntacticFeaturizer({"features": [["low"], ["BOS", "title"], ["low"]]})
    found = features(component, "Red shoe")[0]
    names = columns(component)
    assert names == sorted(names)
    on = [{names[i] for i in np.flatnonzero(row)} for row in found.tokens.dense()]
    assert on[0] == {"0###BOS=True", "0###title=True", "1###low=shoe"}
    assert on[1] == {"0###BOS=False", "0###title=False", "-1###low=red"}


def test_unknown_trait_is_named() -> None:
    with pytest.raises(ConfigError, match="no feature 'shape'"):
        LexicalSyntacticFeaturizer({"features": [["shape"]]})


def test_patterns_hit_words() -> None:
    data = TrainingData(regexes=(Pattern("zip", r"\d{5}"),), lookups=(Lookup("city", ("New York", "Oslo")),))
    component = RegexFeaturizer({})
    component.train(data, [])
    made = messages("to New York 10234")
    RegexFeaturizer.load({}, component.save()).process(made)
    assert made[0].features[0].tokens.dense().tolist() == [[0, 0], [0, 1], [0, 1], [1, 0]]
    assert made[0].features[0].sentence.dense().tolist() == [[1, 1]]
    assert made[0].tokens[3].data["pattern"] == {"zip": True, "city": False}


def test_hashes_need_no_training_and_know_typos() -> None:
    def row(text: str) -> np.ndarray:
        made = messages(text, tokenizer=MultilingualTokenizer({}))
        HashedNgrams({}).process(made)
        return made[0].features[0].sentence.dense()[0]

    right, typo, other = row("where is my order"), row("where is my oder"), row("hello there")
    assert right @ right == pytest.approx(2.0, rel=1e-5)
    assert right @ typo > 1.0 > right @ other
    np.testing.assert_array_equal(row("order １２"), row("Order 34"))


def test_sparse_algebra() -> None:
    a, b = Sparse.from_rows([{0: 1.0}, {}], 2), Sparse.from_rows([{2: 3.0}, {0: 1.0}], 3)
    joined = join_columns([a, b])
    np.testing.assert_array_equal(joined.dense(), np.hstack([a.dense(), b.dense()]))
    np.testing.assert_array_equal(stack_rows([a, a]).dense(), np.vstack([a.dense(), a.dense()]))
    weights = np.arange(10, dtype=np.float32).reshape(5, 2)
    np.testing.assert_array_equal(joined.dot(weights), joined.dense() @ weights)

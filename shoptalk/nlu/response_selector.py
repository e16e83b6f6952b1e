"""ResponseSelector: which of an intent's answers fits a text (FAQ, small talk)."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import Any, ClassVar, Protocol, Self

import numpy as np

from shoptalk.archive import Saved
from shoptalk.core.training_data import Example, TrainingData
from shoptalk.nlu import diet_options
from shoptalk.nlu.component import FEATURES
from shoptalk.nlu.diet_model import DietModel
from shoptalk.nlu.linear_head import LinearHead, Rows, train_head
from shoptalk.nlu.message import Message
from shoptalk.nlu.options import read_options

logger = logging.getLogger(__name__)

DEFAULT_KEY = "default"


class Ranker(Protocol):
    """Ranks labels of a message."""

    def rank(self, message: Message) -> list[tuple[str, float]]:
        """Labels with confidence, best first."""
        ...


class SelectorResult:
    """Builds Rasa's `response_selector` output from a ranking of response keys."""

    def __init__(
        self,
        intents: Sequence[str],
        responses: dict[str, list[dict[str, Any]]],
        by_text: dict[str, str],
        key: str,
    ) -> None:
        self.intents, self.responses, self.by_text, self.key = list(intents), responses, by_text, key

    def write(self, message: Message, ranking: Sequence[tuple[str, float]]) -> None:
        """Add the ranking to the output."""
        out = message.output.setdefault("response_selector", {"all_retrieval_intents": []})
        out["all_retrieval_intents"] = sorted({*out["all_retrieval_intents"], *self.intents})
        keys = [(self.by_text.get(label, label), confidence) for label, confidence in ranking]
        if keys:
            best, confidence = keys[0]
            chosen = {
                "responses": self._variations(best),
                "confidence": confidence,
                "intent_response_key": best,
                "utter_action": f"utter_{best}",
            }
        else:
            chosen = {
                "responses": None,
                "confidence": 0.0,
                "intent_response_key": None,
                "utter_action": "utter_None",
            }
        listed = [{"confidence": c, "intent_response_key": key} for key, c in keys]
        out[self.key] = {"response": chosen, "ranking": listed}
        intent = message.intent
        if intent is not None and intent.get("name") in self.intents:
            full = keys[0][0] if keys and self.key == intent["name"] else None
            intent["full_retrieval_intent_name"] = full

    def _variations(self, key: str) -> list[dict[str, Any]]:
        return self.responses.get(f"utter_{key}") or [{"text": key}]

    def save(self) -> dict[str, Any]:
        """As JSON."""
        return {
            "intents": self.intents,
            "responses": self.responses,
            "by_text": self.by_text,
            "key": self.key,
        }


def _retrieval(data: TrainingData, messages: Sequence[Message], intent: str | None) -> list[Message]:
    examples = {id(e) for e in data.examples}
    found = [m for m in messages if m.example is not None and m.example.response_key]
    return [
        m
        for m in found
        if m.example and id(m.example) in examples and (not intent or m.example.intent == intent)
    ]


def _key(message: Message) -> str:
    return (message.example.response_key or "") if message.example else ""


def _result(data: TrainingData, chosen: Sequence[Message], intent: str | None) -> SelectorResult:
    keys = {_key(m) for m in chosen}
    responses = {
        f"utter_{k}": data.responses[f"utter_{k}"] for k in sorted(keys) if f"utter_{k}" in data.responses
    }
    for key in sorted(keys):
        if f"utter_{key}" not in responses:
            logger.warning("There is no response utter_%s; its name will be given instead.", key)
    plain = {name: [dict(v) for v in variations] for name, variations in responses.items()}
    intents = sorted({key.split("/")[0] for key in keys} | ({intent} if intent else data.retrieval_intents))
    return SelectorResult(intents, plain, {}, intent or DEFAULT_KEY)


class ResponseSelector:
    """Rasa's selector: a DIET-like network over texts and answers, with Rasa's keys."""

    requires: ClassVar[tuple[str, ...]] = (FEATURES,)
    provides: ClassVar[tuple[str, ...]] = ()

    def __init__(self, config: dict[str, Any]) -> None:
        self.options = read_options("ResponseSelector", config, diet_options.SELECTOR, diet_options.INERT)
        diet_options.check("ResponseSelector", self.options)
        self.options.update(intent_classification=True, entity_recognition=False)
        self._model: DietModel | None = None
        self._result = SelectorResult([], {}, {}, self.options["retrieval_intent"] or DEFAULT_KEY)

    def train(self, data: TrainingData, messages: list[Message]) -> None:
        """Learn from the examples of retrieval intents."""
        intent = self.options["retrieval_intent"]
        chosen = _retrieval(data, messages, intent)
        self._model = None
        self._result = _result(data, chosen, intent)
        if not chosen:
            logger.warning(
                "ResponseSelector: there is no example of a retrieval intent (`intent: faq/shipping`)."
            )
            return
        labels = [self._label(m) for m in chosen]
        words = {label: label.lower().replace("/", " ").split() for label in labels}
        if len(words) < 2:
            words = {label: [label] for label in labels}
        self._model = DietModel.train(chosen, labels, words, self.options)

    def _label(self, message: Message) -> str:
        key = _key(message)
        if not self.options["use_text_as_label"]:
            return key
        texts = [v["text"] for v in self._result.responses.get(f"utter_{key}", []) if v.get("text")]
        text = texts[-1] if texts else key
        self._result.by_text[text] = key
        return text

    def process(self, messages: list[Message]) -> None:
        """Write the output `response_selector`."""
        model = self._model
        rankings = [model.rank(whole) for _, whole in model.encode(messages)] if model is not None else []
        for place, message in enumerate(messages):
            self._result.write(message, rankings[place] if rankings else [])

    def save(self) -> Saved:
        """The network and the responses."""
        model = self._model.save() if self._model is not None else Saved({}, {})
        return Saved({"model": model.config, "result": self._result.save()}, model.tensors)

    @classmethod
    def load(cls, config: dict[str, Any], saved: Saved) -> Self:
        """As it was trained."""
        component = cls(config)
        component._result = SelectorResult(**saved.config["result"])
        if saved.config["model"]:
            component._model = DietModel.load(Saved(saved.config["model"], saved.tensors), component.options)
        return component


class RetrievalSelector:
    """The same output from a linear head: trains in a second where the network takes minutes.

    Keys: `retrieval_intent`, `ranking_length`, `random_seed`, `featurizers`.
    """

    requires: ClassVar[tuple[str, ...]] = (FEATURES,)
    provides: ClassVar[tuple[str, ...]] = ()

    def __init__(self, config: dict[str, Any]) -> None:
        defaults = {"retrieval_intent": None, "ranking_length": 10, "random_seed": 13}
        self.options = read_options("RetrievalSelector", config, defaults)
        self._head: LinearHead | None = None
        self._result = SelectorResult([], {}, {}, self.options["retrieval_intent"] or DEFAULT_KEY)

    def extra_examples(self, data: TrainingData) -> list[Example]:
        """The answers' names as examples."""
        keys = sorted({e.response_key for e in data.examples if e.response_key})
        return [Example(k.partition("/")[2].replace("_", " "), k.split("/")[0], k) for k in keys]

    def train(self, data: TrainingData, messages: list[Message]) -> None:
        """Learn from the examples of retrieval intents."""
        intent = self.options["retrieval_intent"]
        chosen = [
            m
            for m in messages
            if m.example and m.example.response_key and (not intent or m.example.intent == intent)
        ]
        self._head = None
        self._result = _result(data, chosen, intent)
        if not chosen:
            logger.warning(
                "RetrievalSelector: there is no example of a retrieval intent (`intent: faq/shipping`)."
            )
            return
        rows = Rows.of(chosen, self.options["featurizers"])
        settings = {"seed": self.options["random_seed"], "least_steps": 150}
        self._head = train_head(rows, [_key(m) for m in chosen], settings)

    def process(self, messages: list[Message]) -> None:
        """Write the output `response_selector`."""
        for message in messages:
            ranking: list[tuple[str, float]] = []
            if self._head is not None:
                chances = self._head.probabilities(Rows.of([message], self.options["featurizers"]))[0]
                order = np.argsort(-chances, kind="stable")[: self.options["ranking_length"]]
                ranking = [(self._head.labels[i], float(chances[i])) for i in order]
            self._result.write(message, ranking)

    def save(self) -> Saved:
        """The head and the responses."""
        head = self._head.save() if self._head is not None else Saved({}, {})
        return Saved({"head": head.config, "result": self._result.save()}, head.tensors)

    @classmethod
    def load(cls, config: dict[str, Any], saved: Saved) -> Self:
        """As it was trained."""
        component = cls(config)
        component._result = SelectorResult(**saved.config["result"])
        if saved.config["head"]:
            component._head = LinearHead.load(Saved(saved.config["head"], saved.tensors))
        return component

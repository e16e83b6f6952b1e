"""SklearnIntentClassifier: a support vector machine over dense sentence features, kept as plain numbers."""

from __future__ import annotations

import logging
from typing import Any, ClassVar, Self

import numpy as np

from shoptalk.archive import Saved
from shoptalk.core.training_data import TrainingData
from shoptalk.errors import ConfigError
from shoptalk.networks.inference import Floats, softmax
from shoptalk.nlu.component import FEATURES, INTENT
from shoptalk.nlu.message import Message
from shoptalk.nlu.options import read_options

logger = logging.getLogger(__name__)

NAME = "SklearnIntentClassifier"

DEFAULTS: dict[str, Any] = {
    "C": [1, 2, 5, 10, 20, 100],
    "gamma": [0.1],
    "kernels": ["linear"],
    "max_cross_validation_folds": 5,
    "scoring_function": "f1_weighted",
    "num_threads": 1,
    "ranking_length": 10,
}


class SklearnIntentClassifier:
    """Settings chosen by cross-validation as in Rasa; linear kernels only, whose planes are all that is kept.

    Confidence comes from the margins with a temperature fitted on the cross-validated ones, where scikit-learn
    would fit a second model inside the first.
    """

    requires: ClassVar[tuple[str, ...]] = (FEATURES,)
    provides: ClassVar[tuple[str, ...]] = (INTENT,)

    def __init__(self, config: dict[str, Any]) -> None:
        self.options = read_options(NAME, config, DEFAULTS)
        if list(self.options["kernels"]) != ["linear"]:
            raise ConfigError(
                f"config.yml: {NAME} has kernels: {self.options['kernels']!r}.",
                hint="Only [linear] is supported: other kernels would need their training data at serving time.",
            )
        self._labels: tuple[str, ...] = ()
        self._weights: Floats = np.zeros((0, 0), np.float32)
        self._bias: Floats = np.zeros(0, np.float32)
        self._temperature = 1.0

    def train(self, data: TrainingData, messages: list[Message]) -> None:
        """Choose C by cross-validation, fit, and fit the temperature."""
        from sklearn.model_selection import GridSearchCV, StratifiedKFold, cross_val_predict
        from sklearn.svm import LinearSVC

        chosen = [m for m in messages if m.example and m.example.intent]
        names = np.asarray([m.example.intent for m in chosen if m.example])
        rows = [m.dense_sentence(self.options["featurizers"]) for m in chosen]
        self._labels = ()
        if len(set(names.tolist())) < 2:
            logger.error("%s needs at least two intents; it will not classify.", NAME)
            return
        if any(row is None for row in rows):
            logger.error("%s needs dense features, but no featurizer gives any; it will not classify.", NAME)
            return
        dense = np.concatenate([row for row in rows if row is not None])
        smallest = int(np.unique(names, return_counts=True)[1].min())
        folds = max(2, min(self.options["max_cross_validation_folds"], smallest // 5))
        model: Any = LinearSVC(C=float(self.options["C"][0]), class_weight="balanced")
        if smallest >= 2:
            split = StratifiedKFold(folds)
            grid = {"C": [float(c) for c in self.options["C"]]}
            search = GridSearchCV(model, grid, cv=split, scoring=self.options["scoring_function"]).fit(
                dense, names
            )
            model = search.best_estimator_
            margins = cross_val_predict(model, dense, names, cv=split, method="decision_function")
            self._temperature = _temperature(_two_sided(margins), names, sorted(set(names.tolist())))
        model.fit(dense, names)
        planes, bias = model.coef_, model.intercept_
        if len(planes) == 1:
            planes, bias = np.stack([-planes[0], planes[0]]), np.asarray([-bias[0], bias[0]])
        self._labels = tuple(str(name) for name in model.classes_)
        self._weights, self._bias = planes.T.astype(np.float32), bias.astype(np.float32)

    def process(self, messages: list[Message]) -> None:
        """Write intent and ranking."""
        for message in messages:
            dense = message.dense_sentence(self.options["featurizers"])
            if not self._labels or dense is None:
                message.intent, message.ranking = {"name": None, "confidence": 0.0}, []
                continue
            chances = softmax((dense[0] @ self._weights + self._bias) / np.float32(self._temperature))
            order = np.argsort(-chances, kind="stable")[: self.options["ranking_length"]]
            message.ranking = [{"name": self._labels[i], "confidence": float(chances[i])} for i in order]
            message.intent = dict(message.ranking[0])

    def save(self) -> Saved:
        """The planes."""
        return Saved(
            {"labels": list(self._labels), "temperature": self._temperature},
            {"weights": self._weights, "bias": self._bias},
        )

    @classmethod
    def load(cls, config: dict[str, Any], saved: Saved) -> Self:
        """As it was trained."""
        component = cls(config)
        component._labels = tuple(saved.config["labels"])
        component._temperature = saved.config["temperature"]
        component._weights = np.asarray(saved.tensors["weights"], np.float32)
        component._bias = np.asarray(saved.tensors["bias"], np.float32)
        return component


def _two_sided(margins: Any) -> Floats:
    out: Floats = np.stack([-margins, margins], axis=1) if margins.ndim == 1 else margins
    return out


def _temperature(margins: Floats, names: Any, labels: list[str]) -> float:
    expected = np.asarray([labels.index(name) for name in names])
    grid = np.geomspace(0.05, 5.0, 41)
    losses = [-np.log(softmax(margins / t)[np.arange(len(expected)), expected] + 1e-9).mean() for t in grid]
    return float(grid[int(np.argmin(losses))])

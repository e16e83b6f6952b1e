"""LogisticRegressionClassifier: Rasa's linear classifier over all sentence features."""

from __future__ import annotations

import logging
from typing import Any, ClassVar, Self

import numpy as np

from shoptalk.archive import Saved
from shoptalk.core.training_data import TrainingData
from shoptalk.nlu.component import FEATURES, INTENT
from shoptalk.nlu.linear_head import LinearHead, Rows
from shoptalk.nlu.message import Message
from shoptalk.nlu.options import read_options

logger = logging.getLogger(__name__)

DEFAULTS: dict[str, Any] = {
    "class_weight": "balanced",
    "max_iter": 100,
    "solver": "lbfgs",
    "tol": 1e-4,
    "random_state": 42,
    "ranking_length": 10,
}


class LogisticRegressionClassifier:
    """Trained by scikit-learn; only its coefficients are kept, and numpy applies them."""

    requires: ClassVar[tuple[str, ...]] = (FEATURES,)
    provides: ClassVar[tuple[str, ...]] = (INTENT,)

    def __init__(self, config: dict[str, Any]) -> None:
        self.options = read_options("LogisticRegressionClassifier", config, DEFAULTS)
        self._head: LinearHead | None = None

    def train(self, data: TrainingData, messages: list[Message]) -> None:
        """Fit; fewer than two intents leave it untrained."""
        from scipy import sparse
        from sklearn.linear_model import LogisticRegression

        chosen = [m for m in messages if m.example and m.example.intent]
        names = [m.example.intent or "" for m in chosen if m.example]
        if len(set(names)) < 2:
            logger.error("LogisticRegressionClassifier needs at least two intents; it will not classify.")
            self._head = None
            return
        rows = Rows.of(chosen, self.options["featurizers"])
        parts = [sparse.csr_matrix(rows.dense)]
        if rows.sparse is not None:
            s = rows.sparse
            parts.append(sparse.csr_matrix((s.values, s.columns, s.indptr), shape=(s.rows, s.width)))
        keys = ("class_weight", "max_iter", "solver", "tol", "random_state")
        model = LogisticRegression(**{key: self.options[key] for key in keys})
        model.fit(sparse.hstack(parts).tocsr(), names)
        weights, bias = model.coef_.T, model.intercept_
        if len(model.classes_) == 2:
            weights = np.hstack([np.zeros_like(weights), weights])
            bias = np.concatenate([[0.0], bias])
        width = rows.dense.shape[1]
        self._head = LinearHead(
            tuple(str(name) for name in model.classes_),
            weights[:width].astype(np.float32),
            weights[width:].astype(np.float32),
            bias.astype(np.float32),
        )

    def process(self, messages: list[Message]) -> None:
        """Write intent and ranking."""
        for message in messages:
            if self._head is None:
                message.intent, message.ranking = {"name": None, "confidence": 0.0}, []
                continue
            chances = self._head.probabilities(Rows.of([message], self.options["featurizers"]))[0]
            order = np.argsort(-chances, kind="stable")[: self.options["ranking_length"]]
            message.ranking = [{"name": self._head.labels[i], "confidence": float(chances[i])} for i in order]
            message.intent = dict(message.ranking[0])

    def save(self) -> Saved:
        """The coefficients."""
        return self._head.save() if self._head is not None else Saved({}, {})

    @classmethod
    def load(cls, config: dict[str, Any], saved: Saved) -> Self:
        """As it was trained."""
        component = cls(config)
        component._head = LinearHead.load(saved) if saved.config else None
        return component

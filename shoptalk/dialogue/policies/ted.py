"""TED: learns from stories what comes next, and generalises to conversations no story tells.

Source: Vlasov, Mosig, Nichol: Dialogue Transformers, arXiv 1910.00486.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, ClassVar, Self

import numpy as np

from shoptalk.archive import Saved
from shoptalk.core.domain import ACTION_LISTEN, Domain
from shoptalk.core.tracker import Tracker
from shoptalk.dialogue.features import UserView, dialogue_states
from shoptalk.dialogue.policies.base import (
    NOTHING_RULE_ONLY,
    FeaturizeText,
    Prediction,
    Reason,
    RuleOnly,
    TrainingContext,
    one_hot,
)
from shoptalk.dialogue.policies.options import read_options
from shoptalk.dialogue.policies.ted_examples import as_examples, whole, whole_labels, windows
from shoptalk.dialogue.policies.ted_features import Texts, Vocabulary
from shoptalk.dialogue.states import States
from shoptalk.dialogue.training_trackers import TrainingTracker
from shoptalk.errors import ConfigError
from shoptalk.networks.ted_inference import TedInference, TedShape, softmax

if TYPE_CHECKING:
    from shoptalk.networks.ted import TedTraining
    from shoptalk.networks.ted_training import Examples

logger = logging.getLogger(__name__)

DEFAULTS: dict[str, Any] = {
    "dense_dimension": {
        "text": 128, "action_text": 128, "label_action_text": 128, "intent": 20, "action_name": 20,
        "label_action_name": 20, "entities": 20, "slots": 20, "active_loop": 20,
    },
    "encoding_dimension": 50,
    "transformer_size": {"text": 128, "action_text": 128, "label_action_text": 128, "dialogue": 128},
    "number_of_transformer_layers": {"text": 1, "action_text": 1, "label_action_text": 1, "dialogue": 1},
    "number_of_attention_heads": 4,
    "batch_size": [64, 256],
    "epochs": 1,
    "learning_rate": 0.001,
    "embedding_dimension": 20,
    "loss_type": "cross_entropy",
    "ranking_length": 0,
    "renormalize_confidences": False,
    "maximum_positive_similarity": 0.8,
    "maximum_negative_similarity": -0.2,
    "use_maximum_negative_similarity": True,
    "negative_margin_scale": 0.8,
    "number_of_negative_examples": 20,
    "similarity_type": "auto",
    "batch_strategy": "balanced",
    "scale_loss": True,
    "regularization_constant": 0.001,
    "drop_rate_dialogue": 0.1,
    "drop_rate": 0.0,
    "drop_rate_label": 0.0,
    "drop_rate_attention": 0.0,
    "connection_density": 0.2,
    "constrain_similarities": False,
    "e2e_confidence_threshold": 0.5,
    "random_seed": None,
    "model_confidence": "softmax",
}  # fmt: skip
INERT: dict[str, str] = {
    **dict.fromkeys(("hidden_layers_sizes", "concat_dimension", "use_masked_language_model"),
                    "texts come as whole vectors from the NLU pipeline"),
    **dict.fromkeys(("entity_recognition", "BILOU_flag", "split_entities_by_comma"),
                    "entities of texts come from the NLU pipeline"),
    **dict.fromkeys(("unidirectional_encoder", "use_key_relative_attention", "use_value_relative_attention",
                     "max_relative_position"), "a window is read from the present back, a whole conversation from its beginning"),
    **dict.fromkeys(("use_sparse_input_dropout", "use_dense_input_dropout", "drop_rate_input"),
                    "inputs are dropped as drop_rate says"),
    **dict.fromkeys(("use_gpu", "checkpoint_model", "tensorboard_log_directory", "tensorboard_log_level",
                     "evaluate_every_number_of_epochs", "evaluate_on_number_of_examples", "run_eagerly"),
                    "training takes seconds on a processor"),
}  # fmt: skip
"""Rasa's keys that change nothing here, and why."""
REMEMBERED = 4096
"""Conversations, cut to what a network looks at, whose scores are kept."""


class TEDPolicy:
    """Predicts by the similarity of the conversation so far to each action."""

    default_priority: ClassVar[int] = 1
    learns_from_chance: ClassVar[bool] = True
    learns_actions: ClassVar[bool] = True
    form: ClassVar[int] = 2  # windows are read from the newest moment back
    is_light: ClassVar[bool] = True  # a millisecond of numpy; a thread costs a busy server more
    defaults: ClassVar[dict[str, Any]] = DEFAULTS

    def __init__(self, config: Mapping[str, Any]) -> None:
        self.config = config
        self.options = read_options(type(self).__name__, config, self.defaults, INERT)
        if self.options["loss_type"] not in ("cross_entropy", "margin"):
            raise ConfigError(
                f"config.yml: {type(self).__name__} has loss_type: {self.options['loss_type']!r}.",
                hint="It must be cross_entropy or margin.",
            )
        self.max_history: int | None = self.options["max_history"]
        self.priority = int(config.get("priority", self.default_priority))
        self.network: TedInference | None = None
        self.vocabulary: Vocabulary | None = None
        self._texts = Texts()
        self._longest = 1
        self._report: dict[str, Any] = {}
        self._known: dict[States, np.ndarray] = {}

    # ---------------------------------------------------------------------------------------------- training

    def train(self, trackers: Sequence[TrainingTracker], domain: Domain, context: TrainingContext) -> None:
        """Learn from stories, and from stories told one after the other."""
        stories = [tracker for tracker in trackers if not tracker.is_rule]
        if not stories:
            logger.warning("%s has no stories to learn from; it will predict nothing.", type(self).__name__)
            return
        self._prepare(stories, domain, context)
        assert self.vocabulary is not None
        labels = self.vocabulary.encode_labels(domain, self._texts.known)
        self._fit(self._examples(stories, domain), labels, context)

    def _prepare(self, stories: Sequence[TrainingTracker], domain: Domain, context: TrainingContext) -> None:
        found = {
            text for t in stories for state in t.states for text in (state.text, state.action_text) if text
        }
        self._texts = Texts.of({*found, *domain.e2e_actions}, context.featurize_text)
        if found and not self._texts.width:
            logger.warning(
                "%s: stories have texts, but no pipeline to turn them into vectors.", type(self).__name__
            )
        self.vocabulary = Vocabulary.of(domain, self._texts.width)
        self._longest = max(len(tracker.states) for tracker in stories)

    def _examples(self, stories: Sequence[TrainingTracker], domain: Domain) -> Examples:
        from shoptalk.networks.ted_training import NO_LABEL

        assert self.vocabulary is not None
        if self.max_history is not None:
            rows = windows(stories, domain.action_index, self.max_history)
            labels = np.array([row.labels[0] for row in rows], np.int64)
        else:
            rows = whole(stories, domain.action_index, NO_LABEL)
            labels = whole_labels(rows, NO_LABEL)
        newest_first = self.max_history is not None
        return as_examples(rows, labels, self.vocabulary, self._texts.known, newest_first=newest_first)

    def _fit(self, examples: Examples, labels: Mapping[str, np.ndarray], context: TrainingContext) -> None:
        from shoptalk.networks.ted_training import train_ted

        assert self.vocabulary is not None
        name = type(self).__name__
        tell = context.progress
        shape = self._shape(labels)
        weights, losses = train_ted(
            shape,
            self._training(context.seed),
            examples,
            labels,
            None if tell is None else lambda epoch, of: tell(name, epoch, of),
        )
        self.network = TedInference(replace(shape, inputs={**shape.inputs}), weights)
        self._report = {
            "examples": int((~examples.by_chance).sum()),
            "augmented": int(examples.by_chance.sum()),
            "moments": len(examples.features["action_name"]),
            "loss": round(losses[-1], 4) if losses else None,
        }

    def _shape(self, labels: Mapping[str, np.ndarray]) -> TedShape:
        assert self.vocabulary is not None
        options = self.options
        dense = {**options["dense_dimension"]}
        inputs = {**self.vocabulary.widths, **{part: values.shape[1] for part, values in labels.items()}}
        for part in labels:
            dense.setdefault(part, 20)
        return TedShape(
            inputs=inputs,
            dense=dense,
            encoding=options["encoding_dimension"],
            size=_of_dialogue(options["transformer_size"]),
            layers=_of_dialogue(options["number_of_transformer_layers"]),
            heads=options["number_of_attention_heads"],
            embedding=options["embedding_dimension"],
            window=self.max_history or 0,
            cosine=self._compares_directions,
        )

    def _training(self, seed: int) -> TedTraining:
        from shoptalk.networks.ted import TedTraining

        options = self.options
        size = options["batch_size"]
        first, last = size if isinstance(size, list | tuple) else (size, size)
        margin = (options["maximum_positive_similarity"], options["maximum_negative_similarity"])
        return TedTraining(
            epochs=options["epochs"],
            batch_size=(int(first), int(last)),
            learning_rate=options["learning_rate"],
            dropout=options["drop_rate"],
            dropout_dialogue=options["drop_rate_dialogue"],
            dropout_attention=options["drop_rate_attention"],
            dropout_label=options["drop_rate_label"],
            density=options["connection_density"],
            weight_decay=options["regularization_constant"],
            negatives=options["number_of_negative_examples"],
            scale_loss=options["scale_loss"],
            constrain=options["constrain_similarities"],
            margin=margin if options["loss_type"] == "margin" else None,
            hardest=options["use_maximum_negative_similarity"],
            negative_scale=options["negative_margin_scale"],
            cosine=self._compares_directions,
            balanced=options["batch_strategy"] == "balanced",
            seed=seed if options["random_seed"] is None else int(options["random_seed"]),
        )

    @property
    def _compares_directions(self) -> bool:
        """Whether similarities are cosines."""
        kind = self.options["similarity_type"]
        return bool(kind == "cosine" or (kind == "auto" and self.options["loss_type"] == "margin"))

    # -------------------------------------------------------------------------------------------- predicting

    def use_text(self, featurize: FeaturizeText | None) -> None:
        """How texts become vectors from now on."""
        self._texts.featurize = featurize
        self._known.clear()

    def only_scores(self, tracker: Tracker) -> bool:
        """Whether its answer to this conversation can win by its score alone."""
        return self.network is None or not self._may_use_text(tracker)

    def report(self) -> dict[str, Any]:
        """What was learnt from, and how well."""
        return self._report

    def predict(
        self, tracker: Tracker, domain: Domain, rule_only: RuleOnly = NOTHING_RULE_ONLY
    ) -> Prediction:
        """A share of 1 for each action; by the user's text where that is clearer than the intent."""
        name = type(self).__name__
        if self.network is None:
            return Prediction(one_hot(None, domain), name, self.priority)
        similar = self.similarities(tracker, domain, rule_only, "intent")
        scores, by_text = softmax(similar), False
        if self._may_use_text(tracker):
            textual = self.similarities(tracker, domain, rule_only, "text")
            shares = softmax(textual)
            if shares.max() > self.options["e2e_confidence_threshold"] and textual.max() > similar.max():
                scores, by_text = shares, True
        return Prediction(
            self._ranked(scores), name, self.priority, is_end_to_end=by_text, reason=Reason("model", name)
        )

    def _may_use_text(self, tracker: Tracker) -> bool:
        assert self.vocabulary is not None
        can = self.vocabulary.text_width > 0 and self._texts.featurize is not None
        return can and tracker.latest_action_name == ACTION_LISTEN and bool(tracker.latest_message.text)

    def similarities(
        self, tracker: Tracker, domain: Domain, rule_only: RuleOnly, view: UserView
    ) -> np.ndarray:
        """How well each label fits the conversation. Shapes: (A,)"""
        assert self.network is not None
        assert self.vocabulary is not None
        count = self._longest if self.max_history is None else self.max_history
        states = tuple(dialogue_states(tracker, domain, rule_only).visible_states(view, count))
        return self._compared(states, self._similarities)

    def _similarities(self, states: States) -> np.ndarray:
        assert self.network is not None
        assert self.vocabulary is not None
        return self.network.similarities(self.vocabulary.encode(states, self._texts.vectors(states)))

    def _compared(self, states: States, compare: Callable[[States], np.ndarray]) -> np.ndarray:
        """What `compare` says of states; remembered, as people say and do much the same."""
        known = self._known.get(states)
        if known is None:
            known = compare(states)
            known.flags.writeable = False
            if len(self._known) >= REMEMBERED:
                self._known.clear()
            self._known[states] = known
        return known

    def _ranked(self, scores: np.ndarray) -> list[float]:
        """The scores, cut after `ranking_length` of them."""
        length = self.options["ranking_length"]
        if length and length < len(scores):
            kept = np.argsort(-scores, kind="stable")[:length]
            cut = np.zeros_like(scores)
            cut[kept] = scores[kept]
            scores = cut / cut.sum() if self.options["renormalize_confidences"] else cut
        return [float(score) for score in scores]

    # ------------------------------------------------------------------------------------------------ keeping

    def save(self) -> Saved:
        """Weights, sizes, vocabulary and the vectors of known texts."""
        if self.network is None or self.vocabulary is None:
            return Saved({"trained": False})
        config = {
            "trained": True,
            "shape": self.network.shape.as_dict(),
            "vocabulary": self.vocabulary.as_dict(),
            "texts": list(self._texts.known),
            "longest": self._longest,
            **self._more(),
        }
        tensors = dict(self.network.weights)
        if self._texts.width:
            tensors["texts"] = np.stack(list(self._texts.known.values()))
            tensors["text_columns"] = self._texts.columns
        return Saved(config, tensors)

    def _more(self) -> dict[str, Any]:
        return {}

    @classmethod
    def load(cls, config: Mapping[str, Any], saved: Saved) -> Self:
        """The policy as it was when saved."""
        policy = cls(config)
        if not saved.config["trained"]:
            return policy
        weights = dict(saved.tensors)
        texts = weights.pop("texts", None)
        if texts is not None:
            known = zip(saved.config["texts"], texts, strict=True)
            policy._texts = Texts(dict(known), weights.pop("text_columns"))
        policy.vocabulary = Vocabulary.from_dict(saved.config["vocabulary"])
        policy.network = TedInference(TedShape(**saved.config["shape"]), weights)
        policy._longest = int(saved.config["longest"])
        policy._restore(saved.config)
        return policy

    def _restore(self, config: Mapping[str, Any]) -> None:
        """What a kind of this policy keeps beside the network."""


def _of_dialogue(value: Any) -> int:
    return int(value["dialogue"] if isinstance(value, Mapping) else value)

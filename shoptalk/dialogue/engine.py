"""The dialogue manager: policies of a project, trained together, asked together."""

from __future__ import annotations

import difflib
import logging
import math
from collections.abc import Mapping, Sequence
from typing import Any, NoReturn, Self

from shoptalk import registry
from shoptalk.archive import Saved, load_part, save_part
from shoptalk.core.domain import Domain
from shoptalk.core.stories import ActionStep, OrStep, Rule, SlotStep, Story, StoryData
from shoptalk.core.tracker import Tracker
from shoptalk.core.training_data import Source
from shoptalk.dialogue.ensemble import combine, rejected_place, winner_index, without
from shoptalk.dialogue.policies.base import (
    NOTHING_RULE_ONLY,
    FeaturizeText,
    Opinion,
    Policy,
    Prediction,
    Progress,
    RuleOnly,
    Scored,
    TrainingContext,
)
from shoptalk.dialogue.training_trackers import TrainingTracker, training_trackers
from shoptalk.errors import ConfigError, DataError
from shoptalk.formats.yaml import at_place

logger = logging.getLogger(__name__)

RULE_POLICY = "RulePolicy"


class Dialogue:
    """Decides what the assistant does next.

    Args:
        policies: in the order of config.yml.
    """

    def __init__(self, policies: Sequence[Policy]) -> None:
        self.policies = list(policies)
        self.rule_only: RuleOnly = NOTHING_RULE_ONLY

    @classmethod
    def build(cls, configs: Sequence[Mapping[str, Any]]) -> Self:
        """Untrained policies from the `policies:` of config.yml.

        Raises:
            ConfigError: a policy is unknown or has no priority, or a setting is wrong.
        """
        policies: list[Policy] = []
        for config in configs:
            with at_place(config):
                policies.append(_policy(config))
        _warn_of_equal_priorities(policies)
        return cls(policies)

    # ---------------------------------------------------------------------------------------------- training

    def train(
        self,
        story_data: StoryData,
        domain: Domain,
        *,
        featurize_text: FeaturizeText | None = None,
        augmentation: int = 50,
        seed: int = 42,
        progress: Progress | None = None,
    ) -> dict[str, Any]:
        """Train every policy.

        Args:
            story_data: stories and rules of the project.
            domain: of the project.
            featurize_text: vectors for end-to-end texts.
            augmentation: how much to join stories for learning policies; 0 for not at all.
            seed: of every random choice.
            progress: told how far it is.

        Returns:
            Figures for people: how many conversations, and what each policy says of its training.

        Raises:
            DataError: stories and rules cannot be learnt as they are.
            ConfigError: policies and domain do not fit together.
        """
        self.check(domain)
        self._check_names(story_data, domain)
        learns = any(getattr(policy, "learns_from_chance", False) for policy in self.policies)
        trackers = training_trackers(
            story_data, domain, augmentation=augmentation if learns else 0, seed=seed
        )
        context = TrainingContext(seed, featurize_text, progress)
        for number, policy in enumerate(self.policies):
            if progress is not None:
                progress(type(policy).__name__, number, len(self.policies))
            policy.train(trackers, domain, context)
        self._share(featurize_text)
        return self._report(trackers)

    def _report(self, trackers: Sequence[TrainingTracker]) -> dict[str, Any]:
        kinds = {
            "stories": sum(not t.is_rule and not t.is_augmented for t in trackers),
            "augmented": sum(t.is_augmented for t in trackers),
            "rules": sum(t.is_rule for t in trackers),
        }
        figures: dict[str, Any] = {
            name: getattr(p, "report", dict)()
            for name, p in zip(self._part_names(), self.policies, strict=True)
        }
        return {"conversations": kinds, "policies": figures}

    @property
    def is_light(self) -> bool:
        """Whether a prediction is so cheap that it need not leave the event loop."""
        return all(getattr(policy, "is_light", False) for policy in self.policies)

    def check(self, domain: Domain) -> None:
        """Whether these policies can serve this domain.

        Raises:
            ConfigError: they cannot.
        """
        has_rules = any(type(policy).__name__ == RULE_POLICY for policy in self.policies)
        if self.policies and domain.forms and not has_rules:
            form = next(iter(domain.forms.values()))
            raise DataError(
                f"The domain has forms ({', '.join(domain.forms)}), but config.yml has no RulePolicy to run them.",
                hint="Add `- name: RulePolicy` to `policies:`.",
                file=form.source.file,
                line=form.source.line,
            )

    def _check_names(self, data: StoryData, domain: Domain) -> None:
        """Every slot that stories and rules set is one of the domain, and every action that a policy must score.

        As with Rasa, memory may hold an action that the domain lacks: it is never predicted.

        Raises:
            DataError: one is not.
        """
        of_rules = any(type(policy).__name__ == RULE_POLICY for policy in self.policies)
        of_stories = any(getattr(policy, "learns_actions", False) for policy in self.policies)
        for story in data.stories:
            _check_names(story, domain, with_actions=of_stories)
        for rule in data.rules:
            _check_names(rule, domain, with_actions=of_rules)

    def _share(self, featurize_text: FeaturizeText | None) -> None:
        """Tell all policies what one of them knows."""
        for policy in self.policies:
            self.rule_only = getattr(policy, "rule_only", None) or self.rule_only
        self.use_text(featurize_text)

    def use_text(self, featurize_text: FeaturizeText | None) -> None:
        """How policies turn a message's text into a vector from now on."""
        for policy in self.policies:
            take = getattr(policy, "use_text", None)
            if take is not None:
                take(featurize_text)

    # -------------------------------------------------------------------------------------------- predicting

    def predict(self, tracker: Tracker, domain: Domain) -> Prediction:
        """The winning prediction; its `events` are everything to apply."""
        return combine(self._answers(tracker, domain), tracker, domain)

    def _answers(self, tracker: Tracker, domain: Domain) -> list[Prediction]:
        """What policies predict, without those that could not win any more when it was their turn."""
        bounded = [_only_scores(policy, tracker) for policy in self.policies]
        order = sorted(
            range(len(bounded)),
            key=lambda at: (bounded[at], -self.policies[at].priority if bounded[at] else 0),
        )
        rejected = rejected_place(tracker, domain)
        answers: dict[int, Prediction] = {}
        certain = -math.inf  # the highest priority of those that are certain
        for at in order:
            policy = self.policies[at]
            if bounded[at] and certain > policy.priority:
                continue
            answers[at] = policy.predict(tracker, domain, self.rule_only)
            certain = max(certain, _certainty(answers[at], rejected))
        return [answers[at] for at in sorted(answers)]

    def predict_all(self, tracker: Tracker, domain: Domain, top: int = 5) -> list[Opinion]:
        """What each policy thinks, for people to read.

        Args:
            tracker, domain: as in `predict`.
            top: how many actions of each policy.
        """
        predictions = [p.predict(tracker, domain, self.rule_only) for p in self.policies]
        won = winner_index(predictions) if predictions else -1
        return [
            Opinion(prediction.policy or "", _best(prediction, domain, top), prediction.reason, index == won)
            for index, prediction in enumerate(predictions)
        ]

    # ------------------------------------------------------------------------------------------------ keeping

    def save(self) -> dict[str, Saved]:
        """What each policy keeps, by a name that is unique among them."""
        return {
            name: save_part(policy) for name, policy in zip(self._part_names(), self.policies, strict=True)
        }

    def _part_names(self) -> list[str]:
        return [f"{type(policy).__name__}{number}" for number, policy in enumerate(self.policies)]

    @classmethod
    def load(
        cls,
        configs: Sequence[Mapping[str, Any]],
        saved: Mapping[str, Saved],
        domain: Domain,
        *,
        featurize_text: FeaturizeText | None = None,
    ) -> Self:
        """The dialogue manager as it was when saved."""
        policies: list[Policy] = []
        for number, config in enumerate(configs):
            kind = registry.resolve("policy", str(config["name"]))
            policies.append(load_part(kind, config, saved[f"{kind.__name__}{number}"]))
        dialogue = cls(policies)
        dialogue.check(domain)
        dialogue._share(featurize_text)
        return dialogue


def _policy(config: Mapping[str, Any]) -> Policy:
    """An untrained policy.

    Raises:
        ConfigError: it is unknown, none, or without a priority.
    """
    name = str(config["name"])
    kind = registry.resolve("policy", name)
    missing = [word for word in ("train", "predict", "save", "load") if not hasattr(kind, word)]
    if missing:
        raise ConfigError(
            f"The class {name!r} is no policy: it has no {', '.join(missing)}.",
            hint="A policy written for Rasa's graph is ported in a few lines; see docs/migrating-from-rasa.md.",
        )
    if not isinstance(getattr(kind, "default_priority", None), int):
        raise ConfigError(
            f"The policy {name!r} has no priority.",
            hint="Give its class an attribute `default_priority: ClassVar[int]`.",
        )
    made: Policy = kind(config)
    return made


def _only_scores(policy: Policy, tracker: Tracker) -> bool:
    tell = getattr(policy, "only_scores", None)
    return tell is not None and bool(tell(tracker))


def _certainty(prediction: Prediction, rejected: int | None) -> float:
    """A priority below which no score can win against a prediction."""
    if prediction.is_no_user:
        return math.inf
    left = prediction if rejected is None else without(prediction, rejected)
    return float(prediction.priority) if left.confidence >= 1.0 else -math.inf


def _check_names(snippet: Story | Rule, domain: Domain, *, with_actions: bool) -> None:
    known = frozenset(domain.action_names)
    condition = snippet.condition if isinstance(snippet, Rule) else ()
    inside = (s for step in snippet.steps if isinstance(step, OrStep) for s in step.alternatives)
    for step in (*condition, *snippet.steps, *inside):
        if isinstance(step, SlotStep) and step.name not in domain.all_slots:
            _refuse(snippet, "sets the slot", step.name, list(domain.all_slots), "slots", step.source)
        name = step.name if with_actions and isinstance(step, ActionStep) else None
        if name and name not in known and "/" not in name:
            _refuse(snippet, "names the action", name, list(known), "actions", step.source)


def _refuse(
    snippet: Story | Rule, does: str, name: str, known: list[str], section: str, source: Source
) -> NoReturn:
    close = difflib.get_close_matches(name, known, n=1)
    raise DataError(
        f"{snippet.name!r} {does} {name!r}, which is not in the domain.",
        hint=f"Did you mean {close[0]!r}?" if close else f"Add it to `{section}:` of the domain.",
        file=source.file,
        line=source.line,
    )


def _best(prediction: Prediction, domain: Domain, top: int) -> tuple[Scored, ...]:
    ranked = sorted(
        zip(domain.action_names, prediction.probabilities, strict=True), key=lambda pair: -pair[1]
    )
    return tuple(Scored(action, float(score)) for action, score in ranked[:top] if score > 0)


def _warn_of_equal_priorities(policies: Sequence[Policy]) -> None:
    seen: dict[int, str] = {}
    for policy in policies:
        name = type(policy).__name__
        other = seen.setdefault(policy.priority, name)
        if other != name:
            logger.warning(
                "config.yml: the policies %s and %s have the same priority %d; between equal scores the first wins.",
                other,
                name,
                policy.priority,
            )

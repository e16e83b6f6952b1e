"""What a policy is: it looks at a conversation and scores every action the assistant could take next."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar, Literal, Protocol, Self, runtime_checkable

from shoptalk.archive import Saved
from shoptalk.core.domain import Domain
from shoptalk.core.events import Event
from shoptalk.core.tracker import Tracker
from shoptalk.core.training_data import NOWHERE, Source

if TYPE_CHECKING:
    import numpy as np

    from shoptalk.dialogue.training_trackers import TrainingTracker

ReasonKind = Literal["rule", "story", "loop", "model", "fallback", "default"]
FeaturizeText = Callable[[list[str]], "np.ndarray"]
"""Texts -> vectors. Shapes: (B,) -> (B, H) float32."""
Progress = Callable[[str, int, int], None]
"""Called with what is being done, how many steps are done, and how many there are."""


@dataclass(frozen=True, slots=True)
class Reason:
    """Why an action was chosen, for people to read.

    Args:
        kind: rule and story name a snippet of the training data; loop is a form that goes on; model is learned;
            fallback means nothing else was sure; default is built in (restart, back, …).
        name: of the rule, story, form, model or intent.
        source: where the snippet stands.
    """

    kind: ReasonKind
    name: str
    source: Source = NOWHERE

    def as_dict(self) -> dict[str, Any]:
        """JSON for the inspector."""
        return {
            "kind": self.kind,
            "name": self.name,
            "file": self.source.file or None,
            "line": self.source.line or None,
        }


@dataclass(frozen=True, slots=True)
class Prediction:
    """Scores over all actions, in the order of `domain.action_names`.

    Args:
        probabilities: one score per action; all zeros means "no idea".
        policy: name of the policy's class; None when no policy was asked.
        priority: decides between equal scores.
        events: applied whether or not this prediction wins.
        optional_events: applied only if it wins.
        is_no_user: it ignores what the user said (a loop goes on); only such compete when there is one.
        is_end_to_end: it rests on the user's text, not on the intent.
        hide_rule_turn: the turn comes from a rule that no story shows; learning policies must not see it.
        action_metadata: becomes the metadata of the ActionExecuted event.
        reason: why; for people.
    """

    probabilities: Sequence[float]
    policy: str | None = None
    priority: int = 1
    events: tuple[Event, ...] = ()
    optional_events: tuple[Event, ...] = ()
    is_no_user: bool = False
    is_end_to_end: bool = False
    hide_rule_turn: bool = False
    action_metadata: dict[str, Any] | None = None
    reason: Reason | None = None

    @property
    def confidence(self) -> float:
        """The highest score."""
        return max(self.probabilities, default=0.0)

    @property
    def action_index(self) -> int:
        """The first place that has the highest score."""
        scores = self.probabilities
        return scores.index(max(scores)) if len(scores) else 0

    def action(self, domain: Domain) -> str:
        """Name (or end-to-end text) of the best action."""
        return domain.action_names[self.action_index]


@dataclass(frozen=True, slots=True)
class RuleOnly:
    """Slots and loops that only rules mention; learning policies do not see them."""

    slots: frozenset[str] = frozenset()
    loops: frozenset[str] = frozenset()

    def __bool__(self) -> bool:
        return bool(self.slots or self.loops)


NOTHING_RULE_ONLY = RuleOnly()


@dataclass(frozen=True, slots=True)
class TrainingContext:
    """What a policy may use while it learns.

    Args:
        seed: of every random choice.
        featurize_text: vectors of end-to-end texts; None without an NLU pipeline.
        progress: told how far training is.
    """

    seed: int = 42
    featurize_text: FeaturizeText | None = None
    progress: Progress | None = None


@runtime_checkable
class Policy(Protocol):
    """Learns from training conversations, then scores actions.

    Optional methods and attributes the engine uses when a policy has them: `rule_only` (what it knows of
    `RuleOnly`, given to every policy's `predict`), `use_text(featurize)` (how to turn a text into a vector at
    prediction), `learns_from_chance` (True: give it augmented conversations too), `learns_actions` (True: stories
    must not name actions that the domain lacks), `is_light` (True: `predict` takes well under a millisecond), `only_scores(tracker) -> bool` (True: its prediction has no events and can win by its
    score alone, which is at most 1, so that it need not be asked when a policy of higher priority is certain),
    `report() -> dict` (JSON figures of its training, for people).
    """

    default_priority: ClassVar[int]
    config: Mapping[str, Any]
    priority: int

    def __init__(self, config: Mapping[str, Any]) -> None: ...

    def train(self, trackers: Sequence[TrainingTracker], domain: Domain, context: TrainingContext) -> None:
        """Learn from stories and rules."""
        ...

    def predict(
        self, tracker: Tracker, domain: Domain, rule_only: RuleOnly = NOTHING_RULE_ONLY
    ) -> Prediction:
        """Score every action for what comes next in this conversation."""
        ...

    def save(self) -> Saved:
        """All that `load` needs."""
        ...

    @classmethod
    def load(cls, config: Mapping[str, Any], saved: Saved) -> Self:
        """The policy as it was when saved."""
        ...


@dataclass(frozen=True, slots=True)
class Scored:
    """One line of the inspector: an action, how likely a policy finds it."""

    action: str
    score: float


@dataclass(frozen=True, slots=True)
class Opinion:
    """What one policy thinks, for the inspector.

    Args:
        policy: name of its class.
        top: its best actions, best first; those with a score above zero.
        reason: why the first.
        won: whether the assistant follows it.
    """

    policy: str
    top: tuple[Scored, ...] = field(default_factory=tuple)
    reason: Reason | None = None
    won: bool = False


def one_hot(action: str | None, domain: Domain, score: float = 1.0) -> list[float]:
    """Scores with a single action above zero; all zeros for None or an action the domain lacks."""
    scores = [0.0] * len(domain.action_names)
    place = None if action is None else domain.action_index.get(action)
    if place is not None:
        scores[place] = score
    return scores

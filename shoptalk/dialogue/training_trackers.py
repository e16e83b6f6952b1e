"""Training conversations: stories and rules joined into trackers that policies learn from.

Stories are cut into blocks at checkpoints and after `or`; blocks are glued wherever one's end is another's start.
Augmentation glues whole stories, so that learning policies get used to histories.
"""

from __future__ import annotations

import logging
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property

from shoptalk.core.domain import ACTION_LISTEN, Domain
from shoptalk.core.events import ActionExecuted, ActionReverted, Event, Restarted, UserUtteranceReverted
from shoptalk.core.stories import StoryData
from shoptalk.core.tracker import Tracker
from shoptalk.core.training_data import NOWHERE, Source
from shoptalk.dialogue.blocks import (
    GENERATED,
    SOURCE,
    START,
    UNPREDICTABLE,
    Block,
    break_cycles,
    in_order,
    rule_blocks,
    story_blocks,
)
from shoptalk.dialogue.features import StateLog, dialogue_states
from shoptalk.dialogue.policies.base import NOTHING_RULE_ONLY
from shoptalk.dialogue.states import State

logger = logging.getLogger(__name__)

AUGMENTATION_ROUNDS = 3


@dataclass(frozen=True, slots=True)
class Decision:
    """One example: states so far and the action that follows.

    Args:
        position: of the action among the tracker's actions; `states[:position + 1]` led to it.
        action: its name or text.
        source: where the action stands; for an implied action_listen, where the snippet stands.
        predictable: whether it can be learnt.
    """

    position: int
    action: str
    source: Source
    predictable: bool


@dataclass(eq=False)
class TrainingTracker:
    """A training conversation.

    Args:
        name: of the snippets it is made of, joined by " > ".
        source: where the last of them stands.
        tracker: the conversation at its end.
        is_rule: it is a rule, not a story.
        is_augmented: made by chance; rules and memory ignore it.
    """

    name: str
    source: Source
    tracker: Tracker
    domain: Domain
    is_rule: bool = False
    is_augmented: bool = False
    snippets: tuple[tuple[str, Source], ...] = field(default=())

    @property
    def events(self) -> list[Event]:
        """What happened and still counts."""
        return self.tracker.applied

    @cached_property
    def states(self) -> list[State]:
        """A state before each action, and the last one."""
        return dialogue_states(self.tracker, self.domain).states()

    @cached_property
    def states_of_set_slots(self) -> list[State]:
        """As `states`, but a slot that only has its initial value is left out (for rules)."""
        log = StateLog(self.domain, NOTHING_RULE_ONLY, omit_unset=True)
        log.feed(self.events)
        return log.states()

    @cached_property
    def decisions(self) -> list[Decision]:
        """Every action of the conversation."""
        actions = (event for event in self.events if isinstance(event, ActionExecuted))
        return [
            Decision(
                place,
                event.name_or_text or "",
                event.metadata.get(SOURCE) or self.source,
                not event.metadata.get(UNPREDICTABLE),
            )
            for place, event in enumerate(actions)
        ]

    def copy(self) -> TrainingTracker:
        """An independent one in the same state."""
        return TrainingTracker(
            self.name,
            self.source,
            self.tracker.copy(),
            self.domain,
            self.is_rule,
            self.is_augmented,
            self.snippets,
        )

    def key(self) -> tuple[State, ...]:
        """What makes two conversations the same to a policy."""
        return tuple(dialogue_states(self.tracker, self.domain).states())


def training_trackers(
    data: StoryData, domain: Domain, *, augmentation: int = 50, seed: int = 42
) -> list[TrainingTracker]:
    """All training conversations of a project.

    Args:
        data: its stories and rules.
        domain: of the project.
        augmentation: up to ten times as many conversations are made by joining stories; 0 for none.
        seed: of the choice among them.

    Returns:
        Stories, then augmented ones, then rules.
    """
    blocks = [block for story in data.stories for block in story_blocks(story, domain)]
    stories = _Gluing(domain, blocks, is_rule=False).run()
    augmented = _augment(stories, augmentation, seed) if augmentation > 0 else []
    cut = [block for rule in data.rules for block in rule_blocks(rule, domain)]
    rules = _Gluing(domain, cut, is_rule=True).run()
    return [*(s.tracker for s in stories), *augmented, *(r.tracker for r in rules)]


@dataclass(frozen=True, slots=True)
class _Finished:
    """A conversation that is through; `ended` if it reached the end of a story and not a loose end."""

    tracker: TrainingTracker
    ended: bool


class _Gluing:
    """Lets conversations flow through the blocks until nothing new is reached."""

    def __init__(self, domain: Domain, blocks: Sequence[Block], *, is_rule: bool) -> None:
        self.domain, self.is_rule = domain, is_rule
        self.blocks = in_order(break_cycles(blocks))
        self.finished: list[_Finished] = []
        self._ended: list[_Finished] = []
        self._seen_ends: set[int] = set()
        self._used: set[str] = set()

    def run(self) -> list[_Finished]:
        """Every conversation, loose ends first."""
        if not self.blocks:
            return []
        start = TrainingTracker("", NOWHERE, Tracker("", self.domain.all_slots), self.domain, self.is_rule)
        active: dict[str, list[TrainingTracker]] = {START: [start]}
        before: set[str] = set()
        while True:
            unused = self._pass(active)
            unused |= {name for name in active if name not in self._used}
            active = {name: active.get(name, []) for name in unused if name != START}
            if unused == before or not any(active.values()):
                break
            before = unused
        loose = unused - self._used
        for name in sorted(loose):
            self.finished += [_Finished(tracker, False) for tracker in active.get(name, [])]
        self._warn(loose)
        return [*self.finished, *self._ended]

    def _pass(self, active: dict[str, list[TrainingTracker]]) -> set[str]:
        """Go through all blocks once; names of joints where conversations wait or should have come from."""
        unused: set[str] = set()
        for block in self.blocks:
            arriving: list[TrainingTracker] = []
            for joint in block.starts:
                if active.get(joint.name):
                    arriving += [t for t in active[joint.name] if joint.admits(t.tracker)]
                    self._used.add(joint.name)
                elif joint.name not in self._used:
                    unused.add(joint.name)
            if not arriving:
                continue
            leaving = self._go_through(block, _distinct(arriving))
            for name in block.ends:
                active.setdefault(name, []).extend(leaving)
                if name in self._used:
                    unused.add(name)
            if not block.ends:
                self._finish(leaving)
        return unused

    def _go_through(self, block: Block, arriving: list[TrainingTracker]) -> list[TrainingTracker]:
        events = block.events_for(self.domain)
        if not events:
            return []
        leaving = [_entering(tracker, block) for tracker in arriving]
        for event in events:
            takes_back = isinstance(event, ActionReverted | UserUtteranceReverted | Restarted)
            for tracker in leaving:
                if takes_back:
                    self.finished.append(_Finished(tracker.copy(), False))
                tracker.tracker.apply(event)
        return leaving

    def _finish(self, trackers: list[TrainingTracker]) -> None:
        for tracker in trackers:
            key = hash(tracker.key())
            if key not in self._seen_ends:
                self._seen_ends.add(key)
                self._ended.append(_Finished(tracker, True))

    def _warn(self, loose: set[str]) -> None:
        for block in self.blocks:
            for joint in block.starts:
                if joint.name in loose and joint.name != START and not joint.name.startswith(GENERATED):
                    logger.warning(
                        "%s: %r starts at checkpoint %r, but no story ends there. Remove the checkpoint or end a story "
                        "with it.", block.source, block.name, joint.name,
                    )  # fmt: skip
            for name in block.ends:
                if name in loose and not name.startswith(GENERATED):
                    logger.warning(
                        "%s: %r ends at checkpoint %r, but no story starts there. Remove the checkpoint or start a "
                        "story with it.", block.source, block.name, name,
                    )  # fmt: skip


def _entering(tracker: TrainingTracker, block: Block) -> TrainingTracker:
    out = tracker.copy()
    if (block.name, block.source) not in out.snippets:
        out.snippets = (*out.snippets, (block.name, block.source))
    if block.name not in out.name.split(" > "):
        out.name = f"{out.name} > {block.name}" if out.name else block.name
    out.source = block.source
    return out


def _distinct(trackers: Sequence[TrainingTracker]) -> list[TrainingTracker]:
    """One of each; those that look the same now would look the same for ever."""
    if len(trackers) == 1:
        return list(trackers)
    return list({tracker.key(): tracker for tracker in reversed(trackers)}.values())[::-1]


def _augment(stories: Sequence[_Finished], factor: int, seed: int) -> list[TrainingTracker]:
    """Stories joined end to start by chance: at most ten times `factor`, of up to four stories each."""
    rand = random.Random(seed)
    whole = [item.tracker for item in stories if item.ended]
    made: list[TrainingTracker] = []
    seen: set[int] = set()
    heads = whole
    for _ in range(AUGMENTATION_ROUNDS):
        heads = rand.sample(heads, min(factor, len(heads)))
        pairs = [(head, tail) for head in heads for tail in whole]
        joined = (_join(head, tail) for head, tail in rand.sample(pairs, min(len(pairs), factor * 4)))
        heads = [tracker for tracker in joined if not _is_repeated(tracker, seen)]
        made += heads
    return rand.sample(made, min(len(made), factor * 10))


def _is_repeated(tracker: TrainingTracker, seen: set[int]) -> bool:
    key = hash(tracker.key())
    if key in seen:
        return True
    seen.add(key)
    return False


def _join(head: TrainingTracker, tail: TrainingTracker) -> TrainingTracker:
    """`tail` told after `head`: the final listening of the one is the first of the other."""
    out = head.copy()
    out.is_augmented = True
    out.name = f"{head.name} > {tail.name}"
    out.snippets = (*head.snippets, *tail.snippets)
    out.source = tail.source
    events = iter(tail.events)
    last = head.events[-1] if head.events else None
    ends_listening = isinstance(last, ActionExecuted) and last.name == ACTION_LISTEN
    for event in _without_first_listen(events) if ends_listening else events:
        out.tracker.apply(event)
    return out


def _without_first_listen(events: Iterator[Event]) -> Iterator[Event]:
    first = next(events, None)
    if first is not None and not (isinstance(first, ActionExecuted) and first.name == ACTION_LISTEN):
        yield first
    yield from events

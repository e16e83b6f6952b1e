"""Stories and rules cut into blocks: runs of events between joints (checkpoints, ends of `or`)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from shoptalk.core.domain import ACTION_LISTEN, RULE_SNIPPET, Domain
from shoptalk.core.events import ActionExecuted, ActiveLoop, Event, SlotSet, UserUttered, decode
from shoptalk.core.stories import (
    ActionStep,
    CheckpointStep,
    EventStep,
    LoopStep,
    OrStep,
    Rule,
    SlotStep,
    Step,
    Story,
    UserStep,
)
from shoptalk.core.tracker import Tracker
from shoptalk.core.training_data import Source
from shoptalk.dialogue.states import SHOULD_NOT_BE_SET

START = "STORY_START"
"""The joint every story without a start checkpoint begins at."""
GENERATED = "\0"
"""What names of joints begin with that nobody wrote."""
SOURCE = "source"
"""Key of a training event's metadata: where it stands in the project."""
FILLED: dict[str, Any] = {"text": "filled", "list": ["filled"]}
"""The value of a slot of which a story says only that it was set, by type. Source: as Rasa."""
UNPREDICTABLE = "unpredictable"
"""Key of an action's metadata: it comes out of nowhere, so nobody can learn to predict it."""


@dataclass(frozen=True, slots=True)
class Joint:
    """Where a block may begin: a name, and slot values a conversation must have to come in."""

    name: str
    conditions: tuple[tuple[str, Any], ...] = ()

    def admits(self, tracker: Tracker) -> bool:
        """Whether a conversation may go on here."""
        return all(tracker.slots.get(name) == value for name, value in self.conditions)


@dataclass(frozen=True, slots=True)
class Block:
    """Events between joints.

    Args:
        name, source: of the story or rule it belongs to.
        starts, ends: joints it can begin at and ends at; no end means the end of the story.
        events: as written, without what is implied.
        is_rule: it is (part of) a rule.
    """

    name: str
    source: Source
    starts: tuple[Joint, ...]
    ends: tuple[str, ...] = ()
    events: tuple[Event, ...] = ()
    is_rule: bool = False

    def events_for(self, domain: Domain) -> list[Event]:
        """The events with what is implied: listening before the user speaks and at the end; slots from entities."""
        out: list[Event] = []
        for event in self.events:
            if isinstance(event, UserUttered):
                self._listen(out, event.metadata.get(SOURCE))
                out += [event, *_slots_from(event, domain)]
            else:
                out.append(event)
        if not self.ends:
            self._listen(out, None)
        if self.is_rule:
            out = [_explicitly_unset(event) for event in out]
        if any(joint.name == START for joint in self.starts):
            _mark_unpredictable(self.events, out)
        return out

    def _listen(self, events: list[Event], source: Source | None) -> None:
        last = events[-1] if events else None
        if not (isinstance(last, ActionExecuted) and last.name == ACTION_LISTEN):
            events.append(
                ActionExecuted(name=ACTION_LISTEN, timestamp=0.0, metadata={SOURCE: source or self.source})
            )


def _mark_unpredictable(written: Sequence[Event], events: list[Event]) -> None:
    """An action before the first message of a story comes out of nowhere."""
    for event in written:
        if isinstance(event, UserUttered):
            return
        if isinstance(event, ActionExecuted):
            place = next(i for i, other in enumerate(events) if other is event)
            events[place] = replace(event, metadata={**event.metadata, UNPREDICTABLE: True})
            return


def _explicitly_unset(event: Event) -> Event:
    """In rules null means "must not be set", which is more than not saying anything."""
    if isinstance(event, ActiveLoop) and event.name is None:
        return replace(event, name=SHOULD_NOT_BE_SET)
    if isinstance(event, SlotSet) and event.value is None:
        return replace(event, value=SHOULD_NOT_BE_SET)
    return event


def _slots_from(message: UserUttered, domain: Domain) -> list[Event]:
    """Slots the entities of a message fill through `from_entity` mappings."""
    if not domain.store_entities_as_slots or not message.entities:
        return []
    out: list[Event] = []
    for slot in domain.slots.values():
        values = [
            entity.get("value")
            for mapping in slot.mappings
            if mapping.type == "from_entity"
            and not (mapping.conditions and mapping.conditions[0].get("active_loop") is not None)
            for entity in message.entities
            if all(entity.get(key) == mapping.raw.get(key) for key in ("entity", "role", "group"))
        ]
        if values:
            value = values if slot.type == "list" else values[-1]
            out.append(SlotSet(name=slot.name, value=value, timestamp=0.0, metadata=message.metadata))
    return out


# --------------------------------------------------------------------------------------------------- cutting


@dataclass(slots=True)
class _Draft:
    starts: tuple[Joint, ...]
    ends: tuple[str, ...] = ()
    events: tuple[Event, ...] = ()


class _Cutter:
    """Cuts one story into blocks."""

    def __init__(self, name: str, source: Source, *, is_rule: bool) -> None:
        self.name, self.source, self.is_rule = name, source, is_rule
        self.done: list[_Draft] = []
        self.current: list[_Draft] = []
        self.first: list[Joint] = []
        self.ors = 0

    def checkpoint(self, step: CheckpointStep) -> None:
        """At the beginning a way in, elsewhere a way out (and into what follows)."""
        if not self.current:
            self.first.append(Joint(step.name, step.conditions))
            return
        for draft in list(self.current):
            if draft.ends:
                self.current.append(_Draft(draft.starts, (step.name,), draft.events))
            else:
                draft.ends = (step.name,)

    def add(self, events: Sequence[Event]) -> None:
        """One event, or several of which any may happen."""
        self._open()
        if len(events) == 1:
            for draft in self.current:
                draft.events = (*draft.events, events[0])
            return
        self.ors += 1
        joint = f"{GENERATED}or:{self.source}:{self.name}:{self.ors}"
        self.current = [
            _Draft(draft.starts, (joint,), (*draft.events, event))
            for draft in self.current
            for event in events
        ]

    def _open(self) -> None:
        self.done += [draft for draft in self.current if draft.ends]
        unfinished = [draft for draft in self.current if not draft.ends]
        if not unfinished:
            names = dict.fromkeys(name for draft in self.current for name in draft.ends)
            starts = tuple(Joint(name) for name in names) or tuple(self.first) or (Joint(START),)
            unfinished = [_Draft(starts)]
        self.current = unfinished

    def blocks(self) -> list[Block]:
        """The story's blocks."""
        return [
            Block(self.name, self.source, draft.starts, draft.ends, draft.events, self.is_rule)
            for draft in [*self.done, *self.current]
        ]


def story_blocks(story: Story, domain: Domain) -> list[Block]:
    """A story as blocks."""
    cutter = _Cutter(story.name, story.source, is_rule=False)
    _cut(cutter, story.steps, domain)
    return cutter.blocks()


def rule_blocks(rule: Rule, domain: Domain) -> list[Block]:
    """A rule as blocks: its condition, "anything before", its steps, and "anything after" if it does not wait."""
    cutter = _Cutter(rule.name, rule.source, is_rule=True)
    _cut(cutter, rule.condition, domain)
    anything = ActionStep(name=RULE_SNIPPET, source=rule.source)
    if not rule.conversation_start:
        _cut(cutter, (anything,), domain)
    _cut(cutter, rule.steps, domain)
    if not rule.wait_for_user_input:
        _cut(cutter, (anything,), domain)
    return cutter.blocks()


def _cut(cutter: _Cutter, steps: Sequence[Step], domain: Domain) -> None:
    for step in steps:
        if isinstance(step, CheckpointStep):
            cutter.checkpoint(step)
        elif isinstance(step, OrStep):
            cutter.add([_event(alternative, domain) for alternative in step.alternatives])
        else:
            cutter.add([_event(step, domain)])


def _event(step: Step, domain: Domain) -> Event:
    """The event a step stands for; where it stands is kept in the metadata."""
    common: dict[str, Any] = {"timestamp": 0.0, "metadata": {SOURCE: step.source}}
    if isinstance(step, UserStep):
        parse: dict[str, Any] = {"entities": [dict(entity) for entity in step.entities]}
        if step.intent:
            parse["intent"] = {"name": step.intent, "confidence": 1.0}
        return UserUttered(text=step.text, parse_data=parse, **common)
    if isinstance(step, ActionStep):
        return ActionExecuted(name=step.name, action_text=step.text, **common)
    if isinstance(step, SlotStep):
        return SlotSet(name=step.name, value=_value(step, domain), **common)
    if isinstance(step, LoopStep):
        return ActiveLoop(name=step.name, **common)
    assert isinstance(step, EventStep)
    return decode({"event": step.kind, **common})


def _value(step: SlotStep, domain: Domain) -> Any:
    """What a slot is set to; a bare name stands for any value if the slot is a text or a list, else for none."""
    spec = domain.all_slots.get(step.name)
    return step.value if step.has_value or spec is None else FILLED.get(spec.type)


# --------------------------------------------------------------------------------------------- order, cycles


def _edges(blocks: Sequence[Block]) -> list[list[int]]:
    """For each block, the blocks that can follow it."""
    starting: dict[str, list[int]] = {}
    for place, block in enumerate(blocks):
        for joint in block.starts:
            starting.setdefault(joint.name, []).append(place)
    return [sorted({after for name in block.ends for after in starting.get(name, ())}) for block in blocks]


def _sort(blocks: Sequence[Block]) -> tuple[list[int], list[tuple[int, int]]]:
    """Places in an order where followers come later, and the edges that go back."""
    edges = _edges(blocks)
    order: list[int] = []
    back: list[tuple[int, int]] = []
    entered: set[int] = set()
    left: set[int] = set()
    for root in reversed(range(len(blocks))):  # what comes first in the files then comes first in the order
        if root in entered:
            continue
        entered.add(root)
        stack = [(root, reversed(edges[root]))]
        while stack:
            place, following = stack[-1]
            after = next(following, None)
            if after is None:
                stack.pop()
                left.add(place)
                order.append(place)
            elif after not in entered:
                entered.add(after)
                stack.append((after, reversed(edges[after])))
            elif after not in left:
                back.append((place, after))
    return order[::-1], back


def in_order(blocks: Sequence[Block]) -> list[Block]:
    """Blocks so that each comes after those that lead to it."""
    return [blocks[place] for place in _sort(blocks)[0]]


def break_cycles(blocks: Sequence[Block]) -> list[Block]:
    """The same blocks without circles: a way back leads to a joint of its own, which is gone through once more.

    Blocks that can be reached from the block with the way back without going back keep being reached.
    """
    out = list(blocks)
    for number, (place, target) in enumerate(_sort(blocks)[1]):
        shared = set(out[place].ends) & {joint.name for joint in out[target].starts}
        if not shared:
            continue
        again, onward = f"{GENERATED}again:{number}", f"{GENERATED}onward:{number}"
        ends = [name for name in out[place].ends if name not in shared]
        forks = False
        for other, block in enumerate(out):
            extra = [
                Joint(again if other == target else onward, joint.conditions)
                for joint in block.starts
                if joint.name in shared
            ]
            if extra:
                forks = forks or other != target
                out[other] = replace(block, starts=(*block.starts, *dict.fromkeys(extra)))
        out[place] = replace(out[place], ends=(*ends, again, *([onward] if forks else [])))
    ended = {name for block in out for name in block.ends}
    lost = {name for block in blocks for name in block.ends} - ended
    return [replace(b, starts=tuple(j for j in b.starts if j.name not in lost) or b.starts) for b in out]

"""Conflicts between stories: the same conversation so far, but another action next."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from shoptalk.core.domain import ACTION_LISTEN, Domain
from shoptalk.core.slots import REQUESTED_SLOT
from shoptalk.core.stories import ActionStep, Story, StoryData, UserStep
from shoptalk.core.training_data import NOWHERE, Source
from shoptalk.dialogue.states import State, States
from shoptalk.dialogue.training_trackers import TrainingTracker, training_trackers


@dataclass(frozen=True, slots=True)
class Side:
    """What some stories do at the point of conflict.

    Args:
        action: its name or text.
        snippets: names of the stories and where they stand.
        source: where the action stands in the first of them.
        histories: the whole conversations before it.
    """

    action: str
    snippets: tuple[tuple[str, Source], ...]
    source: Source
    histories: tuple[States, ...] = ()


@dataclass(frozen=True, slots=True)
class Patch:
    """A way to solve a conflict.

    Args:
        kind: slot (tell the stories apart by a slot), rule (make one a rule), merge (do the same in both) or
            history (look further back).
        title: what to do.
        source: where.
        yaml: what to write there; empty for a change of config.yml that the title says.
    """

    kind: Literal["slot", "rule", "merge", "history"]
    title: str
    source: Source
    yaml: str = ""


@dataclass(frozen=True, slots=True)
class Conflict:
    """The same history, different actions.

    Args:
        history: the shared states, oldest first; the shortest with which these stories clash.
        sides: at least two.
        patches: ways out.
    """

    history: States
    sides: tuple[Side, ...]
    patches: tuple[Patch, ...] = ()

    @property
    def source(self) -> Source:
        """Where the first side stands."""
        return self.sides[0].source

    @property
    def after(self) -> str:
        """What happened last: "intent 'greet'", "text '…'" or "action 'utter_greet'"."""
        last = self.history[-1]
        if last.after_listen and (last.intent or last.text):
            return f"intent {last.intent!r}" if last.intent else f"text {last.text!r}"
        return f"action {last.action_name!r}"

    def __str__(self) -> str:
        lines = [f"Stories conflict after {self.after}:"]
        for side in self.sides:
            lines.append(f"  {side.action!r} in {_listed(side.snippets)}")
        lines.append("  Shared history: " + " → ".join(told(self.history)))
        lines += [f"  - {patch.title}" for patch in self.patches]
        return "\n".join(lines)


def told(history: Sequence[State]) -> list[str]:
    """A history in few words: what was said and done, and what is remembered at its end."""
    out: list[str] = []
    for state in history:
        if state.after_listen:
            said = state.intent or (f"“{state.text}”" if state.text else "")
            marks = f"[{', '.join(state.entities)}]" if state.entities else ""
            out += [f"user: {said}{marks}"] if said else []
        elif not state.is_start:
            out.append(str(state.action_name))
    last = history[-1] if history else State()
    held = [name for name, _ in last.slots] + ([f"loop {last.loop}"] if last.loop else [])
    return [*out, f"({', '.join(held)} set)"] if held else out


def find_conflicts(data: StoryData, domain: Domain, *, max_history: int | None = None) -> list[Conflict]:
    """Points at which stories that look the same go on differently.

    Args:
        data: of the project; rules are not looked at.
        domain: of the project.
        max_history: how many states back count; None for all.
    """
    trackers = training_trackers(StoryData(stories=data.stories), domain, augmentation=0)
    places: dict[States, dict[str, list[tuple[TrainingTracker, int]]]] = defaultdict(
        lambda: defaultdict(list)
    )
    for tracker in trackers:
        states = tracker.states
        for decision in tracker.decisions:
            end = decision.position + 1
            history = tuple(states[0 if max_history is None else max(0, end - max_history) : end])
            if not history[-1].is_start:
                places[history][decision.action].append((tracker, decision.position))
    found: dict[tuple[State, tuple[tuple[str, Source], ...]], Conflict] = {}
    for history, actions in places.items():
        if len(actions) < 2:
            continue
        conflict = Conflict(history, tuple(_side(action, where) for action, where in actions.items()))
        key = (history[-1], tuple((side.action, side.source) for side in conflict.sides))
        if key not in found or len(history) < len(found[key].history):
            found[key] = conflict
    stories = {story.source: story for story in data.stories}
    return [_with_patches(conflict, domain, stories, max_history) for conflict in found.values()]


def _side(action: str, where: Sequence[tuple[TrainingTracker, int]]) -> Side:
    snippets = dict.fromkeys((t.snippets[-1] if t.snippets else (t.name, t.source)) for t, _ in where)
    tracker, position = where[0]
    histories = tuple(tuple(t.states[: place + 1]) for t, place in where)
    return Side(action, tuple(snippets), tracker.decisions[position].source, histories)


def _listed(snippets: Sequence[tuple[str, Source]]) -> str:
    shown = ", ".join(f"{name!r} ({source})" for name, source in snippets[:3])
    return shown if len(snippets) <= 3 else f"{shown} and {len(snippets) - 3} more"


# -------------------------------------------------------------------------------------------------- patches


def _with_patches(
    conflict: Conflict, domain: Domain, stories: Mapping[Source, Story], max_history: int | None
) -> Conflict:
    patches = [
        *_history_patch(conflict, max_history),
        *_slot_patch(conflict, domain),
        *_rule_patches(conflict, stories),
        *_merge_patch(conflict),
    ]
    return Conflict(conflict.history, conflict.sides, tuple(patches))


def _history_patch(conflict: Conflict, max_history: int | None) -> list[Patch]:
    """Looking further back helps if the whole histories differ."""
    if max_history is None:
        return []
    longest = max(len(history) for side in conflict.sides for history in side.histories)
    for count in range(max_history + 1, longest + 1):
        seen = [{history[-count:] for history in side.histories} for side in conflict.sides]
        if all(not (a & b) for i, a in enumerate(seen) for b in seen[i + 1 :]):
            title = f"Look further back: with `max_history: {count}` the stories differ."
            return [Patch("history", title, NOWHERE)]
    return []


def _slot_patch(conflict: Conflict, domain: Domain) -> list[Patch]:
    held = {name for name, _ in conflict.history[-1].slots}
    slots = [
        s
        for s in domain.slots.values()
        if s.influence_conversation and s.name not in held and s.name != REQUESTED_SLOT
    ]
    first = conflict.sides[0]
    name = slots[0].name if slots else "a_slot"
    value = {"bool": "true", "list": "[…]", "float": "1.0"}.get(slots[0].type if slots else "", "…")
    hint = "one that influences the conversation" if slots else "add one to the domain"
    return [
        Patch(
            "slot",
            f"Tell them apart by a slot ({hint}, for example {name!r}) that is set before {first.action!r} at {first.source}.",
            first.source,
            f"- slot_was_set:\n  - {name}: {value}",
        )
    ]


def _rule_patches(conflict: Conflict, stories: Mapping[Source, Story]) -> list[Patch]:
    """A side that is one question and its answer can be a rule; then the other can stay a story only if longer."""
    out: list[Patch] = []
    for side in conflict.sides:
        name, source = side.snippets[0]
        story = stories.get(source)
        if story is None or sum(isinstance(step, UserStep) for step in story.steps) != 1:
            continue
        user = next(step for step in story.steps if isinstance(step, UserStep))
        rest = story.steps[story.steps.index(user) + 1 :]
        if (
            not user.intent
            or not rest
            or not all(isinstance(step, ActionStep) and step.name for step in rest)
        ):
            continue
        actions = "\n".join(f"  - action: {step.name}" for step in rest if isinstance(step, ActionStep))
        text = f"- rule: {name}\n  steps:\n  - intent: {user.intent}\n{actions}"
        title = f"Make {name!r} ({source}) a rule, if it holds everywhere, and remove what contradicts it."
        out.append(Patch("rule", title, source, text))
    return out


def _merge_patch(conflict: Conflict) -> list[Patch]:
    first, second = conflict.sides[:2]
    if ACTION_LISTEN in (first.action, second.action):
        going_on = second if first.action == ACTION_LISTEN else first
        ending = first if going_on is second else second
        name, source = ending.snippets[0]
        title = f"Do the same in both: add `- action: {going_on.action}` to {name!r} ({source}), or remove it at {going_on.source}."
        return [Patch("merge", title, source, f"- action: {going_on.action}")]
    title = f"Do the same in both: write `- action: {first.action}` at {second.source} instead of {second.action!r}."
    return [Patch("merge", title, second.source, f"- action: {first.action}")]

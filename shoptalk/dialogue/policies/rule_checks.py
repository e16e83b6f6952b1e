"""Checks of rules at training: are they short, complete, and do they agree with each other and with the stories?"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from shoptalk.core.domain import ACTION_LISTEN, RULE_SNIPPET, Domain
from shoptalk.core.events import ActionExecuted, ActionExecutionRejected, ActiveLoop, SlotSet, UserUttered
from shoptalk.core.tracker import Tracker
from shoptalk.core.training_data import NOWHERE, Source
from shoptalk.dialogue.blocks import SOURCE, UNPREDICTABLE
from shoptalk.dialogue.states import SHOULD_NOT_BE_SET, State
from shoptalk.dialogue.training_trackers import TrainingTracker
from shoptalk.errors import DataError

if TYPE_CHECKING:
    from shoptalk.dialogue.policies.rules import Found, RulePolicy


def check_one_message(rules: Sequence[TrainingTracker]) -> None:
    """A rule has at most one user message.

    Raises:
        DataError: naming every rule that has more.
    """
    long = [r for r in rules if sum(isinstance(event, UserUttered) for event in r.events) > 1]
    if long:
        listed = "".join(f"\n- {rule.source}: rule {rule.name!r}" for rule in long)
        raise DataError(
            f"These rules have more than one user message:{listed}\n",
            hint="A rule describes one turn. Split it at the second message, or make it a story.",
            file=long[0].source.file,
            line=long[0].source.line,
        )


# -------------------------------------------------------------------------------------------- completeness


@dataclass(slots=True)
class _Effects:
    """What an action does in rules: slots it sets, loops it starts or ends, and where that is said."""

    slots: dict[str, Source] = field(default_factory=dict)
    loops: dict[str, Source] = field(default_factory=dict)


def _effects(rules: Sequence[TrainingTracker], domain: Domain) -> dict[str, _Effects]:
    out: dict[str, _Effects] = {}
    for rule in rules:
        action: str | None = None
        for event in rule.events:
            if isinstance(event, ActionExecuted):
                action = event.name
            elif isinstance(event, UserUttered):
                action = None
            elif action and isinstance(event, SlotSet):
                slot = domain.all_slots.get(event.name)
                if slot is not None and slot.dimension:
                    out.setdefault(action, _Effects()).slots.setdefault(event.name, _where(event, rule))
            elif action and isinstance(event, ActiveLoop):
                out.setdefault(action, _Effects()).loops.setdefault(str(event.name), _where(event, rule))
    return out


def _where(event: SlotSet | ActiveLoop | ActionExecuted, tracker: TrainingTracker) -> Source:
    source = event.metadata.get(SOURCE)
    return source if isinstance(source, Source) and source != NOWHERE else tracker.source


def check_complete(rules: Sequence[TrainingTracker], domain: Domain) -> None:
    """An action that sets slots or a loop in one rule does so in every rule, unless the rule ends with it.

    Raises:
        DataError: naming every rule that leaves something out, and the rule that has it.
    """
    effects = _effects(rules, domain)
    problems: list[tuple[str, Source]] = []
    for rule in rules:
        followers = [decision.action for decision in rule.decisions[1:]] + [ACTION_LISTEN]
        names = [decision for decision in rule.decisions]
        for decision, following, state in zip(names, followers, rule.states[1:], strict=False):
            known = effects.get(decision.action)
            if known is None or RULE_SNIPPET in (following, decision.action):
                continue
            problems += [(text, decision.source) for text in _missing(decision.action, known, state, rule)]
    if problems:
        listed = "\n".join(f"- {source}: {text}" for text, source in problems)
        raise DataError(
            f"Incomplete rules found:\n{listed}\n",
            hint="If a slot or loop must not be set there, say so with null.",
            file=problems[0][1].file,
            line=problems[0][1].line,
        )


def _missing(action: str, known: _Effects, state: State, rule: TrainingTracker) -> list[str]:
    out: list[str] = []
    present = {name for name, _ in state.slots}
    slots = [name for name in known.slots if name not in present]
    if slots:
        places = ", ".join(f"{name!r} ({known.slots[name]})" for name in slots)
        wanted = "; ".join(f"`- slot_was_set: [{name}: …]`" for name in slots)
        out.append(
            f"{action!r} in rule {rule.name!r} does not set slots it sets in other rules: {places}. Add {wanted} after "
            f"it or, if it is the last action, `wait_for_user_input: false`."
        )
    if known.loops and state.loop not in known.loops:
        names = {("null" if name == SHOULD_NOT_BE_SET else name): at for name, at in known.loops.items()}
        places = ", ".join(f"{name!r} ({at})" for name, at in names.items())
        out.append(
            f"the form {action!r} in rule {rule.name!r} does not set the active_loop it sets in other rules: {places}. "
            f"Add `- active_loop: {next(iter(names))}` after it or, if it is the last action, "
            f"`wait_for_user_input: false`."
        )
    return out


# ------------------------------------------------------------------------------------------ contradictions


@dataclass(frozen=True, slots=True)
class _Supporter:
    """Who says that after certain states comes an action."""

    name: str
    action: str
    source: Source


class Rehearsal:
    """Plays every rule and story through and compares what the rules predict with what is written."""

    def __init__(self, policy: RulePolicy, domain: Domain) -> None:
        self.policy, self.domain = policy, domain
        self.supporters: dict[str, list[_Supporter]] = defaultdict(list)
        self.used_in_stories: set[str] = set()
        self.problems: list[tuple[str, Source]] = []

    def run(self, rules: Sequence[TrainingTracker], trackers: Sequence[TrainingTracker]) -> set[str]:
        """Keys of what the rules predict and no story shows.

        Args:
            rules: the rules.
            trackers: stories and rules.

        Raises:
            DataError: naming both sides of every contradiction.
        """
        from shoptalk.dialogue.policies.rules import DEFAULT_INTENT_ACTIONS, DEFAULT_SOURCE, LOOP_SOURCE

        for rule in rules:
            self._play(rule, collect=True)
        for tracker in trackers:
            self._play(tracker, collect=False)
        if self.problems:
            raise DataError(
                "Contradicting rules or stories found:\n"
                + "\n".join(text for text, _ in self.problems)
                + "\n",
                hint="Rules hold everywhere: change one side, or give the rule a `condition:`.",
                file=self.problems[0][1].file,
                line=self.problems[0][1].line,
            )
        keys = set(self.supporters)
        keys.update(DEFAULT_SOURCE + intent for intent in DEFAULT_INTENT_ACTIONS)
        for form in self.domain.forms:
            keys.update((LOOP_SOURCE + form, f"{LOOP_SOURCE}{form} - {ACTION_LISTEN}"))
        return keys - self.used_in_stories

    def _play(self, tracker: TrainingTracker, *, collect: bool) -> None:
        running = Tracker(tracker.name, self.domain.all_slots)
        unpredictable = True
        for event in tracker.events:
            if isinstance(event, ActionExecuted):
                if event.name == RULE_SNIPPET:
                    unpredictable = True
                elif unpredictable or event.metadata.get(UNPREDICTABLE):
                    unpredictable = False
                else:
                    self._compare(tracker, running, event, collect=collect)
            running.apply(event)

    def _compare(
        self, tracker: TrainingTracker, running: Tracker, event: ActionExecuted, *, collect: bool
    ) -> None:
        written = event.name_or_text or ""
        found = self.policy.find(running, self.domain)
        predicted = self._predicted(found, running, tracker.is_rule)
        loop = running.active_loop_name
        if loop and loop != SHOULD_NOT_BE_SET and predicted == loop and written != loop:
            running.apply(ActionExecutionRejected(name=loop, timestamp=0.0))
            found = self.policy.find(running, self.domain)
            predicted = self._predicted(found, running, tracker.is_rule)
        if collect:
            self._collect(tracker, found, predicted, written)
            return
        if not tracker.is_rule and predicted == written:
            self.used_in_stories.add(found.key)
        if predicted and found.key and predicted != written:
            self._disagree(tracker, found, predicted, written, _where(event, tracker))

    def _predicted(self, found: Found, running: Tracker, is_rule: bool) -> str | None:
        if found.action is not None:
            return found.action
        if not is_rule:
            return None
        scores = self.policy.fallback_scores(self.domain)
        return self.domain.action_names[scores.index(max(scores))]

    def _collect(self, tracker: TrainingTracker, found: Found, predicted: str | None, written: str) -> None:
        if not found.key:
            return
        if found.is_default or found.is_loop:
            supporter = _Supporter(found.key, predicted or "", NOWHERE)
        else:
            supporter = _Supporter(tracker.name, written, tracker.source)
        self.supporters[found.key].append(supporter)

    def _disagree(
        self, tracker: TrainingTracker, found: Found, predicted: str, written: str, source: Source
    ) -> None:
        if self._is_listening_too_early(tracker, found.key, predicted):
            self.policy.rules.drop(found.key)
            return
        others = {s.name: s for s in self.supporters.get(found.key, ()) if s.action != written}
        if not others:
            return
        kind = "rule" if tracker.is_rule else "story"
        names = ", ".join(
            f"{other.name!r} ({other.source})" if other.source != NOWHERE else repr(other.name)
            for other in others.values()
        )
        which = "" if predicted == self.policy.options["core_fallback_action_name"] else f" {predicted!r}"
        text = f"- {source}: {kind} {tracker.name!r} goes on with {written!r}, but {names} predicts{which or ' otherwise'}."
        self.problems.append((text + " " + _advice(kind, predicted, written), source))

    def _is_listening_too_early(self, tracker: TrainingTracker, key: str, predicted: str) -> bool:
        """Whether only a rule that listens after one turn disagrees, and a longer rule goes on from there."""
        if tracker.is_rule or key.count("prev_action") > 1 or predicted != ACTION_LISTEN:
            return False
        return any(other.startswith(key[:-2]) and other != key for other in self.policy.rules.entries)


def _advice(kind: str, predicted: str, written: str) -> str:
    if predicted == ACTION_LISTEN:
        return f"Add `wait_for_user_input: false` to the rule if {written!r} may follow, or end the {kind} there."
    return f"Write `- action: {predicted}` in the {kind}, or add a `condition:` to the rule so that it does not hold here."

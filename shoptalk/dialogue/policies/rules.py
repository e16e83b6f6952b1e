"""Rules: fragments that always hold, forms that go on by themselves, and what to do when nothing else is sure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar, Self

from shoptalk.archive import Saved
from shoptalk.core.domain import (
    ACTION_BACK,
    ACTION_LISTEN,
    ACTION_RESTART,
    ACTION_SESSION_START,
    RULE_SNIPPET,
    Domain,
)
from shoptalk.core.events import LoopInterrupted
from shoptalk.core.tracker import Tracker
from shoptalk.core.training_data import NOWHERE, Source
from shoptalk.dialogue.features import StateLog, UserView, dialogue_states
from shoptalk.dialogue.policies.base import (
    NOTHING_RULE_ONLY,
    Prediction,
    Reason,
    RuleOnly,
    TrainingContext,
    one_hot,
)
from shoptalk.dialogue.policies.options import read_options
from shoptalk.dialogue.states import SHOULD_NOT_BE_SET, State, States, matches, parse_states, states_text
from shoptalk.dialogue.training_trackers import TrainingTracker
from shoptalk.errors import ConfigError

DEFAULTS = {
    "core_fallback_threshold": 0.3,
    "core_fallback_action_name": "action_default_fallback",
    "enable_fallback_prediction": True,
    "restrict_rules": True,
    "check_for_contradictions": True,
    "use_nlu_confidence_as_score": False,
}
DEFAULT_INTENT_ACTIONS = {
    "restart": ACTION_RESTART,
    "back": ACTION_BACK,
    "session_start": ACTION_SESSION_START,
}
INTERRUPTED = "loop_was_interrupted"
NOT_THE_LOOP = "do_not_predict_loop_action"
DEFAULT_SOURCE = "default:"
LOOP_SOURCE = "loop:"


@dataclass(frozen=True, slots=True)
class RuleEntry:
    """One step of a rule: after these states comes this action.

    Args:
        states: oldest first.
        action: its name or text.
        name, source: of the rule.
        text: the states' JSON; the longest wins between rules that match.
    """

    states: States
    action: str
    name: str
    source: Source
    text: str


@dataclass(slots=True)
class RuleIndex:
    """Rules by their last state, so that few have to be compared."""

    entries: dict[str, RuleEntry] = field(default_factory=dict)
    _buckets: dict[tuple[str | None, str | None], list[RuleEntry]] = field(default_factory=dict)
    longest: int = 0

    def build(self, entries: Iterable[RuleEntry]) -> None:
        """Take over these rules."""
        self.entries = {entry.text: entry for entry in entries}
        self._buckets = {}
        for entry in sorted(self.entries.values(), key=lambda e: -len(e.text)):
            last = entry.states[-1]
            self._buckets.setdefault((last.action_name, last.intent), []).append(entry)
        self.longest = max((len(entry.states) for entry in self.entries.values()), default=0)

    def drop(self, text: str) -> None:
        """Forget one rule."""
        self.build(entry for entry in list(self.entries.values()) if entry.text != text)

    def matches_silence(self) -> bool:
        """Whether a rule can match right after the user spoke without looking at the intent."""
        return (ACTION_LISTEN, None) in self._buckets

    def find_best(self, states: Sequence[State]) -> RuleEntry | None:
        """The rule with the longest text that matches."""
        last, best = states[-1], None
        action = last.action or last.action_text
        for intent in (None, last.intent) if last.intent is not None else (None,):
            for entry in self._buckets.get((action, intent), ()):
                if best is not None and len(best.text) >= len(entry.text):
                    break
                if _is_suffix(entry.states, states):
                    best = entry
                    break
        return best

    def find(self, states: Sequence[State]) -> list[RuleEntry]:
        """Every rule that matches."""
        last = states[-1]
        action = last.action or last.action_text
        intents = (None, last.intent) if last.intent is not None else (None,)
        return [
            e for i in intents for e in self._buckets.get((action, i), ()) if _is_suffix(e.states, states)
        ]


def _is_suffix(rule: States, states: Sequence[State]) -> bool:
    """Whether a rule holds at the end of a conversation."""
    if len(rule) > len(states):
        return False
    for back in range(-1, -len(rule) - 1, -1):  # noqa: SIM110 — a generator would cost a call per state
        if not matches(rule[back], states[back]):
            return False
    return True


@dataclass(frozen=True, slots=True)
class Found:
    """What the rules say.

    Args:
        action: None if no rule matches.
        key: text of the rule, or a name for a default or a loop, or the text of the states nothing matches.
        returning: the loop that goes on was interrupted by another answer.
        view: how the last message was looked at.
    """

    action: str | None
    key: str
    entry: RuleEntry | None = None
    returning: bool = False
    is_default: bool = False
    is_loop: bool = False
    by_text: bool = False


class RulePolicy:
    """Follows rules; keeps forms going; falls back when nothing else is known.

    A rule's action_listen inside a form that has been interrupted gives way to the form, unless the training data
    says that the form is left there.
    """

    default_priority: ClassVar[int] = 4
    is_light: ClassVar[bool] = True

    def __init__(self, config: Mapping[str, Any]) -> None:
        self.config = config
        self.options = read_options(type(self).__name__, config, DEFAULTS)
        self.priority = int(config.get("priority", self.default_priority))
        self.rules = RuleIndex()
        self.unhappy = RuleIndex()
        self.rule_only = NOTHING_RULE_ONLY
        self.hidden: frozenset[str] = frozenset()
        self._longest_hidden = 0
        self._is_training = False

    # ---------------------------------------------------------------------------------------------- training

    def train(self, trackers: Sequence[TrainingTracker], domain: Domain, context: TrainingContext) -> None:
        """Learn the rules and check them against each other and against the stories.

        Raises:
            DataError: rules contradict, are incomplete, or have more than one user message.
            ConfigError: the fallback action does not exist.
        """
        from shoptalk.dialogue.policies import rule_checks

        self._check_fallback(domain)
        trackers = [tracker for tracker in trackers if not tracker.is_augmented]
        rules = [tracker for tracker in trackers if tracker.is_rule]
        stories = [tracker for tracker in trackers if not tracker.is_rule]
        if self.options["restrict_rules"]:
            rule_checks.check_one_message(rules)
        checking = self.options["check_for_contradictions"]
        if checking:
            rule_checks.check_complete(rules, domain)
        self.rules.build(_rule_entries(rules))
        self.unhappy.build(_unhappy_entries(rules, stories))
        if checking:
            self.rule_only = _rule_only(rules, stories)
            self._is_training = True
            self._hide(rule_checks.Rehearsal(self, domain).run(rules, trackers))
            self._is_training = False

    def _check_fallback(self, domain: Domain) -> None:
        name = self.options["core_fallback_action_name"]
        if self.options["enable_fallback_prediction"] and name not in domain.action_index:
            raise ConfigError(
                f"config.yml: RulePolicy has core_fallback_action_name: {name!r}, which is no action of the domain.",
                hint="Add it to `actions:` or `responses:` of the domain, or remove the key.",
            )

    def _hide(self, keys: Iterable[str]) -> None:
        self.hidden = frozenset(keys)
        misses = (key for key in self.hidden if key.startswith("[") and key not in self.rules.entries)
        self._longest_hidden = max((len(parse_states(key)) for key in misses), default=0)

    # -------------------------------------------------------------------------------------------- predicting

    def report(self) -> dict[str, Any]:
        """How many steps of rules were learnt."""
        return {"steps": len(self.rules.entries), "inside_loops": len(self.unhappy.entries)}

    def predict(
        self, tracker: Tracker, domain: Domain, rule_only: RuleOnly = NOTHING_RULE_ONLY
    ) -> Prediction:
        """1.0 for what a rule or form demands, else the fallback's score."""
        return self.as_prediction(self.find(tracker, domain, rule_only), tracker, domain)

    def find(self, tracker: Tracker, domain: Domain, rule_only: RuleOnly = NOTHING_RULE_ONLY) -> Found:
        """What the rules say of a conversation's next action."""
        log = dialogue_states(tracker, domain, rule_only)
        loop = None if tracker.active_loop_name == SHOULD_NOT_BE_SET else tracker.active_loop_name
        after_listen = tracker.latest_action_name == ACTION_LISTEN
        by_text = after_listen and (loop is not None or self.rules.matches_silence())
        text = self._match(log, loop, "text") if by_text else None
        if after_listen and (text is None or text.action is None):
            intent = tracker.latest_message.intent_name or ""
            if intent in DEFAULT_INTENT_ACTIONS:
                return Found(DEFAULT_INTENT_ACTIONS[intent], DEFAULT_SOURCE + intent, is_default=True)
        rejected = tracker.active_loop is not None and tracker.active_loop.rejected
        if loop is not None and not rejected:
            if tracker.latest_action_name == loop:
                return Found(ACTION_LISTEN, f"{LOOP_SOURCE}{loop} - {ACTION_LISTEN}", is_loop=True)
            if tracker.latest_action:
                return Found(loop, LOOP_SOURCE + loop, is_loop=True)
        if text is not None and text.action is not None:
            return text
        found = self._match(log, loop, "intent")
        if text is not None and text.returning and not found.returning:
            return Found(found.action, found.key, found.entry, returning=True)
        return found

    def _match(self, log: StateLog, loop: str | None, view: UserView) -> Found:
        count = max(self.rules.longest, self.unhappy.longest, 2)
        states = log.states(view, count)
        entry = self.rules.find_best(states)
        action = entry.action if entry else None
        returning = False
        if loop is not None:
            conditions = {found.action for found in self.unhappy.find(unhappy_states(states))}
            if entry is not None and action == ACTION_LISTEN and not _in_loop(entry):
                if NOT_THE_LOOP not in conditions:
                    return Found(loop, entry.text, entry, by_text=view == "text")
                action = None
            returning = INTERRUPTED in conditions
        key = entry.text if entry else self._miss(log, view)
        return Found(action, key, entry, returning, by_text=view == "text" and action is not None)

    def _miss(self, log: StateLog, view: UserView) -> str:
        """Text of states no rule matches; only needed while training, or if some are known to be hidden."""
        if not self._is_training and not self._longest_hidden:
            return ""
        states = after_snippet(log.states(view, None if self._is_training else self._longest_hidden + 1))
        return states_text(states) if states else ""

    def as_prediction(self, found: Found, tracker: Tracker, domain: Domain) -> Prediction:
        """The prediction of a finding."""
        scores = self.fallback_scores(domain)  # stays below a rule's score: it wins if the action is rejected
        if found.action is not None and found.action in domain.action_index:
            score = 1.0
            if self.options["use_nlu_confidence_as_score"]:
                score = float(tracker.latest_message.intent.get("confidence", 1.0))
            scores[domain.action_index[found.action]] = score
        return Prediction(
            scores,
            type(self).__name__,
            self.priority,
            events=(LoopInterrupted(is_interrupted=True),) if found.returning else (),
            is_no_user=found.is_loop,
            is_end_to_end=found.by_text,
            hide_rule_turn=found.key in self.hidden,
            reason=self._reason(found, tracker, domain),
        )

    def fallback_scores(self, domain: Domain) -> list[float]:
        """The scores when no rule matches."""
        if not self.options["enable_fallback_prediction"]:
            return one_hot(None, domain)
        return one_hot(
            self.options["core_fallback_action_name"], domain, float(self.options["core_fallback_threshold"])
        )

    def _reason(self, found: Found, tracker: Tracker, domain: Domain) -> Reason:
        if found.is_default:
            return Reason("default", str(tracker.latest_message.intent_name))
        if found.is_loop or (found.entry is not None and found.action not in (found.entry.action, None)):
            loop = str(tracker.active_loop_name)
            return Reason("loop", loop, domain.forms[loop].source if loop in domain.forms else NOWHERE)
        if found.entry is not None and found.action is not None:
            return Reason("rule", found.entry.name, found.entry.source)
        return Reason("fallback", "core_fallback_threshold")

    # ------------------------------------------------------------------------------------------------ keeping

    def save(self) -> Saved:
        """The rules as texts."""
        return Saved(
            {
                "rules": _dump(self.rules),
                "unhappy": _dump(self.unhappy),
                "hidden": sorted(self.hidden),
                "rule_only_slots": sorted(self.rule_only.slots),
                "rule_only_loops": sorted(self.rule_only.loops),
            }
        )

    @classmethod
    def load(cls, config: Mapping[str, Any], saved: Saved) -> Self:
        """The policy as it was when saved."""
        policy = cls(config)
        policy.rules.build(_undump(saved.config["rules"]))
        policy.unhappy.build(_undump(saved.config["unhappy"]))
        policy.rule_only = RuleOnly(
            frozenset(saved.config["rule_only_slots"]), frozenset(saved.config["rule_only_loops"])
        )
        policy._hide(saved.config["hidden"])
        return policy


def _dump(index: RuleIndex) -> list[list[Any]]:
    return [[e.text, e.action, e.name, e.source.file, e.source.line] for e in index.entries.values()]


def _undump(rows: Iterable[Sequence[Any]]) -> list[RuleEntry]:
    return [
        RuleEntry(parse_states(text), action, name, Source(file, line), text)
        for text, action, name, file, line in rows
    ]


def _in_loop(entry: RuleEntry) -> bool:
    return entry.states[-1].loop not in (None, SHOULD_NOT_BE_SET)


def after_snippet(states: Sequence[State]) -> States:
    """The states after the last `...` of a rule."""
    for place in range(len(states) - 1, -1, -1):
        if states[place].action == RULE_SNIPPET:
            return tuple(states[place + 1 :])
    return tuple(states)


def unhappy_states(states: Sequence[State]) -> States:
    """What decides whether a loop goes on: the present state, and what was done before listening."""
    if len(states) == 1 or states[-2].is_start:
        return (states[-1],)
    before = states[-2]
    return State(action=before.action, action_text=before.action_text), states[-1]


def _rule_entries(rules: Sequence[TrainingTracker]) -> list[RuleEntry]:
    """What the rules say, step by step; where two say different things of the same states, neither counts."""
    found: dict[str, RuleEntry] = {}
    ambiguous: set[str] = set()
    for tracker in rules:
        states = tracker.states_of_set_slots
        for decision in tracker.decisions:
            history = after_snippet(states[: decision.position + 1])
            if not history or not decision.predictable:
                continue
            text = states_text(history)
            known = found.setdefault(
                text, RuleEntry(history, decision.action, tracker.name, tracker.source, text)
            )
            if known.action != decision.action:
                ambiguous.add(text)
    return [e for text, e in found.items() if text not in ambiguous and e.action != RULE_SNIPPET]


def _unhappy_entries(rules: Sequence[TrainingTracker], stories: Sequence[TrainingTracker]) -> list[RuleEntry]:
    """Moments inside loops at which something else answers, or the loop goes on after that."""
    found: dict[str, RuleEntry] = {}
    for tracker in (*rules, *stories):
        states = tracker.states_of_set_slots if tracker.is_rule else tracker.states
        for decision in tracker.decisions:
            last = states[decision.position]
            if last.loop in (None, SHOULD_NOT_BE_SET) or not decision.predictable:
                continue
            history = after_snippet(unhappy_states(states[: decision.position + 1]))
            is_loop = decision.action == last.loop
            if history and last.after_listen == is_loop:
                text = states_text(history)
                verdict = INTERRUPTED if is_loop else NOT_THE_LOOP
                found[text] = RuleEntry(history, verdict, tracker.name, tracker.source, text)
    return list(found.values())


def _rule_only(rules: Sequence[TrainingTracker], stories: Sequence[TrainingTracker]) -> RuleOnly:
    slots: tuple[set[str], set[str]] = (set(), set())
    loops: tuple[set[str], set[str]] = (set(), set())
    for side, trackers in enumerate((rules, stories)):
        for tracker in trackers:
            seen = tracker.states_of_set_slots if tracker.is_rule else tracker.states
            for decision in tracker.decisions:
                if decision.predictable:
                    for state in seen[: decision.position + 1]:
                        slots[side].update(name for name, _ in state.slots)
                        loops[side].update([state.loop] if state.loop else [])
    return RuleOnly(frozenset(slots[0] - slots[1]), frozenset(loops[0] - loops[1] - {SHOULD_NOT_BE_SET}))

"""Checks of a project that need no training: do its parts know each other?

Three levels, as Rasa has them: an error stops training; a warning stops it only where warnings are to fail;
a note never does.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from shoptalk.core.domain import DEFAULT_ACTIONS, DEFAULT_INTENTS, Domain
from shoptalk.core.stories import ActionStep, LoopStep, OrStep, Rule, SlotStep, Step, Story, UserStep
from shoptalk.core.training_data import NOWHERE, Source
from shoptalk.formats.near_duplicates import near_conflicts
from shoptalk.formats.project import Project
from shoptalk.settings import did_you_mean

Level = Literal["error", "warning", "note"]

BUILT_IN_RESPONSES = ("utter_default", "utter_restart", "utter_back", "utter_session_start")
"""Responses that default actions say of their own accord."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing a check found.

    Args:
        level: error, warning or note.
        code: a short name for machines.
        message: what is wrong.
        source: where.
        hint: what to write instead.
    """

    level: Level
    code: str
    message: str
    source: Source = NOWHERE
    hint: str = ""

    def __str__(self) -> str:
        place = f"{self.source}: " if self.source.file else ""
        return f"{place}{self.message}" + (f" {self.hint}" if self.hint else "")


def check(project: Project) -> list[Finding]:
    """Everything the checks find, errors first."""
    if not project.domain.raw.keys() - {"version", "session_config"}:
        return [
            Finding(
                "error", "empty_domain", "The domain is empty.", hint="List intents, responses and actions."
            )
        ]
    found = [
        *(Finding("note", "file", notice.message, notice.source) for notice in project.notices),
        *_intents(project),
        *_examples(project),
        *_responses(project),
        *_actions(project),
        *_loops(project),
        *_forms(project.domain),
        *_mappings(project.domain),
        *_slots(project),
        *_config(project),
    ]
    order = {"error": 0, "warning": 1, "note": 2}
    return sorted(found, key=lambda finding: order[finding.level])


def near(project: Project) -> Iterator[Finding]:
    """Examples that say nearly what one of another intent says; takes a second or two for a large project."""
    for found in near_conflicts(project.training_data.examples):
        one, other = found.one, found.other
        yield Finding(
            "note",
            "near_conflict",
            f"{one.text!r} of {one.intent!r} is nearly {other.text!r} of {other.intent!r} ({other.source}).",
            one.source,
            "Is it where it belongs?",
        )


def _snippets(project: Project) -> Iterator[tuple[Story | Rule, Step]]:
    """Every step of every story and rule, conditions and alternatives too."""
    snippets: list[Story | Rule] = [*project.stories.stories, *project.stories.rules]
    for snippet in snippets:
        for step in (*(snippet.condition if isinstance(snippet, Rule) else ()), *snippet.steps):
            yield snippet, step
            if isinstance(step, OrStep):
                yield from ((snippet, alternative) for alternative in step.alternatives)


def _intents(project: Project) -> Iterator[Finding]:
    known = set(project.domain.intents)
    trained = project.training_data.intents
    for name in sorted(known - trained - set(DEFAULT_INTENTS)):
        yield Finding(
            "note",
            "intent_without_examples",
            f"Intent {name!r} has no examples.",
            project.domain.intents[name].source,
        )
    seen: set[str] = set()
    for example in project.training_data.examples:
        name = example.intent or ""
        if name and name not in project.domain.intent_names and name not in seen:
            seen.add(name)
            parts = {part for part in name.split("+")}
            if parts <= project.domain.intent_names:
                continue
            yield Finding(
                "warning",
                "unknown_intent",
                f"Intent {name!r} has examples but is not in the domain.",
                example.source,
                did_you_mean(name, sorted(known)) if known else "",
            )
    used: set[str] = set()
    for _, step in _snippets(project):
        if isinstance(step, UserStep) and step.intent:
            used.add(step.intent)
            if step.intent not in project.domain.intent_names:
                yield Finding(
                    "warning",
                    "unknown_intent",
                    f"Intent {step.intent!r} is not in the domain.",
                    step.source,
                    did_you_mean(step.intent, sorted(known)),
                )
    for name in sorted(known - used - set(DEFAULT_INTENTS)):
        source = project.domain.intents[name].source
        yield Finding("note", "unused_intent", f"Intent {name!r} is not used in any story or rule.", source)


def _examples(project: Project) -> Iterator[Finding]:
    seen: dict[str, tuple[str, Source]] = {}
    for example in project.training_data.examples:
        label = example.intent or ""
        other = seen.setdefault(example.text, (label, example.source))
        if label and other[0] and other[0] != label:
            yield Finding(
                "warning",
                "ambiguous_example",
                f"{example.text!r} is an example of both {other[0]!r} ({other[1]}) and {label!r}.",
                example.source,
                "Keep it under one of them.",
            )
    for name in sorted(project.training_data.entity_names - set(project.domain.entities)):
        yield Finding("note", "unknown_entity", f"Entity {name!r} is annotated but not in the domain.")


def _responses(project: Project) -> Iterator[Finding]:
    domain = project.domain
    retrieval = {f"utter_{name}" for name in domain.retrieval_intents}
    for name in domain.actions:
        if name.startswith("utter_") and name not in domain.responses and name not in retrieval:
            source = domain.sources.get(name, NOWHERE)
            yield Finding(
                "note", "listed_response", f"{name!r} is listed as an action but has no text.", source
            )
    used = {step.name for _, step in _snippets(project) if isinstance(step, ActionStep) and step.name}
    for _, step in _snippets(project):
        if not isinstance(step, ActionStep) or not step.name or not step.name.startswith("utter_"):
            continue
        if (
            step.name not in domain.responses
            and step.name not in retrieval
            and step.name not in domain.actions
        ):
            yield Finding(
                "warning",
                "unknown_response",
                f"Response {step.name!r} is not in the domain.",
                step.source,
                did_you_mean(step.name, sorted(domain.responses)),
            )
    for name in sorted(set(domain.responses) - used):
        asked = name.startswith("utter_ask_") or "/" in name
        if not asked and name not in BUILT_IN_RESPONSES:
            yield Finding("note", "unused_response", f"Response {name!r} is not used in any story or rule.")


def _actions(project: Project) -> Iterator[Finding]:
    domain = project.domain
    known = {*domain.action_names, *DEFAULT_ACTIONS}
    for _, step in _snippets(project):
        if not isinstance(step, ActionStep) or not step.name or step.name in known:
            continue
        if step.name.startswith("utter_"):
            continue
        yield Finding(
            "error",
            "unknown_action",
            f"Action {step.name!r} is not in the domain.",
            step.source,
            f"{did_you_mean(step.name, sorted(domain.actions + tuple(domain.forms)))} Or list it under `actions:`.",
        )


def _loops(project: Project) -> Iterator[Finding]:
    domain = project.domain
    known = {*domain.forms, *domain.actions, *DEFAULT_ACTIONS}
    for _, step in _snippets(project):
        if isinstance(step, LoopStep) and step.name and step.name not in known:
            yield Finding(
                "error",
                "unknown_form",
                f"Form {step.name!r} is not in the domain.",
                step.source,
                did_you_mean(step.name, sorted(domain.forms)),
            )


def _forms(domain: Domain) -> Iterator[Finding]:
    for form in domain.forms.values():
        for slot in form.required_slots:
            if slot not in domain.slots:
                yield Finding(
                    "error",
                    "unknown_slot",
                    f"Form {form.name!r} asks for the slot {slot!r}, which is not in the domain.",
                    form.source,
                    did_you_mean(slot, sorted(domain.slots)),
                )


def _mappings(domain: Domain) -> Iterator[Finding]:
    for slot in domain.slots.values():
        for mapping in slot.mappings:
            entity = mapping.raw.get("entity")
            if mapping.type == "from_entity" and entity not in domain.entities:
                yield Finding(
                    "note",
                    "unknown_entity",
                    f"Slot {slot.name!r} is filled from the entity {entity!r}, which is not in the domain.",
                    slot.source,
                )
            for condition in mapping.conditions:
                form = condition.get("active_loop")
                if form is None:
                    continue
                if form not in domain.forms:
                    yield Finding(
                        "error",
                        "unknown_form",
                        f"A mapping of slot {slot.name!r} names the form {form!r}, which is not in the domain.",
                        slot.source,
                        did_you_mean(str(form), sorted(domain.forms)),
                    )
                elif (
                    mapping.type != "from_trigger_intent"
                    and slot.name not in domain.forms[form].required_slots
                ):
                    yield Finding(
                        "error",
                        "slot_not_required",
                        f"A mapping of slot {slot.name!r} names the form {form!r}, which does not ask for it.",
                        slot.source,
                        f"Add {slot.name!r} to the form's `required_slots`.",
                    )


def _slots(project: Project) -> Iterator[Finding]:
    known = project.domain.all_slots
    for _, step in _snippets(project):
        if isinstance(step, SlotStep) and step.name not in known:
            yield Finding(
                "note",
                "unknown_slot",
                f"Slot {step.name!r} is not in the domain; training will refuse it.",
                step.source,
                did_you_mean(step.name, sorted(known)),
            )


def _config(project: Project) -> Iterator[Finding]:
    if project.config.language is None:
        yield Finding("note", "no_language", "config.yml names no `language:`.")
    if project.config.assistant_id in (None, "placeholder_default"):
        yield Finding(
            "note", "no_assistant_id", "config.yml names no `assistant_id:`; events will not carry one."
        )

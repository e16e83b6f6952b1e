"""What an assistant knows: intents, entities, slots, responses, forms, actions. Data, hardly any behaviour."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from shoptalk.core.slots import REQUESTED_SLOT, SESSION_METADATA_SLOT, Slot, SlotMapping
from shoptalk.core.training_data import NOWHERE, Source

ACTION_LISTEN = "action_listen"
ACTION_RESTART = "action_restart"
ACTION_SESSION_START = "action_session_start"
ACTION_DEFAULT_FALLBACK = "action_default_fallback"
ACTION_DEACTIVATE_LOOP = "action_deactivate_loop"
ACTION_REVERT_FALLBACK = "action_revert_fallback_events"
ACTION_ASK_AFFIRMATION = "action_default_ask_affirmation"
ACTION_ASK_REPHRASE = "action_default_ask_rephrase"
ACTION_TWO_STAGE_FALLBACK = "action_two_stage_fallback"
ACTION_UNLIKELY_INTENT = "action_unlikely_intent"
ACTION_BACK = "action_back"
RULE_SNIPPET = "..."
ACTION_EXTRACT_SLOTS = "action_extract_slots"
ACTION_VALIDATE_SLOT_MAPPINGS = "action_validate_slot_mappings"

DEFAULT_ACTIONS = (
    ACTION_LISTEN, ACTION_RESTART, ACTION_SESSION_START, ACTION_DEFAULT_FALLBACK, ACTION_DEACTIVATE_LOOP,
    ACTION_REVERT_FALLBACK, ACTION_ASK_AFFIRMATION, ACTION_ASK_REPHRASE, ACTION_TWO_STAGE_FALLBACK,
    ACTION_UNLIKELY_INTENT, ACTION_BACK, RULE_SNIPPET, ACTION_EXTRACT_SLOTS,
)  # fmt: skip
"""Actions every assistant has. Their order is Rasa's and decides ties between equal scores."""

INTENT_FALLBACK = "nlu_fallback"
INTENT_OUT_OF_SCOPE = "out_of_scope"
DEFAULT_INTENTS = ("restart", "back", INTENT_OUT_OF_SCOPE, "session_start", INTENT_FALLBACK)

KNOWLEDGE_BASE_ACTION = "action_query_knowledge_base"
KNOWLEDGE_BASE_SLOTS = (
    "knowledge_base_listed_objects",
    "knowledge_base_last_object",
    "knowledge_base_last_object_type",
)


@dataclass(frozen=True, slots=True)
class IntentSpec:
    """An intent of the domain. `use_entities`/`ignore_entities` as written; None means not written."""

    name: str
    use_entities: tuple[str, ...] | None = None
    ignore_entities: tuple[str, ...] | None = None
    is_retrieval: bool = False
    source: Source = field(default=NOWHERE, compare=False)


@dataclass(frozen=True, slots=True)
class EntitySpec:
    """An entity type of the domain with its roles and groups."""

    name: str
    roles: tuple[str, ...] = ()
    groups: tuple[str, ...] = ()
    influence_conversation: bool = True
    source: Source = field(default=NOWHERE, compare=False)

    @property
    def labels(self) -> tuple[str, ...]:
        """How the entity appears in a dialogue state: plain, with each role, with each group."""
        return (
            self.name,
            *(f"{self.name}#{role}" for role in self.roles),
            *(f"{self.name}#{group}" for group in self.groups),
        )


@dataclass(frozen=True, slots=True)
class FormSpec:
    """A form: which slots it asks for, and which intents never fill them."""

    name: str
    required_slots: tuple[str, ...] = ()
    ignored_intents: tuple[str, ...] = ()
    source: Source = field(default=NOWHERE, compare=False)


@dataclass(frozen=True, slots=True)
class SessionConfig:
    """When a conversation counts as new. Minutes; 0 means never."""

    expiration_min: float = 60.0
    carry_over_slots: bool = True


@dataclass(frozen=True)
class Domain:
    """Everything the domain files say.

    Args:
        intents: of the user, in file order, without the default ones.
        slots: of the user, in file order, without the automatic ones.
        actions: as listed by the user, in file order.
        responses: name → variations, as written.
        forms: in file order.
        e2e_actions: bot texts that are actions.
        raw: the cleaned source, as `GET /domain` and action servers see it.
        selective_actions: actions that asked for the domain (`send_domain: true`).
    """

    intents: Mapping[str, IntentSpec] = field(default_factory=dict)
    entities: Mapping[str, EntitySpec] = field(default_factory=dict)
    slots: Mapping[str, Slot] = field(default_factory=dict)
    actions: tuple[str, ...] = ()
    responses: Mapping[str, list[dict[str, Any]]] = field(default_factory=dict)
    forms: Mapping[str, FormSpec] = field(default_factory=dict)
    e2e_actions: tuple[str, ...] = ()
    session: SessionConfig = SessionConfig()
    store_entities_as_slots: bool = True
    selective_actions: frozenset[str] = frozenset()
    sources: Mapping[str, Source] = field(default_factory=dict, compare=False)
    raw: Mapping[str, Any] = field(default_factory=dict, compare=False)

    @cached_property
    def intent_names(self) -> frozenset[str]:
        """Every intent, the default ones too."""
        return frozenset((*self.intents, *DEFAULT_INTENTS))

    @cached_property
    def entity_labels(self) -> tuple[str, ...]:
        """Every entity label of a dialogue state, in file order."""
        return tuple(label for spec in self.entities.values() for label in spec.labels)

    @cached_property
    def all_slots(self) -> Mapping[str, Slot]:
        """The user's slots and the automatic ones."""
        out = dict(self.slots)
        custom = (SlotMapping("custom", {"type": "custom"}),)
        extra = list(KNOWLEDGE_BASE_SLOTS) if KNOWLEDGE_BASE_ACTION in self.actions else []
        if self.forms:
            extra.insert(0, REQUESTED_SLOT)
        for name in extra:
            out.setdefault(name, Slot(name, "text", mappings=custom, influence_conversation=False))
        out.setdefault(
            SESSION_METADATA_SLOT,
            Slot(SESSION_METADATA_SLOT, "any", mappings=custom, influence_conversation=False),
        )
        return out

    @cached_property
    def retrieval_intents(self) -> tuple[str, ...]:
        """Intents with sub-intents."""
        return tuple(name for name, spec in self.intents.items() if spec.is_retrieval)

    @cached_property
    def user_actions(self) -> tuple[str, ...]:
        """Listed actions, then responses that are not listed (sorted)."""
        rest = sorted(name for name in self.responses if name not in self.actions)
        return (*self.actions, *rest)

    @cached_property
    def action_names(self) -> tuple[str, ...]:
        """Every action in index order: defaults, the user's, forms, end-to-end texts."""
        listed = [*DEFAULT_ACTIONS, *(a for a in self.user_actions if a not in DEFAULT_ACTIONS)]
        forms = [name for name in self.forms if name not in listed]
        return (*listed, *forms, *self.e2e_actions)

    @cached_property
    def action_index(self) -> Mapping[str, int]:
        """Place of each action in `action_names`."""
        index: dict[str, int] = {}
        for place, name in enumerate(self.action_names):
            index.setdefault(name, place)
        return index

    @cached_property
    def used_entity_labels(self) -> Mapping[str, frozenset[str]]:
        """For each intent, the default ones too, the entity labels that count beside it."""
        specs = {**{name: IntentSpec(name) for name in DEFAULT_INTENTS}, **self.intents}
        return {name: self._used_labels(spec) for name, spec in specs.items()}

    def labels_for(self, intent: str | None) -> frozenset[str]:
        """Entity labels that count beside an intent; all of them for one the domain does not list."""
        if intent is not None and intent in self.used_entity_labels:
            return self.used_entity_labels[intent]
        return frozenset(self.entity_labels)

    def _used_labels(self, spec: IntentSpec) -> frozenset[str]:
        """Labels that count beside an intent.

        An entity without influence is left out even if the intent names other entities to ignore, except that its
        roles and groups then count: this is Rasa's way.
        """
        mute = [entity.name for entity in self.entities.values() if not entity.influence_conversation]
        if spec.use_entities is None:
            included = set(self.entity_labels) - set(mute)
        else:
            included = self._with_labels(spec.use_entities)
        return frozenset(
            included - self._with_labels(mute if spec.ignore_entities is None else spec.ignore_entities)
        )

    def _with_labels(self, names: Iterable[str]) -> set[str]:
        """Entities and their labels with roles and groups."""
        specs = (self.entities.get(name, EntitySpec(name)) for name in names)
        return {label for spec in specs for label in spec.labels}

    def is_custom(self, action: str) -> bool:
        """Whether the user lists this action, which overrides a default action or form of that name."""
        return action in self.actions

"""Domain files to a `Domain`, and the form in which others are told of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from shoptalk.core.domain import Domain, EntitySpec, FormSpec, IntentSpec, SessionConfig
from shoptalk.core.slots import Slot, SlotMapping, make_slot
from shoptalk.core.training_data import NOWHERE, Source
from shoptalk.errors import DataError
from shoptalk.formats.nlu import Warn
from shoptalk.formats.strange_keys import warn_of_strange_keys
from shoptalk.formats.yaml import List, Map

LIST_KEYS = ("intents", "entities", "actions", "e2e_actions")
MAP_KEYS = ("slots", "responses", "forms")
DOMAIN_KEYS = (*LIST_KEYS, *MAP_KEYS, "session_config")
OTHER_KEYS = ("version", "config")
VERSION = "3.1"
MAPPING_TYPES = ("from_entity", "from_text", "from_intent", "from_trigger_intent", "custom")
DEFAULT_SESSION = {"session_expiration_time": 60, "carry_over_slots_to_new_session": True}


def is_domain(content: Any) -> bool:
    """Whether a file says anything about the domain."""
    return isinstance(content, Map) and any(key in content for key in DOMAIN_KEYS)


def merge(parts: Sequence[Map], warn: Warn) -> Map:
    """Several domain files as one: lists united, mappings merged, the first of equal names kept."""
    if len(parts) == 1:
        return parts[0]
    out = Map(parts[0].file if parts else "")
    for part in parts:
        _merge_part(out, part, warn)
    forms, actions = out.get("forms"), out.get("actions")
    if isinstance(forms, Map) and isinstance(actions, List):
        kept = [(a, actions.at(i)) for i, a in enumerate(actions) if a not in forms]
        actions[:], actions.item_lines = [a for a, _ in kept], [at.line for _, at in kept]
        actions.item_files = {place: at.file for place, (_, at) in enumerate(kept)}
    return out


def _merge_part(out: Map, part: Map, warn: Warn) -> None:
    """Merge one more file into what is there."""
    for key in part:
        if key in LIST_KEYS:
            _unite(out, part, key)
        elif key in MAP_KEYS:
            _merge_map(out, part, key, warn)
        elif key not in out or (key == "session_config" and dict(out[key] or {}) == DEFAULT_SESSION):
            out[key] = part[key]
            out.key_lines[key], out.key_files[key] = part.key_lines[key], part.file


def _unite(out: Map, part: Map, key: str) -> None:
    target = out.setdefault(key, List(part.file, part.key_lines[key]))
    known = {_name(item) for item in target}
    for index, item in enumerate(part[key] or []):
        if _name(item) not in known:
            at = part[key].at(index)
            target.item_files[len(target)] = at.file
            target.append(item)
            target.item_lines.append(at.line)
            known.add(_name(item))


def _merge_map(out: Map, part: Map, key: str, warn: Warn) -> None:
    target = out.setdefault(key, Map(part.file, part.key_lines[key]))
    body = part[key]
    for name, value in body.items() if isinstance(body, Map) else ():
        if name in target:
            warn(
                f"{name!r} stands in several domain files under `{key}:`; the first one counts.",
                body.at(name),
            )
        else:
            target[name] = value
            target.key_lines[name], target.key_files[name] = body.key_lines[name], body.file


def read(content: Map, warn: Warn) -> Domain:
    """The domain a (merged) file describes.

    Raises:
        DataError: something in it is malformed or stands twice.
    """
    for key in content:
        if key not in (*DOMAIN_KEYS, *OTHER_KEYS):
            warn(f"The key {key!r} means nothing in a domain; it is ignored.", content.at(key))
    warn_of_strange_keys(content, warn)
    reader = _Reader(content, warn)
    config = content.get("config") or {}
    actions, selective = reader.actions()
    return Domain(
        intents=reader.intents(),
        entities=reader.entities(),
        slots=reader.slots(),
        actions=actions,
        responses=reader.responses(),
        forms=reader.forms(),
        e2e_actions=tuple(content.get("e2e_actions") or ()),
        session=reader.session(),
        store_entities_as_slots=config.get("store_entities_as_slots", True) is not False,
        selective_actions=frozenset(selective),
        sources=reader.sources,
        raw=_cleaned(content),
    )


def _plain_intent(item: Any) -> Any:
    """An intent whose `use_entities` is a list or true: none at all is the empty list."""
    if not isinstance(item, dict):
        return item
    bodies = {name: dict(body) if isinstance(body, dict) else body for name, body in item.items()}
    for body in bodies.values():
        if isinstance(body, dict) and not body.get("use_entities", True):
            body["use_entities"] = []
    return bodies


def _cleaned(content: Map) -> dict[str, Any]:
    """What `GET /domain` and action servers see: no empty sections, intents by name, version and session said."""
    out = {key: value for key, value in content.items() if value or value is False or key == "session_config"}
    out = {key: value for key, value in out.items() if value not in (None, {}, [])}
    if "intents" in out:
        out["intents"] = [_plain_intent(item) for item in sorted(out["intents"], key=_name)]
    if "session_config" in out:
        out["session_config"] = {**DEFAULT_SESSION, **out["session_config"]}
    else:
        out["session_config"] = dict(DEFAULT_SESSION)
    out["version"] = str(out.get("version", VERSION))
    return out


def _name(item: Any) -> str:
    return str(next(iter(item))) if isinstance(item, dict) and item else str(item)


PRO_MAPPINGS = ("from_llm", "controlled")
RASA_PRO = " This one is of Rasa Pro."


class _Reader:
    """Reads the sections of one domain."""

    def __init__(self, content: Map, warn: Warn) -> None:
        self.content, self.warn = content, warn
        self.sources: dict[str, Source] = {}

    def _named(self, section: str) -> list[tuple[str, Map, Source]]:
        """Items of a list section: a name, or a name with a body."""
        items = self.content.get(section) or List(self.content.file)
        if not isinstance(items, List):
            raise self._wrong(f"`{section}:` must be a list.", self.content.at(section))
        out: dict[str, tuple[str, Map, Source]] = {}
        for index, item in enumerate(items):
            at = items.at(index)
            body = Map(at.file, at.line)
            name = _name(item)
            if isinstance(item, Map):
                if len(item) != 1 or not isinstance(item[name], Map):
                    raise self._wrong(
                        f"`{name}:` in `{section}` has no body, or more than one name.",
                        at,
                        f"Write `- {name}` without a colon, or indent what belongs to it.",
                    )
                body = item[name]
            elif not isinstance(item, str):
                raise self._wrong(f"{item!r} is no name for an item of `{section}`.", at, "Put it in quotes.")
            if name in out:
                first = out[name][2].line
                raise self._wrong(
                    f"{name!r} stands twice in `{section}`, first in line {first}.", at, "Remove one."
                )
            out[name] = (name, body, at)
        return list(out.values())

    def _wrong(self, message: str, at: Source, hint: str = "") -> DataError:
        return DataError(message, hint=hint, file=at.file, line=at.line)

    def intents(self) -> dict[str, IntentSpec]:
        out: dict[str, IntentSpec] = {}
        for name, body, at in self._named("intents"):
            use = body.get("use_entities", body.get("used_entities", True))
            ignore = body.get("ignore_entities")
            included = None if use is True else tuple(use or ())
            both = set(included or ()) & set(ignore or ())
            if both:
                self.warn(f"Intent {name!r} both uses and ignores {min(both)!r}; it is ignored.", at)
            out[name] = IntentSpec(
                name=name,
                use_entities=included,
                ignore_entities=None if ignore is None else tuple(ignore),
                is_retrieval=body.get("is_retrieval_intent") is True,
                source=at,
            )
        return out

    def entities(self) -> dict[str, EntitySpec]:
        return {
            name: EntitySpec(
                name=name,
                roles=tuple(body.get("roles") or ()),
                groups=tuple(body.get("groups") or ()),
                influence_conversation=body.get("influence_conversation", True) is not False,
                source=at,
            )
            for name, body, at in self._named("entities")
        }

    def actions(self) -> tuple[tuple[str, ...], list[str]]:
        items = self._named("actions")
        selective = [name for name, body, _ in items if body.get("send_domain") is True]
        for name, _, at in items:
            self.sources[name] = at
        return tuple(name for name, _, _ in items), selective

    def slots(self) -> dict[str, Slot]:
        slots = self.content.get("slots") or Map(self.content.file)
        if not isinstance(slots, Map):
            raise self._wrong("`slots:` must be a mapping.", self.content.at("slots"))
        return {name: self._slot(name, spec, slots.at(name)) for name, spec in slots.items()}

    def _slot(self, name: str, spec: Any, at: Source) -> Slot:
        if not isinstance(spec, Map):
            raise self._wrong(f"Slot {name!r} has no body.", at, "Give it a `type:` and `mappings:`.")
        mappings = spec.get("mappings")
        if not isinstance(mappings, List) or not mappings:
            raise self._wrong(
                f"Slot {name!r} has no mappings.",
                at,
                "Say how it is filled; `- type: custom` if by actions alone. "
                "A domain of Rasa 2 is brought into this form by `shoptalk data migrate`.",
            )
        read = tuple(self._mapping(name, one, mappings.at(i)) for i, one in enumerate(mappings))
        return make_slot(name, spec, read, at)

    def _mapping(self, slot: str, mapping: Any, at: Source) -> SlotMapping:
        kind = mapping.get("type") if isinstance(mapping, Map) else None
        if kind not in MAPPING_TYPES:
            raise self._wrong(
                f"Slot {slot!r}: {kind!r} is no type of mapping.",
                at,
                f"Known: {', '.join(MAPPING_TYPES)}." + (RASA_PRO if kind in PRO_MAPPINGS else ""),
            )
        needed = {"from_entity": "entity", "from_intent": "value", "from_trigger_intent": "value"}.get(kind)
        if needed and needed not in mapping:
            raise self._wrong(f"Slot {slot!r}: a mapping {kind} needs `{needed}:`.", at)
        return SlotMapping(kind, dict(mapping))

    def responses(self) -> dict[str, list[dict[str, Any]]]:
        return read_responses(self.content.get("responses"), self.content.at("responses"))

    def forms(self) -> dict[str, FormSpec]:
        forms = self.content.get("forms") or Map(self.content.file)
        if not isinstance(forms, Map):
            raise self._wrong(
                "`forms:` must be a mapping.",
                self.content.at("forms"),
                "Write `form_name:` and `required_slots:`.",
            )
        return {name: self._form(name, body, forms.at(name)) for name, body in forms.items()}

    def _form(self, name: str, body: Any, at: Source) -> FormSpec:
        if body is None:
            return FormSpec(name, source=at)
        if not isinstance(body, Map) or (body and "required_slots" not in body):
            raise self._wrong(
                f"Form {name!r} has no `required_slots:`.",
                at,
                "List the slots it asks for; how they are filled belongs to the slots (see `shoptalk data migrate`).",
            )
        required = body.get("required_slots") or List()
        if not isinstance(required, List):
            raise self._wrong(f"Form {name!r}: `required_slots:` must be a list of slots.", at)
        ignored = body.get("ignored_intents") or ()
        return FormSpec(
            name=name,
            required_slots=tuple(str(slot) for slot in required),
            ignored_intents=(ignored,) if isinstance(ignored, str) else tuple(ignored),
            source=at,
        )

    def session(self) -> SessionConfig:
        body = self.content.get("session_config") or {}
        return SessionConfig(
            expiration_min=float(body.get("session_expiration_time", 60)),
            carry_over_slots=body.get("carry_over_slots_to_new_session", True) is not False,
        )


def read_responses(section: Any, at: Source = NOWHERE) -> dict[str, list[dict[str, Any]]]:
    """The variations of each response.

    Raises:
        DataError: a response is no list, or a variation has neither `text` nor `custom`.
    """
    if section is None:
        return {}
    if not isinstance(section, Map):
        raise DataError("`responses:` must be a mapping.", file=at.file, line=at.line)
    out: dict[str, list[dict[str, Any]]] = {}
    for name, variations in section.items():
        where = section.at(name)
        if variations is None:
            raise DataError(
                f"Response {name!r} has no variations.",
                hint="Write `- text: …` below.",
                file=where.file,
                line=where.line,
            )
        if not isinstance(variations, List):
            raise DataError(
                f"Response {name!r} must be a list of variations.", file=where.file, line=where.line
            )
        for index, variation in enumerate(variations):
            line = variations.at(index)
            if not isinstance(variation, Map) or not ("text" in variation or "custom" in variation):
                raise DataError(
                    f"A variation of response {name!r} has neither `text` nor `custom`.",
                    hint="Write `- text: what to say`.",
                    file=line.file,
                    line=line.line,
                )
        out[name] = [dict(variation) for variation in variations]
    return out


def with_project_data(
    domain: Domain, retrieval_intents: set[str], nlu_responses: Mapping[str, Any], e2e_texts: Sequence[str]
) -> Domain:
    """The domain with what training data adds: retrieval intents with their actions, responses, bot texts.

    Args:
        domain: as the domain files say.
        retrieval_intents: intents that have sub-intents in the NLU data.
        nlu_responses: responses written in NLU files.
        e2e_texts: texts of `bot:` steps.
    """
    raw = dict(domain.raw)
    intents, actions = dict(domain.intents), list(domain.actions)
    if retrieval_intents:
        entries = {_name(item): item for item in raw.get("intents", [])}
        for name in sorted(retrieval_intents):
            spec = intents.get(name, IntentSpec(name))
            intents[name] = IntentSpec(name, spec.use_entities, spec.ignore_entities, True, spec.source)
            used = sorted(domain.labels_for(name))
            entries[name] = {name: {"used_entities": used, "is_retrieval_intent": True}}
            if f"utter_{name}" not in actions:
                actions.append(f"utter_{name}")
        raw["intents"] = sorted(entries.values(), key=_name)
        raw["actions"] = [*raw.get("actions", []), *(a for a in actions if a not in domain.actions)]
    responses = {**nlu_responses, **domain.responses}
    if nlu_responses:
        raw["responses"] = {**raw.get("responses", {}), **nlu_responses}
    texts = sorted({*domain.e2e_actions, *e2e_texts})
    if texts:
        raw["e2e_actions"] = texts
    return Domain(
        intents=intents,
        entities=domain.entities,
        slots=domain.slots,
        actions=tuple(actions),
        responses=responses,
        forms=domain.forms,
        e2e_actions=tuple(texts),
        session=domain.session,
        store_entities_as_slots=domain.store_entities_as_slots,
        selective_actions=domain.selective_actions,
        sources=domain.sources,
        raw=raw,
    )


def from_raw(raw: Mapping[str, Any]) -> Domain:
    """The domain an archive kept: the inverse of `Domain.raw`."""
    return read(_as_map(raw), lambda message, source: None)


def _as_map(value: Any) -> Any:
    if isinstance(value, Mapping):
        out = Map()
        for key, one in value.items():
            out[str(key)] = _as_map(one)
            out.key_lines[str(key)] = 0
        return out
    if isinstance(value, list | tuple):
        items = List()
        items.extend(_as_map(one) for one in value)
        return items
    return value

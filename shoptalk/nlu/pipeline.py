"""The pipeline: a list of components, run in order."""

from __future__ import annotations

import gc
import logging
import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from copy import copy
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from shoptalk.archive import TRAIN_AGAIN, Saved, form_of, load_part, save_part
from shoptalk.core.training_data import Example, TrainingData
from shoptalk.errors import ArchiveError, ConfigError
from shoptalk.formats.yaml import at_place, place
from shoptalk.nlu import explain as explaining
from shoptalk.nlu import regex_message
from shoptalk.nlu.checks import check_examples
from shoptalk.nlu.component import FEATURES, TOKENS, Component
from shoptalk.nlu.message import Message
from shoptalk.registry import resolve

logger = logging.getLogger(__name__)

Floats = NDArray[np.float32]

Progress = Callable[[str, int, int], None]
"""Called as (component name, step, of how many) while a pipeline trains."""

MAX_CHARACTERS = 4096
"""What is beyond is not read: a customer's message is a few sentences."""

LIGHT = frozenset({
    "WhitespaceTokenizer", "MultilingualTokenizer", "RegexFeaturizer", "LexicalSyntacticFeaturizer",
    "CountVectorsFeaturizer", "KeywordIntentClassifier", "LogisticRegressionClassifier", "SklearnIntentClassifier",
    "DIETClassifier", "FallbackClassifier", "CRFEntityExtractor", "RegexEntityExtractor", "EntitySynonymMapper",
    "ResponseSelector",
})  # fmt: skip
"""Components that are quick with short texts; one of a user's own may say so itself by `is_light = True`."""


@dataclass(frozen=True, slots=True)
class Step:
    """A component with its name in config.yml and the name of its part in an archive."""

    name: str
    part: str
    component: Component


class Pipeline:
    """Text in, Rasa's parse result out.

    Set `domain_intents` and `domain_entities` once (as `Assistant` does) so that `/intent{...}` messages are
    checked against the domain; left None, as in a model without dialogue, any name is taken.
    """

    def __init__(self, steps: Sequence[Step]) -> None:
        self.steps = tuple(steps)
        self.domain_intents: Collection[str] | None = None
        self.domain_entities: Collection[str] | None = None
        self.timings_ms: dict[str, float] = {}
        for step in self.steps:
            if hasattr(step.component, "use_pipeline"):
                step.component.use_pipeline(self)

    @classmethod
    def build(cls, component_configs: Sequence[Mapping[str, Any]], language: str | None = None) -> Self:
        """An untrained pipeline.

        Args:
            component_configs: the items of `pipeline:` in config.yml.
            language: the assistant's language; reaches components as the key `language` if they read it.

        Raises:
            ConfigError: an unknown component, or one whose needs no earlier step meets.
        """
        steps: list[Step] = []
        for position, config in enumerate(component_configs):
            with at_place(config):
                name, kind = _resolve(config, position)
                settings = _settings(config, kind, language, steps)
                steps.append(Step(name, _part(position, name), kind(settings)))
        _check_order(steps, component_configs)
        return cls(steps)

    def train(
        self,
        data: TrainingData,
        progress: Progress | None = None,
        previous: Mapping[str, Saved] | None = None,
    ) -> dict[str, Any]:
        """Train every component in order.

        Args:
            data: the project's training data.
            progress: told of every component as it begins.
            previous: what an earlier training of this pipeline saved; components that can start from it.

        Returns:
            Figures of the training: seconds per component and what components report of themselves.

        Raises:
            DataError: an example cannot be used.
        """
        with _little_garbage():
            return self._train(data, progress, previous or {})

    def _train(
        self, data: TrainingData, progress: Progress | None, previous: Mapping[str, Saved]
    ) -> dict[str, Any]:
        check_examples(data)
        messages = _messages(data.examples)
        extras = {
            step.part: _messages(step.component.extra_examples(data))
            for step in self.steps
            if hasattr(step.component, "extra_examples")
        }
        every = messages + [m for extra in extras.values() for m in extra]
        report: dict[str, Any] = {}
        for number, step in enumerate(self.steps):
            if progress:
                progress(step.name, number, len(self.steps))
            wall, cpu = time.perf_counter(), time.process_time()
            saved = previous.get(step.part)
            if (
                saved is not None
                and saved.form == form_of(step.component)
                and hasattr(step.component, "warm_start")
            ):
                step.component.warm_start(saved)
            step.component.train(data, messages + extras.get(step.part, []))
            if set(step.component.provides) & {TOKENS, FEATURES}:
                step.component.process(every)
            report[step.part] = {
                "wall_s": round(time.perf_counter() - wall, 3),
                "cpu_s": round(time.process_time() - cpu, 3),
                **(step.component.report() if hasattr(step.component, "report") else {}),
            }
        for step in self.steps:
            if hasattr(step.component, "finish_training"):
                step.component.finish_training()
        return report

    def parse(
        self,
        texts: Sequence[str],
        explain: bool = False,
        *,
        domain_intents: Collection[str] | None = None,
        domain_entities: Collection[str] | None = None,
        time_ms: int | None = None,
    ) -> list[dict[str, Any]]:
        """Understand texts.

        Args:
            texts: one a message; beyond MAX_CHARACTERS a text is not read.
            explain: add key `explain` to each result: what each component said, what each word weighs.
            domain_intents, domain_entities: in place of the pipeline's own, for this call.
            time_ms: when the message was sent, for components that read dates.

        Returns:
            Rasa's parse results as JSON objects, one a text, in order.
        """
        intents = self.domain_intents if domain_intents is None else domain_intents
        entities = self.domain_entities if domain_entities is None else domain_entities
        messages = [Message(_readable(text), explain=explain, time_ms=time_ms) for text in texts]
        for message in messages:
            message.replaced = regex_message.read_literal(message.text, intents, entities)
        live = [m for m in messages if m.replaced is None]
        said = [m for m in live if m.text.strip()]
        for step in self.steps:
            batch = said if FEATURES in (*step.component.requires, *step.component.provides) else live
            if batch:
                before = [explaining.Before.of(message) for message in batch] if explain else []
                begin = time.perf_counter()
                step.component.process(batch)
                self.timings_ms[step.part] = ms = (time.perf_counter() - begin) * 1000
                for message, state in zip(batch, before, strict=False):
                    explaining.note_step(message, state, step.name, ms / len(batch))
        results = [self.result(text, message) for text, message in zip(texts, messages, strict=True)]
        for result in results:
            if "explain" in result:
                explaining.explain(self, result)
        return results

    def result(self, text: str, message: Message) -> dict[str, Any]:
        """Rasa's parse result of a text whose message went through all steps."""
        if message.replaced is not None:
            return message.replaced
        out: dict[str, Any] = {
            "text": text,
            "intent": message.intent or {"name": None, "confidence": 0.0},
            "entities": message.entities,
        }
        out.update(message.output)
        if message.ranking is not None:
            out["intent_ranking"] = message.ranking
        if message.explain:
            out["explain"] = dict(message.notes)
        return out

    def featurize(self, texts: list[str], *, bulk: bool = False) -> Floats:
        """Sentence features of texts, for policies that learn from what was said word by word.

        Args:
            texts: any.
            bulk: encode as in training, in batches and through the cache.

        Returns:
            (B, H) float32: dense features as directions, beside them the sparse ones as a full matrix.
        """
        messages = [Message(text, example=Example(text, None) if bulk else None) for text in texts]
        for step in self.steps:
            if set(step.component.provides) & {TOKENS, FEATURES}:
                step.component.process(messages)
        rows = [_sentence_row(message) for message in messages]
        found = [row for row in rows if row is not None]
        return np.concatenate(found) if found else np.zeros((len(texts), 0), np.float32)

    @property
    def is_light(self) -> bool:
        """Whether a short text is understood in about a millisecond, so that no thread is needed for it."""
        return all(
            step.name in LIGHT or getattr(step.component, "is_light", False) is True for step in self.steps
        )

    def save(self) -> dict[str, Saved]:
        """What each step needs to be loaded again, by part name."""
        return {step.part: save_part(step.component) for step in self.steps}

    @classmethod
    def load(
        cls,
        component_configs: Sequence[Mapping[str, Any]],
        saved: Mapping[str, Saved],
        language: str | None = None,
    ) -> Self:
        """The pipeline as it was when saved.

        Raises:
            ArchiveError: `saved` does not fit `component_configs`.
        """
        steps: list[Step] = []
        for position, config in enumerate(component_configs):
            name, kind = _resolve(config, position)
            part = _part(position, name)
            if part not in saved:
                raise ArchiveError(
                    f"The model has no state for step {position + 1}, {name}.", hint=TRAIN_AGAIN
                )
            settings = _settings(config, kind, language, steps)
            steps.append(Step(name, part, load_part(kind, settings, saved[part])))
        return cls(steps)


@contextmanager
def _little_garbage() -> Iterator[None]:
    """A training makes some hundred thousand small objects at once and keeps them: to look through them all for
    garbage every few hundred would take a third of a short one."""
    before = gc.get_threshold()
    gc.set_threshold(max(200_000, before[0]), *before[1:])
    try:
        yield
    finally:
        gc.set_threshold(*before)


def _readable(text: str) -> str:
    """What is read of a text: its beginning, with `?` for each lone surrogate, which no encoder takes."""
    text = text[:MAX_CHARACTERS]
    return text if text.isascii() else text.encode("utf-8", "replace").decode("utf-8")


def _sentence_row(message: Message) -> Floats | None:
    """(1, H): what featurizers say of a whole text.

    Dense features have length 1, so that they decide between texts of the same words, and words decide whether a text
    is like one of the stories at all.
    """
    dense, sparse = message.dense_sentence(), message.sparse_sentence()
    if dense is not None:
        dense = dense / np.maximum(np.linalg.norm(dense, axis=-1, keepdims=True), 1e-12)
    found = [row for row in (dense, None if sparse is None else sparse.dense()) if row is not None]
    return np.concatenate(found, axis=-1).astype(np.float32) if found else None


def _settings(
    config: Mapping[str, Any], kind: Any, language: str | None, before: Sequence[Step]
) -> dict[str, Any]:
    """An item of `pipeline:` with what the component wants to know of the rest (its class says so in `reads`)."""
    settings = copy(config) if isinstance(config, dict) else dict(config)
    reads = getattr(kind, "reads", ())
    if language and "language" in reads:
        settings.setdefault("language", language)
    if "intent_split_symbol" in reads:
        for step in before:
            options = getattr(step.component, "options", {})
            if options.get("intent_tokenization_flag"):
                settings.setdefault("intent_split_symbol", options["intent_split_symbol"])
    return settings


def _messages(examples: Sequence[Example]) -> list[Message]:
    return [Message(e.text, example=e) for e in examples if e.text.strip() and not e.text.startswith("/")]


def _resolve(config: Mapping[str, Any], position: int) -> tuple[str, Any]:
    name = config.get("name")
    if not isinstance(name, str):
        raise ConfigError(
            f"Item {position + 1} of `pipeline` has no name.",
            hint="Write `- name: WhitespaceTokenizer`.",
        )
    kind = resolve("component", name)
    missing = [
        word
        for word in ("train", "process", "save", "load", "requires", "provides")
        if not hasattr(kind, word)
    ]
    if missing:
        raise ConfigError(
            f"The class {name!r} is no component: it has no {', '.join(missing)}.",
            hint="A component written for Rasa's graph is ported in a few lines; see docs/migrating-from-rasa.md.",
        )
    return name, kind


def _part(position: int, name: str) -> str:
    return f"{position:02d}-{name.rpartition('.')[2]}"


def _check_order(steps: Sequence[Step], configs: Sequence[Mapping[str, Any]]) -> None:
    have: set[str] = set()
    aliases: set[str] = set()
    for step, config in zip(steps, configs, strict=True):
        with at_place(config):
            _check_step(step, place(config, "name"), have, aliases)
        have.update(step.component.provides)
        alias = getattr(step.component, "alias", None)
        aliases |= set() if alias is None else {alias}
    for step, config in zip(steps, configs, strict=True):
        with at_place(config, "featurizers"):
            _check_selection(step, aliases)


def _check_step(step: Step, at: str, have: Collection[str], aliases: Collection[str]) -> None:
    missing = [need for need in step.component.requires if need not in have]
    if missing:
        raise ConfigError(
            f"{step.name} needs {' and '.join(missing)}, but no step before it gives that.",
            hint=_remedy(missing[0]),
        )
    for need in getattr(step.component, "wants", ()):
        if need not in have:
            logger.warning("%s: no step before %s gives %s. %s", at, step.name, need, _remedy(need))
    if TOKENS in step.component.provides and TOKENS in have:
        raise ConfigError(
            f"{step.name} is a second tokenizer.", hint="A pipeline has one tokenizer; remove one."
        )
    alias = getattr(step.component, "alias", None)
    if alias is not None and alias in aliases:
        raise ConfigError(f"Two featurizers are called {alias!r}.", hint="Give one another `alias`.")


def _check_selection(step: Step, aliases: Collection[str]) -> None:
    for name in getattr(step.component, "options", {}).get("featurizers", ()):
        if name not in aliases:
            raise ConfigError(
                f"{step.name} wants the featurizer {name!r}, which is not in the pipeline.",
                hint=f"There are: {', '.join(sorted(aliases)) or 'none'}.",
            )


def _remedy(need: str) -> str:
    return {
        "tokens": "Put a tokenizer (WhitespaceTokenizer, MultilingualTokenizer) first.",
        "features": "Put a featurizer (BertFeaturizer, CountVectorsFeaturizer) before it.",
        "intent": "Put an intent classifier (JointClassifier, DIETClassifier) before it.",
    }.get(need, "Change the order of `pipeline`.")

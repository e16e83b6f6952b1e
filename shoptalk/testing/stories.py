"""Dialogue, measured on test stories: each message parsed, each action predicted, both compared with the story.

As with Rasa, no action is run: slots come from the story. After a wrong prediction the story's own step happens and
the test goes on. A form that was predicted wrongly gets a second chance after an emulated rejection.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from shoptalk.assistant import Assistant
from shoptalk.core.domain import ACTION_UNLIKELY_INTENT
from shoptalk.core.events import ActionExecuted, ActionExecutionRejected, Event, UserUttered
from shoptalk.core.stories import CheckpointStep, Story, StoryData, UserStep
from shoptalk.core.tracker import Tracker
from shoptalk.core.training_data import NOWHERE, Source
from shoptalk.dialogue.policies.base import Prediction
from shoptalk.dialogue.training_trackers import TrainingTracker, training_trackers

NO_ENTITY_FOUND = "None"

OF_THE_WHOLE = ("LanguageIdentifier", "SentimentClassifier")
"""Extractors whose entities say something of a message as a whole; no test story annotates them."""


@dataclass(frozen=True, slots=True)
class Checked:
    """One step of a test story beside what the model made of it.

    Args:
        event: of the story.
        right, got: intent or action that the story names, and that the model gave.
        policy, confidence: of the prediction.
        unlikely: the model first said that this message was unexpected.
        entities, found: in the story and by the model, in Rasa's form (messages only).
        source: where the step stands.
    """

    event: Event
    right: str
    got: str
    policy: str | None = None
    confidence: float = 0.0
    unlikely: bool = False
    entities: tuple[Mapping[str, Any], ...] = ()
    found: tuple[Mapping[str, Any], ...] = ()
    source: Source = NOWHERE
    reason: str = ""

    @property
    def is_message(self) -> bool:
        """Whether the user spoke; else the assistant acted."""
        return isinstance(self.event, UserUttered)

    @property
    def is_right(self) -> bool:
        """Whether nothing differs."""
        return self.right == self.got and _bare(self.entities) == _bare(self.found)


@dataclass(frozen=True, slots=True)
class StoryResult:
    """A test story with what came of it. `steps` holds every event; those that were compared as `Checked`."""

    name: str
    source: Source
    steps: tuple[Checked | Event, ...]

    @property
    def checked(self) -> list[Checked]:
        """The steps that were compared."""
        return [step for step in self.steps if isinstance(step, Checked)]

    @property
    def failed(self) -> bool:
        """Whether anything differs from the story."""
        return any(not step.is_right for step in self.checked)

    @property
    def has_warnings(self) -> bool:
        """Whether the model found a message unexpected, which the story does not say."""
        return any(step.unlikely for step in self.checked)


@dataclass(frozen=True, slots=True)
class StoryEvaluation:
    """All test stories with what came of them."""

    results: tuple[StoryResult, ...] = field(default=())

    @property
    def failed(self) -> list[StoryResult]:
        """Stories that differ somewhere."""
        return [result for result in self.results if result.failed]

    @property
    def correct(self) -> int:
        """Stories that do not differ anywhere."""
        return len(self.results) - len(self.failed)

    @property
    def accuracy(self) -> float:
        """Share of stories that do not differ anywhere."""
        return self.correct / len(self.results) if self.results else 0.0

    def actions(self) -> tuple[list[str], list[str]]:
        """Actions of all stories, as they are and as predicted."""
        steps = [step for result in self.results for step in result.checked if not step.is_message]
        return [step.right for step in steps], [step.got for step in steps]

    def everything(self) -> tuple[list[str], list[str]]:
        """Actions, intents and entities (as markup) of all stories, as they are and as predicted."""
        targets, predictions = self.actions()
        messages = [step for result in self.results for step in result.checked if step.is_message]
        targets += [step.right for step in messages]
        predictions += [step.got for step in messages]
        for step in messages:
            for right, got in _pair(step):
                targets.append(right)
                predictions.append(got)
        return targets, predictions


Ask = Callable[[int, int], None]


async def evaluate_stories(
    assistant: Assistant,
    tests: StoryData,
    *,
    understand: bool = True,
    limit: int | None = None,
    progress: Ask | None = None,
) -> StoryEvaluation:
    """Play test stories against an assistant.

    Args:
        assistant: with a dialogue; its actions are not run.
        tests: see `load_stories`.
        understand: let NLU parse the texts; otherwise the story's own intents count.
        limit: at most so many stories.
        progress: told how many of how many are done.
    """
    trackers = _conversations(tests, assistant)[:limit]
    full = {
        step.source: step.full_retrieval_intent
        for story in tests.stories
        for step in story.steps
        if isinstance(step, UserStep) and step.full_retrieval_intent
    }
    play = _Play(assistant, understand, full)
    results = []
    for number, tracker in enumerate(trackers):
        if progress is not None:
            progress(number, len(trackers))
        results.append(await play.story(tracker))
    return StoryEvaluation(tuple(results))


def _conversations(tests: StoryData, assistant: Assistant) -> list[TrainingTracker]:
    """Stories as conversations; those with checkpoints are joined among each other, the rest stand alone."""
    joined = tuple(s for s in tests.stories if any(isinstance(step, CheckpointStep) for step in s.steps))
    groups: list[tuple[Story, ...]] = [(s,) for s in tests.stories if s not in joined]
    found: list[TrainingTracker] = []
    for group in [*groups, *([joined] if joined else [])]:
        found += training_trackers(StoryData(stories=group), assistant.domain, augmentation=0)
    return found


class _Play:
    """Plays conversations. `full` has the whole names of retrieval intents, by where the step stands."""

    def __init__(self, assistant: Assistant, understand: bool, full: Mapping[Source, str]) -> None:
        self.assistant, self.understand, self.full = assistant, understand, full

    async def story(self, conversation: TrainingTracker) -> StoryResult:
        tracker = Tracker(conversation.name, self.assistant.domain.all_slots)
        steps: list[Checked | Event] = []
        for place, event in enumerate(conversation.tracker.events):
            if place == 0:
                tracker.apply(event)
                steps.append(event)
            elif isinstance(event, ActionExecuted):
                steps.append(await self._action(tracker, event, conversation.source))
                tracker.apply(event)
            elif isinstance(event, UserUttered) and self.understand:
                checked = await self._message(event, conversation.source)
                tracker.apply(event)
                steps.append(checked)
            else:
                tracker.apply(event)
                steps.append(event)
        return StoryResult(conversation.name, conversation.source, tuple(steps))

    async def _message(self, event: UserUttered, source: Source) -> Checked:
        gold = self.full.get(_source(event, source)) or event.intent_name or ""
        parse = await self.assistant.parse(event.text) if event.text else event.parse_data
        name = (parse.get("intent") or {}).get("name")
        got = _full_name(parse, name) if "/" in gold else str(name or "")
        if not event.intent_name:
            got = gold
        return Checked(
            event,
            gold,
            got,
            confidence=float((parse.get("intent") or {}).get("confidence") or 0.0),
            entities=_placed(event.entities, event.text),
            found=_placed(parse.get("entities") or [], event.text),
            source=_source(event, source),
        )

    async def _action(self, tracker: Tracker, event: ActionExecuted, source: Source) -> Checked:
        right = event.name_or_text or ""
        got, prediction = await self._predict(tracker, right)
        unlikely = got == ACTION_UNLIKELY_INTENT and right != ACTION_UNLIKELY_INTENT
        if unlikely:
            tracker.apply(ActionExecuted(name=ACTION_UNLIKELY_INTENT))
            got, prediction = await self._predict(tracker, right)
        tracker.apply_all(prediction.events)
        return Checked(
            event,
            right,
            got,
            prediction.policy,
            float(prediction.confidence),
            unlikely,
            source=_source(event, source),
            reason=f"{prediction.reason.kind} {prediction.reason.name}" if prediction.reason else "",
        )

    async def _predict(self, tracker: Tracker, right: str) -> tuple[str, Prediction]:
        domain = self.assistant.domain
        prediction = await self._ask(tracker)
        got = prediction.action(domain)
        if got != right and got == tracker.active_loop_name and got in domain.forms:
            tracker.apply(ActionExecutionRejected(name=got))
            prediction = await self._ask(tracker)
            got = prediction.action(domain)
        return got, prediction

    async def _ask(self, tracker: Tracker) -> Prediction:
        prediction = await self.assistant.predict(tracker)
        assert prediction is not None
        return prediction


def _source(event: Event, otherwise: Source) -> Source:
    found = event.metadata.get("source")
    return found if isinstance(found, Source) else otherwise


def _full_name(parse: Mapping[str, Any], intent: str | None) -> str:
    """The retrieval key a selector chose for the winning intent, or the intent alone."""
    selector = parse.get("response_selector") or {}
    found = selector.get(intent or "") or selector.get("default") or {}
    key = (found.get("response") or {}).get("intent_response_key")
    return str(key) if key and str(key).startswith(f"{intent}/") else str(intent or "")


def _placed(entities: Sequence[Mapping[str, Any]], text: str | None) -> tuple[Mapping[str, Any], ...]:
    if text is None or text.startswith("/"):
        return ()
    return tuple(e for e in entities if e.get("start") is not None and e.get("extractor") not in OF_THE_WHOLE)


def _bare(entities: Sequence[Mapping[str, Any]]) -> list[tuple[int, int, str, str]]:
    """What Rasa compares of entities."""
    return sorted({(e["start"], e["end"], str(e["entity"]), str(e.get("value"))) for e in entities})


def _pair(step: Checked) -> list[tuple[str, str]]:
    right = {(start, entity): f"[{value}]({entity})" for start, _, entity, value in _bare(step.entities)}
    got = {(start, entity): f"[{value}]({entity})" for start, _, entity, value in _bare(step.found)}
    return [
        (right.get(key, NO_ENTITY_FOUND), got.get(key, NO_ENTITY_FOUND)) for key in sorted({*right, *got})
    ]

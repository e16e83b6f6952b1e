"""A conversation in which people correct what the assistant makes of it, and keep it as training data."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.markup import escape

from shoptalk.cli.shell import Printer, read_line
from shoptalk.core.domain import ACTION_LISTEN, ACTION_SESSION_START
from shoptalk.core.events import ActionExecuted, UserUttered
from shoptalk.core.messages import UserMessage
from shoptalk.core.tracker import Tracker
from shoptalk.core.training_data import EntitySpan, Example, TrainingData
from shoptalk.errors import ActionError, DataError
from shoptalk.formats import edit
from shoptalk.formats.nlu import markup, parse_markup
from shoptalk.formats.story_writer import stories_of
from shoptalk.formats.yaml import read_text
from shoptalk.turn import Run

if TYPE_CHECKING:
    from shoptalk.assistant import Assistant
    from shoptalk.dialogue.policies.base import Prediction

Ask = Callable[[str], Awaitable[str | None]]
CHOICES = 4
HELP = (
    "Type a message; confirm with Enter or correct what is shown. "
    "/undo takes the last message back, /export keeps the conversation, /restart begins another, /stop ends."
)


class Stop(Exception):
    """The teacher is done."""


@dataclass(frozen=True, slots=True)
class Targets:
    """Files that new data is added to. `as_test`: stories keep texts and entities, as test stories do."""

    stories: Path
    nlu: Path
    domain: Path
    as_test: bool = False


class Lesson:
    """A conversation with corrections.

    Args:
        assistant: that is taught; its actions run.
        console: where it is shown.
        targets: where it is kept.
        name: of the story.
        ask: reads an answer; None at the end of the input.
    """

    def __init__(
        self, assistant: Assistant, console: Console, targets: Targets, name: str, ask: Ask = read_line
    ) -> None:
        self.assistant, self.console, self.targets, self.name, self._ask = (
            assistant,
            console,
            targets,
            name,
            ask,
        )
        self.domain = assistant.domain
        self.count = 0
        self.new: dict[str, list[str]] = {"intents": [], "entities": [], "actions": []}
        self.begin()

    def begin(self) -> None:
        """Start another conversation."""
        self.count += 1
        self.tracker = Tracker(
            f"{self.name} {self.count}" if self.count > 1 else self.name, self.domain.all_slots
        )
        self.kept = False
        self.before: list[Tracker] = []

    async def run(self) -> int:
        """Talk until `/stop`."""
        self.console.print(f"[dim]{HELP}[/]")
        try:
            while True:
                await self._line(await self.ask("you> "))
        except Stop:
            await self._offer_export()
        finally:
            await self.assistant.close()
        return 0

    async def ask(self, question: str) -> str:
        """An answer; `Stop` at the end of the input or for `/stop`."""
        answer = await self._ask(question)
        if answer is None or answer == "/stop":
            raise Stop
        return answer

    async def _line(self, text: str) -> None:
        if text == "/undo":
            self.undo()
        elif text == "/export":
            await self.export()
        elif text == "/restart":
            await self._offer_export()
            self.begin()
        elif text == "/help":
            self.console.print(HELP)
        elif text:
            await self.turn(text)

    def undo(self) -> None:
        """Take the last message and all that followed back."""
        if self.before:
            self.tracker = self.before.pop()
            self.console.print("[dim]The last message is taken back.[/]")
        else:
            self.console.print("[yellow]There is nothing to take back.[/]")

    # ------------------------------------------------------------------------------------------------ messages

    async def turn(self, text: str) -> None:
        """One message: understood and corrected, then action after action."""
        saved = self.tracker.copy()
        parse = await self.assistant.parse(text)
        if not text.startswith("/"):
            intent = await self._intent(parse)
            entities = await self._entities(text, parse)
            parse = {**parse, "intent": intent, "entities": entities}
        self.before.append(saved)
        self.kept = False
        printer = Printer(self.console)
        run = Run(self.assistant.engine, self.tracker, "cmdline", printer)
        message = UserMessage(text, self.tracker.sender_id, channel="cmdline", parse_data=parse)
        await run.message(message, answer=False)
        while await self._act(run):
            printer.end()
        self.tracker = run.tracker

    async def _intent(self, parse: dict[str, Any]) -> dict[str, Any]:
        ranking = (parse.get("intent_ranking") or [parse["intent"]])[:CHOICES]
        shown = "  ".join(
            f"[bold]{place}[/] {escape(str(one['name']))} {one['confidence']:.2f}"
            for place, one in enumerate(ranking, start=1)
        )
        self.console.print(f"  intent    {shown}")
        answer = await self.ask("  right? Enter for 1, a number, or the name of an intent: ")
        if answer.isdecimal() and 0 < int(answer) <= len(ranking):
            return dict(ranking[int(answer) - 1])
        if not answer:
            return dict(ranking[0])
        base = answer.partition("/")[0]
        if base not in self.domain.intent_names:
            self._note("intents", base)
        full = {"full_retrieval_intent_name": answer} if "/" in answer else {}
        return {"name": base, "confidence": 1.0, **full}

    async def _entities(self, text: str, parse: dict[str, Any]) -> list[dict[str, Any]]:
        found = parse.get("entities") or []
        marked = markup(text, tuple(_span(text, entity) for entity in found if "start" in entity))
        self.console.print(f"  entities  {escape(marked)}")
        while True:
            answer = await self.ask("  right? Enter, or the message with [words](entity) marked in it: ")
            if not answer:
                return list(found)
            try:
                plain, spans = parse_markup(answer)
            except DataError as error:
                self.console.print(f"  [red]{escape(str(error))}[/]")
                continue
            if plain.strip() != text.strip():
                self.console.print(f"  [red]That is another message: {escape(plain)}[/]")
                continue
            for span in spans:
                if span.entity not in self.domain.entities:
                    self._note("entities", span.entity)
            return [span.as_dict() for span in spans]

    def _note(self, section: str, name: str) -> None:
        """Remember a name that the domain lacks."""
        if name not in self.new[section]:
            self.new[section].append(name)
            self.console.print(
                f"  [yellow]{escape(name)!s} is new; it will be added to the domain on export.[/]"
            )

    # ------------------------------------------------------------------------------------------------- actions

    async def _act(self, run: Run) -> bool:
        """One action; False when the user is to speak again."""
        prediction = await run.next_prediction()
        predicted = prediction.action(self.domain)
        ranked = self._show(run.tracker, prediction, predicted)
        chosen = await self._action(ranked)
        if chosen == predicted:
            run.apply(*prediction.events)
            confidence: float | None = float(prediction.confidence)
        else:
            confidence = 1.0
        if chosen not in self.domain.action_index:
            self._note("actions", chosen)
            run.apply(ActionExecuted(name=chosen, confidence=1.0))
            return True
        try:
            await run.execute(chosen, prediction.policy if chosen == predicted else None, confidence)
        except ActionError as error:
            self.console.print(f"  [red]{escape(str(error))}[/]")
        return chosen != ACTION_LISTEN

    def _show(self, tracker: Tracker, prediction: Prediction, predicted: str) -> list[str]:
        """Print a prediction, why, and what came next; return the actions in that order."""
        reason = prediction.reason
        why = f"{reason.kind} {reason.name!r} {reason.source}".rstrip() if reason else "no reason kept"
        self.console.print(
            f"  next      [bold]1 {escape(predicted)}[/] {prediction.confidence:.2f}"
            f"  [dim]{escape(prediction.policy or 'asked for by the last action')}: {escape(why)}[/]"
        )
        others = self._others(tracker, predicted)
        for place, (action, score, policy) in enumerate(others, start=2):
            self.console.print(f"            {place} {escape(action)} {score:.2f}  [dim]{escape(policy)}[/]")
        return [predicted, *(action for action, _, _ in others)]

    def _others(self, tracker: Tracker, predicted: str) -> list[tuple[str, float, str]]:
        """Runners-up of all policies: action, score, policy."""
        predict_all = getattr(self.assistant.dialogue, "predict_all", None)
        if predict_all is None:
            return []
        best: dict[str, tuple[float, str]] = {}
        for opinion in predict_all(tracker, self.domain):
            for scored in opinion.top:
                if scored.action != predicted and scored.score > best.get(scored.action, (0.0, ""))[0]:
                    best[scored.action] = (scored.score, opinion.policy)
        ranked = sorted(best.items(), key=lambda item: -item[1][0])[: CHOICES - 1]
        return [(action, score, policy) for action, (score, policy) in ranked]

    async def _action(self, ranked: Sequence[str]) -> str:
        answer = await self.ask("  run it? Enter for 1, a number, or the name of an action: ")
        if answer.isdecimal() and 0 < int(answer) <= len(ranked):
            return ranked[int(answer) - 1]
        return answer or ranked[0]

    # -------------------------------------------------------------------------------------------------- export

    async def _offer_export(self) -> None:
        if self.kept or not any(isinstance(event, UserUttered) for event in self.tracker.events):
            return
        answer = await self._ask(f"Keep this conversation in {self.targets.stories}? Enter for yes, or no: ")
        if answer is not None and answer.lower() in ("", "y", "yes"):
            await self.export()

    async def export(self) -> None:
        """Add the conversation to the project's files."""
        written = keep(self.tracker, self.targets, self.new)
        self.kept = True
        for line in written:
            self.console.print(f"[green]{escape(line)}[/]")


def keep(tracker: Tracker, targets: Targets, new: dict[str, list[str]]) -> list[str]:
    """Add a conversation to story, NLU and domain files, which keep their comments.

    Args:
        tracker: of the conversation.
        targets: the files.
        new: names for the domain by section.

    Returns:
        What was written, in words.
    """
    events = [
        e for e in tracker.events if not (isinstance(e, ActionExecuted) and e.name == ACTION_SESSION_START)
    ]
    content = read_text(stories_of(tracker.sender_id, events, as_test=targets.as_test))
    edit.add_snippets(targets.stories, "stories", content["stories"])
    out = [f"{targets.stories}: the story {tracker.sender_id!r}"]
    examples = tuple(
        example for event in events if isinstance(event, UserUttered) and (example := _example(event))
    )
    if examples and not targets.as_test:
        edit.add_examples(targets.nlu, TrainingData(examples=examples))
        out.append(f"{targets.nlu}: {len(examples)} example{'s' * (len(examples) != 1)}")
    fresh = {section: names for section, names in new.items() if names}
    if fresh:
        edit.add_to_domain(targets.domain, fresh)
        out.append(f"{targets.domain}: {', '.join(name for names in fresh.values() for name in names)}")
    return out


def _example(event: UserUttered) -> Example | None:
    text = event.text or ""
    if not text or text.startswith("/") or not event.intent_name:
        return None
    full = event.intent.get("full_retrieval_intent_name")
    spans = tuple(_span(text, entity) for entity in event.entities if "start" in entity)
    return Example(text, event.intent_name, full, spans)


def _span(text: str, entity: dict[str, Any]) -> EntitySpan:
    start, end = int(entity["start"]), int(entity["end"])
    value = entity.get("value")
    shown = value if isinstance(value, str) else text[start:end]
    return EntitySpan(start, end, str(entity["entity"]), shown, entity.get("role"), entity.get("group"))

"""`shoptalk shell [nlu]`."""

from __future__ import annotations

import argparse
import asyncio
import json
import uuid
from pathlib import Path
from typing import TYPE_CHECKING, Any

from shoptalk.cli.explaining import print_explanation
from shoptalk.cli.flags import (
    add_log_targets,
    add_remote_storage,
    add_server_flags,
    refuse_remote_storage,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from rich.console import Console

    from shoptalk.assistant import Assistant
    from shoptalk.core.messages import BotMessage
    from shoptalk.core.tracker import Tracker
    from shoptalk.turn import TurnRecord

STOP = "/stop"
HELP = "Type a message, the number of a button, or one of: /stop, /restart, /slots, /explain (on and off), /help."


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Flags of the command; those of Rasa's `shell` mean the same."""
    parser.add_argument(
        "what", nargs="?", help="`nlu` to see only what is understood, or the path of a model"
    )
    parser.add_argument(
        "-m", "--model", type=Path, default=Path("models"), help="a model, or a folder of models"
    )
    parser.add_argument("--endpoints", type=Path, default=Path("endpoints.yml"), help="services to use")
    parser.add_argument("--conversation-id", help="name of the conversation (default: a new one)")
    parser.add_argument(
        "--explain", action="store_true", help="say what was understood and why each action ran"
    )
    add_remote_storage(parser)
    add_server_flags(parser, "the shell serves nothing; `shoptalk run` does")
    add_log_targets(parser)
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Talk until `/stop` or the end of the input."""
    from rich.console import Console

    from shoptalk.cli.assistants import open_assistant

    refuse_remote_storage(args)
    model = Path(args.what) if args.what and args.what != "nlu" else args.model
    assistant = open_assistant(model, args.endpoints)
    console = Console(highlight=False, soft_wrap=True)
    if args.what == "nlu" or assistant.dialogue is None:
        return asyncio.run(_nlu(assistant, console, explained=args.explain))
    talk = Talk(assistant, console, args.conversation_id or uuid.uuid4().hex, explain=args.explain)
    return asyncio.run(talk.run())


async def _nlu(assistant: Assistant, console: Console, *, explained: bool = False) -> int:
    """Print the parse result of each line, with its explanation if wished."""
    console.print(f"[dim]What is understood, as JSON. {STOP} ends.[/]")
    while (text := await read_line("> ")) not in (None, STOP):
        if text:
            found = await (assistant.explain(text) if explained else assistant.parse(text))
            print(json.dumps(found, indent=2, ensure_ascii=False, default=float))
    await assistant.close()
    return 0


async def read_line(prompt: str) -> str | None:
    """A line from the terminal, without blanks around it; None at the end of the input."""
    try:
        return (await asyncio.to_thread(input, prompt)).strip()
    except EOFError:
        return None


class Talk:
    """A conversation in the terminal.

    Args:
        assistant: who answers.
        console: where.
        sender_id: of the conversation.
        explain: say what was understood and why each action ran.
    """

    def __init__(
        self, assistant: Assistant, console: Console, sender_id: str, *, explain: bool = False
    ) -> None:
        from shoptalk.core.tracker import Tracker

        self.assistant, self.console, self.explain = assistant, console, explain
        self.tracker: Tracker = Tracker(sender_id, assistant.domain.all_slots)
        self.buttons: list[Mapping[str, Any]] = []
        self.printer = Printer(console)

    async def run(self) -> int:
        """Talk until `/stop`."""
        self.console.print(f"[dim]{HELP}[/]")
        try:
            while (text := await read_line("you> ")) not in (None, STOP):
                if text:
                    await self._line(text)
        finally:
            await self.assistant.close()
        return 0

    async def _line(self, text: str) -> None:
        if text == "/help":
            self.console.print(HELP)
        elif text == "/explain":
            self.explain = not self.explain
        elif text == "/slots":
            _print_slots(self.console, self.tracker)
        else:
            await self.say(self._chosen(text))

    async def say(self, text: str) -> TurnRecord:
        """Serve one message and print the answers."""
        from shoptalk.core.messages import UserMessage

        message = UserMessage(text, self.tracker.sender_id, channel="cmdline")
        record = await self.assistant.turn(self.tracker, message, self.printer)
        self.tracker = record.tracker
        self.printer.end()
        self.buttons = [b for reply in record.replies for b in reply.get("buttons") or ()]
        if self.explain:
            explain(self.console, record)
            print_explanation(self.console, await self.assistant.explain(text))
        return record

    def _chosen(self, text: str) -> str:
        """The payload of a button that was named by its number, else the text."""
        if text.isdecimal() and 0 < int(text) <= len(self.buttons):
            button = self.buttons[int(text) - 1]
            return str(button.get("payload") or button.get("title") or text)
        return text


class Printer:
    """Prints messages as they come; pieces of a streamed one as they are made."""

    def __init__(self, console: Console) -> None:
        self.console = console
        self.streamed: set[str] = set()
        self.open = ""
        self.number = 0

    async def typing(self) -> None:
        """Nothing to see in a terminal."""

    async def delta(self, message_id: str, text: str) -> None:
        """Print a piece of a message."""
        if self.open != message_id:
            self.end()
            self.console.print("[bold cyan]bot>[/] ", end="")
        self.open = message_id
        self.streamed.add(message_id)
        self.console.print(text, end="", markup=False)
        self.console.file.flush()

    async def message(self, message: BotMessage) -> None:
        """Print a whole message, unless its pieces were printed."""
        from rich.markup import escape

        was_streamed = message.get("id") in self.streamed
        if was_streamed:
            self.end()
        elif message.get("text"):
            self.console.print(f"[bold cyan]bot>[/] {escape(str(message['text']))}")
        for kind in ("image", "attachment"):
            if message.get(kind):
                self.console.print(f"     [dim]{kind}:[/] {escape(str(message[kind]))}")
        if message.get("custom"):
            shown = json.dumps(message["custom"], ensure_ascii=False)
            self.console.print(f"     [dim]custom:[/] {escape(shown)}")
        for button in message.get("buttons") or ():
            self.number += 1
            self.console.print(f"     [bold]{self.number}[/] {escape(str(button.get('title')))}")

    def end(self) -> None:
        """The turn (or a streamed message) is over."""
        if self.open:
            self.console.print()
        self.open = ""
        self.number = 0


def explain(console: Console, record: TurnRecord) -> None:
    """What a turn understood and did, and why."""
    from rich.markup import escape

    intent = record.parse.get("intent") or {}
    entities = ", ".join(f"{e['entity']}={e.get('value')!r}" for e in record.parse.get("entities") or ())
    ranking = record.parse.get("intent_ranking") or []
    second = f", then {ranking[1]['name']} {ranking[1]['confidence']:.2f}" if len(ranking) > 1 else ""
    console.print(
        f"[dim]     understood {escape(str(intent.get('name')))} {intent.get('confidence') or 0:.2f}{escape(second)}"
        f"{escape('; ' + entities if entities else '')}[/]"
    )
    for step in record.steps:
        reason = step.reason
        why = f"{reason.kind} {reason.name!r} {reason.source}".rstrip() if reason else ""
        console.print(
            f"[dim]     {escape(step.action)}  {step.policy or ''} {step.confidence:.2f}  {escape(why)}[/]"
        )
    console.print(f"[dim]     {record.timings_ms.get('total', 0):.1f} ms[/]")


def _print_slots(console: Console, tracker: Tracker) -> None:
    from rich.markup import escape

    for name, value in tracker.slots.items():
        if value is not None:
            console.print(f"  {escape(name)} = {escape(json.dumps(value, ensure_ascii=False, default=str))}")

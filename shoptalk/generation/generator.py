"""Puts a response into words: prompt, model, guard, shopper; sentence by sentence."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import re
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any, Protocol

from shoptalk.core.events import BotUttered, UserUttered
from shoptalk.core.tracker import Tracker
from shoptalk.errors import GenerationError
from shoptalk.generation.base import ChatMessage, LanguageModel, Limits
from shoptalk.generation.guard import Guard, Verdict
from shoptalk.generation.prompts import Passage, Turn, build_prompt, instructions, language_of, relevant
from shoptalk.generation.text import SentenceBuffer, plain, squeezed

logger = logging.getLogger(__name__)

LANGUAGE_SLOT = "language"
MAX_SENTENCES = 4
IGNORANCE = re.compile(
    r"\b(?:do not|don't|cannot|can't|does not|doesn't|not able to) (?:know|say|tell|answer|have (?:any |that |enough )?information)\b|"
    r"\bi(?:'m| am) not sure\b|\bnotes (?:do|don't|did)\b|不清楚|不知道|不太清楚|无法回答|不确定|没有相关信息|资料(?:里|中)?没有",
    re.I,
)
"""A model that does not know says no more: the response's own text offers a way on."""
ABOUT_THE_CUSTOMER = re.compile(
    r"^[\s\"'“]*(?:the|this) (?:customer|shopper|user)\b|^[\s\"“]*(?:顾客|用户|客户)", re.I
)
"""Small models sometimes retell instead of answering."""
SHARE_OF_ECHO = 0.7
"""Of the words of a question by the model: from there on it only repeats what it was asked."""
GRACE_S = 0.5
"""How long a model may take to stop after the reply has ended."""


class Request(Protocol):
    """What is asked: see `shoptalk.actions.responses.GenerationRequest`."""

    @property
    def text(self) -> str: ...
    @property
    def tracker(self) -> Tracker: ...
    @property
    def arguments(self) -> Mapping[str, Any]: ...
    @property
    def message_id(self) -> str: ...


class DeltaSink(Protocol):
    """Takes pieces of a message that is being made."""

    async def delta(self, message_id: str, text: str) -> None:
        """A further piece."""


class GuardedGenerator:
    """Words responses with a language model, and lets only sentences through that the guard passes.

    Args:
        model: makes the text.
        limits: of one reply. The clock starts when the reply is asked for, so it covers loading and waiting.
    """

    def __init__(self, model: LanguageModel, limits: Limits | None = None) -> None:
        self.model, self.limits = model, limits or Limits()

    async def generate(self, request: Request, sink: DeltaSink) -> str | None:
        """The text to say, streamed to `sink` in guarded sentences.

        The arguments of the request may hold `question` (else the latest message is the question) and `passages`,
        a list of texts or of mappings with `title`, `text` and `score` (probability that it answers). Without a
        passage likely enough, the model is asked for small talk, and the guard lets nothing else through.

        Returns:
            The text; None when nothing may be said, and the response's own text is to be said instead. When a
            reply stops half-way, be it by the guard, a fault or the clock, what was shown is followed by the response's own text.
        """
        question = str(request.arguments.get("question") or request.tracker.latest_message.text or "")
        if not question.strip():
            return None
        passages = relevant(read_passages(request.arguments.get("passages")))
        language = str(request.tracker.slots.get(LANGUAGE_SLOT) or language_of(question))
        prompt = build_prompt(question, passages, recent_turns(request.tracker), language)
        guard = Guard(
            [str(passage) for passage in passages], language, [instructions(language, talk=not passages)]
        )
        reply = _Reply(guard, question, request.message_id, sink)
        begun = time.monotonic()
        try:
            async with asyncio.timeout(self.limits.seconds):
                await self._stream(prompt, reply)
        except TimeoutError:
            reply.broken = True
            logger.warning(
                "generation.timeout after %.1f s with %d sentences", self.limits.seconds, len(reply.shown)
            )
        except GenerationError as error:
            reply.broken = True
            logger.warning("generation.failed %s", error)
        _log(reply, time.monotonic() - begun)
        return reply.text(request.text)

    async def _stream(self, prompt: Sequence[ChatMessage], reply: _Reply) -> None:
        buffer = SentenceBuffer()
        async with _closing(self.model.stream(prompt, self.limits)) as pieces:
            length = 0
            async for piece in pieces:
                length += len(piece)
                for sentence in buffer.feed(piece):
                    await reply.offer(sentence)
                if reply.is_over:
                    return
                if length > self.limits.characters:
                    return
        for sentence in buffer.feed("", last=True):
            if not reply.is_over:
                await reply.offer(sentence)

    async def close(self) -> None:
        """Give back what the model holds."""
        await self.model.close()


class _Reply:
    """A reply that grows by the sentences that pass."""

    def __init__(self, guard: Guard, question: str, message_id: str, sink: DeltaSink) -> None:
        self._guard, self._asked, self._id, self._sink = guard, question, message_id, sink
        self.shown: list[str] = []
        self.stopped: Verdict | None = None
        self.broken = False

    @property
    def is_over(self) -> bool:
        return self.stopped is not None or len(self.shown) >= MAX_SENTENCES

    async def offer(self, sentence: str) -> None:
        if self.is_over or not sentence.strip():
            return
        verdict = judge(sentence, self._asked, self._guard)
        if not verdict.passes:
            self.stopped = verdict
            return
        self.shown.append(sentence)
        await self._sink.delta(self._id, sentence)

    def text(self, own: str) -> str | None:
        if not self.shown:
            return None
        said = "".join(self.shown).strip()
        return f"{said}\n{own}" if (self.broken or self.stopped is not None) and own else said


def judge(sentence: str, asked: str, guard: Guard) -> Verdict:
    """Whether a sentence of a reply may be shown, and is worth it."""
    if IGNORANCE.search(plain(sentence)):
        return Verdict(False, "ignorance")
    if _echoes(sentence, asked):
        return Verdict(False, "echo")
    if ABOUT_THE_CUSTOMER.search(plain(sentence)):
        return Verdict(False, "retelling")
    return guard.check(sentence)


def _echoes(sentence: str, asked: str) -> bool:
    """Whether a sentence is the question again, word by word or nearly so."""
    said, question = squeezed(sentence).split(), squeezed(asked).split()
    shared = sum(word in question for word in said)
    is_near = shared >= SHARE_OF_ECHO * max(len(said), len(question))
    return said == question or (is_near and "?" in plain(sentence))


def read_passages(given: Any) -> list[Passage]:
    """The passages of a request; what has no text is left out."""
    passages = []
    for item in given if isinstance(given, list | tuple) else ():
        if isinstance(item, Mapping) and item.get("text"):
            passages.append(
                Passage(str(item.get("title") or ""), str(item["text"]), _score(item.get("score")))
            )
        elif isinstance(item, str) and item.strip():
            passages.append(Passage("", item))
    return passages


def _score(given: Any) -> float | None:
    return float(given) if isinstance(given, int | float) and not isinstance(given, bool) else None


def recent_turns(tracker: Tracker) -> list[Turn]:
    """What was said before the latest message."""
    turns: list[Turn] = []
    for event in tracker.applied:
        if isinstance(event, UserUttered) and event.text and not event.text.startswith("/"):
            turns.append(Turn(True, event.text))
        elif isinstance(event, BotUttered) and event.text:
            turns.append(Turn(False, event.text))
    while turns and turns[-1].by_shopper is False:
        turns.pop()
    return turns[:-1]


def _log(reply: _Reply, seconds: float) -> None:
    if reply.stopped is not None:
        logger.info(
            "generation.guarded %s (%d sentences shown, %.1f s)",
            reply.stopped.reason,
            len(reply.shown),
            seconds,
        )
        logger.debug("generation.guarded detail: %s", reply.stopped.detail)
    else:
        logger.info("generation.done %d sentences in %.1f s", len(reply.shown), seconds)


@contextlib.asynccontextmanager
async def _closing(pieces: AsyncIterator[str]) -> AsyncIterator[AsyncIterator[str]]:
    """Closes an async generator whatever happens, without letting it hold the turn up."""
    try:
        yield pieces
    finally:
        close = getattr(pieces, "aclose", None)
        if close is not None:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(GRACE_S):
                    await close()

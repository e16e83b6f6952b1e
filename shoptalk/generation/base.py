"""What a language model is: messages in, pieces of text out, within limits.

A language model helps an action put something into words. It has no tools, changes nothing and decides nothing.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

from shoptalk.errors import GenerationError

Role = Literal["system", "user", "assistant"]


@dataclass(frozen=True, slots=True)
class ChatMessage:
    """One message of a prompt."""

    role: Role
    content: str


@dataclass(frozen=True, slots=True)
class Limits:
    """What a reply may cost.

    Args:
        tokens: at most so many are generated.
        seconds: after so long the reply ends with what there is.
        characters: a longer reply is cut; a guard against an endpoint that never stops.
    """

    tokens: int = 96
    seconds: float = 7.0
    characters: int = 1200


class LanguageModel(Protocol):
    """Continues a conversation.

    Closing the iterator early stops the work behind it.
    """

    name: str

    def stream(self, messages: Sequence[ChatMessage], limits: Limits) -> AsyncIterator[str]:
        """The reply, piece by piece.

        Raises:
            GenerationError: the model does not answer, or not in a way that can be used.
        """
        ...

    async def close(self) -> None:
        """Give back what the model holds."""
        ...


class ScriptedModel:
    """A model that says what it is told to: for tests, and for trying a project without weights.

    Args:
        replies: said one after the other, the last one again and again; or a function of the prompt.
        piece: characters a piece.
        delay_s: before each piece.
        fails: raised after the pieces of a reply, if given.

    Attributes:
        prompts: what the model was asked, in order.
    """

    name = "scripted"

    def __init__(
        self,
        replies: Sequence[str] | Callable[[Sequence[ChatMessage]], str],
        *,
        piece: int = 7,
        delay_s: float = 0.0,
        fails: GenerationError | None = None,
    ) -> None:
        self._replies, self._piece, self._delay_s, self._fails = replies, piece, delay_s, fails
        self.prompts: list[tuple[ChatMessage, ...]] = []
        self.closed = False

    async def stream(self, messages: Sequence[ChatMessage], limits: Limits) -> AsyncIterator[str]:
        """The next scripted reply in pieces."""
        self.prompts.append(tuple(messages))
        if callable(self._replies):
            text = self._replies(messages)
        else:
            text = self._replies[min(len(self.prompts), len(self._replies)) - 1]
        for start in range(0, len(text), self._piece):
            await asyncio.sleep(self._delay_s)
            yield text[start : start + self._piece]
        if self._fails is not None:
            raise self._fails

    async def close(self) -> None:
        """Remember that it was closed."""
        self.closed = True

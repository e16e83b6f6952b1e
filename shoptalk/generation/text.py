"""Making text safe to compare and to quote: one form for every way to write the same characters."""

from __future__ import annotations

import re
import unicodedata

HAN = r"\u3400-\u4dbf\u4e00-\u9fff"
_HAN_RUN = re.compile(f"[{HAN}]+")
_SPACE = re.compile(r"\s+")
_TEMPLATE_MARKS = re.compile(
    r"<\|[^|>]{0,40}\|>|</?s>|\[/?INST\]|<</?SYS>>|###\s*(?:system|user|assistant)\b:?", re.I
)
_ENDS = re.compile(r"[.!?…](?=[\"'”’)\]]?(?:\s|$))[\"'”’)\]]?|[。！？][”’」）]?|\n+")
_ABBREVIATION = re.compile(r"\b(?:e\.g|i\.e|etc|no|approx|mr|mrs|ms|dr|st|vs)\.$", re.I)
_HIDDEN = ("Cc", "Cf", "Co", "Cs", "Cn")
DASHES = dict.fromkeys(map(ord, "‐‑‒–—−"), "-")
QUOTES = {ord(c): "'" for c in "‘’ʼ`´"} | {ord(c): '"' for c in "“”„«»"}


def plain(text: str) -> str:
    """One form of a text: compatibility characters and digits of every script as ASCII, nothing invisible."""
    out = []
    for character in unicodedata.normalize("NFKC", text):
        if unicodedata.category(character) == "Nd":
            out.append(str(unicodedata.digit(character)))
        elif character in "\n\t" or unicodedata.category(character) not in _HIDDEN:
            out.append(character)
    return "".join(out).translate(DASHES).translate(QUOTES)


def has_hidden(text: str) -> bool:
    """Whether a text holds characters that are not seen: controls, direction marks, zero widths."""
    return any(c not in "\n\t\r\u200d\ufe0f" and unicodedata.category(c) in _HIDDEN for c in text)


def quotable(text: str, limit: int) -> str:
    """Untrusted text as one line of data: nothing invisible, no marks of a chat template, at most `limit` long."""
    seen = "".join(c for c in text if c in "\n\t" or unicodedata.category(c) not in _HIDDEN)
    flat = _SPACE.sub(" ", _TEMPLATE_MARKS.sub(" ", seen)).strip()
    return flat if len(flat) <= limit else flat[: limit - 1].rstrip() + "…"


def squeezed(text: str) -> str:
    """A text's letters and digits only, lower-cased, words kept apart: for asking whether one holds another."""
    return " ".join(re.findall(rf"[a-z0-9]+|[{HAN}]|[€$£%]", plain(text).lower()))


def han_share(text: str) -> float:
    """How much of a text's letters is Chinese, 0..1."""
    letters = [c for c in text if c.isalpha()]
    han = sum(len(run) for run in _HAN_RUN.findall(text))
    return han / len(letters) if letters else 0.0


def sentences(text: str) -> list[str]:
    """The sentences of a text."""
    return [s for s in (part.strip() for part in SentenceBuffer().feed(text, last=True)) if s]


class SentenceBuffer:
    """Cuts a text that comes in pieces into sentences.

    A full stop ends a sentence only when a space follows, so that an amount is never cut in two.
    """

    def __init__(self) -> None:
        self._held = ""

    def feed(self, piece: str, *, last: bool = False) -> list[str]:
        """The sentences that are complete now, each with the space that follows it.

        Args:
            piece: further text.
            last: nothing follows; the rest is a sentence, too.
        """
        self._held += piece
        done: list[str] = []
        start = 0
        for match in _ENDS.finditer(self._held):
            end = match.end()
            if end == len(self._held) and not last:
                break
            if _ABBREVIATION.search(self._held[start:end]):
                continue
            while end < len(self._held) and self._held[end].isspace():
                end += 1
            done.append(self._held[start:end])
            start = end
        self._held = self._held[start:]
        if last and self._held.strip():
            done.append(self._held)
            self._held = ""
        return done

    @property
    def rest(self) -> str:
        """What has no end yet."""
        return self._held

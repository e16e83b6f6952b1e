"""Whether a sentence is backed by the passages a reply was to be made from."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from shoptalk.generation.figures import AMOUNT, WORD_NUMBER, Figure, figures, supported
from shoptalk.generation.lexicon import negated
from shoptalk.generation.text import HAN, plain, sentences, squeezed

_WORD = re.compile(r"[a-z][a-z']*[a-z]|[a-z]")
_RUN = re.compile(f"[{HAN}]+")
_EMPTY_HAN = re.compile(
    "[的了吗呢吧啊呀哦嗯您你我们是在也都就和与及或请这那有个可以要会能时到为后前内上下中来去把给被对从]"
)
_EMPTY_WORDS = (
    "a an the and or but if so to of in on at by for from with as is are was were be been being am do does did it its "
    "this that these those there here you your yours we our us i me my they them their he she his her will would can "
    "could may might shall should must have has had than then also just any all some more most very please yes no not "
    "up out off over into about after before when which what who how where why only own same such each other"
)
_EMPTY = frozenset(_EMPTY_WORDS.split())
_ENDING = re.compile(r"(?:ies|es|s|ed|ing|ly|'s)$")
_POINTS_BACK = re.compile(
    r"\b(?:it|they|them|this|that|these|those|both|which|there|then)\b|它|此|其|这|该|之后|逾期|否则"
)
_CLAUSE = re.compile(r"[,;:](?=\s|[^\d\s])|[，；：、]|\bbut\b|但")
_FREE, _SENT = ("免运", "包邮", "免邮"), ("寄", "送", "发")
_ALIKE = {word: _FREE for word in _FREE} | {word: _SENT for word in ("寄", "送达", "送到", "到货")}
"""Binding words that a passage may say in another way."""
LEAST_SHARED, NEAR = 0.25, 0.2
SHORT, SHORT_SHARED = 3, 0.7
"""A sentence about no more than so many things must have so much in common with a single line."""
_IRREGULAR = {
    "kept": "keep",
    "paid": "pay",
    "sent": "send",
    "got": "get",
    "left": "leave",
    "took": "take",
    "came": "come",
}
_IRREGULAR |= {
    "bought": "buy",
    "made": "make",
    "gave": "give",
    "given": "give",
    "taken": "take",
    "lost": "lose",
    "worn": "wear",
}
_SAME = {
    "delivery": "ship",
    "deliver": "ship",
    "postage": "ship",
    "shipping": "ship",
    "parcel": "pack",
    "package": "pack",
}


def content(text: str) -> frozenset[str]:
    """What a text is about: stems of its words, its Chinese characters."""
    lower = WORD_NUMBER.sub(" ", AMOUNT.sub(" ", plain(text).lower()))
    found = {_stem(word) for word in _WORD.findall(lower) if word not in _EMPTY and len(word) > 1}
    for run in _RUN.findall(lower):
        kept = _EMPTY_HAN.sub("", run)
        found.update(kept)
    return frozenset(found)


def _stem(word: str) -> str:
    word = _IRREGULAR.get(word, word)
    if word in _SAME:
        return _SAME[word]
    stem = _ENDING.sub("", word) if len(word) > 4 else word.removesuffix("s") if len(word) > 3 else word
    return _SAME.get(stem, stem.removesuffix("e"))


@dataclass(frozen=True, slots=True)
class Support:
    """The best backing found for a sentence.

    Args:
        share: how much of what the sentence is about stands in the passage, 0..1.
        agrees: the passage's nearest sentence denies if and only if the sentence does.
    """

    share: float
    agrees: bool


@dataclass(frozen=True, slots=True)
class _Clause:
    """A part of a sentence: what it is about, and whether it denies it."""

    about: frozenset[str]
    denies: bool


@dataclass(frozen=True, slots=True)
class _Line:
    """A sentence of a passage.

    Args:
        about: its content, with that of the line before it when a pronoun points back to it.
        context: the same and the title's.
        denies: whether it denies something.
        figures: of it, and of the line a pronoun points back to.
        quoted: its letters and digits.
        lower: it and its title, to look words up in.
        clauses: its parts.
    """

    about: frozenset[str]
    context: frozenset[str]
    denies: bool
    figures: frozenset[Figure]
    quoted: str
    lower: str
    clauses: tuple[_Clause, ...]


class Grounding:
    """The passages, taken apart once for all sentences of a reply.

    Args:
        passages: texts; each may begin with its title and a line break.
    """

    def __init__(self, passages: Sequence[str]) -> None:
        self._lines: list[_Line] = []
        for passage in passages:
            self._lines += _lines(passage)
        self._literal = "\n".join(squeezed(passage) for passage in passages)
        self._plain = "\n".join(plain(passage).lower() for passage in passages)

    def literal(self, text: str) -> bool:
        """Whether a text stands in a passage word for word, whatever its punctuation."""
        wanted = squeezed(text)
        return bool(wanted) and any(_holds(line, wanted) for line in self._literal.split("\n"))

    def quotes(self, text: str) -> bool:
        """Whether a text is a sentence of a passage, or the beginning of one that denies no more than it does."""
        wanted, denies = squeezed(text), negated(plain(text).lower())
        if not wanted:
            return False
        return any(
            line.quoted == wanted or (line.denies == denies and line.quoted.startswith(wanted + " "))
            for line in self._lines
        )

    def verbatim(self, text: str) -> bool:
        """Whether a text stands in a passage sign for sign."""
        return text.lower() in self._plain

    def unknown(self, wanted: Iterable[Figure]) -> set[Figure]:
        """The figures that stand nowhere in the passages."""
        known = frozenset[Figure]().union(*(line.figures for line in self._lines))
        return {figure for figure in wanted if not supported(figure, known)}

    def support(self, text: str, wanted: frozenset[Figure], words: Iterable[str] = ()) -> Support:
        """How well the passages back a sentence.

        The lines that have most in common with the sentence decide: among them all its figures and binding words must
        stand, and one of them must deny if and only if the sentence does. So a figure of one rule cannot be said of
        another one that stands beside it.

        Args:
            text: the sentence.
            wanted: its figures.
            words: its binding words.
        """
        about, denies = content(text), negated(plain(text).lower())
        if not about:
            return Support(0.0, agrees=False)
        shares = [len(about & line.about) / len(about) for line in self._lines]
        most = max(shares, default=0.0)
        if most < (SHORT_SHARED if len(about) <= SHORT else LEAST_SHARED):
            return Support(0.0, agrees=False)
        near = [line for line, share in zip(self._lines, shares, strict=True) if share >= most - NEAR]
        if not all(any(supported(figure, line.figures) for line in near) for figure in wanted):
            return Support(0.0, agrees=True)
        if not all(any(_says(line, word) for line in near) for word in words):
            return Support(0.0, agrees=True)
        clauses = [(len(about & clause.about), clause.denies) for line in near for clause in line.clauses]
        agreeing = max((shared for shared, denied in clauses if denied == denies), default=0)
        contrary = max((shared for shared, denied in clauses if denied != denies), default=0)
        known = frozenset[str]().union(*(line.context for line in near))
        return Support(len(about & known) / len(about), agrees=agreeing > contrary)


def _says(line: _Line, word: str) -> bool:
    if word.isascii():
        return _stem(word) in line.context
    return any(other in line.lower for other in _ALIKE.get(word, (word,)))


def _clauses(text: str) -> Iterator[_Clause]:
    for part in _CLAUSE.split(plain(text)):
        if part.strip():
            yield _Clause(content(part), negated(part.lower()))


def _lines(passage: str) -> list[_Line]:
    title, has_title, body = passage.partition("\n")
    if not has_title:
        title, body = "", passage
    own = [sentence for sentence in sentences(body) if not sentence.endswith(("?", "？"))]
    made: list[_Line] = []
    for place, text in enumerate(own):
        lower = plain(text).lower()
        about, amounts = content(text), figures(text, today=True)
        if place and made and _POINTS_BACK.search(lower):
            before = own[place - 1]
            about |= content(before)
            amounts |= figures(before, today=True)
            lower = f"{plain(before).lower()} {lower}"
        made.append(
            _Line(
                about=about,
                context=about | content(title),
                denies=negated(plain(text).lower()),
                figures=amounts,
                quoted=squeezed(text),
                lower=f"{plain(title).lower()} {lower}",
                clauses=tuple(_clauses(text)),
            )
        )
    return made


def _holds(line: str, wanted: str) -> bool:
    return f" {wanted} " in f" {line} "

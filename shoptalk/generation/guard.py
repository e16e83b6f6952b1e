"""The guard between a language model and the shopper.

A sentence passes when a passage backs it, or when it is small talk: when it holds no figure, no address, no code and
no word that commits the shop. Everything else is stopped before it is shown. The guard knows nothing of the prompt or
the model, so a model that obeys an attacker gets no further than one that errs.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from shoptalk.generation import lexicon
from shoptalk.generation.figures import figures
from shoptalk.generation.grounding import Grounding
from shoptalk.generation.text import han_share, has_hidden, plain, squeezed

SHARE_OF_CLAIM = 0.55
"""How much of a sentence that commits the shop must stand in the passage behind it."""
SHARE_OF_STATEMENT = 0.5
LEAK_WORDS, LEAK_CHARACTERS = 7, 14
"""So long a run of words, or of Chinese characters, may not come out of a confidential text."""
LONGEST = 400
_MARKUP = re.compile(
    r"<[/!a-z|]|\]\(|```|\{\{|\}\}|&[a-z]+;|&#|\\u[0-9a-f]{4}|^\s*(?:system|user|assistant|human)\s*:|\|>|\[INST",
    re.I,
)
_ADDRESS = re.compile(
    r"\b(?:https?|ftp|file|javascript|data|mailto|tel)\s*:|www\.|[\w.+-]+\s?(?:@|\(at\)|\[at\])\s?[\w-]+|"
    r"\b[a-z0-9-]{2,}(?:\.| dot |\(dot\)|\[dot\])(?:com|net|org|de|cn|io|shop|eu|info|biz|xyz|me|ru|app|dev|co|uk|store|online|site|top|test|example)\b|"
    r"(?:\+|\b00)\d[\d ()/-]{5,}\d|\b\d{3,}[ /-]\d{3,}(?:[ /-]\d+)*\b|\b\d{7,}\b",
    re.I,
)
_CODE = re.compile(
    r"\b(?=[A-Z0-9-]*[A-Z])(?=[A-Z0-9-]*\d)[A-Z0-9][A-Z0-9-]{2,}\b|\b[A-Z]{5,}\b|\b[A-Za-z]+\d{2,}\b|#\w+"
)
_NAMED_CODE = re.compile(
    r"(?:\b(?:code|coupon|voucher|password|pin)\b|优惠码|折扣码|券码|密码|口令|暗号)\s*(?:is|:|：|是|为|=)?\s*"
    r"[\"'“”‘’「『(]*([A-Za-z0-9][\w-]{2,})"
)
_NO_CODES = "for the and from with that you your can has does was will are not may when via"
_QUESTION = re.compile(r"[?？][\"'”’)\s]*$")


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the guard says of a sentence.

    Args:
        passes: whether it may be shown.
        reason: why not: hidden, markup, length, address, code, figure, language, leak, identity, promise or unbacked.
        detail: what of the sentence it is.
    """

    passes: bool
    reason: str = ""
    detail: str = ""


PASSES = Verdict(True)


class Guard:
    """Judges the sentences of one reply.

    Args:
        passages: texts the reply may draw on; each may begin with its title on a line of its own.
        language: "en" or "zh": what the reply has to be written in; any other is not checked.
        confidential: texts that must not be given away, such as the instructions of the prompt.
    """

    def __init__(self, passages: Sequence[str], language: str = "", confidential: Sequence[str] = ()) -> None:
        self._ground = Grounding(passages)
        self._language = language
        self._confidential = [squeezed(text).split() for text in confidential]

    def check(self, sentence: str) -> Verdict:
        """Whether a sentence may be shown."""
        text = plain(sentence).strip()
        for look in (self._form, self._language_of, self._addresses, self._codes):
            verdict = look(sentence, text)
            if not verdict.passes:
                return verdict
        if self._ground.quotes(text):
            return PASSES
        return self._claims(text)

    def _form(self, sentence: str, text: str) -> Verdict:
        if has_hidden(sentence):
            return Verdict(False, "hidden")
        if len(text) > LONGEST:
            return Verdict(False, "length")
        if found := _MARKUP.search(text):
            return Verdict(False, "markup", found.group())
        return self._leak(text)

    def _leak(self, text: str) -> Verdict:
        words = squeezed(text).split()
        longest = LEAK_CHARACTERS if han_share(text) > 0.5 else LEAK_WORDS
        if any(_common_run(words, secret) >= longest for secret in self._confidential):
            return Verdict(False, "leak")
        return PASSES

    def _language_of(self, _: str, text: str) -> Verdict:
        share = han_share(text)
        wrong = (self._language == "zh" and share < 0.3) or (self._language == "en" and share > 0.05)
        if wrong and any(c.isalpha() for c in text) and not self._ground.literal(text):
            return Verdict(False, "language", f"{share:.2f}")
        return PASSES

    def _addresses(self, _: str, text: str) -> Verdict:
        for found in _ADDRESS.finditer(text):
            if not self._ground.verbatim(found.group()):
                return Verdict(False, "address", found.group())
        return PASSES

    def _codes(self, _: str, text: str) -> Verdict:
        named = [
            m.group(1) for m in _NAMED_CODE.finditer(text) if m.group(1).lower() not in _NO_CODES.split()
        ]
        shaped = [m.group() for m in _CODE.finditer(text)]
        for code in (*shaped, *(c for c in named if not c.islower() or any(x.isdigit() for x in c))):
            if not self._ground.verbatim(code):
                return Verdict(False, "code", code)
        return PASSES

    def _claims(self, text: str) -> Verdict:
        lower = text.lower()
        if found := lexicon.HUMAN_CLAIM.search(lower):
            return Verdict(False, "identity", found.group())
        for phrase in lexicon.promises(lower):
            if not self._ground.literal(phrase):
                return Verdict(False, "promise", phrase)
        bound = lexicon.binding(lower)
        asks = bool(_QUESTION.search(text))
        speaks_of_trade = lexicon.trade(lower)
        wanted = figures(text, today=bool(bound) or speaks_of_trade)
        if wanted and (unknown := self._ground.unknown(wanted)):
            return Verdict(False, "figure", ", ".join(sorted(f"{f.value} {f.unit}".strip() for f in unknown)))
        if not wanted and not bound and (asks or not speaks_of_trade or lexicon.HELP.match(lower)):
            return PASSES
        return self._backed(text, lower, bound, wanted=bool(wanted))

    def _backed(self, text: str, lower: str, bound: set[str], *, wanted: bool) -> Verdict:
        needed = SHARE_OF_CLAIM if bound or wanted else SHARE_OF_STATEMENT
        support = self._ground.support(text, figures(text, today=True), bound)
        if support.agrees and support.share >= needed:
            return PASSES
        return Verdict(
            False, "unbacked", f"{support.share:.2f} {'' if support.agrees else 'denied '}{sorted(bound)}"
        )


def _common_run(words: Sequence[str], secret: Sequence[str]) -> int:
    """Length of the longest run of words two texts share."""
    best = 0
    previous = [0] * (len(secret) + 1)
    for word in words:
        current = [0] * (len(secret) + 1)
        for place, other in enumerate(secret):
            if word == other:
                current[place + 1] = previous[place] + 1
        best = max(best, *current)
        previous = current
    return best

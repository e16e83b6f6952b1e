"""Named traits of words, for LexicalSyntacticFeaturizer and CRFEntityExtractor."""

from __future__ import annotations

from collections.abc import Callable

from shoptalk.nlu.message import Token

Trait = Callable[[Token], str | bool | None]

TRAITS: dict[str, Trait] = {
    "low": lambda t: t.text.lower(),
    "title": lambda t: t.text.istitle(),
    "upper": lambda t: t.text.isupper(),
    "digit": lambda t: t.text.isdigit(),
    "prefix5": lambda t: t.text[:5],
    "prefix2": lambda t: t.text[:2],
    "suffix5": lambda t: t.text[-5:],
    "suffix3": lambda t: t.text[-3:],
    "suffix2": lambda t: t.text[-2:],
    "suffix1": lambda t: t.text[-1:],
    "pos": lambda t: t.data.get("pos"),
    "pos2": lambda t: t.data["pos"][:2] if t.data.get("pos") else None,
}

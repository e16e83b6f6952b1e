"""Examples that say nearly the same and mean different things: slips of annotators, or poison.

Whoever may add examples can teach an assistant something by copying one with a small change under another intent.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from shoptalk.core.training_data import Example

SIMILAR = 0.6
"""Share of common letter groups from which two texts are near."""
GROUP = 3
SHORTEST = 8
"""Characters; shorter texts are near each other by chance."""
_NO_WORD = re.compile(r"[\W_]+")


@dataclass(frozen=True, slots=True)
class Near:
    """Two examples near each other with different intents.

    Args:
        one, other: the later one first.
        similarity: 0 to 1.
    """

    one: Example
    other: Example
    similarity: float


def near_conflicts(examples: Sequence[Example], similar: float = SIMILAR) -> Iterator[Near]:
    """For each example its nearest one of another intent, if that is nearer than any other of its own intent.

    Equal texts are left out; they are found anyway.
    """
    labelled = [e for e in examples if e.intent and len(plain(e.text)) >= SHORTEST]
    groups = [_groups(plain(example.text)) for example in labelled]
    frequency = Counter(group for each in groups for group in each)
    index: dict[str, list[int]] = defaultdict(list)
    near: dict[int, list[tuple[float, int]]] = defaultdict(list)
    for place, own in enumerate(groups):
        # Two sets that overlap enough share one of their rarest groups.
        rare = sorted(own, key=lambda group: (frequency[group], group))
        rare = rare[: len(rare) - int(similar * len(rare)) + 1]
        for other in {found for group in rare for found in index[group]}:
            similarity = len(own & groups[other]) / len(own | groups[other])
            if similarity >= similar:
                near[place].append((similarity, other))
                near[other].append((similarity, place))
        for group in rare:
            index[group].append(place)
    yield from _conflicts(labelled, near)


def _conflicts(examples: Sequence[Example], near: dict[int, list[tuple[float, int]]]) -> Iterator[Near]:
    for place in sorted(near):
        own = examples[place]
        foreign = [pair for pair in near[place] if examples[pair[1]].intent != own.intent]
        friends = [pair[0] for pair in near[place] if examples[pair[1]].intent == own.intent]
        if not foreign:
            continue
        similarity, other = max(foreign)
        if similarity > max(friends, default=0.0) and examples[other].text != own.text:
            yield Near(own, examples[other], similarity)


def plain(text: str) -> str:
    """A text without case, width, accents, punctuation and spaces beyond one."""
    folded = unicodedata.normalize("NFKD", text).casefold()
    kept = "".join(char for char in folded if not unicodedata.combining(char))
    return _NO_WORD.sub(" ", kept).strip()


def _groups(text: str) -> frozenset[str]:
    padded = f" {text} "
    return frozenset(padded[at : at + GROUP] for at in range(max(1, len(padded) - GROUP + 1)))

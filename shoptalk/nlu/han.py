"""Chinese in one script: which of the two a project is written in, and its characters for those of the other.

Character by character, so that offsets stay; the tables are those of OpenCC (https://github.com/BYVoid/OpenCC).
"""

from __future__ import annotations

import logging
import re
from collections import Counter
from collections.abc import Iterable
from typing import Any

logger = logging.getLogger(__name__)

HAN = re.compile("[\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U000323af]")
_COMMON = range(0x3400, 0xA000)
_MIXED = 0.1
"""Share of texts in the other script from which on a project writes both, and none of its texts is changed."""

Table = dict[int, str]
"""Code points and the character to be read for each, as `str.translate` takes it."""


def table_for(texts: Iterable[str]) -> Table:
    """What makes traditional characters simplified, or the reverse where the texts are traditional.

    Args:
        texts: of the training data, any language.

    Returns:
        Empty if no text is Chinese, if both scripts are at home in them, or if OpenCC is not installed.
    """
    chinese = [text for text in texts if HAN.search(text)]
    if not chinese:
        return {}
    try:
        import opencc
    except ModuleNotFoundError:
        logger.info("Traditional and simplified Chinese are read as they stand: pip install opencc")
        return {}
    simplified, traditional = (_table(opencc.OpenCC(name)) for name in ("t2s", "s2t"))
    for character, _ in reversed(Counter("".join(chinese)).most_common()):
        plain = ord(simplified.get(ord(character), character))
        if plain in traditional:  # of several traditional forms, the one that the project writes most
            traditional[plain] = character
    for table in (simplified, traditional):
        if sum(text.translate(table) != text for text in chinese) <= _MIXED * len(chinese):
            return table
    return {}


def _table(converter: Any) -> Table:
    """One line a character: phrases, which OpenCC knows too, would need their neighbours."""
    characters = [chr(code) for code in _COMMON]
    turned = converter.convert("\n".join(characters)).split("\n")
    pairs = zip(characters, turned, strict=True)
    return {ord(one): other for one, other in pairs if other != one and len(other) == 1}

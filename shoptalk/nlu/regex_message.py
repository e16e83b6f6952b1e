"""RegexMessageHandler: messages like `/greet{"name": "Anna"}` say their meaning themselves.

Not a step of `pipeline:`; the pipeline asks it first, because such a message needs no understanding. Source:
behaviour of Rasa 3.6's component of this name.
"""

from __future__ import annotations

import json
import logging
import math
import re
from collections.abc import Collection
from typing import Any

logger = logging.getLogger(__name__)

EXTRACTOR = "RegexMessageHandler"
_FORM = re.compile(r"/(?P<intent>[^{@]+)(?:@(?P<confidence>[0-9.]+))?(?P<entities>\{.+\})?(?P<rest>.*)")


def read_literal(
    text: str, intents: Collection[str] | None = None, entities: Collection[str] | None = None
) -> dict[str, Any] | None:
    """The parse result of a message that begins with `/`, or None when it is an ordinary text.

    Args:
        text: the message.
        intents, entities: names the domain has; None when the model has no domain, then nothing is checked.
    """
    stripped = text.strip()
    if not stripped.startswith("/"):
        return None
    match = _FORM.match(stripped)
    if match is None:
        return None
    name = match["intent"].strip()
    if intents is not None and name not in intents:
        return None
    if match["rest"]:
        logger.warning("What follows the entities of an /intent message is ignored.")
    intent = {"name": name, "confidence": _confidence(match["confidence"])}
    return {
        "text": text,
        "intent": intent,
        "intent_ranking": [dict(intent)],
        "entities": _entities(match, entities),
    }


def _confidence(written: str | None) -> float:
    if written is None:
        return 1.0
    try:
        value = _finite(written.strip())
    except ValueError:
        logger.warning("The confidence of an /intent message is not a number; taken as 0.")
        return 0.0
    if value > 1.0:
        logger.warning("The confidence %s of an /intent message is above 1; taken as 1.", written)
    return min(1.0, value)


def _kept(written: str) -> str:
    """JSON without escapes of lone surrogates, which no store and no answer can hold."""
    if "\\u" not in written:
        return written
    return json.dumps(json.loads(written), ensure_ascii=False).encode("utf-8", "replace").decode()


def _finite(written: str) -> float:
    """A number that JSON can hold.

    Raises:
        ValueError: it is none.
    """
    value = float(written)
    if not math.isfinite(value):
        raise ValueError(f"{written} is not finite")
    return value


def _entities(match: re.Match[str], known: Collection[str] | None) -> list[dict[str, Any]]:
    written = match["entities"]
    if written is None:
        return []
    try:
        values = json.loads(_kept(written), parse_float=_finite, parse_constant=_finite)
    except (ValueError, RecursionError):
        values = None
    if not isinstance(values, dict):
        logger.warning("The entities of an /intent message must be a JSON object of finite values.")
        return []
    out: list[dict[str, Any]] = []
    for name, value in values.items():
        if known is not None and name not in known:
            logger.warning("The domain lacks an entity of an /intent message; it is left out.")
            continue
        for one in value if isinstance(value, list) else [value]:
            out.append(
                {
                    "entity": name,
                    "value": one,
                    "start": match.start("entities"),
                    "end": match.end("entities"),
                    "extractor": EXTRACTOR,
                }
            )
    return out

"""DucklingEntityExtractor: dates, amounts and the like from a Duckling server."""

from __future__ import annotations

import json
import logging
import os
import time
import weakref
from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar, Self

from shoptalk.archive import Saved
from shoptalk.core.training_data import TrainingData
from shoptalk.nlu.component import ENTITIES
from shoptalk.nlu.message import Message
from shoptalk.nlu.options import read_options

if TYPE_CHECKING:
    import httpx

logger = logging.getLogger(__name__)

NAME = "DucklingEntityExtractor"
URL_VARIABLE = "RASA_DUCKLING_HTTP_URL"

DEFAULTS: dict[str, Any] = {"dimensions": None, "url": None, "locale": None, "timezone": None, "timeout": 3}


class DucklingEntityExtractor:
    """Asks `<url>/parse`; an unreachable server costs the entities, not the message. Behaves as Rasa's."""

    requires: ClassVar[tuple[str, ...]] = ()
    provides: ClassVar[tuple[str, ...]] = (ENTITIES,)
    reads: ClassVar[tuple[str, ...]] = ("language",)

    def __init__(self, config: dict[str, Any]) -> None:
        language = config.get("language")
        plain = {key: value for key, value in config.items() if key != "language"}
        self.options = read_options(NAME, plain, DEFAULTS)
        self._locale = self.options["locale"] or (_locale(language) if language else None)
        self._warned = False

    def train(self, data: TrainingData, messages: list[Message]) -> None:
        """Nothing to learn."""

    def process(self, messages: list[Message]) -> None:
        """Append to `entities`."""
        url = os.environ.get(URL_VARIABLE) or self.options["url"]
        if not url:
            if not self._warned:
                logger.warning("%s has no url; it finds nothing. Set `url` or %s.", NAME, URL_VARIABLE)
                self._warned = True
            return
        wanted = self.options["dimensions"]
        for message in messages:
            for match in self._ask(url, message):
                if not wanted or match["dim"] in wanted:
                    message.entities.append(_entity(match))

    @cached_property
    def _client(self) -> httpx.Client:
        """One for all messages: making it reads the system's certificates, which takes 20 ms."""
        import httpx

        client = httpx.Client(timeout=self.options["timeout"])
        weakref.finalize(self, client.close)
        return client

    def _ask(self, url: str, message: Message) -> list[dict[str, Any]]:
        import httpx

        reference = message.time_ms if message.time_ms is not None else int(time.time() * 1000)
        form = {
            "text": message.text,
            "locale": self._locale,
            "tz": self.options["timezone"],
            "dims": json.dumps(self.options["dimensions"]),
            "reftime": str(reference),
        }
        try:
            answer = self._client.post(
                f"{url.rstrip('/')}/parse",
                data={key: value for key, value in form.items() if value is not None},
            )
            answer.raise_for_status()
            found = answer.json()
        except (httpx.HTTPError, ValueError) as error:
            if not self._warned:
                logger.error("Duckling at %s does not answer: %s; its entities are missing.", url, error)
            self._warned = True
            return []
        self._warned = False
        return [match for match in found if isinstance(match, dict)] if isinstance(found, list) else []

    def save(self) -> Saved:
        """No state."""
        return Saved({}, {})

    @classmethod
    def load(cls, config: dict[str, Any], saved: Saved) -> Self:
        """A new one is as good."""
        return cls(config)


def _locale(language: str) -> str:
    return f"{language}_{language.upper()}"


def _entity(match: dict[str, Any]) -> dict[str, Any]:
    value = match["value"]
    return {
        "start": match["start"],
        "end": match["end"],
        "text": match.get("body", match.get("text")),
        "value": _value(value),
        "confidence": 1.0,
        "additional_info": value,
        "entity": match["dim"],
        "extractor": NAME,
    }


def _value(value: dict[str, Any]) -> Any:
    if value.get("type") == "interval":
        return {edge: (value.get(edge) or {}).get("value") for edge in ("to", "from")}
    return value.get("value")

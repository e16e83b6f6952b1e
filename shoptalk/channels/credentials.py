"""Reads a channel's section of credentials.yml; what is wrong is named with its line."""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence
from typing import Any

from shoptalk.errors import ConfigError


class Section:
    """A section of credentials.yml, checked as it is read.

    Args:
        channel: its name, for messages.
        credentials: the section; None when only the channel's name is written.
        known: every key it may have.

    Raises:
        ConfigError: a key is unknown.
    """

    def __init__(self, channel: str, credentials: Mapping[str, Any] | None, known: Sequence[str]) -> None:
        self.channel, self._given = channel, credentials if credentials is not None else {}
        for key in self._given:
            if key not in known:
                close = difflib.get_close_matches(str(key), known, n=1, cutoff=0.6)
                hint = f"Did you mean {close[0]!r}?" if close else f"Known: {', '.join(known) or 'none'}."
                raise self.wrong(f"The channel {channel} has no setting {key!r}.", hint, key)

    def text(self, key: str, default: str = "") -> str:
        """A setting as text; `default` when it is absent or null.

        Raises:
            ConfigError: it is a list or a mapping, or an empty text.
        """
        value = self._given.get(key)
        if value is None:
            return default
        if isinstance(value, list | dict):
            raise self.wrong(
                f"`{key}` of the channel {self.channel} must be a text.", "Put it in quotes.", key
            )
        if value == "":
            raise self.wrong(
                f"`{key}` of the channel {self.channel} is empty.",
                "Write its value, or leave the key out.",
                key,
            )
        return str(value).lower() if isinstance(value, bool) else str(value)

    def need(self, key: str, hint: str = "") -> str:
        """A setting that must be there.

        Raises:
            ConfigError: it is absent or empty.
        """
        value = self.text(key)
        if not value:
            raise self.wrong(
                f"The channel {self.channel} needs `{key}`.",
                hint or f"Add `{key}: …` below `{self.channel}:`.",
            )
        return value

    def flag(self, key: str, default: bool = False) -> bool:
        """A setting that is true or false.

        Raises:
            ConfigError: it is neither.
        """
        value = self._given.get(key)
        if value is None:
            return default
        if not isinstance(value, bool):
            raise self.wrong(f"`{key}` of the channel {self.channel} must be true or false.", "", key)
        return value

    def number(self, key: str, default: int) -> int:
        """A setting that is a whole number above 0.

        Raises:
            ConfigError: it is none.
        """
        value = self._given.get(key)
        if value is None:
            return default
        if isinstance(value, bool) or not isinstance(value, int) or value < 1:
            raise self.wrong(
                f"`{key}` of the channel {self.channel} must be a whole number above 0.", "", key
            )
        return value

    def words(self, key: str, default: Sequence[str] = ()) -> tuple[str, ...]:
        """A setting that is a list of texts; one text is a list of one.

        Raises:
            ConfigError: it is anything else.
        """
        value = self._given.get(key)
        if value is None:
            return tuple(default)
        items = [value] if isinstance(value, str) else value
        if not isinstance(items, list) or not all(isinstance(item, str) for item in items):
            raise self.wrong(f"`{key}` of the channel {self.channel} must be a list of texts.", "", key)
        return tuple(items)

    def choice(self, key: str, default: str, allowed: Sequence[str]) -> str:
        """A setting that is one of some words.

        Raises:
            ConfigError: it is another one.
        """
        value = self.text(key, default)
        if value not in allowed:
            raise self.wrong(
                f"`{key}` of the channel {self.channel} cannot be {value!r}.",
                f"Use one of: {', '.join(allowed)}.",
                key,
            )
        return value

    def mapping(self, key: str) -> dict[str, str]:
        """A setting that maps names to texts.

        Raises:
            ConfigError: it is no mapping.
        """
        value = self._given.get(key)
        if value is None:
            return {}
        if not isinstance(value, Mapping):
            raise self.wrong(f"`{key}` of the channel {self.channel} must be a mapping.", "", key)
        return {str(name): str(item) for name, item in value.items()}

    def wrong(self, message: str, hint: str, key: str | None = None) -> ConfigError:
        """The error for a wrong setting, with the place it stands at if the file was read by us."""
        lines = getattr(self._given, "key_lines", {})
        file = getattr(self._given, "file", "")
        line = lines.get(key) if key is not None else getattr(self._given, "line", 0)
        return ConfigError(message, hint=hint, file=file, line=line or 0)


def need_secret(channel: str, key: str, value: str) -> str:
    """The secret itself.

    Raises:
        ConfigError: it is empty or blank: anybody could sign with it.
    """
    if not value.strip():
        raise ConfigError(
            f"`{key}` of the channel {channel} is empty: anybody could forge messages.",
            hint="Set the real secret.",
        )
    return value

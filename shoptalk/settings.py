"""What `endpoints.yml`, `credentials.yml` and the environment say, as frozen data.

The files are read elsewhere; here their content is checked. Unknown keys are errors that name what was meant.
"""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from shoptalk.errors import ConfigError

ENDPOINT_SECTIONS = (
    "action_endpoint",
    "encoder",
    "event_broker",
    "generation",
    "lock_store",
    "models",
    "nlg",
    "nlu",
    "tracker_store",
)
ENDPOINT_KEYS = (
    "url",
    "params",
    "headers",
    "basic_auth",
    "token",
    "token_name",
    "cafile",
    "type",
    "store_type",
)


@dataclass(frozen=True, slots=True)
class Endpoint:
    """An HTTP service Shoptalk calls.

    Args:
        url: its address, used as it stands.
        type: what kind of service it is, where a section has several.
        params, headers: added to each request.
        token, token_name: a secret sent as the query parameter `token_name`.
        user, password: basic authentication.
        cafile: certificates to trust.
        options: everything else the section says.
    """

    url: str | None = None
    type: str | None = None
    params: Mapping[str, str] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    token: str | None = field(default=None, repr=False)
    token_name: str = "token"
    user: str | None = None
    password: str | None = field(default=None, repr=False)
    cafile: str | None = None
    options: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def read(cls, section: Mapping[str, Any] | None) -> Endpoint | None:
        """The endpoint a section of endpoints.yml describes; None when the section is absent or empty."""
        if not section:
            return None
        basic = section.get("basic_auth") or {}
        kind = section.get("type") or section.get("store_type")
        return cls(
            url=section.get("url"),
            type=None if kind is None else str(kind),
            params=dict(section.get("params") or {}),
            headers=dict(section.get("headers") or {}),
            token=section.get("token"),
            token_name=section.get("token_name") or "token",
            user=basic.get("username"),
            password=basic.get("password"),
            cafile=section.get("cafile"),
            options={key: value for key, value in section.items() if key not in ENDPOINT_KEYS},
        )

    @property
    def query(self) -> dict[str, str]:
        """Query parameters of every request."""
        return {**self.params, **({self.token_name: self.token} if self.token else {})}


@dataclass(frozen=True, slots=True)
class Endpoints:
    """The sections of endpoints.yml, as written (None where absent)."""

    action_endpoint: Mapping[str, Any] | None = None
    encoder: Mapping[str, Any] | None = None
    event_broker: Mapping[str, Any] | None = None
    generation: Mapping[str, Any] | None = None
    lock_store: Mapping[str, Any] | None = None
    models: Mapping[str, Any] | None = None
    nlg: Mapping[str, Any] | None = None
    nlu: Mapping[str, Any] | None = None
    tracker_store: Mapping[str, Any] | None = None

    @classmethod
    def read(cls, content: Mapping[str, Any] | None, file: str = "endpoints.yml") -> Endpoints:
        """The sections of an endpoints file.

        Raises:
            ConfigError: a section is unknown or is no mapping.
        """
        for key, section in (content or {}).items():
            line = getattr(content, "key_lines", {}).get(key, 0)
            if key not in ENDPOINT_SECTIONS:
                raise ConfigError(
                    f"There is no endpoint called {key!r}.",
                    hint=did_you_mean(key, ENDPOINT_SECTIONS),
                    file=file,
                    line=line,
                )
            if section is not None and not isinstance(section, Mapping):
                raise ConfigError(
                    f"`{key}:` must be a mapping.",
                    hint="Write `url: …` below it, indented.",
                    file=file,
                    line=line,
                )
        return cls(**dict(content or {}))


def did_you_mean(word: str, known: tuple[str, ...] | list[str]) -> str:
    """A hint that names the nearest known word, or all of them."""
    close = difflib.get_close_matches(word, known, n=1, cutoff=0.6)
    return f"Did you mean {close[0]!r}?" if close else f"Known: {', '.join(sorted(known))}."

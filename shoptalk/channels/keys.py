"""Public keys of a vendor that signs JSON Web Tokens, fetched when needed and kept for a while."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

import jwt

from shoptalk.channels.verify import Clock, header
from shoptalk.errors import BadSignature, ChannelError

Fetch = Callable[[], Awaitable[Mapping[str, Any]]]

KEPT_S = 24 * 3600.0
PAUSE_S = 60.0
LEEWAY_S = 60
MAX_TOKEN = 8192


class KeyRing:
    """Verifies tokens by keys that `fetch` gets.

    Args:
        fetch: the keys by their ids, as PyJWT takes them.
        audience: whom a token must be for.
        issuer: who must have made it.
        clock: the time, in epoch seconds.
    """

    def __init__(
        self, fetch: Fetch, audience: str, issuer: str | Sequence[str], clock: Clock = time.time
    ) -> None:
        self._fetch, self._audience, self._issuer, self._clock = fetch, audience, issuer, clock
        self._keys: Mapping[str, Any] = {}
        self._fetched_at = float("-inf")
        self._lock = asyncio.Lock()

    async def claims(self, token: str) -> dict[str, Any]:
        """What a token says; it must be signed with RS256, be for us, and not have expired.

        Raises:
            BadSignature: it is not so.
        """
        if len(token) > MAX_TOKEN:
            raise BadSignature("The token is too long.")
        try:
            identity = str(jwt.get_unverified_header(token).get("kid") or "")
            key = await self._key(identity)
            return dict(
                jwt.decode(
                    token,
                    key,
                    algorithms=["RS256"],
                    audience=self._audience,
                    issuer=self._issuer,
                    leeway=LEEWAY_S,
                    options={"require": ["exp", "aud", "iss"]},
                )
            )
        except (jwt.PyJWTError, ValueError, TypeError, RecursionError) as error:
            raise BadSignature("The bearer token is not valid.") from error

    async def _key(self, identity: str) -> Any:
        async with self._lock:
            age = self._clock() - self._fetched_at
            if age > KEPT_S or (identity not in self._keys and age > PAUSE_S):
                await self._refresh()
        if identity not in self._keys:
            raise BadSignature("The bearer token is signed with an unknown key.")
        return self._keys[identity]

    async def _refresh(self) -> None:
        self._fetched_at = self._clock()
        try:
            self._keys = await self._fetch()
        except ChannelError as error:
            if not self._keys:
                raise BadSignature(f"The vendor's keys cannot be fetched: {error.message}") from error


def bearer(request: Any) -> str:
    """The token of the Authorization header.

    Raises:
        BadSignature: there is none.
    """
    kind, _, token = header(request, "Authorization").partition(" ")
    if kind.lower() != "bearer" or not token.strip():
        raise BadSignature("The Authorization header holds no bearer token.")
    return token.strip()

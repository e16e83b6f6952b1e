"""Who may use the HTTP API: a token in the query or a header, or a JWT with a role."""

from __future__ import annotations

import hmac
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from fastapi import Request

from shoptalk.errors import ConfigError
from shoptalk.server.errors import ApiError
from shoptalk.server.limits import check_id

METHODS = ("HS256", "HS384", "HS512", "RS256", "RS384", "RS512", "ES256", "ES384", "ES512")


@dataclass(frozen=True, slots=True)
class Auth:
    """What unlocks the API; with neither token nor secret it is open.

    Args:
        token: accepted as `?token=` (as Rasa has it) or `Authorization: Bearer`.
        jwt_secret: verifies JWTs of the form `{"user": {"username", "role"}}`.
        jwt_method: the only algorithm accepted.
    """

    token: str | None = field(default=None, repr=False)
    jwt_secret: str | None = field(default=None, repr=False)
    jwt_method: str = "HS256"

    def __post_init__(self) -> None:
        if self.token == "" or self.jwt_secret == "":
            raise ConfigError(
                "An empty token or secret protects nothing.", hint="Set one, or leave the flag out."
            )
        if self.jwt_method not in METHODS:
            raise ConfigError(
                f"{self.jwt_method!r} is no method for JWT.", hint=f"Known: {', '.join(METHODS)}."
            )

    @property
    def is_open(self) -> bool:
        """Whether anybody may use the API."""
        return self.token is None and self.jwt_secret is None

    def check(self, request: Request, conversation_id: str | None = None) -> None:
        """Let a request pass or refuse it.

        Raises:
            ApiError: 401 without valid credentials, 403 for a user who asks for another one's conversation.
        """
        if self.is_open or self._has_token(request):
            return
        payload = self._payload(request) if self.jwt_secret is not None else None
        if payload is None:
            raise ApiError(401, "NotAuthenticated", "User is not authenticated.")
        claimed = payload.get("user")
        user = claimed if isinstance(claimed, dict) else {}
        if user.get("role") == "admin":
            return
        if (
            user.get("role") == "user"
            and conversation_id is not None
            and user.get("username") == conversation_id
        ):
            return
        raise ApiError(403, "NotAuthorized", "User has insufficient permissions.")

    def _has_token(self, request: Request) -> bool:
        if self.token is None:
            return False
        header = request.headers.get("authorization", "")
        given = request.query_params.get("token") or header.removeprefix("Bearer ")
        return hmac.compare_digest(given.encode(), self.token.encode())

    def _payload(self, request: Request) -> dict[str, Any] | None:
        import jwt

        kind, _, credential = request.headers.get("authorization", "").partition(" ")
        if kind != "Bearer":
            return None
        try:
            payload = jwt.decode(
                credential, str(self.jwt_secret), algorithms=[self.jwt_method], options={"verify_aud": False}
            )
        except (jwt.PyJWTError, ValueError, RecursionError):
            return None
        return payload if isinstance(payload, dict) else None


def guard(auth: Auth) -> Callable[[Request], None]:
    """A dependency of routes: `{conversation_id}` in the path is what a user's role is checked against."""

    def check(request: Request) -> None:
        conversation_id = request.path_params.get("conversation_id")
        auth.check(request, conversation_id)
        if conversation_id is not None:
            check_id("conversation_id", conversation_id)

    return check

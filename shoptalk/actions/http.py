"""One kept-alive HTTP client for an endpoint of the user's: the action server, or a response service."""

from __future__ import annotations

import base64
import json
import os
import ssl
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from shoptalk.errors import ActionError, Timeout
from shoptalk.settings import Endpoint

if TYPE_CHECKING:
    import httpx

COMPRESS_VARIABLE = "COMPRESS_ACTION_SERVER_REQUEST"
MAX_CONNECTIONS = 100


@dataclass(frozen=True, slots=True)
class Reply:
    """What came back."""

    status: int
    text: str

    def json(self) -> Any:
        """The body as JSON; None when it is none."""
        try:
            return json.loads(self.text)
        except ValueError:
            return None


class EndpointClient:
    """Posts JSON to one endpoint.

    Args:
        endpoint: where, and with which secrets.
        timeout_s: for one request from begin to end.
        compress: deflate what is sent; the environment's COMPRESS_ACTION_SERVER_REQUEST by default.
    """

    def __init__(self, endpoint: Endpoint, timeout_s: float, compress: bool | None = None) -> None:
        self.endpoint, self.timeout_s = endpoint, timeout_s
        wish = os.environ.get(COMPRESS_VARIABLE, "").lower()
        self.compress = wish in ("true", "1") if compress is None else compress
        self._client: httpx.AsyncClient | None = None

    async def post(self, body: Mapping[str, Any], headers: Mapping[str, str] | None = None) -> Reply:
        """Send JSON and wait for the reply, whatever its status.

        Raises:
            Timeout: none came in time.
            ActionError: the endpoint cannot be reached.
        """
        import httpx

        url = str(self.endpoint.url)
        data = json.dumps(body, ensure_ascii=False).encode()
        sent = {"Content-Type": "application/json", **(headers or {})}
        if self.compress:
            data, sent["Content-Encoding"] = zlib.compress(data), "deflate"
        try:
            answer = await self._opened().post(url, content=data, headers=sent)
        except httpx.TimeoutException as error:
            raise Timeout(f"{url} did not answer within {self.timeout_s:.0f} s.") from error
        except httpx.HTTPError as error:
            problem = str(error) or type(error).__name__
            raise ActionError(
                f"{url} cannot be reached: {problem}.", hint="Is the server running?"
            ) from error
        return Reply(answer.status_code, answer.text)

    async def close(self) -> None:
        """Close the connections."""
        if self._client is not None:
            await self._client.aclose()
            self._client = None

    def _opened(self) -> httpx.AsyncClient:
        if self._client is None:
            self._client = open_client(self.endpoint, self.timeout_s)
        return self._client


def open_client(endpoint: Endpoint, timeout_s: float) -> httpx.AsyncClient:
    """A client that sends an endpoint's secrets, and follows no proxy of the environment."""
    import httpx

    headers = dict(endpoint.headers)
    if endpoint.user is not None:
        pair = f"{endpoint.user}:{endpoint.password or ''}".encode()
        headers["Authorization"] = f"Basic {base64.b64encode(pair).decode()}"
    return httpx.AsyncClient(
        headers=headers,
        params=endpoint.query or None,
        timeout=httpx.Timeout(timeout_s),
        limits=httpx.Limits(max_connections=MAX_CONNECTIONS, max_keepalive_connections=20),
        verify=ssl.create_default_context(cafile=endpoint.cafile) if endpoint.cafile else True,
        trust_env=False,
    )

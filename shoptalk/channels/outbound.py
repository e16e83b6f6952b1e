"""What goes out: one HTTP client for all channels, that calls only hosts it may call and follows no redirect."""

from __future__ import annotations

import json
import logging
import ssl
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import httpx

from shoptalk.channels.hosts import Forbidden, HostRules
from shoptalk.errors import ChannelError, ConfigError

TIMEOUT_S = 10.0
MAX_REPLY = 1 << 20
MAX_WAIT_S = 3600.0
RETRIED = (408, 425, 429)

Pairs = Sequence[tuple[str, str]]


class DeliveryFailed(ChannelError):
    """A message did not reach its messenger.

    Args:
        message: what went wrong; no secrets, no text of the conversation.
        again: whether trying later may help.
        after_s: when to, if the messenger said so.
        status: of HTTP, if there was an answer.
    """

    code = "delivery_failed"

    def __init__(
        self, message: str, *, again: bool, after_s: float | None = None, status: int | None = None
    ) -> None:
        super().__init__(message)
        self.again, self.after_s, self.status = again, after_s, status


@dataclass(frozen=True, slots=True)
class Reply:
    """What a service answered."""

    status: int
    body: bytes
    headers: Mapping[str, str]

    def json(self) -> Any:
        """The body as JSON; None when it is none."""
        try:
            return json.loads(self.body)
        except (ValueError, RecursionError):
            return None


class Service:
    """An HTTP service that a channel calls.

    Args:
        channel: whose, for messages.
        base_url: its address, from settings.
        headers, params: of every request.
        auth: name and password.
        suffixes: hosts that full URLs may name beside that of `base_url`; see `HostRules`.
        proxy: where requests go through; it then finds the hosts.
        cafile: certificates to trust.
        timeout_s: for each step of a request.

    Raises:
        ConfigError: the address is no HTTP URL.
    """

    def __init__(
        self,
        channel: str,
        base_url: str,
        *,
        headers: Mapping[str, str] | None = None,
        params: Mapping[str, str] | None = None,
        auth: tuple[str, str] | None = None,
        suffixes: tuple[str, ...] = (),
        proxy: str | None = None,
        cafile: str | None = None,
        timeout_s: float = TIMEOUT_S,
        rules: HostRules | None = None,
    ) -> None:
        self.channel, self.base_url = channel, base_url.rstrip("/")
        host = _host(channel, base_url)
        self.rules = rules or HostRules(frozenset({host}), suffixes)
        self.headers, self.params, self._auth = dict(headers or {}), dict(params or {}), auth
        self._proxy, self._cafile, self._timeout_s = proxy, cafile, timeout_s
        self._client: httpx.AsyncClient | None = None

    async def call(
        self,
        method: str,
        path: str = "",
        *,
        body: Any = None,
        form: Pairs | None = None,
        params: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Reply:
        """Make one request.

        Args:
            method: of HTTP.
            path: below the base URL, or a full URL.
            body: sent as JSON.
            form: sent as a form.
            params, headers: beside those of every request.

        Raises:
            DeliveryFailed: it got no answer, or not one of success.
        """
        url = self._url(path)
        content, sent = _content(body, form)
        request = self._opened().build_request(
            method,
            url,
            content=content,
            params={**self.params, **(params or {})} or None,
            headers={**self.headers, **sent, **(headers or {})},
        )
        try:
            response = await self._opened().send(request, stream=True, auth=self._auth)
            try:
                reply = Reply(response.status_code, await _read(response), response.headers)
            finally:
                await response.aclose()
        except Forbidden as error:
            raise DeliveryFailed(f"{self.channel}: {error.message}", again=False) from error
        except (httpx.HTTPError, OSError) as error:
            raise DeliveryFailed(
                f"{self.channel}: {request.url.host} cannot be reached ({type(error).__name__}).", again=True
            ) from error
        self._check(reply, request.url.host)
        return reply

    def check_host(self, url: str) -> None:
        """Check that a URL names a host that may be called, before anything secret is made for it.

        Raises:
            DeliveryFailed: it does not.
        """
        parsed = self._url(url)
        try:
            self.rules.check_name(parsed.scheme, parsed.host.lower().rstrip("."))
        except Forbidden as error:
            raise DeliveryFailed(f"{self.channel}: {error}", again=False) from error

    def _url(self, path: str) -> httpx.URL:
        """The URL of a path, or a full one, which may name nobody before its host."""
        is_whole = "://" in path
        try:
            url = httpx.URL(path if is_whole else self.base_url + path)
        except (httpx.InvalidURL, ValueError) as error:
            raise DeliveryFailed(f"{self.channel}: a URL in a message is none.", again=False) from error
        if is_whole and url.userinfo:
            raise DeliveryFailed(f"{self.channel}: a URL in a message may hold no user.", again=False)
        return url

    async def close(self) -> None:
        """Close the connections."""
        if self._client is not None:
            await self._client.aclose()
            self._client = None

    def _check(self, reply: Reply, host: str) -> None:
        if 200 <= reply.status < 300:
            return
        again = reply.status >= 500 or reply.status in RETRIED
        after = retry_after(reply.headers.get("retry-after", "")) if again else None
        raise DeliveryFailed(
            f"{self.channel}: {host} answered {reply.status}.",
            again=again,
            after_s=after,
            status=reply.status,
        )

    def _opened(self) -> httpx.AsyncClient:
        if self._client is None:
            # At INFO httpx logs every URL, and with some vendors the URL holds the token.
            logging.getLogger("httpx").setLevel(logging.WARNING)
            verify = ssl.create_default_context(cafile=self._cafile) if self._cafile else True
            transport: httpx.AsyncBaseTransport
            if self._proxy:
                transport = _ListedOnly(
                    self.rules, httpx.AsyncHTTPTransport(verify=verify, proxy=self._proxy)
                )
            else:
                transport = _Pinned(self.rules, httpx.AsyncHTTPTransport(verify=verify))
            self._client = httpx.AsyncClient(
                transport=transport, timeout=self._timeout_s, follow_redirects=False, trust_env=False
            )
        return self._client


class _ListedOnly(httpx.AsyncBaseTransport):
    """Refuses hosts by name, and leaves finding them to a proxy."""

    def __init__(self, rules: HostRules, inner: httpx.AsyncHTTPTransport) -> None:
        self.rules, self.inner = rules, inner

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        self.rules.check_name(request.url.scheme, request.url.host.lower().rstrip("."))
        return await self.inner.handle_async_request(request)

    async def aclose(self) -> None:
        await self.inner.aclose()


class _Pinned(_ListedOnly):
    """Connects to the very address that was checked; certificates are still checked for the host's name."""

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        url = request.url
        port = url.port or (443 if url.scheme == "https" else 80)
        address = await self.rules.address(url.scheme, url.host, port)
        pinned = httpx.Request(
            request.method,
            url.copy_with(host=address),
            headers=request.headers,
            stream=request.stream,
            extensions={**request.extensions, "sni_hostname": url.host},
        )
        return await self.inner.handle_async_request(pinned)


def retry_after(value: str) -> float | None:
    """Seconds of a Retry-After header; None when it says nothing we understand."""
    if value.strip().isdigit() and len(value) < 10:
        return min(float(value), MAX_WAIT_S)
    return None


def split_text(text: str, limit: int) -> list[str]:
    """A text in pieces that a messenger takes, parted at line ends or spaces where there are any."""
    out: list[str] = []
    while len(text) > limit:
        at = max(text.rfind("\n", 1, limit + 1), text.rfind(" ", 1, limit + 1))
        at = at if at > limit // 2 else limit
        out.append(text[:at].rstrip())
        text = text[at:].lstrip()
    return [*out, text] if text or not out else out


def with_scheme(address: str, *, tls: bool = True) -> str:
    """An address with a scheme before it, for settings that Rasa takes without one."""
    return address if "://" in address else f"{'https' if tls else 'http'}://{address}"


def _host(channel: str, base_url: str) -> str:
    try:
        url = httpx.URL(base_url)
    except (httpx.InvalidURL, ValueError) as error:
        raise ConfigError(f"{base_url!r} of the channel {channel} is no URL: {error}.") from error
    if url.scheme not in ("http", "https") or not url.host:
        raise ConfigError(
            f"{base_url!r} of the channel {channel} is no HTTP address.", hint="Write https:// and a host."
        )
    return url.host.lower().rstrip(".")


def _content(body: Any, form: Pairs | None) -> tuple[bytes | None, dict[str, str]]:
    if form is not None:
        return str(httpx.QueryParams(list(form))).encode(), {
            "Content-Type": "application/x-www-form-urlencoded"
        }
    if body is not None:
        return json.dumps(body, ensure_ascii=False).encode(), {"Content-Type": "application/json"}
    return None, {}


async def _read(response: httpx.Response) -> bytes:
    """The body, up to a bound; what is beyond it is not needed."""
    out = bytearray()
    async for chunk in response.aiter_bytes():
        out += chunk
        if len(out) > MAX_REPLY:
            break
    return bytes(out)

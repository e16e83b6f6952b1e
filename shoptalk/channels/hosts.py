"""Where requests may go: hosts that settings name, and addresses nobody may be sent to.

A URL out of a message is only followed to hosts on a list, and never into a private network. A host that settings
name may lie in one, as its operator put it there, but a name that resolves to this machine is no name for it. The
address that was checked is the one connected to, so a second answer of the name server changes nothing.
"""

from __future__ import annotations

import asyncio
import ipaddress
import re
import socket
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

from shoptalk.errors import ChannelError

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Resolve = Callable[[str, int], Awaitable[Sequence[str]]]

_NUMERIC_LABEL = re.compile(r"(0[xX][0-9a-fA-F]*|[0-9]+)")


class Forbidden(ChannelError):
    """A request would go where it must not."""

    code = "forbidden_host"


async def resolve(host: str, port: int) -> Sequence[str]:
    """The addresses of a host, by this machine's resolver."""
    found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return [str(entry[4][0]).partition("%")[0] for entry in found]


@dataclass(frozen=True, slots=True)
class HostRules:
    """Which hosts may be called.

    Args:
        listed: hosts that settings name, in lower case.
        suffixes: of hosts that a message may name: `.example.com` for all below it, `example.com` for itself.
        resolver: finds addresses.
    """

    listed: frozenset[str] = frozenset()
    suffixes: tuple[str, ...] = ()
    resolver: Resolve = resolve

    async def address(self, scheme: str, host: str, port: int) -> str:
        """The address to connect to for a URL.

        Raises:
            Forbidden: it may not be called.
        """
        host = host.lower().rstrip(".")
        is_listed = self.check_name(scheme, host)
        literal = literal_address(host)
        found = [str(literal)] if literal else list(await self.resolver(host, port))
        if not found:
            raise Forbidden(f"The host {host!r} has no address.")
        for candidate in found:
            check_address(host, ipaddress.ip_address(candidate), is_listed=is_listed)
        return found[0]

    def check_name(self, scheme: str, host: str) -> bool:
        """Whether settings name the host.

        Raises:
            Forbidden: neither they nor the list of allowed hosts do.
        """
        if scheme not in ("http", "https") or not host:
            raise Forbidden(
                f"{scheme}://{host} cannot be called.", hint="Use http:// or https:// and a host."
            )
        if host in self.listed:
            if _looks_numeric(host) and literal_address(host) is None:
                raise Forbidden(f"{host!r} is no way to write an address.", hint="Write it as 192.0.2.1.")
            return True
        if scheme != "https" or not any(_fits(host, suffix) for suffix in self.suffixes):
            raise Forbidden(f"The host {host!r} is not on the list of those that may be called.")
        return False


def literal_address(host: str) -> Address | None:
    """The address a host literally is, in its usual form; None for names."""
    try:
        return ipaddress.ip_address(host.strip("[]"))
    except ValueError:
        return None


def check_address(host: str, address: Address, *, is_listed: bool) -> None:
    """Check one address of a host.

    Raises:
        Forbidden: nobody may be sent there, or only hosts that settings name.
    """
    inner = _inner(address)
    is_nowhere = inner.is_unspecified or inner.is_multicast or inner.is_link_local
    if inner != address or is_nowhere or (inner.is_reserved and not inner.is_loopback):
        raise Forbidden(f"{host!r} leads to {address}, where no request may go.")
    if inner.is_loopback and not (is_listed and (host == "localhost" or literal_address(host) == inner)):
        raise Forbidden(
            f"{host!r} leads to this machine.",
            hint="Write localhost or 127.0.0.1 in the settings if that is meant.",
        )
    if not inner.is_global and not is_listed:
        raise Forbidden(f"{host!r} leads into a private network.")


def _inner(address: Address) -> Address:
    """The IPv4 address that an IPv6 address stands for, or the address itself."""
    if isinstance(address, ipaddress.IPv6Address):
        teredo = address.teredo
        embedded = address.ipv4_mapped or address.sixtofour or (teredo[1] if teredo else None)
        if embedded is None and (address in _NAT64 or (int(address) >> 32 == 0 and int(address) > 1)):
            embedded = ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
        return embedded or address
    return address


_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")


def _looks_numeric(host: str) -> bool:
    """Whether the system's resolver would read a name as a number (`2130706433`, `0177.1`, `0x7f000001`)."""
    return _NUMERIC_LABEL.fullmatch(host.rsplit(".", 1)[-1]) is not None


def _fits(host: str, suffix: str) -> bool:
    return host.endswith(suffix) if suffix.startswith(".") else host == suffix

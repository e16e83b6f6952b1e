"""Rasa's command-line channel: REST under another name, for a console on this machine."""

from __future__ import annotations

from typing import ClassVar

from shoptalk.channels.rest import RestChannel


class CmdlineChannel(RestChannel):
    """`POST /webhooks/cmdline/webhook`."""

    name: ClassVar[str] = "cmdline"

"""What Messenger and WhatsApp share: Meta's signatures and its check of a new webhook.

Source: Meta's "Webhooks: Getting Started", Validating Payloads and Verification Requests.
"""

from __future__ import annotations

import hmac
from collections.abc import Awaitable, Callable
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import PlainTextResponse, Response

from shoptalk.channels.inbound import read_json, webhook_router
from shoptalk.channels.verify import check_hex, has_header, header

GRAPH = "https://graph.facebook.com/v21.0"
MAX_AGE_S = 23 * 3600.0
"""Older events are not served: by then it is forgotten that they were served before."""


def meta_router(name: str, verify: str, app_secret: str, take: Callable[[Any], Awaitable[None]]) -> APIRouter:
    """Health at `/`; at `/webhook` Meta's check of it, and what Meta tells, if it is signed.

    Args:
        name: the channel's.
        verify: the word that Meta shows when the webhook is set up.
        app_secret: Meta signs with it.
        take: does something with what was told.
    """
    router = webhook_router(name)

    @router.get("/webhook")
    async def verification(request: Request) -> Response:
        """Answer Meta's check of a new webhook."""
        answer = challenge(request, verify)
        if answer is None:
            return PlainTextResponse("failure, invalid token", 403)
        return PlainTextResponse(answer)

    @router.post("/webhook")
    async def webhook(request: Request) -> Response:
        """Take events."""
        body = await request.body()
        check_signature(request, body, app_secret)
        await take(read_json(body))
        return PlainTextResponse("success")

    return router


def check_signature(request: Request, body: bytes, app_secret: str) -> None:
    """Check `X-Hub-Signature-256`; the older `X-Hub-Signature` (SHA-1) counts where the newer is not sent.

    Raises:
        BadSignature: neither is right. The algorithm is never the request's choice.
    """
    if has_header(request, "X-Hub-Signature-256"):
        check_hex(app_secret, body, "sha256", header(request, "X-Hub-Signature-256"), "sha256=")
    else:
        check_hex(app_secret, body, "sha1", header(request, "X-Hub-Signature"), "sha1=")


def challenge(request: Request, verify_token: str) -> str | None:
    """What to answer to the check of a new webhook; None when the token is wrong."""
    given = request.query_params.get("hub.verify_token", "")
    if not hmac.compare_digest(given.encode("utf-8", "replace"), verify_token.encode()):
        return None
    return request.query_params.get("hub.challenge", "")

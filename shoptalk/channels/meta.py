"""What Messenger and WhatsApp share: Meta's signatures and its check of a new webhook.

Source: Meta's "Webhooks: Getting Started", Validating Payloads and Verification Requests.
"""

from __future__ import annotations

import hmac

from starlette.requests import Request

from shoptalk.channels.verify import check_hex, has_header, header

GRAPH = "https://graph.facebook.com/v21.0"


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

"""Mattermost: outgoing webhooks and pressed buttons in, posts out.

Rasa believed whatever came. Here a post is taken when the webhook's token is right or, where none is configured, when
the server itself confirms the post; buttons carry a signature of ours. Source: Mattermost's "Outgoing webhooks",
"Interactive messages" and its API reference, posts.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, Self
from urllib.parse import quote

from fastapi import APIRouter, Request
from fastapi.responses import PlainTextResponse, Response

from shoptalk.channels.base import Credentials, Inbox, in_words, pieces
from shoptalk.channels.credentials import Section, need_secret
from shoptalk.channels.inbound import (
    RECEPTION_KEYS,
    Reception,
    clean,
    pick,
    pick_text,
    read_form,
    read_json,
    webhook_router,
)
from shoptalk.channels.outbound import DeliveryFailed, Service, split_text
from shoptalk.channels.verify import check, check_hex, derived, digest
from shoptalk.core.messages import BotMessage
from shoptalk.errors import BadSignature

KEYS = ("url", "token", "webhook_url", "webhook_token", *RECEPTION_KEYS)
MAX_MESSAGE = 16_000


class MattermostChannel:
    """`/webhooks/mattermost/webhook`.

    Args:
        token: the bot's; buttons are signed with a secret derived from it.
        service: the server's API.
        webhook_url: where pressed buttons go.
        webhook_token: of the outgoing webhook; None asks the server about each post.
        reception: how texts are taken.
    """

    name: ClassVar[str] = "mattermost"

    def __init__(
        self,
        token: str,
        service: Service,
        webhook_url: str | None = None,
        webhook_token: str | None = None,
        reception: Reception | None = None,
    ) -> None:
        self._signing = derived(need_secret(self.name, "token", token), "mattermost")
        self._token = (
            None if webhook_token is None else need_secret(self.name, "webhook_token", webhook_token)
        )
        self.service, self.webhook_url = service, webhook_url
        self.reception = reception or Reception(self.name)

    @classmethod
    def from_credentials(cls, credentials: Credentials | None) -> Self:
        """The channel of a section `mattermost:`."""
        section = Section(cls.name, credentials, KEYS)
        token = section.need("token")
        service = Service(cls.name, section.need("url"), headers={"Authorization": f"Bearer {token}"})
        webhook = section.text("webhook_url") or None
        return cls(token, service, webhook, section.text("webhook_token") or None, Reception.read(section))

    # -------------------------------------------------------------------------------------------------------- in

    def routes(self, inbox: Inbox) -> APIRouter:
        """Health at `/`, posts and pressed buttons at `/webhook`."""
        router = webhook_router(self.name)

        @router.post("/webhook")
        async def webhook(request: Request) -> Response:
            """Take a post or a pressed button."""
            body = await request.body()
            if not body:
                return PlainTextResponse("")
            is_form = request.headers.get("content-type", "").startswith("application/x-www-form-urlencoded")
            content: dict[str, Any] = dict(read_form(body)) if is_form else read_json(body)
            if "trigger_word" in content:
                await self.verify_post(content)
                await self._post(inbox, content)
            elif "context" in content:
                self.verify_button(content)
                await self._button(inbox, content)
            else:
                raise BadSignature("This is neither a post nor a pressed button.")
            return PlainTextResponse("success")

        return router

    async def verify_post(self, content: Mapping[str, Any]) -> None:
        """Check that Mattermost sent a post, by its token or by asking.

        Raises:
            BadSignature: it did not.
        """
        if self._token is not None:
            check(pick_text(content, "token") or "", self._token, "token")
            return
        identity = quote(clean(pick_text(content, "post_id") or "-"), safe="")
        try:
            answer = await self.service.call("GET", f"/posts/{identity}")
        except DeliveryFailed as error:
            raise BadSignature(
                "The server does not confirm this post.", hint="Or set `webhook_token`."
            ) from error
        post = answer.json()
        claimed = [pick_text(content, key) for key in ("channel_id", "user_id", "text")]
        if [
            pick_text(post, key) for key in ("channel_id", "user_id", "message")
        ] != claimed or None in claimed:
            raise BadSignature("The server's post says something else.")

    def verify_button(self, content: Mapping[str, Any]) -> None:
        """Check that a button is one of ours, in the channel it was shown in.

        Raises:
            BadSignature: it is not.
        """
        action, place = pick_text(content, "context", "action"), pick_text(content, "channel_id")
        given = pick_text(content, "context", "signature") or ""
        if action is None or place is None:
            raise BadSignature("The button is not one of ours.")
        check_hex(self._signing, _signed(place, action), "sha256", given)

    async def _post(self, inbox: Inbox, content: Mapping[str, Any]) -> None:
        _, _, rest = (pick_text(content, "text") or "").partition(
            " "
        )  # the first word is how the bot is called
        text = rest or pick_text(content, "text") or ""
        await self._take(inbox, content, text, pick_text(content, "post_id"))

    async def _button(self, inbox: Inbox, content: Mapping[str, Any]) -> None:
        text, identity = pick_text(content, "context", "action") or "", pick_text(content, "trigger_id")
        await self._take(inbox, content, text, identity, pressed=True)

    async def _take(
        self,
        inbox: Inbox,
        content: Mapping[str, Any],
        text: str,
        identity: str | None,
        *,
        pressed: bool = False,
    ) -> None:
        user, place = pick_text(content, "user_id"), pick_text(content, "channel_id")
        if user and place:
            await self.reception.take(inbox, user, text, identity, {"channel_id": place}, pressed=pressed)

    # ------------------------------------------------------------------------------------------------------- out

    def recipient(self, sender_id: str, metadata: Mapping[str, Any]) -> str:
        """The channel a user wrote in."""
        return str(metadata.get("channel_id") or "")

    async def send(self, recipient: str, message: BotMessage) -> None:
        """Post a bot message.

        Raises:
            DeliveryFailed: Mattermost did not take it.
        """
        for piece in pieces(message):
            if "buttons" in piece:
                actions = [self._action(recipient, button) for button in piece["buttons"]]
                content = {
                    "message": piece.get("text") or "",
                    "props": {"attachments": [{"actions": actions}]},
                }
                await self._send(recipient, content)
            elif "image" in piece:
                await self._send(recipient, {"props": {"attachments": [{"image_url": piece["image"]}]}})
            elif isinstance(piece.get("custom"), Mapping):
                await self._send(recipient, {"message": "", **piece["custom"]})
            else:
                for words in in_words(piece):
                    for part in split_text(words, MAX_MESSAGE):
                        await self._send(recipient, {"message": part})

    async def _send(self, recipient: str, content: Mapping[str, Any]) -> None:
        await self.service.call("POST", "/posts", body={"channel_id": recipient, **content})

    def _action(self, place: str, button: Mapping[str, Any]) -> dict[str, Any]:
        payload = str(button.get("payload"))
        context = {
            "action": payload,
            "signature": digest(self._signing, _signed(place, payload), "sha256").hex(),
        }
        return {"name": pick(button, "title"), "integration": {"url": self.webhook_url, "context": context}}

    async def close(self) -> None:
        """Close the connections."""
        await self.service.close()


def _signed(place: str, action: str) -> bytes:
    return f"{place}\n{action}".encode("utf-8", "replace")

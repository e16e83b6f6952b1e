"""Twilio messaging (SMS, and WhatsApp by Twilio): webhooks in, the Messages resource out.

Rasa checked no signature; here the account's own auth token verifies each request. Source: Twilio's "Webhooks
Security", "Messaging Webhooks" and "Messages resource".
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, ClassVar, Self
from urllib.parse import quote, urlsplit, urlunsplit

from fastapi import APIRouter, Request
from fastapi.responses import Response

from shoptalk.channels.base import Credentials, Inbox, in_words, pieces
from shoptalk.channels.credentials import Section, need_secret
from shoptalk.channels.inbound import RECEPTION_KEYS, Reception, read_form, webhook_router
from shoptalk.channels.outbound import Service, split_text
from shoptalk.channels.verify import check_base64, header
from shoptalk.core.messages import BotMessage
from shoptalk.errors import BadSignature

API = "https://api.twilio.com"
KEYS = ("account_sid", "auth_token", "twilio_number", "public_url", "api_url", *RECEPTION_KEYS)
MAX_MESSAGE = 1600
PORTS = {"https": 443, "http": 80}


class TwilioChannel:
    """`/webhooks/twilio/webhook`.

    Args:
        auth_token: Twilio signs requests with it.
        service: the REST API below the account.
        number: replies come from it.
        public_url: under which Twilio reaches this server; None takes what the request says.
        reception: how texts are taken.
    """

    name: ClassVar[str] = "twilio"

    def __init__(
        self,
        auth_token: str,
        service: Service,
        number: str | None = None,
        public_url: str | None = None,
        reception: Reception | None = None,
    ) -> None:
        self._secret = need_secret(self.name, "auth_token", auth_token)
        self.service, self.number, self.public_url = service, number, public_url
        self.reception = reception or Reception(self.name)

    @classmethod
    def from_credentials(cls, credentials: Credentials | None) -> Self:
        """The channel of a section `twilio:`."""
        section = Section(cls.name, credentials, KEYS)
        account, token = section.need("account_sid"), section.need("auth_token")
        base = f"{section.text('api_url', API).rstrip('/')}/2010-04-01/Accounts/{quote(account, safe='')}"
        number, public = section.text("twilio_number") or None, section.text("public_url") or None
        service = Service(cls.name, base, auth=(account, token))
        return cls(token, service, number, public, Reception.read(section))

    def routes(self, inbox: Inbox) -> APIRouter:
        """Health at `/`, messages at `/webhook`."""
        router = webhook_router(self.name)

        @router.post("/webhook")
        async def webhook(request: Request) -> Response:
            """Take a message."""
            fields = read_form(await request.body())
            verify(request, fields, self._secret, self.public_url)
            await self._take(inbox, dict(fields))
            return Response(status_code=204)

        return router

    async def _take(self, inbox: Inbox, form: Mapping[str, str]) -> None:
        text, pressed = form.get("Body", "").replace("¡", "@"), False  # some carriers corrupt the @ sign
        if form.get("ButtonPayload"):
            text, pressed = form["ButtonPayload"], True
        place = _number(form.get("Latitude")), _number(form.get("Longitude"))
        if None not in place:
            text, pressed = f'/locationData{{"Latitude": {place[0]}, "Longitude": {place[1]}}}', True
        sender = form.get("From")
        if sender:
            await self.reception.take(inbox, sender, text, form.get("MessageSid"), pressed=pressed)

    async def send(self, recipient: str, message: BotMessage) -> None:
        """Send a bot message.

        Raises:
            DeliveryFailed: Twilio did not take it.
        """
        for piece in pieces(message):
            custom = piece.get("custom")
            if isinstance(custom, Mapping):
                await self._post(recipient, custom_of(custom))
            elif "image" in piece:
                await self._post(recipient, {"MediaUrl": [piece["image"]]})
            else:
                for words in in_words(piece):
                    for part in split_text(words, MAX_MESSAGE):
                        await self._post(recipient, {"Body": part})

    async def _post(self, recipient: str, content: Mapping[str, Any]) -> None:
        values = {"To": recipient, **content}
        if "MessagingServiceSid" not in values and self.number:
            values.setdefault("From", self.number)
        if "MediaUrl" not in values:
            values.setdefault("Body", "")
        await self.service.call("POST", "/Messages.json", form=list(_pairs(values)))

    async def close(self) -> None:
        """Close the connections."""
        await self.service.close()


def verify(
    request: Request, fields: Iterable[tuple[str, str]], auth_token: str, public_url: str | None = None
) -> None:
    """Check that Twilio sent a form to this address.

    The address that Twilio signed is not quite known behind a proxy. Each way it may have been written is tried;
    whichever it is, only who knows the auth token can have signed it.

    Raises:
        BadSignature: Twilio did not send it.
    """
    given = header(request, "X-Twilio-Signature")
    values = sorted(set(fields))
    content = "".join(name + value for name, value in values)
    # All are computed, so that the time taken tells nothing.
    found = [
        check_base64(auth_token, (url + content).encode("utf-8", "replace"), "sha1", given)
        for url in addresses(request, public_url)
    ]
    if not any(found):
        raise BadSignature(
            "The signature is wrong.",
            hint="Set `public_url` to the address that Twilio calls, if there is a proxy.",
        )


def addresses(request: Request, public_url: str | None = None) -> list[str]:
    """Ways in which Twilio may have written the address of a request."""
    path, query = request.url.path, request.url.query
    if public_url:
        scheme, host = urlsplit(public_url)[:2]
        places = [(scheme, host)]
    else:
        hosts = [request.headers.get("x-forwarded-host"), request.headers.get("host"), request.url.netloc]
        places = [(scheme, host) for host in dict.fromkeys(hosts) if host for scheme in ("https", "http")]
    out = []
    for scheme, host in places:
        name, _, _ = host.partition(":")
        written = (host, name, f"{name}:{PORTS.get(scheme, '')}") if not host.startswith("[") else (host,)
        out += [urlunsplit((scheme, h, path, query, "")) for h in dict.fromkeys(written)]
    return out


def custom_of(custom: Mapping[str, Any]) -> dict[str, Any]:
    """Custom JSON in the words of Rasa's client (`media_url`, `from_`) in those of the API (`MediaUrl`, `From`)."""
    return {"".join(word.capitalize() for word in key.split("_")): value for key, value in custom.items()}


def _pairs(values: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    for name, value in values.items():
        for item in value if isinstance(value, list) else [value]:
            yield name, item if isinstance(item, str) else str(item)


def _number(text: str | None) -> str | None:
    """A coordinate as it was written, if it is one."""
    digits = (text or "").removeprefix("-").replace(".", "", 1)
    return text if digits.isascii() and digits.isdigit() and len(digits) < 20 else None

"""Twilio Voice: what a caller said in, TwiML that is read out to them out.

Source: Twilio's "TwiML for Programmable Voice", Say, Pause and Gather.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Self
from xml.etree import ElementTree

from fastapi import APIRouter, Request
from fastapi.responses import Response

from shoptalk.channels.base import Credentials, Inbox, in_plain_words, pieces
from shoptalk.channels.credentials import Section, need_secret
from shoptalk.channels.inbound import RECEPTION_KEYS, Reception, read_form, storable_id, webhook_router
from shoptalk.channels.twilio import verify
from shoptalk.core.messages import BotMessage
from shoptalk.errors import BadSignature, ConfigError

logger = logging.getLogger(__name__)

KEYS = (
    "initial_prompt",
    "reprompt_fallback_phrase",
    "assistant_voice",
    "speech_timeout",
    "speech_model",
    "enhanced",
    "auth_token",
    "public_url",
    *RECEPTION_KEYS,
)
MODELS = ("default", "numbers_and_commands", "phone_call")
VOICES = ("man", "woman", "alice")
HINT = "Add `auth_token: …` below `twilio_voice:`, the token of your Twilio account."


@dataclass(frozen=True, slots=True)
class Speech:
    """How the assistant speaks and listens; Rasa's settings of the same names.

    Raises:
        ConfigError: a value, or two together, mean nothing to Twilio.
    """

    voice: str = "woman"
    timeout: str = "5"
    model: str = "default"
    enhanced: str = "false"

    def __post_init__(self) -> None:
        if self.voice not in VOICES and not self.voice.startswith(("Polly.", "Google.")):
            raise ConfigError(
                f"There is no voice {self.voice!r}.",
                hint=f"Use one of {', '.join(VOICES)} or a name like Polly.Amy.",
            )
        if not (self.timeout == "auto" or (self.timeout.isascii() and self.timeout.isdigit())):
            raise ConfigError(
                f"speech_timeout cannot be {self.timeout!r}.", hint="Use a number of seconds, or auto."
            )
        if self.model not in MODELS:
            raise ConfigError(
                f"There is no speech_model {self.model!r}.", hint=f"Use one of {', '.join(MODELS)}."
            )
        if self.enhanced not in ("true", "false"):
            raise ConfigError(f"enhanced cannot be {self.enhanced!r}.", hint="Use true or false.")
        if self.enhanced == "true" and self.model != "phone_call":
            raise ConfigError(
                "enhanced needs another speech_model.", hint="Write `speech_model: phone_call`."
            )
        if self.timeout == "auto" and self.model != "numbers_and_commands":
            raise ConfigError(
                "speech_timeout auto needs another speech_model.",
                hint="Write `speech_model: numbers_and_commands`.",
            )


class TwilioVoiceChannel:
    """`/webhooks/twilio_voice/webhook`.

    Args:
        auth_token: Twilio signs requests with it; None refuses all of them.
        speech: how the assistant speaks and listens.
        initial_prompt: taken as said when a call begins.
        reprompt: said when nothing was understood and nothing was said before.
        public_url: under which Twilio reaches this server.
        reception: how texts are taken.
    """

    name: ClassVar[str] = "twilio_voice"
    answers_in_request: ClassVar[bool] = True

    def __init__(
        self,
        auth_token: str | None,
        speech: Speech | None = None,
        initial_prompt: str = "hello",
        reprompt: str = "I'm sorry I didn't get that could you rephrase.",
        public_url: str | None = None,
        reception: Reception | None = None,
    ) -> None:
        self._secret = None if auth_token is None else need_secret(self.name, "auth_token", auth_token)
        self.speech, self.initial_prompt, self.reprompt = speech or Speech(), initial_prompt, reprompt
        self.public_url, self.reception = public_url, reception or Reception(self.name)

    @classmethod
    def from_credentials(cls, credentials: Credentials | None) -> Self:
        """The channel of a section `twilio_voice:`; Rasa's has no auth token, and then no call is taken."""
        section = Section(cls.name, credentials, KEYS)
        speech = Speech(
            section.text("assistant_voice", "woman"),
            section.text("speech_timeout", "5").lower(),
            section.text("speech_model", "default").lower(),
            section.text("enhanced", "false").lower(),
        )
        token = section.text("auth_token") or None
        if token is None:
            logger.warning(
                "channel.closed twilio_voice: requests cannot be verified and are refused. %s", HINT
            )
        return cls(
            token,
            speech,
            section.text("initial_prompt", "hello"),
            section.text("reprompt_fallback_phrase", "I'm sorry I didn't get that could you rephrase."),
            section.text("public_url") or None,
            Reception.read(section),
        )

    def routes(self, inbox: Inbox) -> APIRouter:
        """Health at `/`, calls at `/webhook`."""
        router = webhook_router(self.name)

        @router.post("/webhook")
        async def webhook(request: Request) -> Response:
            """Take what a caller said, and say something."""
            if self._secret is None:
                raise BadSignature("This channel cannot verify who calls.", hint=HINT)
            fields = read_form(await request.body())
            verify(request, fields, self._secret, self.public_url)
            identity = request.headers.get("i-twilio-idempotency-token")
            texts = await self._answer(inbox, dict(fields), identity)
            return Response(self.twiml(texts), media_type="text/xml")

        return router

    async def _answer(self, inbox: Inbox, form: Mapping[str, str], identity: str | None) -> list[str]:
        sender, text = form.get("From") or "default", form.get("SpeechResult")
        opens = text is None and form.get("CallStatus") == "ringing"
        message = await self.reception.message(
            inbox, sender, self.initial_prompt if opens else text or "", identity, pressed=opens
        )
        if message is None:
            return [await self._last_words(inbox, sender)]
        return [words for reply in await inbox.handle(message) for words in spoken(reply)]

    async def _last_words(self, inbox: Inbox, sender: str) -> str:
        tracker = await inbox.tracker(storable_id(sender))
        for event in reversed(tracker.as_dict(tracker.events)["events"]):
            if event["event"] == "bot" and event.get("text"):
                return str(event["text"])
        return self.reprompt

    def twiml(self, texts: Sequence[str]) -> str:
        """All texts read out one by one, the last while listening."""
        response = ElementTree.Element("Response")
        for text in texts[:-1]:
            self._say(response, text)
            ElementTree.SubElement(response, "Pause", {"length": "1"})
        if texts:
            gather = ElementTree.SubElement(response, "Gather", self._gathering())
            self._say(gather, texts[-1])
        body: str = ElementTree.tostring(response, encoding="unicode")
        return f'<?xml version="1.0" encoding="UTF-8"?>{body}'

    def _gathering(self) -> dict[str, str]:
        return {
            "input": "speech",
            "action": f"/webhooks/{self.name}/webhook",
            "actionOnEmptyResult": "true",
            "speechTimeout": self.speech.timeout,
            "speechModel": self.speech.model,
            "enhanced": self.speech.enhanced,
        }

    def _say(self, parent: Any, text: str) -> None:
        said = ElementTree.SubElement(parent, "Say", {"voice": self.speech.voice})
        said.text = "".join(char for char in text if char in "\t\n\r" or ord(char) >= 32)

    async def send(self, recipient: str, message: BotMessage) -> None:
        """Nothing: replies are answers to requests."""


def spoken(message: BotMessage) -> list[str]:
    """What is read out of a bot message: its texts, and the titles of buttons; pictures are not."""
    out: list[str] = []
    for piece in pieces(in_plain_words(message)):
        if piece.get("text"):
            out.append(str(piece["text"]))
        out += [str(button.get("title")) for button in piece.get("buttons") or [] if button.get("title")]
    return out

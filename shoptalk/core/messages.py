"""One utterance in, one out."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

ParseData = dict[str, Any]
"""What NLU says of a text, in Rasa's JSON form: text, intent, entities, intent_ranking, …"""

BotMessage = dict[str, Any]
"""One utterance out: text, buttons, image, attachment, custom, elements, quick_replies; absent keys are null."""

DEFAULT_SENDER = "default"

NO_CHANNEL = "api"
"""Of messages that are logged over the HTTP API; as with Rasa, events name no channel for them."""


@dataclass(frozen=True, slots=True)
class UserMessage:
    """One utterance of a user.

    Args:
        text: what was said, stripped.
        sender_id: whose conversation it belongs to.
        message_id: idempotency key; the same id from the same sender and channel is one message.
        channel: name of the channel it came in by.
        metadata: whatever the channel knows beside the text (customer id, language, thread …).
        parse_data: what NLU would say, when the sender already knows it.
    """

    text: str
    sender_id: str = DEFAULT_SENDER
    message_id: str = field(default_factory=lambda: uuid.uuid4().hex)
    channel: str = "rest"
    metadata: Mapping[str, Any] = field(default_factory=dict)
    parse_data: ParseData | None = None

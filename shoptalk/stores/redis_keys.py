"""Names of all keys in Redis. Senders are spread over 64 buckets; a bucket is one hash slot.

Everything a script touches belongs to one bucket, so each script is atomic on a Redis Cluster too:
a sender's conversation, the index of senders, the outbox stream and the reminders that are due.
"""

from __future__ import annotations

import logging
from zlib import crc32

logger = logging.getLogger(__name__)

BUCKETS = 64
OUTBOX_GROUP = "senders"


def clean_prefix(prefix: str | None) -> str:
    """Rasa's rule: an alphanumeric prefix becomes `prefix:`, any other is ignored with a warning."""
    if not prefix:
        return ""
    if isinstance(prefix, str) and prefix.isalnum():
        return f"{prefix}:"
    logger.warning("store.key_prefix_ignored", extra={"key_prefix": str(prefix), "why": "not alphanumeric"})
    return ""


class Keys:
    """Key names under one prefix."""

    def __init__(self, prefix: str = "") -> None:
        self.prefix = prefix

    def bucket(self, sender_id: str) -> int:
        """The bucket a sender lives in."""
        return crc32(sender_id.encode()) % BUCKETS

    def shared(self, bucket: int, kind: str) -> str:
        """A key of a whole bucket."""
        return f"{self.prefix}{{shoptalk:{bucket}}}:{kind}"

    def own(self, sender_id: str, kind: str) -> str:
        """A key of one sender."""
        return f"{self.shared(self.bucket(sender_id), kind)}:{sender_id}"

    def many(self, sender_id: str, *kinds: str) -> list[str]:
        """Keys in a script's order; kinds in capitals are the bucket's."""
        bucket = self.bucket(sender_id)
        return [self.shared(bucket, k.lower()) if k.isupper() else self.own(sender_id, k) for k in kinds]

    def channel(self, sender_id: str) -> str:
        """Where commits of a sender are told."""
        return f"{self.prefix}shoptalk:turns:{sender_id}"

    @property
    def outbox_channel(self) -> str:
        """Where new outbound messages are told."""
        return f"{self.prefix}shoptalk:outbox"

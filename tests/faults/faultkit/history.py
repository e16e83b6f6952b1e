"""A history checker in the manner of Jepsen: what clients saw, against what the store kept.

Clients note every send; workers put into the conversation, for every turn, one `user` event with the
message id and a random `turn` that the reply repeats. From these two the checker finds messages that
were lost, doubled or out of order, and replies that belong to another message or another turn.
"""

from __future__ import annotations

import itertools
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Send:
    """One message of a client over all its retries; times of one monotonic clock of the machine.

    Args:
        accepted: when the store first told the client that it has it (None: only the reply is known).
        replies: every answer the client got, the first and those of repeats.
    """

    sender_id: str
    message_id: str
    called: float
    accepted: float | None
    replied: float | None
    replies: Sequence[Sequence[Mapping[str, Any]]] = ()


@dataclass(frozen=True, slots=True)
class Verdict:
    """Counts of everything that must be 0, and examples of it."""

    sent: int
    kept: int
    lost: int
    doubled: int
    reordered: int
    wrong_replies: int
    overlaps: int
    effects_missing: int
    effects_doubled: int
    examples: list[str] = field(default_factory=list)

    @property
    def good(self) -> bool:
        """Nothing was lost, doubled, out of order, mixed up or overlapping."""
        return not any(
            (self.lost, self.doubled, self.reordered, self.wrong_replies, self.overlaps,
             self.effects_missing, self.effects_doubled)
        )  # fmt: skip

    def __str__(self) -> str:
        counts = (
            f"{self.kept} of {self.sent} kept, {self.lost} lost, {self.doubled} doubled, "
            f"{self.reordered} out of order, {self.wrong_replies} wrong replies, {self.overlaps} overlaps, "
            f"effects: {self.effects_missing} missing, {self.effects_doubled} doubled"
        )
        return "\n  ".join([counts, *self.examples[:5]])


def check(
    sends: Sequence[Send],
    trackers: Mapping[str, Sequence[Mapping[str, Any]]],
    effects: Iterable[str] | None = None,
) -> Verdict:
    """Check clients' logs against the conversations.

    Args:
        sends: what the clients did and saw; only those with a reply must be kept.
        trackers: events of every sender; a `user` event carries `message_id` and `metadata` with
            `turn`, `entered` and `left` (seconds of the same clock).
        effects: message ids for which an action took effect, one entry per effect; None: not looked at.
    """
    users = {sender: [e for e in events if e["event"] == "user"] for sender, events in trackers.items()}
    found = Counter((sender, e["message_id"]) for sender, events in users.items() for e in events)
    lost = [s for s in sends if s.replied is not None and not found[(s.sender_id, s.message_id)]]
    doubled = [key for key, count in found.items() if count > 1]
    reordered = _reordered(sends, users)
    wrong = _wrong_replies(sends, users)
    overlaps = _overlaps(users)
    took = None if effects is None else Counter(effects)
    kept_ids = {message_id for _, message_id in found}
    missing = [] if took is None else [i for i in kept_ids if took[i] == 0]
    twice = [] if took is None else [i for i, count in took.items() if count > 1]
    examples = [f"lost: {s.message_id} of {s.sender_id}, accepted at {s.accepted}" for s in lost[:3]]
    examples += [f"doubled: {key}" for key in doubled[:3]] + reordered[:3] + wrong[:3] + overlaps[:3]
    examples += [f"effect missing: {i}" for i in missing[:3]] + [f"effect doubled: {i}" for i in twice[:3]]
    return Verdict(
        len(sends), len(found), len(lost), len(doubled), len(reordered), len(wrong), len(overlaps),
        len(missing), len(twice), examples,
    )  # fmt: skip


def _reordered(sends: Sequence[Send], users: Mapping[str, Sequence[Mapping[str, Any]]]) -> list[str]:
    """Pairs where one message was accepted before the other was even sent, but stands after it."""
    by_sender: dict[str, list[Send]] = defaultdict(list)
    for send in sends:
        by_sender[send.sender_id].append(send)
    wrong: list[str] = []
    for sender, mine in by_sender.items():
        place = {event["message_id"]: number for number, event in enumerate(users.get(sender, ()))}
        kept = sorted((s for s in mine if s.message_id in place), key=lambda s: place[s.message_id])
        earliest_known = float("inf")  # of all that stand later, the earliest time one was known accepted
        for send in reversed(kept):
            if earliest_known < send.called:
                wrong.append(
                    f"out of order: {send.message_id} of {sender} stands before one accepted earlier"
                )
            known = [t for t in (send.accepted, send.replied) if t is not None]
            earliest_known = min([earliest_known, *known])
    return wrong


def _wrong_replies(sends: Sequence[Send], users: Mapping[str, Sequence[Mapping[str, Any]]]) -> list[str]:
    turn_of = {
        (sender, e["message_id"]): e["metadata"]["turn"] for sender, events in users.items() for e in events
    }
    wrong: list[str] = []
    for send in sends:
        right = turn_of.get((send.sender_id, send.message_id))
        for replies in send.replies:
            if [(r.get("message_id"), r.get("turn")) for r in replies] != [(send.message_id, right)]:
                wrong.append(
                    f"wrong reply: {send.message_id} of {send.sender_id} got {replies}, kept turn {right}"
                )
    return wrong


def _overlaps(users: Mapping[str, Sequence[Mapping[str, Any]]]) -> list[str]:
    wrong: list[str] = []
    for sender, events in users.items():
        spans = sorted((e["metadata"]["entered"], e["metadata"]["left"], e["message_id"]) for e in events)
        for (_, left, one), (entered, _, other) in itertools.pairwise(spans):
            if entered < left:
                wrong.append(f"overlap: {one} and {other} of {sender}")
    return wrong

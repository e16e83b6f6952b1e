"""The history checker finds every kind of mistake (a checker that finds nothing proves nothing)."""

from __future__ import annotations

from dataclasses import replace

import pytest
from faultkit.history import Send, check


def user(number: int, entered: float, left: float) -> dict:
    return {
        "event": "user",
        "message_id": f"m{number}",
        "metadata": {"turn": f"t{number}", "entered": entered, "left": left},
    }


def reply(number: int) -> list[dict]:
    return [{"message_id": f"m{number}", "turn": f"t{number}"}]


SENDS = [Send("a", f"m{n}", n * 10.0, n * 10.0 + 1, n * 10.0 + 5, [reply(n)]) for n in range(3)]
TRACKER = [user(n, n * 10.0 + 2, n * 10.0 + 4) for n in range(3)]


def test_a_right_history_is_good() -> None:
    verdict = check(SENDS, {"a": TRACKER}, ["m0", "m1", "m2"])
    assert verdict.good
    assert (verdict.sent, verdict.kept) == (3, 3)


@pytest.mark.parametrize(
    ("sends", "tracker", "effects", "wrong"),
    [
        (SENDS, TRACKER[:2], None, "lost"),
        (SENDS, [*TRACKER, user(1, 40, 41)], None, "doubled"),
        (SENDS, [TRACKER[1], TRACKER[0], TRACKER[2]], None, "reordered"),
        ([replace(SENDS[0], replies=[reply(1)]), *SENDS[1:]], TRACKER, None, "wrong_replies"),
        ([replace(SENDS[0], replies=[reply(0), []]), *SENDS[1:]], TRACKER, None, "wrong_replies"),
        (SENDS, [user(0, 2, 13), *TRACKER[1:]], None, "overlaps"),
        (SENDS, TRACKER, ["m0", "m1"], "effects_missing"),
        (SENDS, TRACKER, ["m0", "m1", "m2", "m2"], "effects_doubled"),
    ],
)
def test_a_wrong_history_is_found(
    sends: list[Send], tracker: list[dict], effects: list[str] | None, wrong: str
) -> None:
    verdict = check(sends, {"a": tracker}, effects)
    assert not verdict.good
    assert getattr(verdict, wrong) >= 1
    assert verdict.examples


def test_what_was_never_answered_may_be_missing() -> None:
    unanswered = replace(SENDS[2], replied=None, replies=[])
    assert check([*SENDS[:2], unanswered], {"a": TRACKER[:2]}).good

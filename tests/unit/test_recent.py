from collections.abc import Sequence
from typing import Any

from shoptalk.core.domain import Domain
from shoptalk.core.events import ActionExecuted, BotUttered, Event, SessionStarted, SlotSet, UserUttered
from shoptalk.history import tracker_of
from shoptalk.recent import Recent
from shoptalk.stores.base import Conversation

DOMAIN = Domain(actions=("a",))


def wire(*events: Event) -> list[dict[str, Any]]:
    return [event.as_dict() for event in events]


def turn(text: str) -> list[dict[str, Any]]:
    return wire(
        UserUttered(text=text), ActionExecuted(name="a"), BotUttered(text="hi"), SlotSet(name="s", value=text)
    )


SESSION = wire(ActionExecuted(name="action_session_start"), SessionStarted())


def whole(events: Sequence[dict[str, Any]], mark: str = "m") -> Conversation:
    return Conversation(list(events), 0, None, len(events), mark)


def rest(events: Sequence[dict[str, Any]], since: int, mark: str = "m") -> Conversation:
    return Conversation(list(events[since:]), 0, None, len(events), mark, is_rest=True)


def test_a_tracker_of_the_rest_is_as_one_of_all() -> None:
    recent, said = Recent(DOMAIN), [*SESSION]
    assert recent.known("a") is None
    recent.tracker("a", whole(said))
    for number in range(4):
        before = len(said)
        said += [*(SESSION if number == 2 else []), *turn(str(number))]
        known = recent.known("a")
        assert known is not None
        assert known.length == before
        tracker = recent.tracker("a", rest(said, before))
        assert tracker is not None
        expected = tracker_of("a", whole(said), DOMAIN)
        assert tracker.as_dict(tracker.events) == expected.as_dict(expected.events)


def test_a_rest_without_its_beginning_is_of_no_use() -> None:
    recent, said = Recent(DOMAIN), [*SESSION, *turn("1"), *turn("2")]
    assert recent.tracker("a", rest(said, 2)) is None
    recent.tracker("a", whole(said[:6]))
    assert recent.tracker("a", rest(said, 2)) is None, "the rest of something shorter"
    recent.tracker("a", whole(said[:6]))
    assert recent.tracker("a", rest(said, 6, "other")) is None
    assert recent.known("a") is None


def test_what_was_read_longest_ago_goes_first() -> None:
    recent, said = Recent(DOMAIN, room=10), turn("1")
    for sender in ("a", "b", "a", "c"):
        recent.tracker(sender, whole(said))
    assert [recent.known(sender) is not None for sender in "abc"] == [True, False, True]


def test_conversations_without_a_mark_are_not_kept() -> None:
    recent = Recent(DOMAIN)
    recent.tracker("a", whole(turn("1"), mark=""))
    assert recent.known("a") is None


def test_a_conversation_longer_than_the_room_is_served_all_the_same() -> None:
    recent = Recent(DOMAIN, room=3)
    tracker = recent.tracker("a", whole(turn("1")))
    assert tracker is not None
    assert len(tracker.events) == 4
    assert recent.known("a") is None

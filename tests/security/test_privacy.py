"""S13: logs hold nobody's words, metrics and errors neither; `forget` leaves nothing; logs stay useful."""

from __future__ import annotations

import io
import json
import logging
import random
from pathlib import Path

import pytest
from guarded import client_of, make_app, session_of

from shoptalk.core.messages import UserMessage
from shoptalk.server.metrics import Metrics
from shoptalk.server.observe import JsonFormatter, TextFormatter, hashed
from shoptalk.stores.base import Deferred, Reminder, StoredMessage
from shoptalk.stores.embedded import EmbeddedValkey
from shoptalk.stores.redis import RedisTrackerStore

PRIVATE = {
    "e-mail": ["anna.keller@example.com", "li+shop@mail.example.org", "A_B.c-d@sub.example.co.uk"],
    "phone": [
        "+49 30 5550 4821",
        "0151-2345-6789",
        "(030) 5550 4821",
        "+8613912345678",
        "00 44 20 7946 0958",
    ],
    "card": ["4111 1111 1111 1111", "5500-0000-0000-0004", "378282246310005", "4012888888881881"],
}
FRAMES = ["note my mail is {}", "order please, reach me at {}", "note {} is my number, thanks", "hi {}", "{}"]
WORD = "zanzibarquokka"
"""A word that stands in every message, and must stand in no log line."""


def private_texts(count: int) -> list[str]:
    draw = random.Random(13)
    kinds = [value for values in PRIVATE.values() for value in values]
    return [f"{draw.choice(FRAMES).format(draw.choice(kinds))} {WORD}" for _ in range(count)]


@pytest.fixture
def lines() -> io.StringIO:
    """What the whole program logs at INFO meanwhile, in both forms."""
    stream, root = io.StringIO(), logging.getLogger()
    handlers = [logging.StreamHandler(stream) for _ in range(2)]
    handlers[0].setFormatter(JsonFormatter())
    handlers[1].setFormatter(TextFormatter("%(levelname)s %(name)s %(message)s"))
    level = root.level
    root.setLevel(logging.INFO)
    for handler in handlers:
        root.addHandler(handler)
    yield stream
    root.setLevel(level)
    for handler in handlers:
        root.removeHandler(handler)


async def test_logs_metrics_and_errors_hold_no_words(lines: io.StringIO) -> None:
    metrics = Metrics()
    async with client_of(make_app(metrics=metrics), "127.0.0.1") as client:
        headers = await session_of(client)
        errors = []
        for number, text in enumerate(private_texts(300)):
            await client.post("/webhooks/rest/webhook", json={"sender": f"p{number}", "message": text})
            said = {"message_id": f"m{number}", "text": text}
            await client.post("/webhooks/web/message", json=said, headers=headers)
        for text in private_texts(40):
            stuffed = json.dumps({text: text, "order_id": text})
            for body in (
                {"sender": text, "message": text},
                {"message": 7, "x": text},
                {"sender": "q", "message": f"/order{stuffed} {text}"},
            ):
                answer = await client.post("/webhooks/rest/webhook", json=body)
                errors += [answer.text] if answer.status_code >= 400 else []
            errors.append((await client.post("/model/parse", content=text.encode())).text)
            errors.append((await client.post("/conversations/c/tracker/events", json=[{"event": text}])).text)
        numbers = (await client.get("/metrics")).text
    logged = lines.getvalue()
    assert "turn.committed" in logged
    every = [value for values in PRIVATE.values() for value in values]
    for place, text in (("logs", logged), ("metrics", numbers)):
        assert WORD not in text, (place, next(line for line in text.splitlines() if WORD in line)[:300])
        assert not [value for value in every if value in text], place
    print(
        f"\nS13: 0 of {len(every)} private values and 0 texts in {len(logged.splitlines())} log lines and the metrics"
    )


async def test_what_foreign_code_says_in_its_exceptions_is_not_logged(lines: io.StringIO) -> None:
    try:
        raise KeyError(f"anna.keller@example.com {WORD}")
    except KeyError:
        logging.getLogger("actions").exception("action.failed x")
    assert WORD not in lines.getvalue()
    assert "KeyError" in lines.getvalue()
    assert "test_privacy.py" in lines.getvalue()


async def test_a_sender_can_be_followed_but_not_read(lines: io.StringIO) -> None:
    async with client_of(make_app()) as client:
        await client.post("/webhooks/rest/webhook", json={"sender": "anna@example.com", "message": "hi"})
    found = [json.loads(line) for line in lines.getvalue().splitlines() if line.startswith("{")]
    committed = [line for line in found if line["message"] == "turn.committed"]
    assert [line["sender"] for line in committed] == [hashed("anna@example.com")]
    assert "anna" not in lines.getvalue()
    assert committed[0]["ms"] > 0


async def test_forget_leaves_no_key_of_a_sender(tmp_path: Path) -> None:
    """Everything a store can keep of somebody, then `forget`: 0 keys, and another sender's are untouched."""
    sender, other = "anna.keller@example.com", "somebody-else"
    with EmbeddedValkey(tmp_path) as server:
        store = RedisTrackerStore(server.address)
        for who in (sender, other):
            for number in range(30):
                await store.accept(StoredMessage("rest", who, f"m{number}", {"text": WORD}))
                turn = await store.begin_turn(who)
                assert turn is not None
                later = Deferred([{"text": WORD}], [Reminder(who, f"r{number}", {"event": {}}, 4e9)])
                await turn.commit(
                    [{"event": "user", "text": WORD}],
                    [{"text": WORD}],
                    {"s": WORD} if number % 9 == 0 else None,
                    later,
                )
            for entry in await store.outbox.claim("c", 3):
                await store.outbox.bury(entry, "no")
            await store.accept(StoredMessage("rest", who, "waiting", {"text": WORD}))
        assert await store.forget(sender) == 30
        left = []
        for key in await store.link.command("KEYS", "*"):
            kind = (await store.link.command("TYPE", key)).decode()
            reading = {"string": ["GET", key], "hash": ["HGETALL", key], "list": ["LRANGE", key, 0, -1], "set": ["SMEMBERS", key],
                       "zset": ["ZRANGE", key, 0, -1], "stream": ["XRANGE", key, "-", "+"]}[kind]  # fmt: skip
            if sender.encode() in key or sender in str(await store.link.command(*reading)):
                left.append(key)
        assert not left
        kept = await store.load(other, full=True)
        assert kept is not None
        assert kept.length == 30
        await store.close()
    print("\nS13: 0 keys left after forget")


async def test_an_unserved_message_with_words_is_not_shown() -> None:
    """The repr of a message (in a crash's arguments) is for DEBUG; its text formatter blanks what is private."""
    record = logging.makeLogRecord(
        {"msg": "%s", "args": (UserMessage("mail anna@example.com", "a"),), "levelno": logging.INFO}
    )
    assert "anna@" not in TextFormatter("%(message)s").format(record)

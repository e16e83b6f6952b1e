"""Broken, repeated, forged and hostile input at the web channel: refused with a reason, or answered once."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import jwt
import pytest
from chatting import Chat, Reply
from serving import SECRET, Server

pytestmark = pytest.mark.timeout(300)
OpenChat = Callable[..., Chat]


def refused(reply: Reply, *statuses: int) -> None:
    """The answer is an error with a status, a code, a message and no stack trace."""
    assert reply.status in statuses, (reply.status, reply.body)
    error = reply.error
    assert error["code"]
    assert error["message"]
    assert "Traceback" not in reply.body


def body(**fields: Any) -> bytes:
    return json.dumps({"message_id": "m1", "text": "hello", **fields}).encode()


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"{",
        b"null",
        b"[]",
        b'"hello"',
        b'{"text": "hello"',
        b'{"message_id": "m1"}',
        b'{"text": "hello"}',
        body(text=None),
        body(text=7),
        body(text=["hello"]),
        body(text=""),
        body(message_id=""),
        body(message_id="a b/../c"),
        body(message_id="x" * 65),
        body(language="english"),
        b"\xff\xfe\x00",
        b"[" * 20_000,
    ],
    ids=lambda raw: raw[:40].decode("latin-1") or "nothing",
)
def test_a_broken_message_is_refused(chat: OpenChat, raw: bytes) -> None:
    talk = chat()
    refused(talk.post(raw), 400, 413, 422)
    assert talk.history() == []


@pytest.mark.parametrize("text", ["   ", "\n\t", "/", "///", "/ /"])
def test_nothing_said_is_refused(chat: OpenChat, text: str) -> None:
    refused(chat().say(text), 400, 422)


@pytest.mark.parametrize(
    "text",
    [
        "😀",
        "👍👍👍",
        "❤️",
        "!!!",
        "???",
        "。。。",
        "12",
        "🤷🏽‍♀️",
        "\u200b",
        "\u0000",
        "<script>alert(1)</script>",
        "{order_id}",
    ],
)
@pytest.mark.parametrize("language", ["en", "zh"])
def test_whatever_is_no_sentence_gets_an_answer(chat: OpenChat, text: str, language: str) -> None:
    talk = chat("C0001", language)
    reply = talk.say(text)
    if reply.status != 200:
        refused(reply, 400, 422)
        return
    assert reply.text
    assert reply.error == {}
    assert talk.say("where is order 10234").text.count("10234") >= 1


def test_a_text_of_the_greatest_length_is_answered_and_a_longer_one_is_not(chat: OpenChat) -> None:
    talk = chat()
    assert talk.say("where is my order " * 111).status == 200
    begin = time.monotonic()
    refused(talk.say("x" * 2001), 413)
    refused(talk.say("x" * 19_000), 413)
    refused(talk.say("x" * 5_000_000), 413, 422)
    assert time.monotonic() - begin < 10


def test_the_same_message_again_gets_the_same_replies_and_is_done_once(
    chat: OpenChat, in_process: Server
) -> None:
    talk = chat("C0001")
    talk.say("please cancel order 10412")
    first = talk.say("yes", "only-once")
    turns = len(talk.inspect()["turns"])
    again = talk.say("yes", "only-once")
    changed = talk.say("something else altogether", "only-once")
    assert "cancelled" in first.text
    assert again.messages == first.messages == changed.messages
    assert len(talk.inspect()["turns"]) == turns
    refunds = in_process.shop.one("SELECT count(*) FROM refunds WHERE order_number = 10412")
    assert refunds == 1


def test_the_same_message_sent_at_once_is_done_once(chat: OpenChat) -> None:
    talk = chat("C0001")
    others = [Chat(talk.url, "C0001") for _ in range(6)]
    for other in others:
        other.token, other.sender = talk.token, talk.sender
    with ThreadPoolExecutor(len(others)) as pool:
        replies = list(pool.map(lambda other: other.say("talk to a person please", "at-once"), others))
    for other in others:
        other.http.close()
    assert {reply.text for reply in replies} == {replies[0].text}
    assert [turn["text"] for turn in talk.inspect()["turns"]] == ["talk to a person please"]


def test_messages_of_one_shopper_sent_at_once_are_answered_one_by_one(chat: OpenChat) -> None:
    talk = chat("C0001")
    others = [Chat(talk.url, "C0001") for _ in range(8)]
    for other in others:
        other.token = talk.token
    with ThreadPoolExecutor(len(others)) as pool:
        replies = list(pool.map(lambda other: other.say("where is order 10234"), others))
    for other in others:
        other.http.close()
    assert all("10234" in reply.text for reply in replies)
    said = [entry["from"] for entry in talk.history()]
    assert said == ["user", "bot"] * 8


def _token(**claims: Any) -> str:
    now = int(time.time())
    known = {"sub": "web-someone", "aud": "shoptalk-web", "iat": now, "exp": now + 60}
    return jwt.encode({k: v for k, v in {**known, **claims}.items() if v is not None}, SECRET, "HS256")


def _forged() -> dict[str, str]:
    now = int(time.time())
    claims = {
        "sub": "web-someone",
        "aud": "shoptalk-web",
        "iat": now,
        "exp": now + 60,
        "customer_id": "C0001",
    }
    head, payload, signature = _token().split(".")
    return {
        "expired": _token(exp=now - 1),
        "never expires": _token(exp=None),
        "nobody's": _token(sub=None),
        "for another audience": _token(aud="somewhere-else"),
        "for no audience": _token(aud=None),
        "signed with another secret": jwt.encode(claims, "another-secret-of-sufficient-length-0123", "HS256"),
        "signed otherwise": jwt.encode(claims, SECRET, "HS384"),
        "unsigned": jwt.encode(claims, None, "none"),
        "payload exchanged": ".".join((head, _token(customer_id="C0001").split(".")[1], signature)),
        "signature cut": ".".join((head, payload, signature[:-2])),
        "signature gone": f"{head}.{payload}.",
        "no token": "none",
        "rubbish": "rubbish",
    }


@pytest.mark.parametrize("kind", list(_forged()))
def test_a_token_that_is_not_ours_opens_nothing(chat: OpenChat, kind: str) -> None:
    talk = chat()
    talk.token = _forged()[kind]
    refused(talk.say("show my orders"), 401, 403)
    for path in ("history", "inspect"):
        answer = talk.http.get(f"/webhooks/web/{path}", headers=talk.headers)
        assert answer.status_code in (401, 403), path
        assert answer.json()["error"]["message"]


def test_without_a_header_or_with_another_scheme_nothing_opens(chat: OpenChat) -> None:
    talk = chat()
    for headers in ({}, {"Authorization": talk.token}, {"Authorization": f"Basic {talk.token}"}):
        answer = talk.http.get("/webhooks/web/history", headers=headers)
        assert answer.status_code in (401, 403)


@pytest.mark.parametrize(
    "customer", ["C0006", "C9999", "", "C0001 ", "' OR 1=1 --", ["C0001"], {"id": "C0001"}]
)
def test_only_demo_customers_may_be_signed_in_as(in_process: Server, chat: OpenChat, customer: Any) -> None:
    answer = chat().http.post("/webhooks/web/session", json={"customer_id": customer})
    assert answer.status_code in (400, 404, 422)
    assert "token" not in answer.text.replace("tokens", "")


def test_a_session_survives_a_reload(chat: OpenChat) -> None:
    talk = chat("C0001")
    talk.say("show me all my orders")
    talk.press("10187")
    shown = talk.history()
    assert [entry["from"] for entry in shown] == ["user", "bot", "user", "bot"]
    assert shown[0]["text"] == "show me all my orders"
    assert not shown[2]["text"].startswith("/")
    assert shown[1]["custom"]["type"] == "orders"


def test_one_session_does_not_read_another(chat: OpenChat) -> None:
    first, second = chat("C0001"), chat("C0002")
    first.say("where is order 10234")
    assert second.history() == []
    assert "10234" not in json.dumps(second.inspect())

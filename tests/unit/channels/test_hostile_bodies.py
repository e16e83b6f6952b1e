"""Signed, and still nonsense: whatever a messenger's body holds, the server answers below 500."""

from __future__ import annotations

import copy
import hashlib
import hmac
import json
import random
import time

import pytest

from shoptalk.server.limits import Bounds
from tests.unit.channels.test_round_trips import slack_signed
from tests.unit.channels.test_verification import (
    ACTIVITY,
    CASES,
    CHAT_EVENT,
    GOOGLE,
    JSON,
    MICROSOFT,
    SECRET,
    certificate,
    meta,
)

JUNK = [
    None, True, 0, -1, 2**70, 1.5e308, "", " ", "\0", "\ud800", "x" * 5000, "/", "~", "/{", "../..", [], {}, [[]],
    {"a": {"b": []}}, "١", "\u202e", ["text"], {"text": "x"},
]  # fmt: skip


def nodes(value, path=()):
    yield path
    children = (
        value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    )
    for key, child in children:
        yield from nodes(child, (*path, key))


def spoiled(value, chance):
    """A copy in which one node is something else, or gone."""
    path = chance.choice(list(nodes(value))[1:])
    out = copy.deepcopy(value)
    parent = out
    for key in path[:-1]:
        parent = parent[key]
    if chance.random() < 0.2:
        del parent[path[-1]]
    else:
        parent[path[-1]] = chance.choice(JUNK)
    return out


def webex(body):
    return [JSON, ("X-Spark-Signature", hmac.new(SECRET.encode(), body, hashlib.sha1).hexdigest())], body


def plain(body):
    return [JSON, ("X-Telegram-Bot-Api-Secret-Token", SECRET)], body


SIGN = {
    "slack": slack_signed,
    "facebook": meta,
    "whatsapp": meta,
    "telegram": plain,
    "webexteams": webex,
    "mattermost": plain,
    "rocketchat": plain,
}
MORE = {
    "telegram": {"update_id": 2, "callback_query": {"data": "/x", "message": {"chat": {"id": 1}, "reply_markup": {"inline_keyboard": [[{"callback_data": "/x"}]]}}}},
    "facebook": {"entry": [{"messaging": [{"sender": {"id": "u"}, "message": {"attachments": [{"type": "image", "payload": {"url": "u"}}]}}, {"sender": {"id": "u"}, "postback": {"payload": "/x"}}]}]},
    "slack": {"event": {"type": "app_mention", "user": "U", "text": "<@B> x", "channel": "C", "ts": "1"}, "authorizations": [{"user_id": "B"}]},
    "mattermost": {"user_id": "u", "channel_id": "c", "context": {"action": "/x", "signature": "0"}},
    "rocketchat": {"token": SECRET, "_id": "r", "visitor": {}, "messages": [{"_id": "m", "msg": "x", "username": "u"}]},
}  # fmt: skip


@pytest.mark.parametrize("channel", SIGN)
async def test_no_signed_nonsense_breaks_the_server(open_world, channel):
    case = next(c for c in CASES if c.channel == channel)
    world = await open_world(channel, case.settings, bounds=Bounds(sender_rate=0))
    world.vendor.answers |= {"/messages/M1": {"id": "M1"}, "/people/me": {"id": "ME"}}
    genuine = [json.loads(case.make(time.time())[1]), *([MORE[channel]] if channel in MORE else [])]
    chance = random.Random(11)
    raw = [
        b"",
        b"null",
        b"[]",
        b"{",
        b"[" * 30_000,
        b'{"a":' * 900 + b"1" + b"}" * 900,
        b"\xff",
        b"NaN",
        b'"x"',
    ]
    bodies = [json.dumps(spoiled(chance.choice(genuine), chance)).encode() for _ in range(250)]
    for body in raw + bodies:
        headers, body = SIGN[channel](body)
        answer = await world.call(f"/webhooks/{channel}/webhook", body, headers)
        assert answer.status < 500, (answer.status, body[:300])


@pytest.mark.parametrize("channel", ["hangouts", "botframework"])
async def test_no_authentic_nonsense_breaks_the_server(open_world, vendor, signer, channel):
    vendor.answers |= {
        "/certs": {"k1": certificate(signer)},
        "/openid": {"jwks_uri": f"{vendor.url}/keys"},
        "/keys": {"keys": [signer.jwk]},
    }
    google = channel == "hangouts"
    settings = (
        "project_id: '1234567890'\ncertificates_url: '{url}/certs'"
        if google
        else "app_id: app-1\napp_password: p\nopenid_url: '{url}/openid'\nlogin_url: '{url}'"
    )
    world = await open_world(channel, settings, bounds=Bounds(sender_rate=0))
    token = signer.token({**(GOOGLE if google else MICROSOFT), "exp": int(time.time()) + 300})
    headers = [JSON, ("Authorization", f"Bearer {token}")]
    chance = random.Random(11)
    for _ in range(150):
        body = json.dumps(spoiled(CHAT_EVENT if google else ACTIVITY, chance)).encode()
        answer = await world.call(f"/webhooks/{channel}/webhook", body, headers)
        assert answer.status < 500, (answer.status, body)

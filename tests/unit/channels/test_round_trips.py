"""From the messenger's request to the assistant and back to the messenger's server, over real HTTP."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import json
import time

import pytest

from tests.unit.channels.test_verification import CASES, FORM, JSON, MICROSOFT, SECRET, meta

CASE = {case.channel: case for case in CASES}
HELLO = ["Hi!", "How can I help?"]


async def said(world, channel, headers, body):
    answer = await world.call(f"/webhooks/{channel}/webhook", body, headers)
    assert answer.status in (200, 204), answer.body
    return answer


def slack_signed(body, kind=JSON):
    stamp = str(int(time.time()))
    mac = hmac.new(SECRET.encode(), f"v0:{stamp}:".encode() + body, hashlib.sha256).hexdigest()
    return [kind, ("X-Slack-Request-Timestamp", stamp), ("X-Slack-Signature", f"v0={mac}")], body


def slack_event(text="hi", ts="1515449522.000016", **event):
    base = {"type": "message", "channel": "D024BE91L", "user": "U2147483697", "channel_type": "im"}
    content = {"type": "event_callback", "event_id": "Ev08MFMKH6", "authed_users": ["UBOT"]}
    return slack_signed(json.dumps({**content, "event": {**base, "text": text, "ts": ts, **event}}).encode())


@pytest.fixture
async def slack(open_world, vendor):
    vendor.answers["/chat.postMessage"] = {"ok": True}
    return await open_world("slack", CASE["slack"].settings)


async def test_slack_answers_a_direct_message(slack, vendor):
    assert (
        await said(slack, "slack", *slack_event("<@UBOT> hello <https://a.example|a.example>"))
    ).body == b""
    posts = [seen.json for seen in await vendor.wait_for(2)]
    common = {"channel": "D024BE91L", "as_user": True, "type": "mrkdwn"}
    assert posts == [{**common, "text": text} for text in HELLO]
    assert vendor.seen[0].headers["authorization"] == "Bearer xoxb-1"
    assert await slack.texts("U2147483697") == ["hello a.example"]
    assert slack.holder.taken[0].metadata == {
        "out_channel": "D024BE91L", "thread_id": "1515449522.000016", "users": ["UBOT"],
    }  # fmt: skip


async def test_slacks_buttons_go_out_as_blocks_and_come_back_as_payloads(slack, vendor):
    await said(slack, "slack", *slack_event("menu"))
    blocks = (await vendor.wait_for(1))[0].json["blocks"]
    payload = '/greet{"n": "1"}'
    assert blocks[0] == {"type": "section", "text": {"type": "plain_text", "text": "Choose"}}
    assert blocks[1]["elements"][0] == {
        "type": "button", "text": {"type": "plain_text", "text": "Track"}, "value": payload,
    }  # fmt: skip
    action = {"type": "button", "value": payload, "action_ts": "1548426417.840180"}
    press = {
        "type": "block_actions",
        "user": {"id": "U2147483697"},
        "channel": {"id": "D024BE91L"},
        "actions": [action],
    }
    body = b"payload=" + json.dumps(press).replace("+", "%2B").encode()
    await said(slack, "slack", *slack_signed(body, FORM))
    await vendor.wait_for(3)
    assert await slack.texts("U2147483697") == ["menu", payload]


async def test_slack_hears_only_what_is_meant_for_it(slack, vendor):
    challenge = slack_signed(json.dumps({"type": "url_verification", "challenge": "3eZbrw1aB"}).encode())
    assert (await said(slack, "slack", *challenge)).body == b'"3eZbrw1aB"'
    assert (await said(slack, "slack", *slack_event(bot_id="B1"))).body == b"Bot message delivered."
    assert (
        await said(slack, "slack", *slack_event(channel_type="channel"))
    ).body == b"channel not supported."
    headers, body = slack_event()
    again = [*headers, ("X-Slack-Retry-Num", "1"), ("X-Slack-Retry-Reason", "http_timeout")]
    for _ in range(2):
        answer = await slack.call("/webhooks/slack/webhook", body, again)
        assert (answer.status, answer.headers["x-slack-no-retry"]) == (201, "1")
    await vendor.wait_for(2)
    assert await slack.texts("U2147483697") == ["hi"]


async def test_slack_answers_in_threads_and_keeps_conversations_apart(open_world, vendor):
    vendor.answers["/chat.postMessage"] = {"ok": True}
    extra = "\nuse_threads: true\nconversation_granularity: thread"
    world = await open_world("slack", CASE["slack"].settings + extra)
    await said(
        world, "slack", *slack_event("menu", type="app_mention", channel_type="channel", thread_ts="7.7")
    )
    assert (await vendor.wait_for(1))[0].json["thread_ts"] == "7.7"
    assert world.holder.taken[0].sender_id == "U2147483697_D024BE91L_7.7"


def telegram_update(number=1, **update):
    headers = [JSON, ("X-Telegram-Bot-Api-Secret-Token", SECRET)]
    return headers, json.dumps({"update_id": number, **update}).encode()


async def test_telegram_answers_and_offers_keyboards(open_world, vendor):
    world = await open_world("telegram", CASE["telegram"].settings)
    chat = {"id": 1111, "type": "private"}
    await said(world, "telegram", *telegram_update(1, message={"chat": chat, "text": "hi"}))
    await said(world, "telegram", *telegram_update(2, edited_message={"chat": chat, "text": "menu"}))
    await said(world, "telegram", *telegram_update(3, message={"chat": chat, "text": "vertical"}))
    sent = await vendor.wait_for(4)
    assert {seen.path for seen in sent} == {"/bot123:abc/sendMessage"}
    bodies = [seen.json for seen in sent]
    assert [body["text"] for body in bodies] == [*HELLO, "Choose", "Down"]
    assert {body["chat_id"] for body in bodies} == {"1111"}
    row = bodies[2]["reply_markup"]["inline_keyboard"]
    assert row == [
        [{"text": "Track", "callback_data": '/greet{"n": "1"}'}, {"text": "Stop", "callback_data": "/stop"}]
    ]
    long = bodies[3]["reply_markup"]["inline_keyboard"][0][0]["callback_data"]
    assert len(long.encode()) <= 64
    message = {"chat": chat, "reply_markup": bodies[3]["reply_markup"]}
    await said(
        world, "telegram", *telegram_update(4, callback_query={"id": "1", "data": long, "message": message})
    )
    await vendor.wait_for(6)
    assert (await world.texts("1111"))[-1] == '/x{"k": "' + "y" * 80 + '"}'


async def test_telegram_places_and_restarts(open_world, vendor):
    world = await open_world("telegram", CASE["telegram"].settings)
    chat = {"id": 5}
    place = {"longitude": 13.4, "latitude": 52.5}
    await said(world, "telegram", *telegram_update(1, message={"chat": chat, "location": place}))
    await said(world, "telegram", *telegram_update(2, message={"chat": chat, "sticker": {}}))
    await said(world, "telegram", *telegram_update(3, message={"chat": chat, "text": "/restart"}))
    assert [m.text for m in world.holder.taken] == ['{"lng":13.4, "lat":52.5}', "/restart", "/start"]


@pytest.mark.parametrize(
    ("custom", "method"),
    [
        ({"latitude": 1.0, "longitude": 2.0}, "sendLocation"),
        ({"latitude": 1.0, "longitude": 2.0, "title": "t", "address": "a"}, "sendVenue"),
        ({"photo": "https://shop.example/p.png", "caption": "c"}, "sendPhoto"),
        ({"action": "typing"}, "sendChatAction"),
    ],
)
async def test_telegram_finds_the_method_of_custom_json(open_world, vendor, custom, method):
    world = await open_world("telegram", CASE["telegram"].settings)
    await world.channel.send("9", {"custom": custom})
    assert vendor.seen[-1].path == f"/bot123:abc/{method}"
    assert vendor.seen[-1].json == {"chat_id": "9", **custom}


def messenger(*messages):
    now = int(time.time() * 1000)
    events = [
        {"sender": {"id": "PSID"}, "recipient": {"id": "PAGE"}, "timestamp": now, **m} for m in messages
    ]
    return meta(
        json.dumps({"object": "page", "entry": [{"id": "PAGE", "time": now, "messaging": events}]}).encode()
    )


def contents(seen):
    return [s.json["message"] for s in seen if "message" in s.json]


async def test_messenger_answers_every_message_of_a_batch(open_world, vendor):
    world = await open_world("facebook", CASE["facebook"].settings)
    batch = messenger(
        {"message": {"mid": "m1", "text": "menu"}},
        {"message": {"mid": "m2", "text": "Yes", "quick_reply": {"payload": "/affirm"}}},
        {"message": {"mid": "m3", "text": "echo", "is_echo": True}},
        {"postback": {"mid": "m4", "title": "Go", "payload": '/go{"a": 1}'}},
        {
            "message": {
                "mid": "m5",
                "attachments": [{"type": "image", "payload": {"url": "https://cdn.example/i.png"}}],
            }
        },
        {"delivery": {"mids": ["m0"]}},
    )
    assert (await said(world, "facebook", *batch)).body == b"success"
    assert [m.text for m in world.holder.taken] == [
        "menu",
        "/affirm",
        '/go{"a": 1}',
        "https://cdn.example/i.png",
    ]
    async with asyncio.timeout(5):
        while len(contents(vendor.seen)) < 7:
            await asyncio.sleep(0.01)
    first = next(s for s in vendor.seen if "message" in s.json)
    assert (first.path, first.query) == ("/me/messages", {"access_token": "t"})
    assert first.json == {
        "messaging_type": "RESPONSE",
        "notification_type": "REGULAR",
        "recipient": {"id": "PSID"},
        "message": {
            "attachment": {
                "type": "template",
                "payload": {
                    "template_type": "button",
                    "text": "Choose",
                    "buttons": [
                        {"type": "postback", "title": "Track", "payload": '/greet{"n": "1"}'},
                        {"type": "postback", "title": "Stop", "payload": "/stop"},
                    ],
                },
            }
        },
    }
    actions = [s.json["sender_action"] for s in vendor.seen if "sender_action" in s.json]
    assert actions.count("mark_seen") == actions.count("typing_on") == 4


async def test_messengers_forms_of_messages(open_world, vendor):
    world = await open_world("facebook", CASE["facebook"].settings)
    send = world.channel.send
    await send("U", {"text": "Quick", "quick_replies": [{"title": "Yes", "payload": "/affirm"}]})
    await send("U", {"image": "https://shop.example/a.png"})
    await send("U", {"text": "Many", "buttons": [{"title": str(n), "payload": f"/p{n}"} for n in range(4)]})
    await send("U", {"elements": [{"title": "Coat", "buttons": [{"title": "Buy", "payload": "/buy"}]}]})
    await send("U", {"custom": {"sender": {"id": "OTHER"}, "text": "raw"}})
    assert contents(vendor.seen) == [
        {"text": "Quick", "quick_replies": [{"content_type": "text", "title": "Yes", "payload": "/affirm"}]},
        {"attachment": {"type": "image", "payload": {"url": "https://shop.example/a.png"}}},
        {"text": "Many"},
        *({"text": f"{n + 1}: {n} (/p{n})"} for n in range(4)),
        {
            "attachment": {
                "type": "template",
                "payload": {
                    "template_type": "generic",
                    "elements": [
                        {
                            "title": "Coat",
                            "buttons": [{"type": "postback", "title": "Buy", "payload": "/buy"}],
                        }
                    ],
                },
            }
        },
        {"text": "raw"},
    ]
    assert vendor.seen[-1].json["recipient"] == {"id": "OTHER"}


@pytest.mark.parametrize("channel", ["facebook", "whatsapp"])
async def test_metas_check_of_a_new_webhook(open_world, channel):
    world = await open_world(channel, CASE[channel].settings)
    path = f"/webhooks/{channel}/webhook"
    query = "hub.mode=subscribe&hub.verify_token=v&hub.challenge=1158201444"
    assert (await world.call(path, method="GET", query=query)).body == b"1158201444"
    wrong = await world.call(path, method="GET", query=query.replace("=v&", "=w&"))
    assert (wrong.status, wrong.body) == (403, b"failure, invalid token")


async def test_whatsapp_answers_with_buttons_and_passes_over_states(open_world, vendor):
    world = await open_world("whatsapp", CASE["whatsapp"].settings)
    button = {"type": "button_reply", "button_reply": {"id": "/stop", "title": "Stop"}}
    stamp = str(int(time.time()))
    messages = [
        {"from": "4915", "id": "w1", "timestamp": stamp, "type": "text", "text": {"body": "menu"}},
        {"from": "4915", "id": "w2", "timestamp": stamp, "type": "interactive", "interactive": button},
        {"from": "4915", "id": "w0", "timestamp": "1000", "type": "text", "text": {"body": "old"}},
    ]
    states = {"statuses": [{"id": "w9", "status": "delivered"}]}
    changes = [{"field": "messages", "value": {"messages": messages}}, {"field": "messages", "value": states}]
    await said(world, "whatsapp", *meta(json.dumps({"entry": [{"changes": changes}]}).encode()))
    sent = await vendor.wait_for(3, "/1/messages")
    assert sent[0].headers["authorization"] == "Bearer t"
    assert sent[0].json["interactive"]["action"]["buttons"][1] == {
        "type": "reply",
        "reply": {"id": "/stop", "title": "Stop"},
    }
    assert sent[1].json == {
        "messaging_product": "whatsapp", "recipient_type": "individual", "to": "4915", "type": "text",
        "text": {"body": "Hi!"},
    }  # fmt: skip
    assert [m.text for m in world.holder.taken] == ["menu", "/stop"]


def twilio_form(path, **fields):
    from urllib.parse import urlencode

    signed = f"https://bot.example/webhooks/{path}/webhook" + "".join(k + fields[k] for k in sorted(fields))
    mac = base64.b64encode(hmac.new(SECRET.encode(), signed.encode(), hashlib.sha1).digest()).decode()
    return [FORM, ("X-Twilio-Signature", mac)], urlencode(fields).encode()


async def test_twilio_answers_messages(open_world, vendor):
    world = await open_world("twilio", CASE["twilio"].settings)
    assert (
        await said(
            world, "twilio", *twilio_form("twilio", MessageSid="S1", From="+49", Body="mail a¡b.example")
        )
    ).status == 204
    sent = await vendor.wait_for(2, "/2010-04-01/Accounts/AC1/Messages.json")
    assert sent[0].form == [("To", "+49"), ("Body", "Hi!"), ("From", "+1")]
    assert sent[0].headers["authorization"] == "Basic " + base64.b64encode(f"AC1:{SECRET}".encode()).decode()
    await said(
        world,
        "twilio",
        *twilio_form("twilio", MessageSid="S2", From="+49", Latitude="52.5", Longitude="-13.4"),
    )
    place = '/locationData{"Latitude": 52.5, "Longitude": -13.4}'
    assert [m.text for m in world.holder.taken] == ["mail a@b.example", place]
    await world.channel.send("+49", {"image": "https://shop.example/a.png"})
    assert dict(vendor.seen[-1].form)["MediaUrl"] == "https://shop.example/a.png"
    await world.channel.send(
        "+49", {"custom": {"media_url": ["https://a.example"], "messaging_service_sid": "MG"}}
    )
    assert vendor.seen[-1].form == [
        ("To", "+49"),
        ("MediaUrl", "https://a.example"),
        ("MessagingServiceSid", "MG"),
    ]


async def test_a_call_is_answered_listened_to_and_repeated(open_world):
    world = await open_world("twilio_voice", CASE["twilio_voice"].settings)
    gather = (
        '<Gather input="speech" action="/webhooks/twilio_voice/webhook" actionOnEmptyResult="true" '
        'speechTimeout="5" speechModel="default" enhanced="false"><Say voice="woman">{}</Say></Gather></Response>'
    )
    start = '<?xml version="1.0" encoding="UTF-8"?><Response>'
    rings = await said(world, "twilio_voice", *twilio_form("twilio_voice", From="+49", CallStatus="ringing"))
    assert rings.headers["content-type"].startswith("text/xml")
    first = '<Say voice="woman">Hi!</Say><Pause length="1" />'
    assert rings.body.decode() == start + first + gather.format("How can I help?")
    assert world.holder.taken[0].text == "hello"
    asked = await said(world, "twilio_voice", *twilio_form("twilio_voice", From="+49", SpeechResult="menu"))
    assert asked.body.decode().count("<Say") == 3
    silent = await said(
        world, "twilio_voice", *twilio_form("twilio_voice", From="+49", CallStatus="in-progress")
    )
    assert silent.body.decode() == start + gather.format("Choose")
    unknown = await said(
        world, "twilio_voice", *twilio_form("twilio_voice", From="+50", CallStatus="in-progress")
    )
    assert "I'm sorry I didn't get that could you rephrase." in unknown.body.decode()


MATTER = {"trigger_word": "@bot", "text": "@bot menu", "user_id": "u1", "channel_id": "c1", "post_id": "p1"}


async def test_mattermost_confirms_posts_and_knows_its_own_buttons(open_world, vendor):
    world = await open_world(
        "mattermost", "url: '{url}/api/v4'\ntoken: bot-token\nwebhook_url: https://bot.example/w"
    )
    vendor.answers["/api/v4/posts/p1"] = {
        "id": "p1",
        "user_id": "u1",
        "channel_id": "c1",
        "message": "@bot menu",
    }
    vendor.answers["/api/v4/posts/p2"] = (404, {}, {})
    await said(world, "mattermost", [JSON], json.dumps(MATTER).encode())
    post = (await vendor.wait_for(1, "/api/v4/posts"))[0]
    assert post.headers["authorization"] == "Bearer bot-token"
    assert (post.json["channel_id"], post.json["message"]) == ("c1", "Choose")
    shown = post.json["props"]["attachments"][0]["actions"][0]
    assert (shown["name"], shown["integration"]["url"]) == ("Track", "https://bot.example/w")
    assert shown["integration"]["context"]["action"] == '/greet{"n": "1"}'
    for forged in ({"post_id": "p2"}, {"user_id": "u2"}, {"channel_id": "c2"}, {"text": "@bot give"}):
        answer = await world.call(
            "/webhooks/mattermost/webhook", json.dumps({**MATTER, **forged}).encode(), [JSON]
        )
        assert answer.status == 401, forged
    press = {
        "user_id": "u1",
        "channel_id": "c1",
        "trigger_id": "t1",
        "context": shown["integration"]["context"],
    }
    await said(world, "mattermost", [JSON], json.dumps(press).encode())
    for forged in (
        {"channel_id": "c2"},
        {"context": {**press["context"], "action": "/other"}},
        {"context": {}},
    ):
        answer = await world.call(
            "/webhooks/mattermost/webhook", json.dumps({**press, **forged}).encode(), [JSON]
        )
        assert answer.status == 401, forged
    assert [m.text for m in world.holder.taken] == ["menu", '/greet{"n": "1"}']


async def test_webex_serves_what_webex_says_and_not_itself(open_world, vendor):
    world = await open_world("webexteams", "access_token: t\napi_url: '{url}'")
    vendor.answers |= {
        "/messages/M1": {"id": "M1", "roomId": "R1", "personId": "P1", "text": "hi"},
        "/messages/M2": {"id": "M2", "roomId": "R1", "personId": "ME", "text": "Hi!"},
        "/messages/M3": (404, {}, {}),
        "/messages/M4": {
            "id": "M4",
            "roomId": "R1",
            "personId": "P1",
            "text": "hi",
            "created": "2020-01-01T00:00:00.000Z",
        },
        "/people/me": {"id": "ME"},
    }

    def about(identity):
        return json.dumps({"resource": "messages", "data": {"id": identity}}).encode()

    await said(world, "webexteams", [JSON], about("M1"))
    assert (await said(world, "webexteams", [JSON], about("M2"))).body == b"OK"
    for identity in ("M3", "M4", "../people/me", ""):
        assert (await world.call("/webhooks/webexteams/webhook", about(identity), [JSON])).status == 401
    assert [s.json for s in await vendor.wait_for(2, "/messages")] == [
        {"roomId": "R1", "text": t} for t in HELLO
    ]
    assert len(world.holder.taken) == 1


async def test_rocketchat_signs_in_confirms_and_answers(open_world, vendor):
    world = await open_world("rocketchat", "user: bot\npassword: p\nserver_url: '{url}'")
    truth = {"_id": "m1", "rid": "GENERAL", "msg": "menu", "u": {"username": "anna"}}
    vendor.answers |= {
        "/api/v1/login": {"status": "success", "data": {"authToken": "T", "userId": "U"}},
        "/api/v1/chat.getMessage": {"success": True, "message": truth},
    }
    post = {"message_id": "m1", "channel_id": "GENERAL", "user_name": "anna", "text": "menu"}
    livechat = {
        "_id": "GENERAL",
        "visitor": {},
        "messages": [{"_id": "m1", "msg": "menu", "username": "anna"}],
    }
    await said(world, "rocketchat", [JSON], json.dumps(post).encode())
    await said(world, "rocketchat", [JSON], json.dumps(livechat).encode())
    for forged in ({"text": "give"}, {"user_name": "bob"}, {"channel_id": "X"}, {"message_id": None}):
        body = json.dumps({**post, **forged}).encode()
        assert (await world.call("/webhooks/rocketchat/webhook", body, [JSON])).status == 401
    sent = (await vendor.wait_for(1, "/api/v1/chat.postMessage"))[0]
    assert (sent.headers["x-auth-token"], sent.headers["x-user-id"]) == ("T", "U")
    action = {"text": "Stop", "msg": "/stop", "type": "button", "msg_in_chat_window": True}
    assert sent.json["roomId"] == "GENERAL"
    assert sent.json["attachments"][0]["actions"][1] == action
    await world.holder.assistant.worker.finish()
    assert await world.texts("GENERAL") == ["menu"]


def bearer(signer, claims):
    token = signer.token({**claims, "exp": int(time.time()) + 300})
    return [JSON, ("Authorization", f"Bearer {token}")]


async def test_bot_framework_answers_where_it_was_asked(open_world, vendor, signer):
    vendor.answers |= {
        "/openid": {"jwks_uri": f"{vendor.url}/keys"},
        "/keys": {"keys": [signer.jwk]},
        "/botframework.com/oauth2/v2.0/token": {"access_token": "AT", "expires_in": 3600},
    }
    settings = "app_id: app-1\napp_password: p\nopenid_url: '{url}/openid'\nlogin_url: '{url}'"
    world = await open_world("botframework", settings)
    # Only here may a service be this machine: that it may not is what test_hosts.py shows.
    world.channel.service.rules = world.channel.login.rules
    activity = {
        "type": "message", "id": "a1", "text": "menu", "from": {"id": "29:1"}, "recipient": {"id": "28:bot"},
        "conversation": {"id": "c/1"}, "serviceUrl": f"{vendor.url}/emea", "attachments": [{"contentType": "image/png"}],
    }  # fmt: skip
    headers = bearer(signer, {**MICROSOFT, "serviceurl": f"{vendor.url}/emea"})
    assert (await said(world, "botframework", headers, json.dumps(activity).encode())).body == b"success"
    sent = (await vendor.wait_for(1, "/emea/v3/conversations/c/1/activities"))[0]
    assert sent.headers["authorization"] == "Bearer AT"
    buttons = [
        {"title": "Track", "payload": '/greet{"n": "1"}', "type": "postBack", "value": '/greet{"n": "1"}'},
        {"title": "Stop", "payload": "/stop", "type": "postBack", "value": "/stop"},
    ]
    assert sent.json == {
        "type": "message", "recipient": {"id": "29:1"}, "from": {"id": "28:bot"},
        "channelData": {"notification": {"alert": "true"}}, "text": "",
        "attachments": [
            {
                "contentType": "application/vnd.microsoft.card.hero",
                "content": {"subtitle": "Choose", "buttons": buttons},
            }
        ],
    }  # fmt: skip
    assert world.holder.taken[0].metadata["attachments"] == [{"contentType": "image/png"}]


async def test_google_chat_is_answered_at_once(open_world, vendor, signer):
    from tests.unit.channels.test_verification import CHAT_EVENT, GOOGLE, certificate

    vendor.answers["/certs"] = {"k1": certificate(signer)}
    world = await open_world("hangouts", "project_id: '1234567890'\ncertificates_url: '{url}/certs'")

    async def ask(event):
        return json.loads(
            (await said(world, "hangouts", bearer(signer, GOOGLE), json.dumps(event).encode())).body
        )

    assert await ask(CHAT_EVENT) == {"text": "Hi! How can I help?"}
    menu = {**CHAT_EVENT, "message": {**CHAT_EVENT["message"], "text": "menu", "name": "spaces/1/messages/2"}}
    widgets = (await ask(menu))["cards"][0]["sections"][0]["widgets"]
    assert widgets[0] == {"textParagraph": {"text": "Choose"}}
    assert widgets[1]["buttons"][1] == {
        "textButton": {"text": "Stop", "onClick": {"action": {"actionMethodName": "/stop"}}}
    }
    user = {"name": "users/1", "displayName": "Anna"}
    room = {"type": "ROOM", "displayName": "Help"}
    await ask({"type": "ADDED_TO_SPACE", "space": room, "user": user})
    await ask({"type": "CARD_CLICKED", "space": room, "user": user, "action": {"actionMethodName": "/stop"}})
    assert [m.text for m in world.holder.taken] == ["hi", "menu", "/room_added", "/stop"]
    assert {m.sender_id for m in world.holder.taken} == {"users/1"}
    assert world.holder.taken[2].metadata == {"room": "Help"}


async def test_callback_takes_and_posts_rasas_messages(open_world, vendor):
    world = await open_world("callback", "url: '{url}/bot'\ntoken: s3cret\nheaders: {X-Own: '1'}")
    body = json.dumps({"sender": "anna", "message": "menu"}).encode()
    assert (await said(world, "callback", [JSON], body)).body == b"success"
    sent = (await vendor.wait_for(1, "/bot"))[0]
    assert (sent.query, sent.headers["x-own"]) == ({"token": "s3cret"}, "1")
    buttons = [{"title": "Track", "payload": '/greet{"n": "1"}'}, {"title": "Stop", "payload": "/stop"}]
    assert sent.json == {"recipient_id": "anna", "text": "Choose", "buttons": buttons}
    assert sent.headers["idempotency-key"]
    await said(world, "callback", [JSON], json.dumps({"sender": "anna", "message": "cards"}).encode())
    more = [s.json for s in await vendor.wait_for(3, "/bot")][1:]
    assert more == [
        {"recipient_id": "anna", "text": "Two coats"},
        {"recipient_id": "anna", "custom": {"type": "product_cards", "items": []}},
    ]


async def test_rest_answers_in_rasas_shape(open_world):
    world = await open_world("rest")
    answer = await said(world, "rest", [JSON], b'{"sender": "anna", "message": "hi"}')
    assert json.loads(answer.body) == [{"recipient_id": "anna", "text": text} for text in HELLO]


async def test_cards_are_said_in_words_to_people(slack, vendor):
    await said(slack, "slack", *slack_event("cards"))
    await said(slack, "slack", *slack_event("menu", ts="2.0"))
    assert [seen.json["text"] for seen in await vendor.wait_for(2)] == ["Two coats", "Choose"]


async def test_long_texts_are_parted_where_messengers_need_it(open_world, vendor):
    world = await open_world("facebook", CASE["facebook"].settings)
    await world.channel.send("U", {"text": "word " * 900})
    texts = [content["text"] for content in contents(vendor.seen)]
    assert " ".join(texts).split() == ["word"] * 900
    assert [len(text) <= 2000 for text in texts] == [True] * 3


@pytest.mark.parametrize("typed", ['/greet{"n": "1"}', "/EXTERNAL_news", "  /stop", "//greet"])
async def test_shortcuts_may_be_pressed_but_not_typed(open_world, vendor, typed):
    world = await open_world("facebook", CASE["facebook"].settings)
    await said(world, "facebook", *messenger({"message": {"mid": "m1", "text": typed}}))
    assert not world.holder.taken[0].text.startswith("/")
    free = await open_world("facebook", CASE["facebook"].settings + "\nshortcuts: true")
    await said(free, "facebook", *messenger({"message": {"mid": "m1", "text": typed}}))
    assert free.holder.taken[0].text == typed.strip()

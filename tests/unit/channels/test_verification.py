"""S8: what is not from the messenger is refused before it is read, whatever was changed.

Signatures are computed here by the messengers' documented algorithms, not by the product's code.
"""

from __future__ import annotations

import base64
import datetime
import hashlib
import hmac
import json
import random
import time
from collections.abc import Callable
from dataclasses import dataclass
from urllib.parse import urlencode

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.x509.oid import NameOID

from shoptalk.errors import ConfigError
from shoptalk.server.limits import Bounds
from shoptalk.server.serve import make_channel

SECRET = "8f742231b10e8888abcd99yyyzzz85a5"
FREE = Bounds(sender_rate=0)
JSON = ("Content-Type", "application/json")
FORM = ("Content-Type", "application/x-www-form-urlencoded")


@dataclass
class Case:
    """How one messenger signs.

    `make(now)` gives headers and body of a genuine request; `at` names the header with the signature, or is
    "body:<field>" where the secret stands in the body.
    """

    channel: str
    settings: str
    make: Callable[[float], tuple[list[tuple[str, str]], bytes]]
    at: str
    signs_body: bool = True
    time_header: str = ""


def slack(now):
    body = json.dumps(
        {
            "type": "event_callback",
            "event_id": "Ev1",
            "event": {
                "type": "message",
                "channel_type": "im",
                "channel": "D1",
                "user": "U1",
                "text": "hi",
                "ts": "1.2",
            },
        }
    ).encode()
    stamp = str(int(now))
    mac = hmac.new(SECRET.encode(), b"v0:" + stamp.encode() + b":" + body, hashlib.sha256).hexdigest()
    return [JSON, ("X-Slack-Request-Timestamp", stamp), ("X-Slack-Signature", "v0=" + mac)], body


def meta(body, header="X-Hub-Signature-256", prefix="sha256=", kind=hashlib.sha256):
    return [JSON, (header, prefix + hmac.new(SECRET.encode(), body, kind).hexdigest())], body


def facebook(now, **options):
    message = {"sender": {"id": "u1"}, "timestamp": int(now * 1000), "message": {"mid": "m1", "text": "hi"}}
    return meta(json.dumps({"object": "page", "entry": [{"messaging": [message]}]}).encode(), **options)


def whatsapp(now):
    message = {
        "from": "4915",
        "id": "wamid.1",
        "timestamp": str(int(now)),
        "type": "text",
        "text": {"body": "hi"},
    }
    value = {"messaging_product": "whatsapp", "messages": [message]}
    return meta(json.dumps({"entry": [{"changes": [{"field": "messages", "value": value}]}]}).encode())


def twilio(path):
    def make(now):
        fields = {"MessageSid": "SM1", "From": "+4915", "Body": "hi", "SpeechResult": "hi"}
        signed = f"https://bot.example/webhooks/{path}/webhook" + "".join(
            k + fields[k] for k in sorted(fields)
        )
        mac = base64.b64encode(hmac.new(SECRET.encode(), signed.encode(), hashlib.sha1).digest()).decode()
        return [FORM, ("X-Twilio-Signature", mac)], urlencode(fields).encode()

    return make


def telegram(now):
    update = {"update_id": 1, "message": {"chat": {"id": 5}, "date": int(now), "text": "hi"}}
    return [JSON, ("X-Telegram-Bot-Api-Secret-Token", SECRET)], json.dumps(update).encode()


def webex(now):
    body = json.dumps({"resource": "messages", "event": "created", "data": {"id": "M1"}}).encode()
    return [JSON, ("X-Spark-Signature", hmac.new(SECRET.encode(), body, hashlib.sha1).hexdigest())], body


def mattermost(now):
    post = {
        "token": SECRET,
        "trigger_word": "@bot",
        "text": "@bot hi",
        "user_id": "u",
        "channel_id": "c",
        "post_id": "p1",
    }
    return [JSON], json.dumps(post).encode()


def rocketchat(now):
    post = {"token": SECRET, "channel_id": "c", "user_name": "anna", "text": "hi", "message_id": "m1"}
    return [JSON], json.dumps(post).encode()


CASES = [
    Case(
        "slack",
        f"slack_token: xoxb-1\nslack_signing_secret: {SECRET}\napi_url: '{{url}}'",
        slack,
        "X-Slack-Signature",
        time_header="X-Slack-Request-Timestamp",
    ),
    Case(
        "facebook",
        f"verify: v\nsecret: {SECRET}\npage-access-token: t\ngraph_url: '{{url}}'",
        facebook,
        "X-Hub-Signature-256",
    ),
    Case(
        "whatsapp",
        f"verify: v\napp_secret: {SECRET}\naccess_token: t\nphone_number_id: '1'\ngraph_url: '{{url}}'",
        whatsapp,
        "X-Hub-Signature-256",
    ),
    Case(
        "twilio",
        f"account_sid: AC1\nauth_token: {SECRET}\ntwilio_number: '+1'\napi_url: '{{url}}'",
        twilio("twilio"),
        "X-Twilio-Signature",
    ),
    Case("twilio_voice", f"auth_token: {SECRET}", twilio("twilio_voice"), "X-Twilio-Signature"),
    Case(
        "telegram",
        f"access_token: '123:abc'\nsecret_token: {SECRET}\napi_url: '{{url}}'",
        telegram,
        "X-Telegram-Bot-Api-Secret-Token",
        signs_body=False,
    ),
    Case(
        "webexteams",
        f"access_token: t\nwebhook_secret: {SECRET}\napi_url: '{{url}}'",
        webex,
        "X-Spark-Signature",
    ),
    Case(
        "mattermost",
        f"url: '{{url}}'\ntoken: t\nwebhook_token: {SECRET}",
        mattermost,
        "body:token",
        signs_body=False,
    ),
    Case(
        "rocketchat",
        f"user: bot\npassword: p\nserver_url: '{{url}}'\nwebhook_token: {SECRET}",
        rocketchat,
        "body:token",
        signs_body=False,
    ),
]


@pytest.fixture(params=CASES, ids=lambda case: case.channel)
async def case(request, open_world):
    found = request.param
    world = await open_world(found.channel, found.settings, bounds=FREE)
    world.vendor.answers |= {
        "/messages/M1": {"id": "M1", "roomId": "R1", "personId": "P1", "text": "hi"},
        "/people/me": {"id": "ME"},
    }
    return found, world


async def post(world, case, headers, body):
    return await world.call(f"/webhooks/{case.channel}/webhook", body, headers)


def with_signature(case, headers, body, signature):
    """The request with another signature."""
    if case.at.startswith("body:"):
        return headers, json.dumps({**json.loads(body), case.at[5:]: signature}).encode()
    return [(n, signature if n == case.at else v) for n, v in headers], body


def signature_of(case, headers, body):
    return json.loads(body)[case.at[5:]] if case.at.startswith("body:") else dict(headers)[case.at]


async def test_a_genuine_request_is_taken_once_however_often_it_comes(case):
    case, world = case
    headers, body = case.make(time.time())
    for _ in range(3):
        answer = await post(world, case, headers, body)
        assert answer.status in (200, 204), answer.body
    await world.holder.assistant.worker.finish()
    assert len(world.holder.taken) == 3
    sender = world.holder.taken[0].sender_id
    if (
        case.channel != "twilio_voice"
    ):  # a call's requests have no id unless Twilio sends its idempotency token
        assert await world.texts(sender) == ["hi"]


async def test_no_change_of_one_bit_is_taken(case):
    case, world = case
    headers, body = case.make(time.time())
    good = signature_of(case, headers, body)
    tried = 0
    for place in range(len(good) * 7):
        bad = good[: place // 7] + chr(ord(good[place // 7]) ^ (1 << place % 7)) + good[place // 7 + 1 :]
        if any(ord(char) < 32 or ord(char) == 127 for char in bad):
            continue
        assert (await post(world, case, *with_signature(case, headers, body, bad))).status == 401, bad
        tried += 1
    for bit in range(len(body) * 8) if case.signs_body else ():
        changed = bytearray(body)
        changed[bit // 8] ^= 1 << bit % 8
        if case.channel.startswith("twilio") and _same_form(bytes(changed), body):
            continue
        assert (await post(world, case, headers, bytes(changed))).status == 401, bit
        tried += 1
    assert tried > 100
    assert world.holder.taken == []


def _same_form(one, other):
    from urllib.parse import parse_qs

    return parse_qs(one.decode("latin-1"), keep_blank_values=True) == parse_qs(
        other.decode(), keep_blank_values=True
    )


async def test_of_a_thousand_random_signatures_none_is_taken(case):
    case, world = case
    headers, body = case.make(time.time())
    good = signature_of(case, headers, body)
    chance = random.Random(7)
    for _ in range(1000):
        digits = "".join(chance.choice("0123456789abcdef") for _ in good.partition("=")[2] or good)
        guess = (good.partition("=")[0] + "=" + digits) if "=" in good[:8] else digits
        assert (await post(world, case, *with_signature(case, headers, body, guess))).status == 401
    assert world.holder.taken == []


async def test_a_missing_empty_or_doubled_signature_is_refused(case):
    case, world = case
    headers, body = case.make(time.time())
    good = signature_of(case, headers, body)
    for bad in ("", " ", good[:-1], good + "0", good.upper() + "x", "é", "null"):
        assert (await post(world, case, *with_signature(case, headers, body, bad))).status == 401, bad
    if not case.at.startswith("body:"):
        without = [pair for pair in headers if pair[0] != case.at]
        assert (await post(world, case, without, body)).status == 401
        for second in (good, "x" * len(good)):
            assert (await post(world, case, [*headers, (case.at, second)], body)).status == 401
    assert world.holder.taken == []


OUTSIDE_THE_BODY = [case for case in CASES if not case.at.startswith("body:")]


@pytest.mark.parametrize("case", OUTSIDE_THE_BODY, ids=lambda case: case.channel, indirect=True)
async def test_what_is_not_verified_is_not_even_parsed(case):
    case, world = case
    headers, body = case.make(time.time())
    bad = with_signature(case, headers, body, "0" * 64)[0]
    for garbage in (b"", b"{", b"[" * 50_000, b"\xff\xfe", b"null"):
        assert (await post(world, case, bad, garbage)).status == 401


async def test_a_replay_is_refused_after_five_minutes_or_changes_nothing(case):
    case, world = case
    headers, body = case.make(time.time() - 301)
    answer = await post(world, case, headers, body)
    if case.time_header:
        assert answer.status == 401
        future = case.make(time.time() + 301)
        assert (await post(world, case, *future)).status == 401
        for text in ("", "-1", "1e9", "０", "9" * 40, "abc"):
            changed = [(n, text if n == case.time_header else v) for n, v in headers]
            assert (await post(world, case, changed, body)).status == 401
        assert world.holder.taken == []
    elif case.channel != "twilio_voice":
        again = await post(world, case, headers, body)
        assert (answer.status, again.status) in ((200, 200), (204, 204))
        await world.holder.assistant.worker.finish()
        assert await world.texts(world.holder.taken[0].sender_id) == ["hi"]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.channel)
@pytest.mark.parametrize("empty", ["''", "' '"])
def test_an_empty_secret_is_refused(case, empty):
    from shoptalk.formats.yaml import read_text

    text = case.settings.replace(SECRET, empty).replace("{url}", "http://127.0.0.1:1")
    with pytest.raises(ConfigError, match="empty"):
        make_channel(case.channel, read_text(text, "credentials.yml"))


@pytest.mark.parametrize("channel", ["facebook", "whatsapp"])
async def test_meta_may_sign_with_sha1_but_with_nothing_else(open_world, channel):
    case = next(c for c in CASES if c.channel == channel)
    world = await open_world(channel, case.settings, bounds=FREE)
    _, body = case.make(time.time())
    for header in ("X-Hub-Signature", "X-Hub-Signature-256"):
        for kind in (hashlib.md5, hashlib.sha1, hashlib.sha224, hashlib.sha256, hashlib.sha512):
            name = kind().name
            headers, _ = meta(body, header, f"{name}=", kind)
            right = (header, name) in (("X-Hub-Signature", "sha1"), ("X-Hub-Signature-256", "sha256"))
            assert ((await post(world, case, headers, body)).status == 200) is right, (header, name)
    older, _ = meta(body, "X-Hub-Signature", "sha1=", hashlib.sha1)
    wrong = ("X-Hub-Signature-256", "sha256=" + "0" * 64)
    assert (await post(world, case, [*older, wrong], body)).status == 401


# ------------------------------------------------------------------------------------------------------------ JWT


def certificate(signer):
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "chat")])
    now = datetime.datetime.now(datetime.UTC)
    built = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(signer.key.public_key())
        .serial_number(1)
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .sign(signer.key, hashes.SHA256())
    )
    return built.public_bytes(serialization.Encoding.PEM).decode()


GOOGLE = {"iss": "chat@system.gserviceaccount.com", "aud": "1234567890"}
MICROSOFT = {
    "iss": "https://api.botframework.com",
    "aud": "app-1",
    "serviceurl": "https://smba.trafficmanager.net/emea/",
}
CHAT_EVENT = {
    "type": "MESSAGE",
    "space": {"type": "DM", "name": "spaces/1"},
    "message": {
        "name": "spaces/1/messages/1",
        "text": "hi",
        "sender": {"name": "users/1", "displayName": "Anna"},
    },
}
ACTIVITY = {
    "type": "message",
    "id": "a1",
    "text": "hi",
    "from": {"id": "29:1"},
    "recipient": {"id": "28:bot"},
    "conversation": {"id": "c1"},
    "serviceUrl": "https://smba.trafficmanager.net/emea/",
}


@pytest.fixture(params=["hangouts", "botframework"])
async def jwt_world(request, open_world, vendor, signer):
    vendor.answers["/certs"] = {"k1": certificate(signer)}
    vendor.answers["/openid"] = {"jwks_uri": f"{vendor.url}/keys"}
    vendor.answers["/keys"] = {"keys": [signer.jwk]}
    if request.param == "hangouts":
        settings = "project_id: '1234567890'\ncertificates_url: '{url}/certs'"
        claims, body = GOOGLE, CHAT_EVENT
    else:
        settings = "app_id: app-1\napp_password: p\nopenid_url: '{url}/openid'\nlogin_url: '{url}'"
        claims, body = MICROSOFT, ACTIVITY
    world = await open_world(request.param, settings, bounds=FREE)
    return world, claims, json.dumps(body).encode()


async def present(world, token, body):
    headers = [JSON, ("Authorization", f"Bearer {token}")]
    return (await world.call(f"/webhooks/{world.channel.name}/webhook", body, headers)).status


async def test_a_token_of_the_vendor_is_taken(jwt_world, signer):
    world, claims, body = jwt_world
    now = int(time.time())
    assert await present(world, signer.token({**claims, "iat": now, "exp": now + 300}), body) == 200
    assert len(world.holder.taken) == 1


async def test_tokens_that_are_not_quite_right_are_refused(jwt_world, signer):
    world, claims, body = jwt_world
    now = int(time.time())
    good = {**claims, "exp": now + 300}
    whole = signer.token(good)
    head, payload, mark = whole.split(".")
    confused = base64.urlsafe_b64encode(b'{"alg":"HS256","kid":"k1"}').decode().rstrip("=") + f".{payload}"
    pem = signer.key.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    hs256 = (
        base64.urlsafe_b64encode(hmac.new(pem, confused.encode(), hashlib.sha256).digest())
        .decode()
        .rstrip("=")
    )
    flipped = base64.urlsafe_b64encode(
        bytes([base64.urlsafe_b64decode(mark + "==")[0] ^ 1]) + base64.urlsafe_b64decode(mark + "==")[1:]
    )
    none = base64.urlsafe_b64encode(b'{"alg":"none","kid":"k1"}').decode().rstrip("=")
    bad = [
        signer.token({**good, "exp": now - 301}),
        signer.token({key: value for key, value in good.items() if key != "exp"}),
        signer.token({**good, "aud": "another"}),
        signer.token({key: value for key, value in good.items() if key != "aud"}),
        signer.token({**good, "iss": "someone"}),
        signer.token(good, kid="../../k1"),
        signer.token(good, algorithm="RS512"),
        f"{confused}.{hs256}",
        f"{none}.{payload}.",
        f"{none}.{payload}.{mark}",
        f"{head}.{payload}.{flipped.decode().rstrip('=')}",
        f"{head}.{payload}",
        f"{head}..{mark}",
        "x" * 9000,
        "",
    ]
    for token in bad:
        assert await present(world, token, body) == 401, token[:60]
    twice = [JSON, ("Authorization", f"Bearer {whole}"), ("Authorization", f"Bearer {whole}")]
    assert (await world.call(f"/webhooks/{world.channel.name}/webhook", body, twice)).status == 401
    assert (await world.call(f"/webhooks/{world.channel.name}/webhook", body, [JSON])).status == 401
    assert world.holder.taken == []


async def test_of_a_thousand_random_token_signatures_none_is_taken(jwt_world, signer):
    world, claims, body = jwt_world
    head, payload, _ = signer.token({**claims, "exp": int(time.time()) + 300}).split(".")
    chance = random.Random(7)
    for _ in range(1000):
        guess = base64.urlsafe_b64encode(chance.randbytes(256)).decode().rstrip("=")
        assert await present(world, f"{head}.{payload}.{guess}", body) == 401
    assert world.holder.taken == []
    assert len(world.vendor.seen) <= 2, "keys are fetched once, however often they are asked for"


@pytest.mark.parametrize("jwt_world", ["botframework"], indirect=True)  # only activities name services
async def test_a_token_for_one_service_answers_no_other(jwt_world, signer):
    world, claims, _ = jwt_world
    token = signer.token({**claims, "exp": int(time.time()) + 300})
    stolen = json.dumps({**ACTIVITY, "serviceUrl": "https://evil.botframework.com/"}).encode()
    assert await present(world, token, stolen) == 401
    assert world.holder.taken == []


# ------------------------------------------------------------------------------------- secrets that Rasa lacked


@pytest.mark.parametrize("channel", ["twilio_voice", "hangouts"])
async def test_rasas_settings_without_any_secret_load_and_take_nothing(open_world, channel):
    world = await open_world(channel)
    answer = await world.call(f"/webhooks/{channel}/webhook", json.dumps(CHAT_EVENT).encode(), [JSON])
    assert answer.status == 401
    assert b"Add `" in answer.body
    assert (await world.call(f"/webhooks/{channel}/", method="GET")).status == 200


async def test_telegrams_secret_is_derived_from_the_token_and_given_to_telegram(open_world, vendor):
    settings = "access_token: '123:abc'\nverify: my_bot\nwebhook_url: https://bot.example/webhooks/telegram/webhook\napi_url: '{url}'"
    world = await open_world("telegram", settings)
    vendor.answers["/bot123:abc/getMe"] = {"ok": True, "result": {"username": "my_bot"}}
    await world.channel.start()
    given = vendor.seen[-1].json
    assert given["url"] == "https://bot.example/webhooks/telegram/webhook"
    wanted = hmac.new(b"123:abc", b"shoptalk:telegram", hashlib.sha256).hexdigest()
    assert given["secret_token"] == wanted
    headers = [JSON, ("X-Telegram-Bot-Api-Secret-Token", wanted)]
    answer = await world.call("/webhooks/telegram/webhook", telegram(0)[1], headers)
    assert (answer.status, answer.body) == (200, b"success")


async def test_a_token_of_another_bot_takes_nothing(open_world, vendor):
    settings = f"access_token: '123:abc'\nverify: my_bot\nwebhook_url: https://b.example/\nsecret_token: {SECRET}\napi_url: '{{url}}'"
    world = await open_world("telegram", settings)
    vendor.answers["/bot123:abc/getMe"] = {"ok": True, "result": {"username": "other_bot"}}
    await world.channel.start()
    assert [s.path for s in vendor.seen] == ["/bot123:abc/getMe"]
    headers, body = telegram(0)
    assert (await world.call("/webhooks/telegram/webhook", body, headers)).body == b"failed"
    assert world.holder.taken == []


@pytest.mark.parametrize(
    ("scheme", "host", "extra"),
    [
        ("http", "bot.example", []),  # TLS ends at a proxy
        ("https", "bot.example:443", []),
        ("http", "10.0.0.5:5005", [("X-Forwarded-Host", "bot.example")]),
    ],
)
async def test_twilios_address_is_found_behind_a_proxy(open_world, scheme, host, extra):
    case = next(c for c in CASES if c.channel == "twilio")
    world = await open_world("twilio", case.settings)
    headers, body = case.make(time.time())
    answer = await world.call("/webhooks/twilio/webhook", body, [*headers, *extra], scheme=scheme, host=host)
    assert answer.status == 204


async def test_twilios_public_url_counts_alone(open_world):
    case = next(c for c in CASES if c.channel == "twilio")
    world = await open_world("twilio", case.settings + "\npublic_url: https://bot.example/any")
    headers, body = case.make(time.time())
    assert (await world.call("/webhooks/twilio/webhook", body, headers, host="10.0.0.5")).status == 204
    other = await open_world("twilio", case.settings + "\npublic_url: https://other.example")
    assert (await other.call("/webhooks/twilio/webhook", body, headers)).status == 401


def test_twilios_documented_example():
    """The request of Twilio's security page: its URL, its parameters, its token, and the signature it prints."""
    from starlette.requests import Request

    from shoptalk.channels.twilio import verify

    fields = {
        "CallSid": "CA1234567890ABCDE",
        "Caller": "+12349013030",
        "Digits": "1234",
        "From": "+12349013030",
        "To": "+18005551212",
    }
    headers = [(b"host", b"mycompany.com"), (b"x-twilio-signature", b"0/KCTR6DLpKmkAf8muzZqo1nDgQ=")]
    scope = {"type": "http", "scheme": "https", "path": "/myapp.php", "query_string": b"foo=1&bar=2", "headers": headers, "server": ("mycompany.com", 443), "method": "POST"}  # fmt: skip
    verify(Request(scope), list(fields.items()), "12345")


def test_slacks_documented_example():
    """The request of Slack's page on verification, with the secret and the signature it prints."""
    from shoptalk.channels.verify import check_hex

    body = (
        b"token=xyzz0WbapA4vBCDEFasx0q6G&team_id=T1DC2JH3J&team_domain=testteamnow&channel_id=G8PSS9T3V"
        b"&channel_name=foobar&user_id=U2CERLKJA&user_name=roadrunner&command=%2Fwebhook-collect&text="
        b"&response_url=https%3A%2F%2Fhooks.slack.com%2Fcommands%2FT1DC2JH3J%2F397700885554%2F96rGlfmibIGlgcZRskXaIFfN"
        b"&trigger_id=398738663015.47445629121.803a0bc887a14d10d2c447fce8b6703c"
    )
    wanted = "v0=a2114d57b48eac39b9ad189dd8316235a7b4a8d21a10bd27519666489c69b503"
    check_hex(SECRET, b"v0:1531420618:" + body, "sha256", wanted, "v0=")

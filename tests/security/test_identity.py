"""S9 and S10: forged tokens, guessed sessions, pages of other origins, and who may ask for metrics."""

from __future__ import annotations

import base64
import json
import secrets
import time
from typing import Any

import httpx
import jwt
import pytest
from guarded import ORIGIN, SECRET, TOKEN, client_of, make_app, session_of
from starlette.testclient import TestClient
from starlette.websockets import WebSocket, WebSocketDisconnect

from shoptalk.channels.web import AUDIENCE, WebChannel
from shoptalk.errors import ConfigError
from shoptalk.server.auth import Auth
from shoptalk.server.limits import Bounds, Buckets, is_allowed

RSA = """-----BEGIN PUBLIC KEY-----
MFwwDQYJKoZIhvcNAQEBBQADSwAwSAJBAKj34GkxFhD90vcNLYLInFEX6Ppy1tPf
9Cnzj4p4WGeKLs1Pt8QuKUpRKfFLfRYC9AIKjbJTWit+CqvjWYzvQwECAwEAAQ==
-----END PUBLIC KEY-----
"""


def part(value: Any) -> str:
    raw = value if isinstance(value, bytes) else json.dumps(value).encode()
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def forged(claims: dict[str, Any], secret: str) -> dict[str, str]:
    """Tokens that must not be believed, by what is wrong with them."""
    good = jwt.encode(claims, secret, "HS256")
    head, body, signature = good.split(".")
    other = part({**claims, "sub": "web-victim", "user": {"username": "x", "role": "admin"}})
    changed = signature[:-2] + ("AA" if signature[-2:] != "AA" else "BB")
    past = {**claims, "exp": int(time.time()) - 3600}
    return {
        "none": f"{part({'alg': 'none', 'typ': 'JWT'})}.{body}.",
        "None": f"{part({'alg': 'None'})}.{body}.",
        "nOnE with signature": f"{part({'alg': 'nOnE'})}.{body}.{signature}",
        "no algorithm": f"{part({'typ': 'JWT'})}.{body}.{signature}",
        "null algorithm": f"{part({'alg': None})}.{body}.{signature}",
        "list of algorithms": f"{part({'alg': ['HS256']})}.{body}.{signature}",
        "HS512": jwt.encode(claims, secret * 2, "HS512"),
        "HS512 of the same secret": jwt.PyJWS(options={"enforce_minimum_key_length": False}).encode(
            b"{}", secret * 2, "HS384"
        ),
        "RS256 named": f"{part({'alg': 'RS256'})}.{body}.{signature}",
        "other secret": jwt.encode(claims, secret[::-1], "HS256"),
        "empty secret": f"{head}.{body}.{part(b'')}",
        "no signature": f"{head}.{body}.",
        "two parts": f"{head}.{body}",
        "four parts": f"{good}.{signature}",
        "changed body": f"{head}.{other}.{signature}",
        "changed signature": f"{head}.{body}.{changed}",
        "signature with a tail": f"{good}AAAA",
        "expired": jwt.encode(past, secret, "HS256"),
        "not yet valid": jwt.encode({**claims, "nbf": int(time.time()) + 3600}, secret, "HS256"),
        "issued tomorrow": jwt.encode({**claims, "iat": int(time.time()) + 86400}, secret, "HS256"),
        "expiry is text": jwt.encode({**claims, "exp": "never"}, secret, "HS256"),
        "expiry is null": jwt.encode({**claims, "exp": None}, secret, "HS256"),
        "claims are a list": f"{head}.{part([claims])}.{signature}",
        "claims are deep": deep(secret),
        "critical header": jwt.encode(claims, secret, "HS256", headers={"crit": ["x"], "x": 1}),
        "empty": "",
        "dots": "..",
        "spaces": " . . ",
        "nonsense": "AAAA" * 200,
        "not ASCII": "ÿ.ÿ.ÿ",
    }


def deep(secret: str) -> str:
    """A token that is signed rightly over something no parser likes."""
    return jwt.PyJWS().encode(b"[" * 3000, secret, "HS256")


def web_claims(**changes: Any) -> dict[str, Any]:
    now = int(time.time())
    return {"sub": "web-a", "aud": AUDIENCE, "iat": now, "exp": now + 600, **changes}


def without(claims: dict[str, Any], key: str) -> dict[str, Any]:
    return {name: value for name, value in claims.items() if name != key}


def headers_of(token: str) -> dict[str, str | bytes]:
    return {"Authorization": f"Bearer {token}".encode("latin-1")}


async def test_forged_sessions_of_the_web_channel() -> None:
    tokens = forged(web_claims(), SECRET) | {
        "without expiry": jwt.encode(without(web_claims(), "exp"), SECRET, "HS256"),
        "without audience": jwt.encode(without(web_claims(), "aud"), SECRET, "HS256"),
        "without subject": jwt.encode(without(web_claims(), "sub"), SECRET, "HS256"),
        "subject is a number": jwt.encode(web_claims(sub=7), SECRET, "HS256"),
        "other audience": jwt.encode(web_claims(aud="shoptalk-api"), SECRET, "HS256"),
        "key by path": jwt.encode(web_claims(), "\0" * 32, "HS256", headers={"kid": "/dev/null"}),
        "key by address": jwt.encode(
            web_claims(), "x" * 32, "HS256", headers={"jku": "https://evil.example/k"}
        ),
        "key in the header": jwt.encode(
            web_claims(), "x" * 32, "HS256", headers={"jwk": {"kty": "oct", "k": "eA"}}
        ),
    }
    async with client_of(make_app()) as client:
        good = jwt.encode(web_claims(), SECRET, "HS256", headers={"kid": "../../etc/passwd"})
        assert (await client.get("/webhooks/web/history", headers=headers_of(good))).status_code == 200
        for name, token in tokens.items():
            for path in ("/webhooks/web/history", "/webhooks/web/inspect"):
                answer = await client.get(path, headers=headers_of(token))
                assert answer.status_code == 401, name
        basic = {"Authorization": f"Basic {good}"}
        assert (await client.get("/webhooks/web/history", headers=basic)).status_code == 401
        assert (await client.get(f"/webhooks/web/history?token={good}")).status_code == 401
    print(f"\nS9: 0 of {len(tokens)} forged sessions accepted")


async def test_forged_tokens_of_the_api() -> None:
    claims = {"user": {"username": "a", "role": "admin"}, "exp": int(time.time()) + 600}
    tokens = forged(claims, SECRET)
    async with client_of(make_app(Auth(token=TOKEN, jwt_secret=SECRET))) as client:
        for name, token in tokens.items():
            answer = await client.get("/conversations/a/tracker", headers=headers_of(token))
            assert answer.status_code == 401, name
        for wrong in ("", TOKEN[:-1], TOKEN + "x", TOKEN.upper(), "ÿ"):
            assert (await client.get("/status", params={"token": wrong})).status_code == 401
        good = jwt.encode(claims, SECRET, "HS256")
        assert (await client.get("/conversations/a/tracker", headers=headers_of(good))).status_code == 200
        user = jwt.encode({"user": {"username": "a", "role": "user"}}, SECRET, "HS256")
        for path, status in (
            ("/conversations/a/tracker", 200),
            ("/conversations/b/tracker", 403),
            ("/status", 403),
        ):
            assert (await client.get(path, headers=headers_of(user))).status_code == status
        for strange in (
            {},
            {"user": "admin"},
            {"user": {"role": ["admin"]}},
            {"role": "admin"},
            {"user": {"role": "user"}},
        ):
            token = jwt.encode(strange, SECRET, "HS256")
            assert (
                await client.get("/conversations/a/tracker", headers=headers_of(token))
            ).status_code == 403
    print(f"\nS9: 0 of {len(tokens)} forged API tokens accepted")


async def test_a_public_key_is_no_secret() -> None:
    """A token signed with the public key as an HMAC secret is not one of RS256."""
    head, body = part({"alg": "HS256", "typ": "JWT"}), part({"user": {"username": "a", "role": "admin"}})
    import hashlib
    import hmac

    signature = part(hmac.new(RSA.encode(), f"{head}.{body}".encode(), hashlib.sha256).digest())
    async with client_of(make_app(Auth(jwt_secret=RSA, jwt_method="RS256"))) as client:
        answer = await client.get("/status", headers=headers_of(f"{head}.{body}.{signature}"))
        assert answer.status_code == 401
    for method in ("none", "HS1", ""):
        with pytest.raises(ConfigError):
            Auth(jwt_secret=SECRET, jwt_method=method)
    for secret in ("", "short"):
        with pytest.raises(ConfigError):
            WebChannel(secret)


def test_session_ids_do_not_collide() -> None:
    drawn = {f"web-{secrets.token_urlsafe(16)}" for _ in range(100_000)}
    channel = WebChannel(SECRET)
    from shoptalk.channels.web import SessionRequest

    opened = {channel.open_session(SessionRequest())["sender_id"] for _ in range(2_000)}
    assert len(drawn) == 100_000
    assert len(opened) == 2_000
    assert all(len(sender) == 26 for sender in opened)
    assert not opened & drawn


async def test_sessions_cannot_be_found_by_guessing() -> None:
    """Whoever names a sender without its token gets the same refusal, whether the sender exists or not."""
    async with client_of(make_app()) as client:
        begun = (await client.post("/webhooks/web/session", json={"language": "en"})).json()
        answers = set()
        for number in range(300):
            sender = begun["sender_id"] if number == 150 else f"web-{secrets.token_urlsafe(16)}"
            token = jwt.encode(web_claims(sub=sender), "x" * 40, "HS256")
            answer = await client.get("/webhooks/web/history", headers=headers_of(token))
            answers.add((answer.status_code, len(answer.content)))
        assert len(answers) == 1
        assert next(iter(answers))[0] == 401


async def test_one_session_never_shows_another() -> None:
    async with client_of(make_app()) as client:
        first, second = await session_of(client), await session_of(client)
        said = {"message_id": "m1", "text": "note my secret"}
        await client.post("/webhooks/web/message", json=said, headers=first)
        assert "secret" in (await client.get("/webhooks/web/history", headers=first)).text
        for path in ("/webhooks/web/history", "/webhooks/web/inspect"):
            assert "secret" not in (await client.get(path, headers=second)).text


def tricky() -> list[str]:
    """Origins that look like the one that is allowed."""
    hosts = [
        "shop.example.attacker.test", "attacker.test", "shop.exampleattacker.test", "attackershop.example", "shopXexample",
        "shop.example.", "shop.example:444", "shop.example:443", "SHOP.EXAMPLE", "shop.examplе", "ѕhop.example", "shop。example",
        "user@shop.example", "shop.example@attacker.test", "shop.example#attacker.test", "shop.example?attacker.test",
        "shop.example/attacker.test", "shop.example\\attacker.test", "shop.example%00.attacker.test", "shop.example%2eattacker.test",
        "shop.example\tattacker.test", "shop.example attacker.test", "[::1]", "127.0.0.1", "localhost", "xn--shop.example",
        "www.shop.example", "a.shop.example", "-shop.example", "shop.example,attacker.test", "shop.example;attacker.test",
        "shop.example`attacker.test", "shop.example{attacker.test", "shop.example}", "shop.example|", "shop.example^", "shop.example~",
        "shop.example!", "shop.example$attacker.test", "shop.example&attacker.test", "shop.example'attacker.test",
        "shop.example(attacker.test", "shop.example)", "shop.example*", "shop.example+attacker.test", "shop.example=attacker.test",
    ]  # fmt: skip
    schemes = ["https://", "http://", "HTTPS://", "ftp://", "file://", "https:", "//"]
    made = [scheme + host for host in hosts for scheme in schemes]
    more = [
        "null",
        "*",
        "",
        "https://",
        "https://shop.example/",
        "https://shop.example https://attacker.test",
        "http://shop.example",
    ]
    same = ORIGIN
    return [origin for origin in [*made, *more] if origin != same]


async def test_origins_of_pages() -> None:
    """CORS compares whole strings, and what a foreign page sends to the public channel is refused."""
    origins = [origin for origin in tricky() if origin.isascii() and origin.isprintable()]
    app = make_app(cors=[ORIGIN])
    allowed = []
    async with client_of(app) as client:
        for origin in origins:
            asked = {"Origin": origin, "Access-Control-Request-Method": "POST"}
            preflight = await client.options("/webhooks/web/session", headers=asked)
            posted = await client.post("/webhooks/web/session", json={}, headers={"Origin": origin})
            shown = {
                preflight.headers.get("access-control-allow-origin"),
                posted.headers.get("access-control-allow-origin"),
            }
            if (posted.status_code != 403 and origin) or shown != {None}:
                allowed.append(origin)
        assert not allowed
        good = await client.post("/webhooks/web/session", json={}, headers={"Origin": ORIGIN})
        assert good.headers["access-control-allow-origin"] == ORIGIN
        assert "access-control-allow-credentials" not in good.headers
        own = await client.post("/webhooks/web/session", json={}, headers={"Origin": "http://testserver"})
        assert own.status_code == 200
        assert (await client.post("/webhooks/web/session", json={})).status_code == 200
    assert not any(is_allowed(origin, "testserver", frozenset([ORIGIN])) for origin in tricky())
    assert len(tricky()) >= 200
    print(f"\nS10: 0 of {len(tricky())} tricky origins allowed")


def test_websockets_of_foreign_pages_are_refused() -> None:
    app = make_app(cors=[ORIGIN])

    @app.websocket("/echo")
    async def echo(socket: WebSocket) -> None:
        await socket.accept()
        await socket.close()

    client = TestClient(app)
    for origin in ("https://evil.example", "null", "https://shop.example.evil.example"):
        with (
            pytest.raises(WebSocketDisconnect),
            client.websocket_connect("/echo", headers={"Origin": origin}),
        ):
            pass
    for origin in (ORIGIN, "http://testserver"):
        with client.websocket_connect("/echo", headers={"Origin": origin}):
            pass


async def test_metrics_are_for_this_machine_or_the_tokens_owner() -> None:
    from shoptalk.server.metrics import Metrics

    for auth, address, headers, status in (
        (Auth(), "127.0.0.1", {}, 200),
        (Auth(), "203.0.113.9", {}, 403),
        (Auth(token=TOKEN), "203.0.113.9", {}, 401),
        (Auth(token=TOKEN), "203.0.113.9", {"Authorization": f"Bearer {TOKEN}"}, 200),
    ):
        async with client_of(make_app(auth, metrics=Metrics()), address) as client:
            assert (await client.get("/metrics", headers=headers)).status_code == status


async def test_rates() -> None:
    bounds = Bounds(sender_rate=1.0, sender_burst=5, address_rate=1.0, address_burst=10)
    async with client_of(make_app(bounds=bounds)) as client:
        body = {"sender": "fast", "message": "hi"}
        statuses = [(await client.post("/webhooks/rest/webhook", json=body)).status_code for _ in range(12)]
        assert statuses[:5] == [200] * 5
        assert statuses.count(429) >= 5
        other = await client.post("/webhooks/rest/webhook", json={"sender": "other", "message": "hi"})
        assert other.status_code == 200
        opened = [await client.post("/webhooks/web/session", json={}) for _ in range(14)]
        assert [a.status_code for a in opened[:10]] == [200] * 10
        assert opened[-1].status_code == 429
        assert opened[-1].headers["retry-after"] == "1"
        assert (await client.get("/health")).status_code == 200


async def test_requests_at_once() -> None:
    async with client_of(make_app(bounds=Bounds(at_once=0))) as client:
        refused: httpx.Response = await client.post(
            "/webhooks/rest/webhook", json={"sender": "a", "message": "hi"}
        )
        assert refused.status_code == 503
        assert (await client.get("/health")).status_code == 200


def test_buckets_fill_again() -> None:
    buckets = Buckets(rate=2.0, burst=2, kept=2)
    assert [buckets.take("a", 0.0) for _ in range(3)] == [True, True, False]
    assert buckets.take("a", 0.5)
    assert not buckets.take("a", 0.5)
    assert buckets.take("b", 0.5)
    assert buckets.take("c", 0.5)
    assert buckets.take("a", 0.5), "forgotten, as others came"

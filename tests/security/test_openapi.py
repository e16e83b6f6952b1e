"""S1: what schemathesis makes of the OpenAPI description, with and without credentials: no 5xx, nothing undocumented."""

from __future__ import annotations

import json
import os
from collections import Counter
from typing import Any

import hypothesis
import pytest
import schemathesis
from guarded import SECRET, TOKEN, make_app
from schemathesis import checks

from shoptalk.channels.web import Session, WebChannel
from shoptalk.server.auth import Auth

CASES = int(os.environ.get("S1_CASES", "40"))
"""Cases an operation; S1_CASES in the environment asks for more."""
CHECKED = [
    checks.not_a_server_error,
    checks.status_code_conformance,
    checks.content_type_conformance,
    checks.response_schema_conformance,
]
RASA_SAYS_500 = ("ParsingError", "ConversationError")
"""Reasons for which Rasa answers 500 to a bad body, and so does the API here; clients compare it."""
SLOW = ("/model/train", "/model/test/stories", "/model/test/intents")


def operations(app: Any) -> list[Any]:
    """All operations of an app."""
    schema = schemathesis.openapi.from_asgi("/openapi.json", app)
    return [found.ok() for found in schema.get_all_operations()]


def attack(operation: Any, headers: dict[str, str]) -> Counter[int]:
    """Send generated requests to an operation; which statuses came back."""
    counts = Counter[int]()

    @hypothesis.settings(
        max_examples=CASES, deadline=None, database=None, derandomize=True,
        suppress_health_check=list(hypothesis.HealthCheck),
    )  # fmt: skip
    @hypothesis.given(case=operation.as_strategy())
    def once(case: schemathesis.Case) -> None:
        answer = case.call(headers=headers)
        counts[answer.status_code] += 1
        if answer.status_code == 500 and json.loads(answer.content)["reason"] in RASA_SAYS_500:
            return
        case.validate_response(answer, checks=CHECKED)

    once()
    return counts


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("locked", [False, True], ids=["open", "without credentials"])
def test_every_operation(locked: bool) -> None:
    app = make_app(Auth(token=TOKEN) if locked else Auth())
    token, _ = WebChannel(SECRET).sign(Session("web-s1", None, None))
    headers = {} if locked else {"Authorization": f"Bearer {token}"}
    seen: dict[str, Counter[int]] = {}
    for operation in operations(app):
        name = f"{operation.method.upper()} {operation.path}"
        if not locked and (operation.path in SLOW or name == "DELETE /model"):
            continue
        seen[name] = attack(operation, headers)
    for name, counts in seen.items():
        print(f"S1 {'locked' if locked else 'open'} {name}: {dict(counts)}")
    behind_the_lock = [
        name
        for name in seen
        if any(part in name for part in ("/conversations", "/model", "/domain", "/status"))
    ]
    assert len(behind_the_lock) > 8
    if locked:
        for name in behind_the_lock:
            assert set(seen[name]) <= {401, 404, 405}, (name, seen[name])


def test_every_route_is_described_or_deliberately_not() -> None:
    app = make_app()
    described = set(app.openapi()["paths"])
    hidden = {route.path for route in app.routes if hasattr(route, "methods")} - described
    assert hidden <= {"/", "/docs", "/docs/oauth2-redirect", "/openapi.json"}, hidden

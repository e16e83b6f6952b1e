"""The user's actions on an action server (rasa-sdk's protocol over HTTP)."""

from __future__ import annotations

from typing import Any

from shoptalk.actions.base import Scene
from shoptalk.actions.custom import Answer, call_body, domain_digest
from shoptalk.actions.http import EndpointClient, Reply
from shoptalk.core.domain import Domain
from shoptalk.errors import ActionError, NotFound, Rejected
from shoptalk.settings import Endpoint

TIMEOUT_S = 30.0
NEEDS_DOMAIN = 449
"""What a newer server answers when it has not seen the domain yet."""


class RemoteActions:
    """Runs custom actions on an action server.

    Args:
        endpoint: `action_endpoint:` of endpoints.yml. Its options: `timeout` in seconds; `newest_events`, how many
            of the session's events are sent (all by default); `enable_selective_domain`, the domain goes only to
            actions that asked for it and to validation; `domain_digest`, send the domain's digest and the domain
            itself only when the server asks (rasa-sdk 3.8 and newer).
        domain: what the assistant knows.
    """

    def __init__(self, endpoint: Endpoint, domain: Domain) -> None:
        options = endpoint.options
        self._client = EndpointClient(endpoint, float(options.get("timeout", TIMEOUT_S)))
        newest = options.get("newest_events")
        self._newest = None if newest is None else int(newest)
        self._selective = bool(options.get("enable_selective_domain"))
        self._domain = dict(domain.raw)
        self._wants_domain = domain.selective_actions
        self._digest = domain_digest(self._domain) if options.get("domain_digest") else None

    async def run(self, name: str, scene: Scene) -> Answer:
        """Call the server.

        Raises:
            Rejected: it answered 400, the action declines.
            NotFound: it answered 404, it has no such action.
            Timeout: it did not answer in time.
            ActionError: it failed, cannot be reached, or its answer makes no sense.
        """
        body = call_body(name, scene, self._newest)
        if self._digest is not None:
            body["domain_digest"] = self._digest
        elif not self._selective or name in self._wants_domain or name.startswith("validate_"):
            body["domain"] = self._domain
        headers = {"Idempotency-Key": scene.steps.next_key()}
        reply = await self._client.post(body, headers)
        if reply.status == NEEDS_DOMAIN and "domain" not in body:
            reply = await self._client.post({**body, "domain": self._domain}, headers)
        return _read(name, reply)

    async def close(self) -> None:
        """Close the connections."""
        await self._client.close()


def _read(name: str, reply: Reply) -> Answer:
    content = reply.json()
    told = content.get("error") if isinstance(content, dict) else None
    if reply.status == 400 and isinstance(content, dict) and "action_name" in content:
        raise Rejected(str(told or f"Action {name!r} declined to run."))
    if reply.status == 404:
        raise NotFound(f"The action server has no action {name!r}: {told or 'status 404'}.")
    if reply.status >= 400:
        raise ActionError(
            f"The action server failed to run {name!r} (status {reply.status}): {told or 'no reason given'}."
        )
    if content is None:
        content = {}
    events, responses = _lists(content, "events"), _lists(content, "responses")
    if events is None or responses is None or not all(isinstance(item, dict) for item in responses):
        raise ActionError(
            f"The action server's answer for {name!r} is not "
            '`{"events": [objects], "responses": [objects]}`.'
        )
    return Answer(events, responses)


def _lists(content: Any, key: str) -> list[Any] | None:
    if not isinstance(content, dict):
        return None
    value = content.get(key, [])
    return value if isinstance(value, list) else None

"""Responses made by a service of the user's own (`nlg:` in endpoints.yml)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from shoptalk.actions.base import Scene
from shoptalk.actions.http import EndpointClient
from shoptalk.actions.responses import Draft, Variation, eligible
from shoptalk.errors import ActionError
from shoptalk.settings import Endpoint

TIMEOUT_S = 30.0
_SHAPE: Mapping[str, tuple[type, ...]] = {
    "text": (str,),
    "id": (str, type(None)),
    "buttons": (list, type(None)),
    "elements": (list, type(None)),
    "attachment": (dict, type(None)),
    "image": (str, type(None)),
    "custom": (dict,),
}


class ResponseService:
    """Asks a service for every response.

    Args:
        endpoint: `nlg:` of endpoints.yml; its option `timeout` in seconds.
        responses: the domain's; the service is told the id of the variation that would have been said.
    """

    def __init__(self, endpoint: Endpoint, responses: Mapping[str, Sequence[Variation]]) -> None:
        self._client = EndpointClient(
            endpoint, float(endpoint.options.get("timeout", TIMEOUT_S)), compress=False
        )
        self._responses = responses

    async def generate(self, name: str, scene: Scene, arguments: Mapping[str, Any]) -> Draft | None:
        """The message the service answers.

        Raises:
            Timeout: it did not answer in time.
            ActionError: it failed, or its answer is no message.
        """
        body = {
            "response": name,
            "id": self._variation_id(name, scene),
            "arguments": dict(arguments),
            "tracker": scene.tracker.as_dict(scene.tracker.events),
            "channel": {"name": scene.channel},
        }
        reply = await self._client.post(body)
        content = reply.json()
        if reply.status >= 400 or not isinstance(content, dict):
            raise ActionError(f"The response service failed for {name!r} (status {reply.status}).")
        for key, kinds in _SHAPE.items():
            if key in content and not isinstance(content[key], kinds):
                raise ActionError(f"The response service answered {name!r} with a {key!r} that is none.")
        return content

    async def close(self) -> None:
        """Close the connections."""
        await self._client.close()

    def _variation_id(self, name: str, scene: Scene) -> str | None:
        fitting = eligible(self._responses.get(name, ()), scene.channel, scene.tracker.slots)
        ids = [variation["id"] for variation in fitting if variation.get("id") is not None]
        if not fitting or len(ids) != len(set(ids)):
            return None
        return fitting[0].get("id")

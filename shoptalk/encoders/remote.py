"""An encoder that runs in a service of its own, shared by many servers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import httpx

from shoptalk.encoders.encoder import Encoded
from shoptalk.encoders.wire import unpack
from shoptalk.errors import ComponentError

TIMEOUT_S = 10.0
ATTEMPTS = 2


class RemoteEncoder:
    """Asks a service that speaks as `shoptalk.server.ray_service` does.

    Args:
        url: of the service.
        name: of the encoder the model was trained with; the service must have it.

    Raises:
        ComponentError: the service cannot be reached, or has another encoder.
    """

    def __init__(self, url: str, name: str) -> None:
        self._client = _client(url)
        about = _ask(self._client, "GET", "/encoder").json()
        if about["name"] != name:
            raise ComponentError(
                f"The service at {url} encodes with {about['name']!r}, but the model needs {name!r}.",
                hint=f"Start it with encoder={name}, or point `encoder: url:` of endpoints.yml to one that has it.",
            )
        self.name: str = about["name"]
        self.fingerprint: str = about["fingerprint"]
        self.sentence_layers = tuple(about["sentence_layers"])
        self.layers: int = about["layers"]
        self.width: int = about["width"]

    def encode(
        self,
        texts: Sequence[str],
        layers: Sequence[int] = (-1,),
        prefix: str | None = None,
        whole: int | None = None,
    ) -> Encoded:
        """Encode texts there.

        Raises:
            ComponentError: the service does not answer.
        """
        body = {"texts": list(texts), "layers": list(layers), "prefix": prefix, "whole": whole}
        return unpack(_ask(self._client, "POST", "/encode", body).content)

    @staticmethod
    def about(url: str) -> dict[str, Any]:
        """What a service says of its encoder.

        Raises:
            ComponentError: it does not answer.
        """
        with _client(url) as client:
            told: dict[str, Any] = _ask(client, "GET", "/encoder").json()
            return told


def _client(url: str) -> httpx.Client:
    return httpx.Client(base_url=url.rstrip("/"), timeout=TIMEOUT_S)


def _ask(client: httpx.Client, method: str, path: str, body: object = None) -> httpx.Response:
    failure: Exception | None = None
    for _ in range(ATTEMPTS):
        try:
            answer = client.request(method, path, json=body)
            answer.raise_for_status()
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            failure = error
        else:
            return answer
    raise ComponentError(
        f"The encoder's service at {client.base_url} does not answer: {type(failure).__name__}.",
        hint="Is it running? `encoder: url:` of endpoints.yml says where it is; see docs/scaling.md.",
    )

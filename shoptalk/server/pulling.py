"""Models from a model server, as `models:` of endpoints.yml names it.

A request carries the tag of the model that is served (`If-None-Match`); the server answers 304 or 204 while there is
nothing newer, else 200 with the archive and its `ETag`, as Rasa's model servers do.
"""

from __future__ import annotations

import asyncio
import logging
import tempfile
from pathlib import Path

import httpx

from shoptalk import model as models
from shoptalk.actions.http import open_client
from shoptalk.archive import MAX_BYTES
from shoptalk.errors import ArchiveError, ConfigError
from shoptalk.server.holder import Holder
from shoptalk.settings import Endpoint

logger = logging.getLogger(__name__)

TIMEOUT_S = 60.0
EVERY_S = 100.0
"""Rasa's `wait_time_between_pulls`."""


class ModelServer:
    """Fetches whatever model a server has, and serves it.

    Args:
        endpoint: `models:` of endpoints.yml, with `wait_time_between_pulls` in seconds; without a positive one the
            model is fetched once.

    Raises:
        ConfigError: there is no address, or the wait is no number.
    """

    def __init__(self, endpoint: Endpoint) -> None:
        if not endpoint.url:
            raise ConfigError(
                "endpoints.yml: `models:` has no `url`.", hint="Give the model server's address."
            )
        wait = endpoint.options.get("wait_time_between_pulls", EVERY_S)
        if isinstance(wait, bool) or not isinstance(wait, int | float | None):
            raise ConfigError(
                f"endpoints.yml: `wait_time_between_pulls: {wait!r}` is no number of seconds.",
                hint="Write a number, or `null` to fetch the model once.",
            )
        self.url, self.every_s = str(endpoint.url), float(wait or 0)
        self._endpoint = endpoint
        self._tag: str | None = None

    async def follow(self, holder: Holder) -> None:
        """Serve each newer model, until cancelled. What goes wrong is logged, and the model before goes on."""
        async with open_client(self._endpoint, TIMEOUT_S) as client:
            while True:
                await self._pull(client, holder)
                if self.every_s <= 0:
                    return
                await asyncio.sleep(self.every_s)

    async def _pull(self, client: httpx.AsyncClient, holder: Holder) -> None:
        with tempfile.TemporaryDirectory(prefix="shoptalk-pull-") as folder:
            try:
                found = await self._fetch(client, Path(folder))
                if found is None or holder.make is None:
                    return
                path, tag = found
                model = await asyncio.to_thread(models.load, path)
            except (httpx.HTTPError, ArchiveError, OSError) as error:
                logger.error("model.not_pulled %s: %s", self.url, str(error) or type(error).__name__)
                return
        holder.put(holder.make(model), model)
        self._tag = tag
        logger.info("model.swapped %s", path.name)

    async def _fetch(self, client: httpx.AsyncClient, folder: Path) -> tuple[Path, str | None] | None:
        tag = {"If-None-Match": self._tag} if self._tag else {}
        async with client.stream("GET", self.url, headers=tag) as answer:
            if answer.status_code in (204, 304):
                return None
            if answer.status_code != 200:
                raise ArchiveError(
                    f"The model server answered {answer.status_code}.",
                    hint="It should answer 200, 204 or 304.",
                )
            name = Path(answer.headers.get("filename", "")).name
            path = folder / (name if name.endswith(".tar.gz") else "model.tar.gz")
            size = 0
            with path.open("wb") as sink:
                async for piece in answer.aiter_raw():
                    size += len(piece)
                    if size > MAX_BYTES:
                        raise ArchiveError(f"The model server's archive has more than {MAX_BYTES} bytes.")
                    await asyncio.to_thread(sink.write, piece)
            return path, answer.headers.get("etag")

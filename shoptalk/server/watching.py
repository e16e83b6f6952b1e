"""Serves the newest model of a folder as soon as it is there, for people who are changing a project."""

from __future__ import annotations

import asyncio
import logging
from pathlib import Path

from shoptalk import archive
from shoptalk import model as models
from shoptalk.errors import ArchiveError
from shoptalk.server.holder import Holder

logger = logging.getLogger(__name__)

EVERY_S = 1.0


async def watch(holder: Holder, folder: Path, every_s: float = EVERY_S) -> None:
    """Swap the model whenever a newer archive appears, until cancelled. Archives appear whole, by renaming.

    Args:
        holder: whose model is swapped.
        folder: of archives.
        every_s: how often it is looked at.
    """
    served = _newest(folder)
    while True:
        await asyncio.sleep(every_s)
        found = _newest(folder)
        if found is None or found == served or holder.make is None:
            continue
        served = found
        try:
            model = await asyncio.to_thread(models.load, found[0])
        except ArchiveError as error:
            logger.error("model.rejected %s", error)
            continue
        holder.put(holder.make(model), model)
        logger.info("model.swapped %s", found[0])


def _newest(folder: Path) -> tuple[Path, float] | None:
    path = archive.latest(folder)
    return None if path is None else (path, path.stat().st_mtime)

"""Rasa's HTTP API on models: train, test, swap.

Training and testing run in a thread, one at a time, so that messages go on being served. What a request says never
names a place outside the folder of models, and no address is fetched on a request's behalf.
"""

from __future__ import annotations

import asyncio
import logging
import shutil
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import FileResponse, JSONResponse, Response
from starlette.background import BackgroundTask

from shoptalk import model as models
from shoptalk.core.stories import StoryData
from shoptalk.core.training_data import TrainingData
from shoptalk.errors import ArchiveError, DataError, ShoptalkError
from shoptalk.formats import config as config_format
from shoptalk.formats.domain import DOMAIN_KEYS
from shoptalk.formats.edit import dump_yaml
from shoptalk.formats.yaml import Map, read_text
from shoptalk.server.errors import ApiError
from shoptalk.server.holder import Holder
from shoptalk.training.train import Options, train

logger = logging.getLogger(__name__)

ARCHIVE_SUFFIX = ".tar.gz"
CONFIG_SECTIONS = ("recipe", "language", "assistant_id", "pipeline", "policies")
DATA_SECTIONS = ("nlu", "stories", "rules")


class Jobs:
    """Trainings and tests in progress: one at a time, the rest wait."""

    def __init__(self, holder: Holder) -> None:
        self._holder = holder
        self._turn = asyncio.Lock()

    @asynccontextmanager
    async def one(self) -> AsyncIterator[None]:
        """Wait until nothing else runs."""
        self._holder.jobs += 1
        try:
            async with self._turn:
                yield
        finally:
            self._holder.jobs -= 1


def routes(holder: Holder, folder: Path = Path("models")) -> APIRouter:
    """The routes.

    Args:
        holder: whose model is tested and swapped.
        folder: where models are; nothing outside it can be named.
    """
    router = APIRouter(tags=["model"])
    jobs = Jobs(holder)
    _swap_routes(router, holder, folder)
    _train_route(router, jobs, folder)
    _test_routes(router, holder, jobs, folder)
    return router


def _swap_routes(router: APIRouter, holder: Holder, folder: Path) -> None:
    @router.put("/model", status_code=204)
    async def put(request: Request) -> Response:
        """Serve another model: `{"model_file": name}`, a file in the folder of models."""
        body = await _json(request)
        for key in ("model_server", "remote_storage"):
            if body.get(key):
                raise ApiError(
                    400, "BadRequest", f"`{key}` is not taken from requests; name it in endpoints.yml."
                )
        await _swap(holder, await asyncio.to_thread(_load, folder, body.get("model_file")))
        return Response(status_code=204)

    @router.delete("/model", status_code=204)
    async def delete() -> Response:
        """Serve no model: everything that needs one answers 409 until another is put."""
        holder.put(None, None)
        return Response(status_code=204)


async def _swap(holder: Holder, model: models.Model) -> None:
    """Put a new assistant in place of the old one, which finishes what it has begun."""
    if holder.make is None:
        raise ApiError(409, "Conflict", "This server cannot swap its model.")
    holder.put(holder.make(model), model)
    logger.info("model.swapped %s", model.path)


def model_path(folder: Path, name: Any) -> Path:
    """The archive a request names.

    Args:
        folder: of models.
        name: of a file in it; Rasa's clients may say `models/NAME`.

    Raises:
        ApiError: it is no name, or there is no such file in the folder.
    """
    if not isinstance(name, str) or not name:
        raise ApiError(400, "BadRequest", "Name the model as `model_file`, a file in the folder of models.")
    bare = name.removeprefix(f"{folder.name}/")
    is_plain = Path(bare).name == bare and bare.endswith(ARCHIVE_SUFFIX) and not bare.startswith(".")
    path = folder / bare
    if not is_plain or not path.is_file() or path.resolve().parent != folder.resolve():
        raise ApiError(400, "BadRequest", f"There is no model {name!r} in the folder of models.")
    return path


def _train_route(router: APIRouter, jobs: Jobs, folder: Path) -> None:
    @router.post("/model/train")
    async def train_model(
        request: Request,
        save_to_default_model_directory: str = "true",
        force_training: str = "false",
        augmentation: int = 50,
        callback_url: str | None = None,
    ) -> Response:
        """Train on the YAML in the body (config, domain and data in one document); answers with the archive."""
        if callback_url:
            raise ApiError(400, "BadRequest", "`callback_url` is not called; wait for the answer instead.")
        content = _document(await _body(request))
        keep = save_to_default_model_directory.lower() == "true"
        work = Path(tempfile.mkdtemp(prefix="shoptalk-train-"))
        out = folder.resolve() if keep else work / "models"
        options = Options(out=out, force=force_training.lower() == "true", augmentation=augmentation)
        try:
            async with jobs.one():
                path = await asyncio.to_thread(_train, content, work, options)
        except BaseException:
            shutil.rmtree(work)
            raise
        return FileResponse(
            path,
            media_type="application/x-tar",
            headers={"filename": path.name},
            background=BackgroundTask(shutil.rmtree, work),
        )


def _train(content: Map, work: Path, options: Options) -> Path:
    sections = {
        "config.yml": CONFIG_SECTIONS,
        "domain.yml": tuple(key for key in DOMAIN_KEYS if key != "e2e_actions"),
        "data/data.yml": DATA_SECTIONS,
    }
    for name, keys in sections.items():
        part = {"version": "3.1", **{key: content[key] for key in keys if key in content}}
        path = work / name
        path.parent.mkdir(parents=True, exist_ok=True)
        text = dump_yaml(part)
        if not name.startswith("data/") and "${" in text:
            raise ApiError(
                400, "BadRequest", "Variables of the environment are not for requests; write values."
            )
        path.write_text(text, encoding="utf-8")
    try:
        result = train(work, options)
    except ShoptalkError as error:
        raise ApiError(400, "TrainingError", str(error)) from error
    assert result.path is not None
    return result.path


def _test_routes(router: APIRouter, holder: Holder, jobs: Jobs, folder: Path) -> None:
    @router.post("/model/test/stories")
    async def test_stories(request: Request, e2e: str = "false") -> Any:
        """Play the test stories in the body; with `e2e=true` NLU reads their texts."""
        from shoptalk.testing.api import stories_as_json
        from shoptalk.testing.stories import evaluate_stories

        tests = _stories(_document(await _body(request)))
        whole = e2e.lower() == "true"
        async with jobs.one():
            found = await evaluate_stories(holder.assistant, tests, understand=whole)
        return JSONResponse(stories_as_json(found, end_to_end=whole))

    @router.post("/model/test/intents")
    async def test_intents(
        request: Request, model: str | None = None, cross_validation_folds: int | None = None
    ) -> Any:
        """Judge understanding on the NLU data in the body (YAML or Rasa's JSON)."""
        raw = await _body(request)
        data, content = _training_data(raw, request.headers.get("content-type", ""))
        async with jobs.one():
            if cross_validation_folds is not None:
                return JSONResponse(
                    await asyncio.to_thread(_folds, holder, data, content, cross_validation_folds)
                )
            pipeline = await _pipeline(holder, folder, model)
            return JSONResponse(await asyncio.to_thread(_judge, pipeline, data))


async def _pipeline(holder: Holder, folder: Path, name: str | None) -> Any:
    """What is judged: the pipeline of the model in the folder that has the name, or of the one served."""
    if not name:
        return holder.assistant.pipeline
    return (await asyncio.to_thread(_load, folder, name)).pipeline


def _load(folder: Path, name: Any) -> models.Model:
    try:
        return models.load(model_path(folder, name))
    except ArchiveError as error:
        raise ApiError(400, "BadRequest", f"The model cannot be loaded: {error.message}") from error


def _judge(pipeline: Any, data: TrainingData) -> dict[str, Any]:
    from shoptalk.nlu.pipeline import Pipeline
    from shoptalk.testing.api import nlu_as_json
    from shoptalk.testing.nlu import evaluate_nlu, extractors_of, parse_examples

    if not isinstance(pipeline, Pipeline):
        raise ApiError(409, "Conflict", "The model does not understand texts.")
    return nlu_as_json(evaluate_nlu(parse_examples(pipeline, data.examples), extractors_of(pipeline)))


def _folds(holder: Holder, data: TrainingData, content: Map, folds: int) -> dict[str, Any]:
    from shoptalk.testing.api import folds_as_json
    from shoptalk.testing.folds import cross_validate

    if "pipeline" not in content and holder.model is not None:
        raw = holder.model.metadata["config"]["pipeline"]
        config = config_format.ProjectConfig(holder.model.metadata.get("language"), None, tuple(raw))
    else:
        config = config_format.read(content)
    try:
        return folds_as_json(cross_validate(config, data, folds))
    except ShoptalkError as error:
        raise ApiError(400, "TestingError", str(error)) from error


def _stories(content: Map) -> StoryData:
    from shoptalk.formats import stories

    return stories.read(content, lambda message, source: None, is_test=True)


def _training_data(raw: bytes, kind: str) -> tuple[TrainingData, Map]:
    from shoptalk.formats import nlu, rasa_json

    if kind.startswith("application/json"):
        return rasa_json.read_text(raw.decode("utf-8"), "the request"), Map("the request")
    content = _document(raw)
    return nlu.read(content, lambda message, source: None), content


def _document(raw: bytes) -> Map:
    try:
        content = read_text(raw.decode("utf-8"), "the request")
    except UnicodeDecodeError as error:
        raise ApiError(400, "BadRequest", "The body is not UTF-8.") from error
    except DataError as error:
        raise ApiError(400, "BadRequest", f"The body cannot be read: {error.message}") from error
    if not isinstance(content, Map) or not content:
        raise ApiError(400, "BadRequest", "The body must be YAML: a mapping of sections.")
    return content


async def _body(request: Request) -> bytes:
    return await request.body()


async def _json(request: Request) -> dict[str, Any]:
    import json

    try:
        body = json.loads(await request.body())
    except (ValueError, RecursionError) as error:
        raise ApiError(400, "BadRequest", f"The body is not JSON: {error}.") from error
    if not isinstance(body, dict):
        raise ApiError(400, "BadRequest", "The body must be a JSON object.")
    return body

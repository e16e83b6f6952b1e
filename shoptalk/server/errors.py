"""Failures as answers: a status, a code and a way out; never 200, never a stack trace."""

from __future__ import annotations

import logging
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel
from starlette.exceptions import HTTPException

import shoptalk
from shoptalk.errors import (
    ActionError,
    ArchiveError,
    BadSignature,
    ChannelError,
    ConfigError,
    DataError,
    Overloaded,
    ShoptalkError,
    StoreError,
    TooLarge,
)

logger = logging.getLogger(__name__)

STATUS: tuple[tuple[type[ShoptalkError], int], ...] = (
    (Overloaded, 429),
    (StoreError, 503),
    (BadSignature, 401),
    (TooLarge, 413),
    (ChannelError, 400),
    (DataError, 400),
    (ConfigError, 400),
    (ArchiveError, 400),
    (ActionError, 502),
    (ShoptalkError, 500),
)
RETRY_AFTER_S = {429: 2, 503: 2}


class Failure(BaseModel):
    """What every failure is answered with."""

    version: str
    status: str
    message: str
    reason: str
    details: dict[str, Any]
    help: str | None
    code: int
    error: dict[str, str]


_MEANINGS = {
    400: "The request makes no sense",
    401: "Who asks is not known",
    403: "It is not for who asks",
    404: "There is no such thing",
    406: "It cannot be had in that form",
    408: "The request came too slowly",
    409: "No model is loaded",
    413: "The request is too large",
    429: "Too many messages; try again later",
    500: "Rasa's code for bodies that cannot be parsed, and for bugs",
    502: "An action failed",
    503: "Conversations cannot be stored now; try again later",
}
DOCUMENTED: dict[int | str, dict[str, Any]] = {
    status: {"description": meaning, "model": Failure} for status, meaning in _MEANINGS.items()
}
"""The failures of a route, for OpenAPI."""


class ApiError(ShoptalkError):
    """A request to the API cannot be served.

    Args:
        status: the HTTP status.
        reason: Rasa's word for the kind of failure.
        message: what is wrong.
        details: more for machines.
    """

    def __init__(self, status: int, reason: str, message: str, details: dict[str, Any] | None = None) -> None:
        super().__init__(message)
        self.status, self.reason, self.details = status, reason, details or {}


def body(status: int, reason: str, message: str, code: str, hint: str = "", **details: Any) -> dict[str, Any]:
    """The JSON of a failure: Rasa's keys, and `error` with a code and a hint."""
    return {
        "version": shoptalk.__version__,
        "status": "failure",
        "message": message,
        "reason": reason,
        "details": details,
        "help": None,
        "code": status,
        "error": {"code": code, "message": message, "hint": hint},
    }


def answer(error: ShoptalkError) -> JSONResponse:
    """The answer an error stands for."""
    if isinstance(error, ApiError):
        content = body(error.status, error.reason, error.message, error.reason, **error.details)
        return JSONResponse(content, error.status)
    status = next(code for kind, code in STATUS if isinstance(error, kind))
    headers = {"Retry-After": str(RETRY_AFTER_S[status])} if status in RETRY_AFTER_S else {}
    content = body(status, type(error).__name__, error.message, error.code, error.hint)
    return JSONResponse(content, status, headers=headers)


def install(app: FastAPI) -> None:
    """Give an app the handlers."""

    @app.exception_handler(ShoptalkError)
    async def known(request: Request, error: ShoptalkError) -> JSONResponse:
        level = logging.WARNING if isinstance(error, StoreError | ActionError) else logging.INFO
        logger.log(level, "request.failed %s %s: %s", request.method, request.url.path, error.code)
        return answer(error)

    @app.exception_handler(RequestValidationError)
    async def invalid(request: Request, error: RequestValidationError) -> JSONResponse:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"])
        return JSONResponse(body(400, "BadRequest", f"{place}: {first['msg']}", "bad_request"), 400)

    @app.exception_handler(HTTPException)
    async def plain(request: Request, error: HTTPException) -> JSONResponse:
        content = body(error.status_code, "HttpError", str(error.detail), "http")
        return JSONResponse(content, error.status_code, headers=error.headers)

    @app.exception_handler(Exception)
    async def unknown(request: Request, error: Exception) -> JSONResponse:
        logger.error(
            "request.crashed %s %s: %s",
            request.method,
            request.url.path,
            type(error).__name__,
            exc_info=error,
        )
        return JSONResponse(body(500, "InternalError", "Something went wrong here.", "internal"), 500)

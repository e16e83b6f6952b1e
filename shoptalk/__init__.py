"""Shoptalk: conversational customer service that is trained, not prompted.

The public names below are imported when first used, so that `import shoptalk` stays fast.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from shoptalk.assistant import Assistant
    from shoptalk.core.domain import Domain
    from shoptalk.core.messages import UserMessage
    from shoptalk.core.tracker import Tracker
    from shoptalk.training.train import train

__version__ = "0.1.0"

__all__ = ["Assistant", "Domain", "Tracker", "UserMessage", "load", "train"]

_HOMES = {
    "Assistant": "shoptalk.assistant",
    "Domain": "shoptalk.core.domain",
    "Tracker": "shoptalk.core.tracker",
    "UserMessage": "shoptalk.core.messages",
    "load": "shoptalk.assistant",
    "train": "shoptalk.training.train",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'shoptalk' has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return sorted([*globals(), *_HOMES])

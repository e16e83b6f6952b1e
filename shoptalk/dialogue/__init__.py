"""Tracker to next action: dialogue states, training conversations, policies and how they are combined.

`Dialogue` builds, trains, asks, saves and loads the policies of a project.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from shoptalk.dialogue.engine import Dialogue
    from shoptalk.dialogue.policies.base import Opinion, Policy, Prediction, Reason

__all__ = ["Dialogue", "Opinion", "Policy", "Prediction", "Reason"]


def __getattr__(name: str) -> Any:
    if name == "Dialogue":
        from shoptalk.dialogue.engine import Dialogue

        return Dialogue
    if name in __all__:
        from shoptalk.dialogue.policies import base

        return getattr(base, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")

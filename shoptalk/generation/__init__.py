"""Language models that help an action put something into words, and the guard between them and the shopper."""

from __future__ import annotations

from shoptalk.generation.base import ChatMessage, LanguageModel, Limits, ScriptedModel
from shoptalk.generation.build import build_generator
from shoptalk.generation.generator import GuardedGenerator
from shoptalk.generation.guard import Guard, Verdict

__all__ = [
    "ChatMessage",
    "Guard",
    "GuardedGenerator",
    "LanguageModel",
    "Limits",
    "ScriptedModel",
    "Verdict",
    "build_generator",
]

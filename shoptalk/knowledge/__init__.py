"""A shop's knowledge: documents, a searchable index of them, and answers that name their source."""

from __future__ import annotations

from shoptalk.knowledge.answers import Answer
from shoptalk.knowledge.documents import Document
from shoptalk.knowledge.index import Hit, KnowledgeIndex

__all__ = ["Answer", "Document", "Hit", "KnowledgeIndex"]

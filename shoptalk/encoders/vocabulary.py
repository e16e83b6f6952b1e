"""Which words a pretrained encoder's vocabulary has whole."""

from __future__ import annotations

import json

from shoptalk.encoders.locate import find_model
from shoptalk.errors import ComponentError

BEGINS = "\u2581"
"""How SentencePiece marks a piece that begins a word; WordPiece marks the others, with `##`."""


def whole_words(name: str, *, offline: bool = True) -> frozenset[str]:
    """Pieces that are words of their own.

    Args:
        name: of the encoder, as for `load_encoder`.
        offline: do not ask the hub.

    Raises:
        ComponentError: there is no such encoder, or its vocabulary is of another kind.
    """
    path = find_model(name, offline=offline).path / "tokenizer.json"
    try:
        model = json.loads(path.read_text(encoding="utf-8"))["model"]
        pieces = (
            model["vocab"] if isinstance(model["vocab"], dict) else [piece for piece, _ in model["vocab"]]
        )
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ComponentError(f"The vocabulary of the encoder {name!r} cannot be read: {error}.") from error
    if any(piece.startswith(BEGINS) for piece in pieces):
        return frozenset(piece[1:] for piece in pieces if piece.startswith(BEGINS))
    return frozenset(piece for piece in pieces if not piece.startswith("##"))

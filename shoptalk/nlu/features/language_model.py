"""LanguageModelFeaturizer: Rasa's keys for BertFeaturizer."""

from __future__ import annotations

import logging
from typing import Any, Self

from shoptalk.archive import Saved
from shoptalk.errors import ComponentError
from shoptalk.nlu.features.bert import BertFeaturizer
from shoptalk.nlu.options import COMMON

logger = logging.getLogger(__name__)

WEIGHTS = {
    "bert": "rasa/LaBSE",
    "gpt": "openai-gpt",
    "gpt2": "gpt2",
    "xlnet": "xlnet-base-cased",
    "distilbert": "distilbert-base-uncased",
    "roberta": "roberta-base",
    "camembert": "camembert-base",
}
"""What Rasa takes when `model_weights` is not set."""

_RASA_KEYS = ("model_name", "model_weights", "cache_dir", "from_pt")


class LanguageModelFeaturizer(BertFeaturizer):
    """BertFeaturizer configured by `model_name` and `model_weights`.

    Where the weights are not on this machine, the packaged encoder for the language takes their place, and a
    warning says so: the project trains and runs all the same.
    """

    NAME = "LanguageModelFeaturizer"
    reads = ("language",)

    def __init__(self, config: dict[str, Any]) -> None:
        wanted = config.get("model_weights") or WEIGHTS.get(config.get("model_name", "bert"), "")
        ours = {key: value for key, value in config.items() if key not in (*_RASA_KEYS, "language")}
        kept = {key: config[key] for key in COMMON if key in config}
        super().__init__({**ours, **kept, "model": _present(wanted, config.get("language") or "en")})

    @classmethod
    def load(cls, config: dict[str, Any], saved: Saved) -> Self:
        """With the encoder of the training."""
        return super().load({**config, "model_weights": saved.config["model"]}, saved)


def _present(wanted: str, language: str) -> str:
    from shoptalk.encoders.locate import find_model

    try:
        return find_model(wanted).name
    except ComponentError:
        instead = "all-MiniLM-L6-v2" if language.startswith("en") else "multilingual-e5-small"
        logger.warning(
            "LanguageModelFeaturizer: %s is not on this machine; %s takes its place. Name a folder in "
            "`model_weights` to use another model.",
            wanted or "the model",
            instead,
        )
        return instead

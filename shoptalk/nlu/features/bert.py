"""BertFeaturizer: word and sentence vectors of a pretrained encoder, from one pass."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from shoptalk.archive import Saved
from shoptalk.core.training_data import TrainingData
from shoptalk.encoders import RUNTIMES, Encoded, Encoder, load_encoder, unload
from shoptalk.encoders.cache import EncodingCache, Entry, cache_key
from shoptalk.encoders.encoder import absolute_layers
from shoptalk.encoders.locate import cache_folder
from shoptalk.errors import ArchiveError, ComponentError, ConfigError
from shoptalk.nlu.component import FEATURES, TOKENS
from shoptalk.nlu.message import Features, Message, Subwords, Token
from shoptalk.nlu.options import read_options

logger = logging.getLogger(__name__)

DEFAULTS: dict[str, Any] = {
    "model": "all-MiniLM-L6-v2",
    "words": True,
    "layers": None,
    "sentence_layers": None,
    "pooling": "mean",
    "tune": 0,
    "runtime": "auto",
    "training_runtime": "torch",
    "cache": True,
    "offline": True,
}

POOLINGS = ("mean", "first")


@dataclass(frozen=True, slots=True)
class _Layers:
    """Hidden layers to ask for, and which of them (by position) serve words and sentences.

    None stands for the last layer's mean over all sub-words, special ones included, which the encoder gives itself:
    it is what sentence encoders were trained to tell texts apart by. `whole` is the layer below those to be tuned.
    """

    all: tuple[int, ...]
    words: list[int]
    sentence: list[int | None]
    whole: int | None = None


class BertFeaturizer:
    """Dense features: each word in some hidden layers, and the text as means of layers.

    Training texts are encoded by PyTorch in length-sorted batches and kept on disk; at serving time ONNX
    Runtime encodes one text at a time.

    Keys: `model` (catalogue name, folder or hub id), `words` (features of words, beside those of the sentence), `layers` (hidden layers of word features; None takes six
    spread evenly), `sentence_layers` (hidden layers whose means over the text stand side by side as sentence
    features; None takes what the catalogue says is best for the model, else the last), `pooling` of a word's sub-words (`mean` or `first`),
    `tune` (how many of the last layers JointClassifier shall tune; 0 leaves the encoder as it is), `runtime` for
    serving, `training_runtime`, `cache`, `offline`.
    """

    requires: ClassVar[tuple[str, ...]] = (TOKENS,)
    provides: ClassVar[tuple[str, ...]] = (FEATURES,)
    NAME = "BertFeaturizer"

    def __init__(self, config: dict[str, Any]) -> None:
        self.options = read_options(self.NAME, config, DEFAULTS)
        self.alias: str = config.get("alias") or self.NAME
        for key in ("runtime", "training_runtime"):
            if self.options[key] not in RUNTIMES:
                raise ConfigError(
                    f"config.yml: {self.NAME} has {key}: {self.options[key]!r}.",
                    hint=f"One of: {', '.join(RUNTIMES)}.",
                )
        if self.options["pooling"] not in POOLINGS:
            raise ConfigError(
                f"config.yml: {self.NAME} has pooling: {self.options['pooling']!r}.",
                hint=f"One of: {', '.join(POOLINGS)}.",
            )

    def train(self, data: TrainingData, messages: list[Message]) -> None:
        """Nothing to learn: the encoder stays as it is."""

    def process(self, messages: list[Message]) -> None:
        """Append one `Features`; training messages go through the cache."""
        if any(m.example is not None for m in messages):
            self._bulk(messages)
            return
        encoder = self._encoder(self.options["runtime"])
        chosen = self._layers(encoder)
        encoded = encoder.encode([m.seen.text for m in messages], chosen.all, "", chosen.whole)
        for row, message in enumerate(messages):
            below = self._below(message, encoded, row) if chosen.whole is not None else None
            self._add(message, *self._pooled(message, encoded, row, chosen), below)

    def _pooled(
        self, message: Message, encoded: Encoded, row: int, chosen: _Layers
    ) -> tuple[NDArray[Any], NDArray[Any], NDArray[Any] | None]:
        hidden = encoded.hidden[row]
        words = pool_words(
            hidden[chosen.words], encoded.offsets[row], message.seen.tokens, self.options["pooling"]
        )
        whole = [encoded.sentence[row] if n is None else _mean(hidden[n]) for n in chosen.sentence]
        return np.concatenate(whole), words, word_views(words) if self.options["words"] else None

    def _below(self, message: Message, encoded: Encoded, row: int) -> Subwords:
        if not encoded.whole:
            raise ComponentError(
                f"The layers of the encoder {self.options['model']!r} cannot be tuned.",
                hint="Remove `tune` from BertFeaturizer, or take a BERT-like encoder such as all-MiniLM-L6-v2.",
            )
        begin, end = word_ranges(encoded.offsets[row], message.seen.tokens)
        inside = np.append(encoded.inside[row], 0)  # a word without sub-words may begin after the last one
        ranges = np.stack([inside[begin], np.where(end > begin, inside[end - 1] + 1, inside[begin])], axis=1)
        return self._subwords(encoded.whole[row], ranges)

    def _subwords(self, hidden: NDArray[Any], ranges: NDArray[np.int64]) -> Subwords:
        return Subwords(self.options["model"], self.options["tune"], hidden, ranges)

    def _add(
        self,
        message: Message,
        sentence: NDArray[Any],
        words: NDArray[Any],
        views: NDArray[Any] | None,
        below: Subwords | None = None,
    ) -> None:
        row = sentence.astype(np.float32, copy=False)[None]
        tokens, layers = (words[-1], words) if self.options["words"] else (None, None)
        message.features.append(Features(self.alias, tokens, row, layers, below, views))

    def _bulk(self, messages: list[Message]) -> None:
        encoder = self._encoder(self.options["training_runtime"])
        chosen = self._layers(encoder)
        space = "|".join(
            (encoder.fingerprint, str(chosen), self.options["pooling"], self.options["training_runtime"], "3")
        )
        folder = cache_folder() / "vectors"
        cache = EncodingCache(folder, space) if self.options["cache"] else None
        lower = EncodingCache(folder, f"{space}|below") if cache and chosen.whole is not None else None
        keys = [cache_key(m.text, [(t.start, t.end) for t in m.tokens]) for m in messages]
        found, below = _kept(cache, keys), _kept(lower, keys)
        missing = {
            key: message
            for key, message in zip(keys, messages, strict=True)
            if key not in found or (chosen.whole is not None and key not in below)
        }
        fresh, fresh_below = self._encode_missing(encoder, chosen, missing)
        for where, entries in ((cache, fresh), (lower, fresh_below)):
            if where is not None:
                where.add(entries)
        found.update(fresh)
        below.update(fresh_below)
        for key, message in zip(keys, messages, strict=True):
            entry = below.get(key)
            subwords = None
            if entry is not None:
                subwords = self._subwords(entry.words[0], entry.sentence.astype(np.int64).reshape(-1, 2))
            kept = found[key]
            self._add(message, kept.sentence, kept.words, kept.views, subwords)

    def _encode_missing(
        self, encoder: Encoder, chosen: _Layers, missing: dict[str, Message]
    ) -> tuple[dict[str, Entry], dict[str, Entry]]:
        """Entries of messages, and the input of the layers to be tuned as entries (word ranges and sub-words)."""
        fresh: dict[str, Entry] = {}
        below: dict[str, Entry] = {}
        items = list(missing.items())
        for begin in range(0, len(items), 2048):
            part = items[begin : begin + 2048]
            encoded = encoder.encode([m.text for _, m in part], chosen.all, "", chosen.whole)
            for row, (key, message) in enumerate(part):
                sentence, words, views = self._pooled(message, encoded, row, chosen)
                fresh[key] = Entry(
                    sentence.astype(np.float16),
                    words.astype(np.float16),
                    None if views is None else views.astype(np.float16),
                )
                if chosen.whole is not None:
                    found = self._below(message, encoded, row)
                    ranges = found.ranges.ravel().astype(np.float16)  # exact up to 2048
                    below[key] = Entry(ranges, found.hidden[None].astype(np.float16))
        return fresh, below

    def _encoder(self, runtime: str) -> Encoder:
        return load_encoder(self.options["model"], runtime, offline=self.options["offline"])

    def _layers(self, encoder: Encoder) -> _Layers:
        count = encoder.layers
        spread = sorted({max(1, round(count * part / 6)) for part in range(1, 7)})
        words = self._numbers("layers", count, spread) if self.options["words"] else ()
        sentence = self._numbers("sentence_layers", count, encoder.sentence_layers)
        every = tuple(sorted({*words, *sentence}))
        places = [None if n == count else every.index(n) for n in sentence]
        tune = self.options["tune"]
        if not 0 <= tune <= count:
            raise ConfigError(
                f"config.yml: {self.NAME} has tune: {tune!r}.",
                hint=f"Give a number of layers from 0 to {count}.",
            )
        return _Layers(every, [every.index(n) for n in words], places, count - tune if tune else None)

    def _numbers(self, key: str, count: int, default: Sequence[int]) -> tuple[int, ...]:
        wanted = default if self.options[key] is None else self.options[key]
        try:
            return absolute_layers(wanted, count)
        except (ValueError, TypeError) as error:
            raise ConfigError(
                f"config.yml: {self.NAME} has {key}: {wanted!r}.",
                hint=f"Give a list of numbers from 0 to {count}, or negative ones counted from the last.",
            ) from error

    def finish_training(self) -> None:
        """Free the training runtime."""
        unload(self.options["training_runtime"])

    def save(self) -> Saved:
        """Which encoder it was; not the encoder itself."""
        from shoptalk.encoders.locate import find_model

        model = find_model(self.options["model"], offline=self.options["offline"])
        return Saved({"model": model.name, "fingerprint": model.fingerprint}, {})

    @classmethod
    def load(cls, config: dict[str, Any], saved: Saved) -> Self:
        """Check that the encoder on this machine is the one of the training, and warm it up.

        Raises:
            ArchiveError: it is another one.
        """
        component = cls(config)
        encoder = component._encoder(component.options["runtime"])
        if encoder.fingerprint != saved.config["fingerprint"]:
            raise ArchiveError(
                f"The model was trained with another version of the encoder {saved.config['model']!r}.",
                hint="Install the same encoder package, or train again.",
            )
        encoder.encode(["warm up"], component._layers(encoder).all, "")
        return component


def _kept(cache: EncodingCache | None, keys: Sequence[str]) -> dict[str, Entry]:
    if cache is None:
        return {}
    entries = ((key, cache.get(key)) for key in dict.fromkeys(keys))
    return {key: entry for key, entry in entries if entry is not None}


def _mean(layer: NDArray[Any]) -> NDArray[Any]:
    """Mean over sub-words; zero without any."""
    return layer.mean(axis=0) if len(layer) else np.zeros(layer.shape[1], layer.dtype)


def word_views(words: NDArray[Any]) -> NDArray[Any]:
    """(V, H) looks at a text through its words in some layers, (L, T, H): the last layer's largest values, and where
    there is more than one layer the mean over the words in the middle one."""
    depth, count, width = words.shape
    out = np.zeros((2 if depth > 1 else 1, width), words.dtype)
    if count:
        out[0] = words[-1].max(axis=0)
        if depth > 1:
            out[1] = words[(depth - 1) // 2].mean(axis=0)
    return out


def word_ranges(
    offsets: NDArray[np.int64], tokens: Sequence[Token]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """(W,) and (W,): where among the sub-words those of each word begin and end."""
    first = np.searchsorted(offsets[:, 1], [t.start for t in tokens], side="right")
    last = np.searchsorted(offsets[:, 0], [t.end for t in tokens], side="left")
    return first, last


def pool_words(
    hidden: NDArray[Any], offsets: NDArray[np.int64], tokens: Sequence[Token], pooling: str
) -> NDArray[Any]:
    """Vectors of words from vectors of sub-words.

    A word takes the mean (or the first) of the sub-words that overlap it; a sub-word that covers several words,
    as in Chinese, gives itself to each. A word without any (truncated, unknown) is zero.

    Args:
        hidden: (L, S, H).
        offsets: (S, 2) half-open character offsets, ascending.
        tokens: the words.
        pooling: `mean` or `first`.

    Returns:
        (L, W, H).
    """
    out = np.zeros((hidden.shape[0], len(tokens), hidden.shape[2]), hidden.dtype)
    if not len(offsets):
        return out
    first, last = word_ranges(offsets, tokens)
    for word, (begin, end) in enumerate(zip(first.tolist(), last.tolist(), strict=True)):
        if end == begin + 1 or (end > begin and pooling == "first"):
            out[:, word] = hidden[:, begin]
        elif end > begin:
            out[:, word] = hidden[:, begin:end].mean(axis=1)
    return out

"""The same networks in numpy, for serving without torch. Checked against the PyTorch modules in the tests."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
Ints = NDArray[np.int64]


def softmax(x: Floats) -> Floats:
    """Over the last axis."""
    e = np.exp(x - x.max(axis=-1, keepdims=True))
    out: Floats = e / e.sum(axis=-1, keepdims=True)
    return out


def layer_norm(x: Floats, gain: Floats, shift: Floats, epsilon: float = 1e-5) -> Floats:
    """Over the last axis."""
    centred = x - x.mean(axis=-1, keepdims=True)
    out: Floats = (
        centred / np.sqrt(np.mean(centred * centred, axis=-1, keepdims=True) + epsilon) * gain + shift
    )
    return out


def gelu(x: Floats) -> Floats:
    """x times the normal distribution function of x; error below 2e-7.

    Source: Abramowitz and Stegun, Handbook of Mathematical Functions, 7.1.26.
    """
    z = np.abs(x) * np.float32(0.7071067811865476)
    t = 1.0 / (1.0 + np.float32(0.3275911) * z)
    poly = t * (0.254829592 + t * (-0.284496736 + t * (1.421413741 + t * (-1.453152027 + t * 1.061405429))))
    erf = np.copysign(1.0 - poly * np.exp(-z * z), x)
    out: Floats = (0.5 * x * (1.0 + erf)).astype(np.float32)
    return out


@lru_cache(maxsize=256)
def sinusoids(length: int, width: int, scale: float = 0.1) -> Floats:
    """(length, width) position vectors, half sines, half cosines."""
    rates = np.exp(np.arange(0, width, 2) * (-np.log(10_000.0) / width))
    angles = np.arange(length)[:, None] * rates
    out: Floats = (scale * np.concatenate([np.sin(angles), np.cos(angles)], axis=1)).astype(np.float32)
    return out


def attention(x: Floats, heads: int, weight: Floats, bias: Floats) -> Floats:
    """Self-attention of one text before its output projection.

    Shapes: x (T, H), weight (H, 3H), bias (3H,); returns (T, H).
    """
    length, hidden = x.shape
    size = hidden // heads
    q, k, v = (x @ weight + bias).reshape(length, 3, heads, size).transpose(1, 2, 0, 3)  # (heads, T, d)
    scores = softmax((q @ k.transpose(0, 2, 1)) * np.float32(size**-0.5))
    out: Floats = (scores @ v).transpose(1, 0, 2).reshape(length, hidden)
    return out


@dataclass(frozen=True, slots=True)
class Tagging:
    """Best tags of a text and how sure each is.

    Args:
        tags: (T,) the best sequence.
        marginals: (T, K) probability of each tag at each word.
        votes: (labels,) logits of intents, if the network votes on them.
    """

    tags: Ints
    marginals: Floats
    votes: Floats | None = None


class TaggerRunner:
    """A trained tagger; `state` is its PyTorch state_dict as arrays."""

    def __init__(self, state: Mapping[str, NDArray[Any]], heads: int) -> None:
        self._heads = heads
        kept = {n: v for n, v in state.items() if n != "crf.allowed" and not n.startswith("upper.")}
        p = {name: np.asarray(value, np.float32) for name, value in kept.items()}
        self._p = {n: np.ascontiguousarray(v.T) if v.ndim == 2 and _is_linear(n) else v for n, v in p.items()}
        self._mix = softmax(p["mix"]) if "mix" in p else None
        allowed = np.asarray(state["crf.allowed"]).astype(bool)
        self._crf = CrfRunner(np.where(allowed, p["crf.transitions"], -1e4), p["crf.start"], p["crf.end"])

    def run(
        self, vectors: NDArray[Any] | None, columns: Ints, offsets: Ints, sentence: Floats | None = None
    ) -> Tagging:
        """Tag one text.

        Shapes: vectors (L, T, width) or None; columns (M,), offsets (T + 1,); sentence (H,) the mean over the tuned
        layers' last, where there are such.
        """
        p = self._p
        x = np.add.reduceat(p["bag.weight"][columns], offsets[:-1], axis=0)  # (T, hidden); no word is without
        if vectors is not None and self._mix is not None:
            mixed = np.tensordot(self._mix, vectors, axes=1).astype(np.float32)
            x = x + mixed @ p["project.weight"] + p["project.bias"]
        x = x + sinusoids(*x.shape)
        normed = layer_norm(x, p["norm1.weight"], p["norm1.bias"])
        mixed = attention(normed, self._heads, p["qkv.weight"], p["qkv.bias"])
        x = x + mixed @ p["out.weight"] + p["out.bias"]
        wide = gelu(layer_norm(x, p["norm2.weight"], p["norm2.bias"]) @ p["wide.weight"] + p["wide.bias"])
        x = x + wide @ p["narrow.weight"] + p["narrow.bias"]
        final = layer_norm(x, p["norm3.weight"], p["norm3.bias"])
        found = self._crf.decode(final @ p["emit.weight"] + p["emit.bias"])
        return replace(found, votes=self._vote(final, sentence)) if "vote.weight" in p else found

    def _vote(self, words: Floats, sentence: Floats | None) -> Floats:
        p = self._p
        share = softmax((words @ p["weigh.weight"] + p["weigh.bias"])[:, 0])
        parts = [share @ words, words.max(axis=0)]
        if sentence is not None:
            parts.append(layer_norm(sentence, np.ones_like(sentence), np.zeros_like(sentence)))
        pooled = np.concatenate(parts)
        out: Floats = pooled @ p["vote.weight"] + p["vote.bias"]
        return out


def _is_linear(name: str) -> bool:
    return name.endswith(".weight") and not name.startswith("bag")


class CrfRunner:
    """Viterbi and forward-backward of a linear-chain CRF."""

    def __init__(self, transitions: Floats, start: Floats, end: Floats) -> None:
        self._transitions = np.ascontiguousarray(transitions, np.float32)
        self._moves = np.exp(self._transitions)
        self._start, self._end = start, end

    def decode(self, emissions: Floats) -> Tagging:
        """Best sequence and marginal probabilities of (T, K) emissions."""
        return Tagging(self._viterbi(emissions), self._marginals(emissions))

    def _viterbi(self, emissions: Floats) -> Ints:
        length, tags = emissions.shape
        back = np.empty((length, tags), np.int64)
        score = self._start + emissions[0]
        for step in range(1, length):
            paths = score[:, None] + self._transitions
            back[step] = paths.argmax(axis=0)
            score = paths.max(axis=0) + emissions[step]
        best = np.empty(length, np.int64)
        best[-1] = int((score + self._end).argmax())
        for step in range(length - 1, 0, -1):
            best[step - 1] = back[step, best[step]]
        return best

    def _marginals(self, emissions: Floats) -> Floats:
        length = len(emissions)
        scores = np.exp(emissions - emissions.max(axis=1, keepdims=True)).astype(np.float64)
        forward, backward = np.empty_like(scores), np.empty_like(scores)
        first = np.exp(self._start - self._start.max()) * scores[0]
        forward[0] = first / first.sum()
        for step in range(1, length):
            row = (forward[step - 1] @ self._moves) * scores[step]
            forward[step] = row / row.sum()
        last = np.exp(self._end - self._end.max())
        backward[-1] = last / last.sum()
        for step in range(length - 2, -1, -1):
            row = self._moves @ (scores[step + 1] * backward[step + 1])
            backward[step] = row / row.sum()
        joint = forward * backward
        out: Floats = (joint / joint.sum(axis=1, keepdims=True)).astype(np.float32)
        return out

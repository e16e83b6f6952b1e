"""Which columns of an encoder's activations dwarf the rest, so that 8 bits cannot hold both.

They are the same in every text (Dettmers et al., arXiv 2208.07339), so a few runs of words drawn from the vocabulary
show them, and no text is needed.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from shoptalk.encoders.weights import RELATIVE, EncoderWeights, Floats, layer_norm
from shoptalk.networks.relative import relative_bias

Columns = dict[str, NDArray[np.int64]]
Feed = dict[str, NDArray[Any]]

WIDE = 512
"""Only vectors longer than this have such columns."""
MOST = 4
"""So many of one product's at most; twice as many are no better."""
TIMES = 4.0
"""They are so many times as large as the usual column."""
LENGTHS = (2, 4, 8, 12, 16, 24, 32, 48)
"""Of the runs, in words."""


def large_columns(weights: EncoderWeights) -> Columns:
    """The products of the graph whose source has such columns, by name, and which those are."""
    if weights.shape.hidden <= WIDE:
        return {}
    feeds = list(_runs(weights))
    found: Columns = {}
    for layer in range(weights.shape.layers):
        for product, largest in _largest(weights, layer, feeds).items():
            chosen = _beyond(largest)
            if len(chosen):
                found[product] = chosen
    return found


def _largest(weights: EncoderWeights, layer: int, feeds: Sequence[Feed]) -> dict[str, Floats]:
    """What the columns of each product's source reach; `feeds` go on to the next layer.

    A layer at a time, as all of them in 32 bits would take four times the memory of the served graph.
    """
    from onnx import TensorProto, helper

    from shoptalk.encoders.onnx_graph import PRODUCT, build_graph
    from shoptalk.encoders.onnx_runtime import open_session

    model = build_graph(weights, quantised=False, layers=range(layer, layer + 1))
    sources = {n.name.removesuffix(PRODUCT): n.input[0] for n in model.graph.node if n.name.endswith(PRODUCT)}
    inner = [name for name in sources.values() if name != "x"]
    names = [model.graph.output[0].name, *inner]
    model.graph.output.extend(helper.make_tensor_value_info(name, TensorProto.FLOAT, None) for name in inner)
    session = open_session(model.SerializeToString())
    tops: dict[str, list[Floats]] = {source: [] for source in sources.values()}
    for feed in feeds:
        after, *values = session.run(names, feed)
        for source, value in zip(("x", *inner), (feed["x"], *values), strict=True):
            tops[source].append(np.abs(value).max(axis=(0, 1)))
        feed["x"] = after
    return {product: np.max(tops[source], axis=0) for product, source in sources.items()}


def _beyond(largest: Floats) -> NDArray[np.int64]:
    order = np.argsort(-largest)[:MOST]
    return order[largest[order] > TIMES * np.median(largest)]


def _runs(weights: EncoderWeights) -> Iterator[Feed]:
    words, places = weights.tensors["embeddings.word_embeddings.weight"], weights.positions()
    norm = [weights.get(f"embeddings.LayerNorm.{part}") for part in ("weight", "bias")]
    random = np.random.default_rng(0)
    for length in (min(length, len(places)) for length in LENGTHS):
        x = words[random.integers(0, len(words), length)].astype(np.float32) + places[:length]
        feed: Feed = {
            "x": layer_norm(x, norm[0], norm[1], weights.shape.epsilon)[None],
            "mask": np.ones((1, length), np.int32),
        }
        if weights.shape.buckets:
            feed["bias"] = relative_bias(weights.get(RELATIVE), length)[None]
        yield feed

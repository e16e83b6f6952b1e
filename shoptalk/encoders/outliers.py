"""Which columns of an encoder's activations dwarf the rest, so that 8 bits cannot hold both.

They are the same in every text (Dettmers et al., arXiv 2208.07339), so a few runs of words drawn from the vocabulary
show them, and no text is needed.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from shoptalk.encoders.weights import RELATIVE, EncoderWeights, Floats, layer_norm
from shoptalk.networks.relative import relative_bias

Columns = dict[str, NDArray[np.int64]]

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
    from onnx import TensorProto, helper

    from shoptalk.encoders.onnx_graph import PRODUCT, build_graph
    from shoptalk.encoders.onnx_runtime import open_session

    if weights.shape.hidden <= WIDE:
        return {}
    model = build_graph(weights, quantised=False)
    sources = {n.name.removesuffix(PRODUCT): n.input[0] for n in model.graph.node if n.name.endswith(PRODUCT)}
    inner = [name for name in sources.values() if name != "x"]
    model.graph.ClearField("output")
    model.graph.output.extend(helper.make_tensor_value_info(name, TensorProto.FLOAT, None) for name in inner)
    session = open_session(model.SerializeToString())
    largest: dict[str, Floats] = {}
    for feed in _runs(weights):
        found = dict(zip(inner, session.run(inner, feed), strict=True))
        for name, value in {"x": feed["x"], **found}.items():
            top = np.abs(value).max(axis=(0, 1))
            largest[name] = np.maximum(largest.get(name, top), top)
    columns = {product: _beyond(largest[source]) for product, source in sources.items()}
    return {product: chosen for product, chosen in columns.items() if len(chosen)}


def _beyond(largest: Floats) -> NDArray[np.int64]:
    order = np.argsort(-largest)[:MOST]
    return order[largest[order] > TIMES * np.median(largest)]


def _runs(weights: EncoderWeights) -> Iterator[dict[str, NDArray[np.generic]]]:
    words, places = weights.tensors["embeddings.word_embeddings.weight"], weights.positions()
    norm = [weights.get(f"embeddings.LayerNorm.{part}") for part in ("weight", "bias")]
    random = np.random.default_rng(0)
    for length in (min(length, len(places)) for length in LENGTHS):
        x = words[random.integers(0, len(words), length)].astype(np.float32) + places[:length]
        feed: dict[str, NDArray[np.generic]] = {
            "x": layer_norm(x, norm[0], norm[1], weights.shape.epsilon)[None],
            "mask": np.ones((1, length), np.int32),
        }
        if weights.shape.buckets:
            feed["bias"] = relative_bias(weights.get(RELATIVE), length)[None]
        yield feed

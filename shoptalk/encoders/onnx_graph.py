"""Writes the transformer layers of a BERT-like encoder as an ONNX graph, 32-bit or 8-bit.

The graph begins after the embeddings: those are looked up by numpy in a memory-mapped 16-bit table, so that of
a 250,000-word vocabulary only the rows in use are ever in memory. 8-bit means ONNX Runtime's dynamic
quantisation, one scale per output column of a weight, activations per tensor (Jacob et al., arXiv 1712.05877).
Encoders of base size and larger have single activations that dwarf the rest: the few columns where those appear stay
in 32 bits (Dettmers et al., arXiv 2208.07339); `outliers` says which.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from shoptalk.encoders.outliers import Columns, large_columns
from shoptalk.encoders.weights import EncoderWeights, Floats

_MICROSOFT = "com.microsoft"

PRODUCT = ".product"
"""Names of the 32-bit products end so."""


class _Graph:
    """Nodes and constants under construction."""

    def __init__(self, quantised: bool, bits: int, exact: Columns) -> None:
        self.quantised = quantised
        self.exact = exact
        self.top = 2 ** (bits - 1) - 1
        self.nodes: list[Any] = []
        self.constants: list[Any] = []

    def constant(self, name: str, value: Any) -> str:
        from onnx import numpy_helper

        self.constants.append(numpy_helper.from_array(value, name))
        return name

    def node(self, op: str, inputs: list[str], output: str, *, domain: str = "", **attributes: Any) -> str:
        from onnx import helper

        self.nodes.append(helper.make_node(op, inputs, [output], name=output, domain=domain, **attributes))
        return output

    def linear(self, source: str, weight: Floats, bias: Floats, output: str) -> str:
        """`source` times `weight` (in, out) plus `bias`."""
        b = self.constant(f"{output}.bias", bias)
        if not self.quantised:
            w = self.constant(f"{output}.weight", weight)
            return self.node("Add", [self.node("MatMul", [source, w], f"{output}{PRODUCT}"), b], output)
        large = self.exact.get(output)
        if large is None:
            return self._rounded(source, weight, b, output)
        keep = np.ones(len(weight), np.float32)
        keep[large] = 0.0
        few = self.node("Gather", [source, self.constant(f"{output}.large", large)], f"{output}.few", axis=2)
        exact = self.node("MatMul", [few, self.constant(f"{output}.top", weight[large])], f"{output}.exact")
        rest = self.node("Mul", [source, self.constant(f"{output}.keep", keep)], f"{output}.rest")
        rounded = self._rounded(rest, weight * keep[:, None], b, f"{output}.rounded")
        return self.node("Add", [rounded, exact], output)

    def _rounded(self, source: str, weight: Floats, bias: str, output: str) -> str:
        scale = np.maximum(np.abs(weight).max(axis=0) / self.top, 1e-12).astype(np.float32)
        rounded = np.clip(np.rint(weight / scale), -self.top, self.top).astype(np.int8)
        w = self.constant(f"{output}.weight", rounded)
        s = self.constant(f"{output}.scale", scale)
        zero = self.constant(f"{output}.zero", np.zeros(len(scale), np.int8))
        return self.node("DynamicQuantizeMatMul", [source, w, s, zero, bias], output, domain=_MICROSOFT)


def write_graph(weights: EncoderWeights, target: Path, *, quantised: bool, bits: int = 8) -> None:
    """Write the graph that `build_graph` makes to the .onnx file `target`."""
    import onnx

    exact = large_columns(weights) if quantised else None
    onnx.save(build_graph(weights, quantised=quantised, bits=bits, exact=exact), str(target))


def build_graph(
    weights: EncoderWeights,
    *,
    quantised: bool,
    bits: int = 8,
    exact: Columns | None = None,
    layers: range | None = None,
) -> Any:
    """The layers as an ONNX model.

    Inputs: `x` (B, T, H) normalised embeddings, `mask` (B, T) int32, 1 where a token is, and for an encoder with
    biases by distance `bias` (1, heads, T, T). Outputs: `layer_1` … `layer_N`, each (B, T, H).

    Args:
        weights: of the encoder.
        quantised: 8-bit weights in place of 32-bit ones.
        bits: 7 where the processor adds 8-bit products with saturation (x86 without VNNI).
        exact: columns that stay in 32 bits, by the name of the product.
        layers: which to take; all without it.
    """
    from onnx import TensorProto, helper

    shape = weights.shape
    graph = _Graph(quantised, bits, exact or {})
    x = "x"
    outputs = []
    for layer in layers or range(shape.layers):
        x = _layer(graph, weights, layer, x)
        outputs.append(helper.make_tensor_value_info(x, TensorProto.FLOAT, ["B", "T", shape.hidden]))
    inputs = [
        helper.make_tensor_value_info("x", TensorProto.FLOAT, ["B", "T", shape.hidden]),
        helper.make_tensor_value_info("mask", TensorProto.INT32, ["B", "T"]),
    ]
    if shape.buckets:
        sizes: list[str | int | None] = [1, shape.heads, "T", "T"]
        inputs.append(helper.make_tensor_value_info("bias", TensorProto.FLOAT, sizes))
    made = helper.make_graph(graph.nodes, "encoder", inputs, outputs, graph.constants)
    opsets = [helper.make_opsetid("", 17), helper.make_opsetid(_MICROSOFT, 1)]
    return helper.make_model(made, opset_imports=opsets, ir_version=9)


def _layer(graph: _Graph, weights: EncoderWeights, layer: int, x: str) -> str:
    shape = weights.shape
    base = f"encoder.layer.{layer}."
    parts = [base + f"attention.self.{name}" for name in ("query", "key", "value")]
    joined = np.concatenate([weights.get(f"{part}.weight") for part in parts]).T
    bias = np.concatenate([weights.get(f"{part}.bias") for part in parts])
    qkv = graph.linear(x, np.ascontiguousarray(joined), bias, f"qkv_{layer}")
    names = [f"{name}_{layer}" for name in "qkv"]
    _split(graph, qkv, names, shape.hidden)
    attended = graph.node(
        "MultiHeadAttention",
        [*names, "", "mask", *(["bias"] if shape.buckets else [])],
        f"attended_{layer}",
        domain=_MICROSOFT,
        num_heads=shape.heads,
    )
    projected = _dense(graph, weights, attended, base + "attention.output.dense", f"projected_{layer}")
    middle = _norm(graph, weights, projected, x, base + "attention.output.LayerNorm", f"middle_{layer}")
    wide = _dense(graph, weights, middle, base + "intermediate.dense", f"wide_{layer}")
    active = graph.node("Gelu", [wide], f"active_{layer}", domain=_MICROSOFT)
    narrow = _dense(graph, weights, active, base + "output.dense", f"narrow_{layer}")
    return _norm(graph, weights, narrow, middle, base + "output.LayerNorm", f"layer_{layer + 1}")


def _split(graph: _Graph, source: str, names: list[str], width: int) -> None:
    from onnx import helper

    sizes = graph.constant(f"{names[0]}.sizes", np.full(3, width, np.int64))
    graph.nodes.append(helper.make_node("Split", [source, sizes], names, name=f"{names[0]}.split", axis=2))


def _dense(graph: _Graph, weights: EncoderWeights, source: str, name: str, output: str) -> str:
    matrix = np.ascontiguousarray(weights.get(f"{name}.weight").T)
    return graph.linear(source, matrix, weights.get(f"{name}.bias"), output)


def _norm(graph: _Graph, weights: EncoderWeights, source: str, skip: str, name: str, output: str) -> str:
    gain = graph.constant(f"{output}.gain", weights.get(f"{name}.weight"))
    shift = graph.constant(f"{output}.shift", weights.get(f"{name}.bias"))
    total = graph.node("Add", [source, skip], f"{output}.sum")
    return graph.node(
        "LayerNormalization", [total, gain, shift], output, axis=-1, epsilon=weights.shape.epsilon
    )

"""The encoder that serves: ONNX Runtime, one thread, no torch."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from shoptalk.encoders.encoder import Encoded, absolute_layers
from shoptalk.encoders.locate import ModelFolder, cache_folder
from shoptalk.encoders.tokenization import Pieces, SubwordTokenizer
from shoptalk.encoders.weights import RELATIVE, EncoderWeights, Floats, layer_norm, read_weights
from shoptalk.networks.relative import relative_bias

GRAPH_VERSION = 5
"""Raised when the written files change, so that older ones in the cache are not used."""

SLOW_FUSIONS = ["SkipLayerNormFusion"]
"""A sum and its normalisation in one node take seven times as long on a CPU as the two of them."""


class OnnxEncoder:
    """Encodes one text at a time.

    8-bit activations are scaled per tensor, so a batch mate would change a text's vectors, and on one core
    batching unsorted live traffic is slower than taking texts one by one.

    Args:
        folder: the model.
        quantised: 8-bit weights (`int8`), else 32-bit.
        threads: of one inference.
    """

    def __init__(self, folder: ModelFolder, *, quantised: bool = True, threads: int = 1) -> None:
        files = exported_files(folder, quantised)
        self.name, self.fingerprint = folder.name, folder.fingerprint
        self.sentence_layers = folder.sentence_layers
        self._words: NDArray[Any] = np.load(files / "words.npy", mmap_mode="r")
        extra = np.load(files / "extra.npz")
        self._positions: Floats = extra["positions"]
        self._gain: Floats = extra["gain"]
        self._shift: Floats = extra["shift"]
        self._epsilon = float(extra["epsilon"])
        self._relative: Floats = extra["relative"]
        self.layers = int(extra["layers"])
        self.width = int(self._words.shape[1])
        self._session = open_session(files / "graph.onnx", threads)
        self._tokenizer = SubwordTokenizer(folder.path / "tokenizer.json", len(self._positions))
        self._prefix = folder.prefix

    def encode(
        self,
        texts: Sequence[str],
        layers: Sequence[int] = (-1,),
        prefix: str | None = None,
        whole: int | None = None,
    ) -> Encoded:
        """Encode texts one by one."""
        prefix = self._prefix if prefix is None else prefix
        wanted = absolute_layers(layers, self.layers)
        sentence = np.empty((len(texts), self.width), np.float32)
        hidden, full, every = [], [], []
        for row, text in enumerate(texts):
            pieces = self._tokenizer.encode(text, prefix)
            outputs = self._run(pieces, wanted if whole is None else (*wanted, whole))
            sentence[row] = outputs[f"layer_{self.layers}"][0].mean(axis=0)
            hidden.append(np.stack([outputs[f"layer_{layer}"][0, pieces.inside] for layer in wanted]))
            if whole is not None:
                full.append(outputs[f"layer_{whole}"][0])
            every.append(pieces)
        return Encoded(sentence, hidden, [p.offsets for p in every], full, [p.inside for p in every])

    def _run(self, pieces: Pieces, wanted: Sequence[int]) -> dict[str, Floats]:
        x = self._embed(pieces.ids)
        names = list(dict.fromkeys(f"layer_{layer}" for layer in (*wanted, self.layers) if layer))
        feed: dict[str, NDArray[Any]] = {"x": x[None], "mask": np.ones((1, len(pieces.ids)), np.int32)}
        if len(self._relative):
            feed["bias"] = relative_bias(self._relative, len(pieces.ids))[None]
        outputs = dict(zip(names, self._session.run(names, feed), strict=True))
        outputs["layer_0"] = x[None]
        return outputs

    def _embed(self, ids: NDArray[np.int64]) -> Floats:
        x: Floats = self._words[ids].astype(np.float32) + self._positions[: len(ids)]
        return layer_norm(x, self._gain, self._shift, self._epsilon)


def open_session(graph: Path | bytes, threads: int = 1) -> Any:
    """A session of ONNX Runtime on a file or on a graph in memory."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.log_severity_level = 3
    options.enable_mem_pattern = False
    source = graph if isinstance(graph, bytes) else str(graph)
    return onnxruntime.InferenceSession(
        source, options, providers=["CPUExecutionProvider"], disabled_optimizers=SLOW_FUSIONS
    )


def exported_files(folder: ModelFolder, quantised: bool) -> Path:
    """The folder of exported files, written when it is not there yet."""
    bits = weight_bits()
    kind = f"int{bits}" if quantised else "fp32"
    target = cache_folder() / "onnx" / f"{folder.fingerprint[:16]}-{kind}-v{GRAPH_VERSION}"
    if (target / "graph.onnx").is_file():
        return target
    from shoptalk.encoders.onnx_graph import write_graph

    target.parent.mkdir(parents=True, exist_ok=True)
    scratch = Path(tempfile.mkdtemp(dir=target.parent, prefix=".writing-"))
    try:
        weights = read_weights(folder.path)
        _write_embeddings(weights, scratch)
        write_graph(weights, scratch / "graph.onnx", quantised=quantised, bits=bits)
        try:
            scratch.rename(target)
        except OSError:
            if not (target / "graph.onnx").is_file():
                raise
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
    return target


def _write_embeddings(weights: EncoderWeights, target: Path) -> None:
    shape = weights.shape
    words = weights.tensors["embeddings.word_embeddings.weight"].astype(np.float16)
    np.save(target / "words.npy", words)
    np.savez(
        target / "extra.npz",
        positions=weights.positions(),
        gain=weights.get("embeddings.LayerNorm.weight"),
        shift=weights.get("embeddings.LayerNorm.bias"),
        epsilon=np.float32(shape.epsilon),
        layers=np.int64(shape.layers),
        relative=weights.get(RELATIVE) if shape.buckets else np.zeros((0, shape.heads), np.float32),
    )


def weight_bits() -> int:
    """8, or 7 on x86 without VNNI, whose 8-bit sums saturate."""
    if os.uname().machine not in ("x86_64", "AMD64"):
        return 8
    try:
        flags = Path("/proc/cpuinfo").read_text(encoding="ascii", errors="ignore")
    except OSError:
        return 7
    return 8 if "vnni" in flags else 7

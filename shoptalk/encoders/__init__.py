"""Pretrained encoders: found by name, run by PyTorch or ONNX Runtime."""

from __future__ import annotations

import threading
from typing import Any

from shoptalk.encoders.encoder import Encoded, Encoder
from shoptalk.errors import ConfigError

RUNTIMES = ("auto", "onnx-int8", "onnx", "torch", "torch-fp32")

__all__ = ["RUNTIMES", "Encoded", "Encoder", "load_encoder"]

_service: list[str] = []
_loaded: dict[tuple[str, str], Any] = {}
_lock = threading.Lock()


def load_encoder(name: str, runtime: str = "auto", *, offline: bool = True) -> Encoder:
    """An encoder, loaded once per process.

    Args:
        name: catalogue name ("all-MiniLM-L6-v2", "multilingual-e5-small"), local folder, or hub id.
        runtime: `onnx-int8` (8-bit, for serving), `onnx` (32-bit), `torch` (for training; bfloat16 where the
            processor has it), `torch-fp32`, or `auto`: `onnx-int8` where the model's layers are BERT's, else
            `torch-fp32`.
        offline: do not ask the hub.

    Raises:
        ConfigError: there is no such runtime.
        ComponentError: there is no such encoder here.
    """
    if runtime not in RUNTIMES:
        raise ConfigError(f"There is no encoder runtime {runtime!r}.", hint=f"One of: {', '.join(RUNTIMES)}.")
    runtime = "onnx-int8" if runtime == "auto" else runtime
    with _lock:
        if (name, runtime) not in _loaded:
            _loaded[name, runtime] = _load(name, runtime, offline)
        encoder: Encoder = _loaded[name, runtime]
        return encoder


def use_service(url: str | None) -> None:
    """Let encoders run in a service from now on; None lets them run here."""
    with _lock:
        _service[:] = [url] if url else []
        _loaded.clear()


def unload(runtime: str) -> None:
    """Forget the encoders of one runtime, as `training` does with torch's when it has done."""
    with _lock:
        for key in [key for key in _loaded if key[1] == runtime]:
            del _loaded[key]


def _load(name: str, runtime: str, offline: bool) -> Encoder:
    if _service:
        from shoptalk.encoders.remote import RemoteEncoder

        return RemoteEncoder(_service[0], name)
    from shoptalk.encoders.locate import find_model
    from shoptalk.encoders.weights import is_bert_like

    folder = find_model(name, offline=offline)
    if not is_bert_like(folder.path):
        from shoptalk.encoders.torch_runtime import TransformersEncoder

        return TransformersEncoder(folder)
    if runtime in ("auto", "onnx-int8", "onnx"):
        from shoptalk.encoders.onnx_runtime import OnnxEncoder

        return OnnxEncoder(folder, quantised=runtime != "onnx")
    from shoptalk.encoders.torch_runtime import TorchEncoder

    return TorchEncoder(folder, half=None if runtime == "torch" else False)

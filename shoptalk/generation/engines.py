"""Engines that run a model in this process; they block, and are called from a thread of their own.

`LlamaEngine` (xllamacpp) serves GGUF files on a processor. `TransformersEngine` is the reference and the way to a GPU.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Protocol

from shoptalk.errors import GenerationError
from shoptalk.generation.base import ChatMessage, Limits

Emit = Callable[[str], bool]
"""Takes a piece of text; True means: stop."""
CONTEXT = 3072


class Engine(Protocol):
    """A loaded model."""

    def run(self, messages: Sequence[ChatMessage], limits: Limits, emit: Emit) -> None:
        """Generate a reply, greedily.

        Raises:
            GenerationError: it cannot.
        """
        ...


def load_engine(kind: str, path: Path, threads: int) -> Engine:
    """Load a model; this takes seconds.

    Args:
        kind: "llama", "transformers", or "auto": by the file.
        path: a GGUF file, or a folder of a transformers model.
        threads: of one generation.

    Raises:
        GenerationError: the engine or the model cannot be loaded.
    """
    if kind == "llama" or (kind == "auto" and path.suffix == ".gguf"):
        return LlamaEngine(path, threads)
    return TransformersEngine(path, threads)


class LlamaEngine:
    """A GGUF file run by llama.cpp inside this process.

    The library opens an HTTP port on this machine as well; a key nobody knows keeps it shut.
    """

    def __init__(self, path: Path, threads: int) -> None:
        try:
            import xllamacpp
        except ImportError as error:
            raise GenerationError(
                "A .gguf model needs the package xllamacpp.", hint="Run: pip install 'shoptalk[generation]'"
            ) from error
        settings = xllamacpp.CommonParams()
        settings.model.path = str(path)
        settings.n_ctx, settings.n_parallel, settings.n_gpu_layers = CONTEXT, 1, 0
        settings.cpuparams.n_threads = settings.cpuparams_batch.n_threads = threads
        settings.warmup, settings.ui, settings.endpoint_slots = False, False, False
        settings.hostnames, settings.api_keys = ["127.0.0.1"], [secrets.token_urlsafe(32)]
        settings.verbosity = 0
        try:
            self._server = xllamacpp.Server(settings)
        except (RuntimeError, ValueError, OSError) as error:
            raise GenerationError(f"{path} cannot be loaded: {error}") from error

    def run(self, messages: Sequence[ChatMessage], limits: Limits, emit: Emit) -> None:
        """Generate a reply, greedily."""
        faults: list[str] = []

        def take(chunk: Any) -> bool:
            if not isinstance(chunk, dict) or "error" in chunk or "choices" not in chunk:
                faults.append(str(chunk)[:200])
                return True
            piece = chunk["choices"][0]["delta"].get("content") if chunk["choices"] else None
            return emit(piece) if piece else False

        request = {
            "messages": [{"role": m.role, "content": m.content} for m in messages],
            "max_tokens": limits.tokens,
            "temperature": 0,
            "stream": True,
            "cache_prompt": True,
        }
        try:
            self._server.handle_chat_completions(request, take)
        except (RuntimeError, ValueError) as error:
            raise GenerationError(f"The language model failed: {error}") from error
        if faults:
            raise GenerationError(f"The language model failed: {faults[0]}")


class TransformersEngine:
    """A causal language model run by transformers, on a GPU when there is one."""

    def __init__(self, path: Path, threads: int) -> None:
        try:
            import torch
            from transformers import AutoModelForCausalLM, AutoTokenizer
        except ImportError as error:
            raise GenerationError(
                "A model folder needs torch and transformers.", hint="Run: pip install 'shoptalk[nlu]'"
            ) from error
        torch.set_num_threads(threads)
        self._device = "cuda" if torch.cuda.is_available() else "cpu"
        try:
            self._tokenizer: Any = AutoTokenizer.from_pretrained(path, local_files_only=True)
            model: Any = AutoModelForCausalLM.from_pretrained(
                path, local_files_only=True, dtype=torch.bfloat16
            )
        except (OSError, ValueError) as error:
            raise GenerationError(f"{path} cannot be loaded: {error}") from error
        self._model = model.to(self._device).eval()

    def run(self, messages: Sequence[ChatMessage], limits: Limits, emit: Emit) -> None:
        """Generate a reply, greedily."""
        import torch
        from transformers import StoppingCriteriaList
        from transformers.generation.streamers import TextStreamer

        class Pieces(TextStreamer):
            stopped = False

            def on_finalized_text(self, text: str, stream_end: bool = False) -> None:
                if text and not self.stopped:
                    self.stopped = emit(text)

        streamer = Pieces(self._tokenizer, skip_prompt=True, skip_special_tokens=True)

        def over(input_ids: Any, scores: Any, **_: Any) -> Any:
            return torch.full(
                (input_ids.shape[0],), streamer.stopped, dtype=torch.bool, device=input_ids.device
            )

        prompt = self._tokenizer.apply_chat_template(
            [{"role": m.role, "content": m.content} for m in messages],
            add_generation_prompt=True,
            return_tensors="pt",
            return_dict=True,
        ).to(self._device)
        with torch.inference_mode():
            self._model.generate(
                **prompt,
                max_new_tokens=limits.tokens,
                do_sample=False,
                streamer=streamer,
                stopping_criteria=StoppingCriteriaList([over]),
            )

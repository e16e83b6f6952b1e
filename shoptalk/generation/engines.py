"""Engines that run a model on this machine; they block, and are called from a thread of their own.

`LlamaProcess` (xllamacpp in a process of its own) serves GGUF files on a processor. `TransformersEngine` is the reference
and the way to a GPU.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Protocol

from shoptalk.errors import GenerationError
from shoptalk.generation.base import ChatMessage, Limits

Emit = Callable[[str], bool]
"""Takes a piece of text; True means: stop."""


class Engine(Protocol):
    """A loaded model."""

    def run(self, messages: Sequence[ChatMessage], limits: Limits, emit: Emit) -> None:
        """Generate a reply, greedily.

        Raises:
            GenerationError: it cannot.
        """
        ...

    def close(self) -> None:
        """Give back what it holds."""
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
        from shoptalk.generation.llama import LlamaProcess

        return LlamaProcess(path, threads)
    return TransformersEngine(path, threads)


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

    def close(self) -> None:
        """Drop the weights."""
        self._model = None

"""Engines on real weights: a tiny random model for transformers, a fetched GGUF file for llama.cpp."""

from __future__ import annotations

import contextlib
import os
import signal
from pathlib import Path

import pytest

from shoptalk.errors import GenerationError
from shoptalk.generation import ChatMessage, Limits
from shoptalk.generation.engines import load_engine
from shoptalk.generation.llama import LlamaProcess
from shoptalk.generation.local import LocalModel

ASKED = [ChatMessage("system", "be kind"), ChatMessage("user", "hello you")]
TEMPLATE = "{% for m in messages %}{{ m['content'] }} {% endfor %}"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    import torch
    from tokenizers import Tokenizer, models, pre_tokenizers
    from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

    path = tmp_path_factory.mktemp("tiny")
    words = {
        word: n
        for n, word in enumerate(["<unk>", "<s>", "</s>", "be", "kind", "hello", "you", "there", "friend"])
    }
    inner = Tokenizer(models.WordLevel(words, "<unk>"))
    inner.pre_tokenizer = pre_tokenizers.Whitespace()
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=inner, unk_token="<unk>", eos_token="</s>", pad_token="</s>"
    )
    tokenizer.chat_template = TEMPLATE
    tokenizer.save_pretrained(path)
    torch.manual_seed(0)
    config = LlamaConfig(
        vocab_size=len(words),
        hidden_size=16,
        intermediate_size=32,
        num_hidden_layers=1,
        num_attention_heads=2,
        num_key_value_heads=2,
        eos_token_id=2,
        bos_token_id=1,
        pad_token_id=2,
    )
    LlamaForCausalLM(config).save_pretrained(path)
    return path


@pytest.mark.filterwarnings("ignore")
async def test_transformers_streams_and_stops(folder: Path) -> None:
    model = LocalModel.from_path(folder, "transformers", threads=1)
    whole = "".join([piece async for piece in model.stream(ASKED, Limits(tokens=12, seconds=60))])
    assert 0 < len(whole.split()) <= 12
    again = "".join([piece async for piece in model.stream(ASKED, Limits(tokens=12, seconds=60))])
    assert again == whole
    await model.close()


@pytest.mark.filterwarnings("ignore")
def test_transformers_stops_when_told_to(folder: Path) -> None:
    heard: list[str] = []

    def first_only(piece: str) -> bool:
        heard.append(piece)
        return True

    load_engine("auto", folder, 1).run(ASKED, Limits(tokens=50), first_only)
    assert len(heard) == 1


def test_what_is_no_model_is_refused(tmp_path: Path) -> None:
    broken = tmp_path / "broken.gguf"
    broken.write_bytes(b"GGUF but not really")
    with pytest.raises(GenerationError):
        load_engine("auto", broken, 1)
    with pytest.raises(GenerationError):
        load_engine("transformers", tmp_path, 1)


@pytest.mark.slow
def test_llama_streams_and_stops() -> None:
    from shoptalk.generation.catalogue import find_entry
    from shoptalk.generation.storage import installed, model_path

    entry = find_entry("smollm2-135m")
    assert entry is not None
    if not installed(entry):
        pytest.skip("run: shoptalk models fetch smollm2-135m")
    engine = LlamaProcess(model_path(entry), 1)
    whole: list[str] = []
    engine.run(ASKED, Limits(tokens=16), lambda piece: bool(whole.append(piece)))
    some: list[str] = []
    engine.run(ASKED, Limits(tokens=64), lambda piece: bool(some.append(piece)) or len(some) >= 3)
    assert some == whole[:3]
    again: list[str] = []
    engine.run(ASKED, Limits(tokens=16), lambda piece: bool(again.append(piece)))
    assert again == whole
    os.kill(engine.pid, signal.SIGKILL)
    with contextlib.suppress(GenerationError):
        engine.run(ASKED, Limits(tokens=16), lambda piece: False)
    engine.run(ASKED, Limits(tokens=4), lambda piece: bool(again.append(piece)))
    assert len(again) > len(whole)
    engine.close()

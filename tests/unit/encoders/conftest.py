"""A BERT of toy size, made on the spot."""

from __future__ import annotations

import json
from pathlib import Path

import pytest


def write_tiny_bert(folder: Path, *, layers: int = 2, hidden: int = 32, kind: str = "bert") -> Path:
    """A model folder with random weights and a word-piece tokenizer; `kind` is "bert" or "mpnet"."""
    import torch
    from safetensors.torch import save_file
    from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors
    from transformers import BertConfig, BertModel, MPNetConfig, MPNetModel

    words = [
        "[PAD]",
        "[UNK]",
        "[CLS]",
        "[SEP]",
        "where",
        "is",
        "my",
        "or",
        "##der",
        "red",
        "shoe",
        "##s",
        "hello",
    ]
    words += ["我", "的", "订", "单", "query", ":", "thanks", "bye", "a", "the", "want", "i", "to", "return"]
    vocabulary = {word: number for number, word in enumerate(words)}
    tokenizer = Tokenizer(models.WordPiece(vocabulary, unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.BertNormalizer(lowercase=True)
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", special_tokens=[("[CLS]", 2), ("[SEP]", 3)]
    )
    config_class, model_class = (BertConfig, BertModel) if kind == "bert" else (MPNetConfig, MPNetModel)
    config = config_class(
        vocab_size=len(words),
        hidden_size=hidden,
        num_hidden_layers=layers,
        num_attention_heads=4,
        intermediate_size=2 * hidden,
        max_position_embeddings=40,
    )
    torch.manual_seed(5)
    model = model_class(config, add_pooling_layer=False)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(torch.randn_like(parameter) * 0.1)
    folder.mkdir(parents=True, exist_ok=True)
    save_file(
        {name: value.contiguous() for name, value in model.state_dict().items()}, folder / "model.safetensors"
    )
    tokenizer.save(str(folder / "tokenizer.json"))
    (folder / "config.json").write_text(json.dumps(config.to_dict()))
    (folder / "tokenizer_config.json").write_text(
        json.dumps(
            {"tokenizer_class": "PreTrainedTokenizerFast", "pad_token": "[PAD]", "model_max_length": 40}
        )
    )
    return folder


@pytest.fixture(scope="session")
def tiny_bert(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_tiny_bert(tmp_path_factory.mktemp("bert"))


@pytest.fixture(scope="session")
def tiny_mpnet(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Wide enough to have columns in 32 bits."""
    return write_tiny_bert(tmp_path_factory.mktemp("mpnet"), hidden=640, kind="mpnet")


@pytest.fixture(autouse=True)
def _own_cache(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path_factory.getbasetemp() / "encoder-cache"
    monkeypatch.setenv("SHOPTALK_CACHE", str(folder))

"""What numpy computes at serving time is what PyTorch trained."""

from __future__ import annotations

import numpy as np
import torch

from shoptalk.networks.diet import Bag, Diet, DietBatch, DietRates, DietShape
from shoptalk.networks.diet_inference import DietInput, DietRunner
from shoptalk.networks.inference import TaggerRunner, gelu
from shoptalk.networks.shapes import TaggerShape
from shoptalk.networks.tagger import Tagger
from shoptalk.nlu.sparse import Sparse


def state(module: torch.nn.Module) -> dict[str, np.ndarray]:
    return {name: value.numpy() for name, value in module.state_dict().items()}


def test_gelu() -> None:
    x = torch.linspace(-6, 6, 101)
    np.testing.assert_allclose(gelu(x.numpy()), torch.nn.functional.gelu(x).numpy(), atol=1e-6)


def test_tagger() -> None:
    torch.manual_seed(3)
    shape = TaggerShape(layers=3, width=10, columns=50, hidden=16, heads=4, tags=5, labels=3)
    model = Tagger(shape, torch.ones(5, 5, dtype=torch.bool)).eval()
    torch.nn.init.normal_(model.mix)
    random = np.random.default_rng(0)
    vectors = random.normal(size=(3, 6, 10)).astype(np.float32)
    offsets = np.asarray([0, 3, 5, 6, 9, 10, 14])
    columns = random.integers(0, 50, 14)
    with torch.inference_mode():
        found_emissions, votes = model(
            torch.from_numpy(vectors),
            torch.from_numpy(columns),
            torch.from_numpy(offsets),
            torch.ones(1, 6, dtype=torch.bool),
        )
    emissions = found_emissions[0].numpy()
    found = TaggerRunner(state(model), 4).run(vectors, columns, offsets)
    assert found.tags.tolist() == emissions.argmax(1).tolist()  # transitions are still zero
    expected = np.exp(emissions) / np.exp(emissions).sum(1, keepdims=True)
    np.testing.assert_allclose(found.marginals, expected, atol=1e-4)
    np.testing.assert_allclose(found.votes, votes[0].numpy(), atol=1e-4)


def test_diet() -> None:
    torch.manual_seed(4)
    shape = DietShape(
        sparse_tokens=20, dense_tokens=6, sparse_sentence=20, dense_sentence=4, project=8, concat=12, hidden=(10,),
        size=16, layers=2, heads=4, label_width=5, label_project=8, label_hidden=(7,), labels=3, embed=9,
        tags=(4, 3, 0),
    )  # fmt: skip
    moves = (torch.ones(4, 4, dtype=torch.bool), torch.ones(3, 3, dtype=torch.bool), None)
    model = Diet(shape, moves, DietRates()).eval()
    rows = [{1: 1.0, 4: 2.0}, {0: 1.0}, {19: 3.0}]
    tokens, sentence = Sparse.from_rows(rows, 20), Sparse.from_rows([{0: 1.0, 1: 1.0}], 20)
    labels = Sparse.from_rows([{0: 1.0}, {1: 1.0, 2: 1.0}, {4: 1.0}], 5)
    random = np.random.default_rng(1)
    dense_tokens = random.normal(size=(3, 6)).astype(np.float32)
    dense_sentence = random.normal(size=(1, 4)).astype(np.float32)
    with torch.inference_mode():
        words, whole = model(
            DietBatch(
                torch.ones(1, 3, dtype=torch.bool),
                bag(tokens),
                torch.from_numpy(dense_tokens),
                bag(sentence),
                torch.from_numpy(dense_sentence),
            )
        )
        text, label = model.embed_text(whole).numpy(), model.embed_labels(bag(labels)).numpy()
        entity = model.emissions("entity", words)[0]
        role = model.emissions("role", words, entity.argmax(1)[None])[0]
    runner = DietRunner(state(model), layers=2, heads=4)
    given = DietInput(3, tokens, dense_tokens, sentence, dense_sentence)
    shorter = DietInput(1, tokens.row(0), dense_tokens[:1], sentence, dense_sentence)
    _, (found, found_whole), (alone, _) = runner.encode([shorter, given, shorter])
    np.testing.assert_allclose(alone, runner.encode([shorter])[0][0], atol=1e-5)
    np.testing.assert_allclose(found, words[0].numpy(), atol=1e-4)
    np.testing.assert_allclose(runner.embed_text(found_whole), text[0], atol=1e-4)
    np.testing.assert_allclose(runner.embed_labels(labels), label, atol=1e-4)
    tagged = runner.tag(found)
    assert tagged["entity"].tags.tolist() == entity.argmax(1).tolist()
    assert tagged["role"].tags.tolist() == role.argmax(1).tolist()


def bag(sparse: Sparse) -> Bag:
    return Bag(
        torch.from_numpy(sparse.columns), torch.from_numpy(sparse.values), torch.from_numpy(sparse.indptr)
    )

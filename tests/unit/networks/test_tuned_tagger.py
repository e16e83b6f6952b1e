"""A tagger that owns an encoder's last layers: numpy serves what PyTorch trained, and training moves those layers."""

from __future__ import annotations

import numpy as np
import torch

from shoptalk.networks.inference import TaggerRunner
from shoptalk.networks.shapes import EncoderShape, TaggerShape
from shoptalk.networks.tagger import Subwords, Tagger
from shoptalk.networks.tagger_training import TaggerSettings, TaggerText, fit_tagger

UPPER = EncoderShape(hidden=8, layers=2, heads=2, inner=16, positions=32, epsilon=1e-5)
SHAPE = TaggerShape(layers=1, width=8, columns=30, hidden=16, heads=4, tags=3, labels=2, upper=UPPER)


def test_words_take_the_mean_of_their_subwords() -> None:
    torch.manual_seed(0)
    model = Tagger(SHAPE, torch.ones(3, 3, dtype=torch.bool)).eval()
    hidden = torch.randn(2, 4, 8)
    mask = torch.tensor([[True] * 4, [True, True, True, False]])
    ranges = torch.tensor([[1, 3], [3, 3], [5, 6]])  # of three words; the second has no sub-word
    with torch.inference_mode():
        words, texts = model.tune(Subwords(hidden, mask, ranges))
        last = model.upper[1](model.upper[0](hidden, mask[:, None, None]), mask[:, None, None])
    assert words.shape == (2, 3, 8)
    np.testing.assert_allclose(words[1, 0], last[0, 1:3].mean(0), atol=1e-5)
    assert not words[:, 1].any()
    np.testing.assert_allclose(words[1, 2], last[1, 1], atol=1e-5)
    np.testing.assert_allclose(texts.mean(1), 0, atol=1e-5)


def test_served_as_trained() -> None:
    torch.manual_seed(1)
    model = Tagger(SHAPE, torch.ones(3, 3, dtype=torch.bool)).eval()
    torch.nn.init.normal_(model.mix)
    random = np.random.default_rng(0)
    vectors = random.normal(size=(1, 3, 8)).astype(np.float32)
    hidden = random.normal(size=(1, 5, 8)).astype(np.float32)
    columns, offsets = random.integers(0, 30, 6), np.asarray([0, 2, 4, 6])
    subwords = Subwords(
        torch.from_numpy(hidden), torch.ones(1, 5, dtype=torch.bool), torch.tensor([[1, 2], [2, 3], [3, 4]])
    )
    with torch.inference_mode():
        _, votes = model(
            torch.from_numpy(vectors),
            torch.from_numpy(columns),
            torch.from_numpy(offsets),
            torch.ones(1, 3, dtype=torch.bool),
            subwords,
        )
        words, _ = model.tune(subwords)
        x = subwords.hidden
        for layer in model.upper:
            x = layer(x, subwords.mask[:, None, None])
    both = np.concatenate([vectors, words.numpy()])
    state = {name: value.numpy() for name, value in model.state_dict().items()}
    found = TaggerRunner(state, 4).run(both, columns, offsets, x[0].mean(0).numpy())
    np.testing.assert_allclose(found.votes, votes[0].numpy(), atol=1e-4)


def test_training_tunes_the_layers() -> None:
    random = np.random.default_rng(3)
    texts = []
    for number in range(40):
        label = number % 2
        hidden = random.normal(size=(4, 8)) + (0.5 if label else -0.5)
        texts.append(
            TaggerText(
                vectors=random.normal(size=(1, 2, 8)).astype(np.float16),
                columns=np.asarray([0, 1]),
                offsets=np.asarray([0, 1, 2]),
                tags=np.asarray([1 + label, 0]),
                label=label,
                hidden=hidden.astype(np.float16),
                ranges=np.asarray([[1, 2], [2, 3]]),
            )
        )
    torch.manual_seed(2)
    begin = {
        name: value.detach().numpy().copy()
        for name, value in Tagger(SHAPE, torch.ones(3, 3, dtype=torch.bool)).state_dict().items()
        if name.startswith("upper.")
    }
    settings = TaggerSettings(epochs=30, words=20, tune=1e-3)
    state = fit_tagger(texts, SHAPE, np.ones((3, 3), bool), settings, begin)
    moved = [np.abs(state[name] - begin[name]).max() for name in begin]
    assert min(moved) > 0
    model = Tagger(SHAPE, torch.ones(3, 3, dtype=torch.bool)).eval()
    model.load_state_dict({name: torch.from_numpy(value) for name, value in state.items()})
    hidden = np.stack([t.hidden for t in texts if t.hidden is not None]).astype(np.float32)
    ranges = torch.tensor([[1 + 4 * row, 2 + 4 * row] for row in range(40)])
    with torch.inference_mode():
        words, _ = model.tune(Subwords(torch.from_numpy(hidden), torch.ones(40, 4, dtype=torch.bool), ranges))
    first, second = words[0::2, -1].mean(0), words[1::2, -1].mean(0)
    assert float((first - second).abs().max()) > 0.1

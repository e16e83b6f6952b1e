"""The random field against all sequences counted out."""

from __future__ import annotations

from itertools import pairwise, product

import numpy as np
import torch

from shoptalk.networks.crf import ConditionalRandomField
from shoptalk.networks.inference import CrfRunner


def field(tags: int = 3) -> ConditionalRandomField:
    torch.manual_seed(1)
    allowed = torch.ones(tags, tags, dtype=torch.bool)
    allowed[0, 2] = False
    crf = ConditionalRandomField(tags, allowed)
    for parameter in crf.parameters():
        torch.nn.init.normal_(parameter)
    return crf


def score(crf: ConditionalRandomField, emissions: torch.Tensor, path: tuple[int, ...]) -> float:
    total = crf.start[path[0]] + crf.end[path[-1]] + sum(emissions[i, tag] for i, tag in enumerate(path))
    total = total + sum(crf.scores()[a, b] for a, b in pairwise(path))
    return float(total.detach())


def test_loss_is_the_log_of_a_share_of_all_sequences() -> None:
    crf = field()
    emissions = torch.randn(2, 4, 3)
    mask = torch.tensor([[True] * 4, [True, True, False, False]])
    tags = torch.tensor([[0, 1, 2, 1], [1, 0, 0, 0]])
    losses = crf.loss(emissions, tags, mask)
    for row, length in ((0, 4), (1, 2)):
        scores = [score(crf, emissions[row], path) for path in product(range(3), repeat=length)]
        expected = np.logaddexp.reduce(scores) - score(
            crf, emissions[row], tuple(tags[row, :length].tolist())
        )
        assert abs(float(losses[row].detach()) - expected) < 1e-4


def test_decoding_finds_the_best_sequence_and_true_marginals() -> None:
    crf, emissions = field(), torch.randn(4, 3)
    runner = CrfRunner(*(x.detach().numpy() for x in (crf.scores(), crf.start, crf.end)))
    found = runner.decode(emissions.numpy())
    paths = list(product(range(3), repeat=4))
    scores = np.asarray([score(crf, emissions, path) for path in paths])
    assert tuple(found.tags.tolist()) == paths[int(scores.argmax())]
    chances = np.exp(scores - np.logaddexp.reduce(scores))
    marginals = np.zeros((4, 3))
    for path, chance in zip(paths, chances, strict=True):
        for place, tag in enumerate(path):
            marginals[place, tag] += chance
    np.testing.assert_allclose(found.marginals, marginals, atol=1e-4)

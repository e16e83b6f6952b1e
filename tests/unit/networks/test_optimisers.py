"""Optimisers load no compiler, and do what torch's do."""

import subprocess
import sys

import pytest
import torch

SCRIPT = """
import sys, torch
from shoptalk.networks.optimisers import Adam, Group
layer = torch.nn.Linear(3, 2)
optimiser = Adam([Group(list(layer.parameters()), 0.1)])
layer(torch.ones(4, 3)).sum().backward()
torch.nn.utils.clip_grad_norm_(layer.parameters(), 5.0)
optimiser.step()
print("torch._dynamo" in sys.modules, "sympy" in sys.modules)
"""


def test_no_compiler_is_loaded_to_train() -> None:
    done = subprocess.run([sys.executable, "-c", SCRIPT], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["False", "False"]


@pytest.mark.parametrize("decoupled", [False, True])
def test_steps_are_those_of_torch(decoupled: bool) -> None:
    from shoptalk.networks.optimisers import Adam, Group

    ours, theirs, idle = (torch.ones(3, requires_grad=True) for _ in range(3))
    mine = Adam([Group([ours, idle], 0.1, 0.5)], decoupled=decoupled)
    kind = torch.optim.AdamW if decoupled else torch.optim.Adam
    other = kind([theirs], lr=0.1, weight_decay=0.5)
    for slope, factor in ((1.0, 1.0), (-3.0, 0.5)):
        for weights in (ours, theirs):
            (weights * slope * torch.tensor([1.0, -2.0, 3.0])).sum().backward()
        mine.step(factor)
        other.param_groups[0]["lr"] = 0.1 * factor
        other.step()
        other.zero_grad()
    assert torch.allclose(ours, theirs)
    assert ours.grad is None
    assert torch.equal(idle, torch.ones(3)), "what has no gradient stays as it is"

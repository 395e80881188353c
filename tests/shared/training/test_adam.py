"""Adam without the optimiser class: the same numbers, and no compiler is imported."""

from __future__ import annotations

import subprocess
import sys

import torch

from shared.training.adam import Adam


def test_it_moves_as_torchs_own_does() -> None:
    generator = torch.Generator().manual_seed(0)
    start = [torch.randn(5, 3, generator=generator), torch.randn(4, generator=generator), torch.randn(2)]
    ours, theirs = ([torch.nn.Parameter(value.clone()) for value in start] for _ in range(2))
    adam, reference = Adam(ours, betas=(0.9, 0.99)), torch.optim.Adam(theirs, betas=(0.9, 0.99), fused=True)
    for step in range(20):
        rate = 0.1 / (1 + step)
        for mine, other in zip(ours[:2], theirs[:2], strict=True):  # the last one never has a gradient
            mine.grad = torch.randn(mine.shape, generator=generator)
            other.grad = mine.grad.clone()
        adam.step(rate)
        reference.param_groups[0]["lr"] = rate
        reference.step()
    for mine, other in zip(ours, theirs, strict=True):
        assert torch.equal(mine, other)
    assert torch.equal(ours[2], start[2])


def test_the_compiler_of_torch_is_not_imported() -> None:
    code = (
        "import sys, torch\n"
        "from shared.training.adam import Adam\n"
        "p = torch.nn.Parameter(torch.ones(3)); p.grad = torch.ones(3)\n"
        "Adam([p], betas=(0.9, 0.99)).step(0.1)\n"
        "assert 'torch._dynamo' not in sys.modules\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)

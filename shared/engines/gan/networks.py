"""Generator and critic."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from shared.engines.rows.heads import CodeHeads
from shared.training.ghost_layers import BlockLinear, ColumnEmbedding

Grouped = list[tuple[list[int], Tensor]]  # columns of one padded size, and theirs, (columns, rows, padded size)

_SLOPE = 0.2
_POWER_ROUNDS = 8


@dataclass(frozen=True, kw_only=True)
class GanShape:
    """Plain values that fix the networks. ``sizes`` are numbers of choices, ``numbers`` how many columns are numbers,
    ``seen`` by how many numbers a critic sees a row, ``spectral`` whether its layers are kept at norm one."""

    sizes: tuple[int, ...]
    numbers: int
    seen: int
    noise: int
    hidden: int
    condition: int
    pack: int
    spectral: bool


class Generator(nn.Module):
    """From noise and a condition (a choice of one column) to logits of all choices, and places of the numbers."""

    def __init__(self, shape: GanShape) -> None:
        super().__init__()
        self.shape = shape
        width = shape.noise + shape.condition
        self.condition = ColumnEmbedding([sum(shape.sizes)], shape.condition)
        self.first = nn.Linear(width, shape.hidden)
        self.second = nn.Linear(shape.hidden + width, shape.hidden)
        self.norms = nn.ModuleList([nn.LayerNorm(shape.hidden), nn.LayerNorm(shape.hidden)])
        self.heads = CodeHeads(shape.sizes, [False] * len(shape.sizes), shape.hidden)
        # One more than needed, so that there is a layer where there is no number.
        self.places = nn.Linear(shape.hidden, shape.numbers + 1)

    def reset(self, marginals: Sequence[NDArray[np.float64]], generator: torch.Generator) -> None:
        """Fresh parameters; choices start at their marginals."""
        self.condition.reset(generator)
        for layer in (self.first, self.second, self.places):
            nn.init.kaiming_uniform_(layer.weight, a=5**0.5, generator=generator)
            nn.init.zeros_(layer.bias)
        self.heads.reset(marginals, [None] * len(marginals), generator)

    def forward(self, noise: Tensor, condition: Tensor) -> tuple[Grouped, Tensor]:
        """Logits of the columns, and places ``(rows, numbers)`` from -1 to 1."""
        inputs = torch.cat([noise, self.condition(condition[:, None])[:, 0]], dim=1)
        one, other = self.norms
        hidden = torch.relu(one(self.first(inputs)))
        hidden = torch.relu(other(self.second(torch.cat([hidden, inputs], dim=1))))
        return list(self.heads.grouped(hidden)), torch.tanh(self.places(hidden))[:, : self.shape.numbers]


class SpectralLinear(BlockLinear):
    """A linear map whose matrix is divided by its largest singular value (Miyato et al. 2018, arXiv:1802.05957).

    The value is found by power iteration from a fixed start at every pass, so it is a function of the weight alone;
    it counts as a constant of the step. The inputs are divided instead of the matrix, which is the same and keeps
    the closed form of the rows' gradients.
    """

    def forward(self, inputs: Tensor, shift: Tensor | None = None) -> Tensor:
        return super().forward(inputs / self.norm(), shift)

    @torch.no_grad()
    def norm(self) -> Tensor:
        """The largest singular value, about."""
        matrix = self.weight[0]
        right = (
            torch.ones(matrix.shape[1], device=matrix.device)
            + 0.1 * torch.arange(matrix.shape[1], device=matrix.device).cos()
        )
        for _ in range(_POWER_ROUNDS):
            left = nn.functional.normalize(matrix @ right, dim=0)
            right = matrix.T @ left
            value = right.norm()
            right = right / value.clamp(min=1e-12)
        return value.clamp(min=1e-6)


class Critic(nn.Module):
    """Scores packs of rows, each with its condition. All parameters lie in ghost layers, each called once a pass."""

    def __init__(self, shape: GanShape) -> None:
        super().__init__()
        self.shape = shape
        kind = SpectralLinear if shape.spectral else BlockLinear
        self.condition = ColumnEmbedding([sum(shape.sizes)], shape.condition)
        self.first = kind(1, shape.pack * (shape.seen + shape.condition), shape.hidden)
        self.second = kind(1, shape.hidden, shape.hidden)
        self.last = kind(1, shape.hidden, 1)

    def reset(self, generator: torch.Generator) -> None:
        """Fresh parameters."""
        for layer in (self.condition, self.first, self.second, self.last):
            layer.reset(generator)

    def forward(self, seen: Tensor, condition: Tensor) -> Tensor:
        """Scores ``(rows / pack,)`` of rows ``(rows, seen)`` with their conditions ``(rows,)``."""
        inputs = torch.cat([seen, self.condition(condition[:, None])[:, 0]], dim=1)
        hidden = inputs.reshape(1, len(inputs) // self.shape.pack, -1)
        for layer in (self.first, self.second):
            hidden = nn.functional.leaky_relu(layer(hidden), _SLOPE)
        scores: Tensor = self.last(hidden)
        return scores.reshape(-1)


def chosen(logits: Tensor, generator: torch.Generator) -> Tensor:
    """Choices, the shape without its last dimension, drawn in proportion to exp(logits), by Gumbel noise."""
    return (logits + gumbel(logits, generator)).argmax(dim=-1)


def drawn_softly(logits: Tensor, temperature: float, generator: torch.Generator, straight: bool = True) -> Tensor:
    """Drawn choices, those of the last dimension, with gradients (Gumbel-softmax, Jang et al. 2017, arXiv:1611.01144).

    ``straight``: as exact ones and zeros, with the gradient of the softmax.
    """
    noisy = logits + gumbel(logits, generator)
    soft = torch.softmax(noisy / temperature, dim=-1)
    if not straight:
        return soft
    hard = torch.zeros_like(soft).scatter_(-1, noisy.argmax(dim=-1, keepdim=True), 1.0)
    return hard + soft - soft.detach()


def gumbel(like: Tensor, generator: torch.Generator) -> Tensor:
    """Standard Gumbel noise of the same shape."""
    uniform = torch.rand(like.shape, generator=generator, device=like.device)
    return -torch.log(-torch.log(uniform.clamp(1e-20, 1 - 1e-7)))

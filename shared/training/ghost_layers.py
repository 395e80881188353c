"""The layers of the autoregressive networks, with the gradients of their rows in closed form."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable

from shared.training.example_norms import GhostLayer

_LEAST_BLOCKS, _STRIPS = 10, 8  # from so many blocks of outputs on a product is cut into so many strips


def _pairs(values: Tensor, first: Tensor | None, second: Tensor | None, *, rows: int) -> Tensor:
    """Sum over the last dimension of the products of paired rows; ``rows`` is the dimension of the rows."""
    if first is None or second is None:
        return values.square().sum(-1)
    return (values.index_select(rows, first) * values.index_select(rows, second)).sum(-1)


def _add_gradient(parameter: nn.Parameter, gradient: Tensor) -> None:
    if parameter.grad is None:
        parameter.grad = gradient
    else:
        parameter.grad += gradient


class ColumnEmbedding(GhostLayer):
    """A vector for each code of each column: codes ``(rows, columns)`` to ``(rows, columns, width)``."""

    offsets: Tensor

    def __init__(self, sizes: Sequence[int], width: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.empty(sum(sizes), width))
        starts = (
            torch.tensor([0, *sizes[:-1]], dtype=torch.int64).cumsum(0) if sizes else torch.zeros(0, dtype=torch.int64)
        )
        self.register_buffer("offsets", starts, persistent=False)

    def reset(self, generator: torch.Generator) -> None:
        """Start from a normal distribution."""
        nn.init.normal_(self.weight, generator=generator)

    def forward(self, codes: Tensor) -> Tensor:
        places = codes + self.offsets
        weight = self.weight.detach() if self.recording else self.weight
        return self._recorded(places, nn.functional.embedding(places, weight))

    def products(self, signal: Tensor, first: Tensor | None, second: Tensor | None) -> Tensor:
        # Columns have vectors of their own, so two rows meet only where they hold the same code.
        products = _pairs(signal, first, second, rows=0)
        if first is not None and second is not None and self.record is not None:
            places = self.record[0]
            products = products * (places[first] == places[second])
        return products.sum(-1)

    def accumulate(self, signal: Tensor, weights: Tensor) -> None:
        assert self.record is not None
        places = self.record[0].reshape(-1)
        weighted = (signal * weights[:, None, None]).reshape(len(places), -1)
        _add_gradient(self.weight, torch.zeros_like(self.weight).index_add_(0, places, weighted))


@dataclass(frozen=True)
class Strip:
    """Outputs from ``first`` up to ``end`` read the inputs below ``reach``; the weights of all others are zero."""

    first: int
    end: int
    reach: int


class _StripProduct(torch.autograd.Function):
    """Inputs ``(rows, sources)`` times a matrix whose strips of columns are zero below their reach.

    What is zero is not multiplied, forwards or backwards: of a triangular matrix about half.
    """

    @staticmethod
    def forward(context: Any, inputs: Tensor, matrix: Tensor, bias: Tensor, strips: tuple[Strip, ...]) -> Tensor:
        context.save_for_backward(inputs, matrix)
        context.strips = strips
        outputs = bias.expand(len(inputs), -1).contiguous()
        for strip in strips:
            part = slice(strip.first, strip.end)
            outputs[:, part].addmm_(inputs[:, : strip.reach], matrix[: strip.reach, part])
        return outputs

    @staticmethod
    @once_differentiable
    def backward(context: Any, signal: Tensor) -> tuple[Tensor | None, Tensor | None, Tensor | None, None]:
        inputs, matrix = context.saved_tensors
        wanted, strips = context.needs_input_grad, context.strips
        for_inputs = _times_transposed(signal, matrix, strips) if wanted[0] else None
        for_matrix = _outer(inputs, signal, strips) if wanted[1] else None
        return for_inputs, for_matrix, signal.sum(0) if wanted[2] else None, None


def _times_transposed(signal: Tensor, matrix: Tensor, strips: Sequence[Strip]) -> Tensor:
    """``signal`` ``(rows, outputs)`` times the transposed matrix."""
    found = signal.new_zeros(len(signal), len(matrix))
    for strip in strips:
        part = slice(strip.first, strip.end)
        found[:, : strip.reach].addmm_(signal[:, part], matrix[: strip.reach, part].T)
    return found


def _outer(inputs: Tensor, signal: Tensor, strips: Sequence[Strip]) -> Tensor:
    """The gradient of the matrix, ``(sources, outputs)``."""
    found = signal.new_zeros(inputs.shape[1], signal.shape[1])
    for strip in strips:
        part = slice(strip.first, strip.end)
        torch.mm(inputs[:, : strip.reach].T, signal[:, part], out=found[: strip.reach, part])
    return found


class MaskedBlockLinear(GhostLayer):
    """A linear map between blocks, where a block of the output sees some blocks of the input.

    ``visible`` has shape ``(sources, targets)``. Inputs ``(rows, sources, source_width)`` become
    ``(targets, rows, target_width)``. Where there are many blocks, those that a strip of the output cannot see are
    left out of the product.
    """

    visible: Tensor

    def __init__(self, visible: Tensor, source_width: int, target_width: int) -> None:
        super().__init__()
        sources, targets = visible.shape
        self.weight = nn.Parameter(torch.empty(sources, source_width, targets, target_width))
        self.bias = nn.Parameter(torch.empty(targets, target_width))
        self.register_buffer("visible", visible.float(), persistent=False)
        self._strips = _strips(visible, source_width, target_width)

    def reset(self, generator: torch.Generator) -> None:
        """Uniform with the bound of Glorot and Bengio's rule for what each block sees."""
        fan_in = self.visible.sum(0).clamp(min=1) * self.weight.shape[1]
        nn.init.uniform_(self.weight, -1, 1, generator=generator)
        with torch.no_grad():
            self.weight.mul_((self.visible / fan_in.sqrt())[:, None, :, None])
        nn.init.zeros_(self.bias)

    def matrix(self) -> Tensor:
        """The masked weight, shape ``(sources * source_width, targets * target_width)``."""
        sources, width, targets, target_width = self.weight.shape
        return (self.weight * self.visible[:, None, :, None]).reshape(sources * width, targets * target_width)

    def forward(self, inputs: Tensor) -> Tensor:
        matrix, bias = self.matrix(), self.bias.reshape(-1)
        if self.recording:
            matrix, bias = matrix.detach(), bias.detach()
        read = inputs.reshape(len(inputs), -1)
        if self._strips:
            outputs: Tensor = _StripProduct.apply(read, matrix, bias, self._strips)  # type: ignore[no-untyped-call]
        else:
            outputs = torch.addmm(bias, read, matrix)
        targets, width = self.bias.shape
        return self._recorded(inputs, outputs.view(len(inputs), targets, width).transpose(0, 1))

    def products(self, signal: Tensor, first: Tensor | None, second: Tensor | None) -> Tensor:
        assert self.record is not None
        signals = _pairs(signal, first, second, rows=1)  # (targets, pairs)
        inputs = _pairs(self.record[0], first, second, rows=0)  # (pairs, sources)
        return (signals * (1.0 + inputs @ self.visible).T).sum(0)

    def accumulate(self, signal: Tensor, weights: Tensor) -> None:
        assert self.record is not None
        inputs = self.record[0]
        weighted = (signal * weights[None, :, None]).transpose(0, 1).reshape(len(inputs), -1)
        read = inputs.reshape(len(inputs), -1)
        product = _outer(read, weighted, self._strips) if self._strips else read.T @ weighted
        gradient = product.view_as(self.weight)
        _add_gradient(self.weight, gradient.mul_(self.visible[:, None, :, None]))
        _add_gradient(self.bias, weighted.sum(0).view_as(self.bias))


def _strips(visible: Tensor, source_width: int, target_width: int) -> tuple[Strip, ...]:
    """Strips of outputs with the furthest input that one of their blocks sees; none where blocks are few."""
    targets = visible.shape[1]
    if targets < _LEAST_BLOCKS:
        return ()
    size = -(-targets // _STRIPS)
    found = []
    for first in range(0, targets, size):
        end = min(first + size, targets)
        seen = torch.nonzero(visible[:, first:end].any(dim=1))
        reach = int(seen[-1]) + 1 if len(seen) else 0
        found.append(Strip(first * target_width, end * target_width, reach * source_width))
    return tuple(found)


class BlockLinear(GhostLayer):
    """A linear map of its own for each block: ``(blocks, rows, width)`` to ``(blocks, rows, outputs)``."""

    def __init__(self, blocks: int, width: int, outputs: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.empty(blocks, width, outputs))
        self.bias = nn.Parameter(torch.empty(blocks, outputs))

    def reset(self, generator: torch.Generator, scale: float = 1.0) -> None:
        """Uniform with bound ``scale / sqrt(width)``."""
        bound = scale / math.sqrt(self.weight.shape[1])
        nn.init.uniform_(self.weight, -bound, bound, generator=generator)
        nn.init.zeros_(self.bias)

    def forward(self, inputs: Tensor, shift: Tensor | None = None) -> Tensor:
        """``shift`` ``(blocks, 1, outputs)`` is a constant that is added to the outputs."""
        bias = self.bias[:, None, :] if shift is None else self.bias[:, None, :] + shift
        if self.recording:
            return self._recorded(inputs, torch.baddbmm(bias.detach(), inputs, self.weight.detach()))
        return torch.baddbmm(bias, inputs, self.weight)

    def products(self, signal: Tensor, first: Tensor | None, second: Tensor | None) -> Tensor:
        assert self.record is not None
        signals = _pairs(signal, first, second, rows=1)
        inputs = _pairs(self.record[0], first, second, rows=1)
        return (signals * (1.0 + inputs)).sum(0)

    def accumulate(self, signal: Tensor, weights: Tensor) -> None:
        assert self.record is not None
        weighted = signal * weights[None, :, None]
        _add_gradient(self.weight, torch.bmm(self.record[0].transpose(1, 2), weighted))
        _add_gradient(self.bias, weighted.sum(1))

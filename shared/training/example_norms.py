"""Layers that know the gradients of single rows without forming them.

A training step with clipping by unit needs, for each unit u with rows R(u), the squared norm of its
summed gradient: the sum over pairs r, s of R(u) of <g_r, g_s>. For a linear map y = W x that inner
product is <dL/dy_r, dL/dy_s> <x_r, x_s> (Goodfellow 2015, arXiv:1510.01799, for r = s; pairs as in
"ghost clipping", Li et al. 2021, arXiv:2110.05679, section 4), for an embedding it is non-zero only
where both rows hold the same code. So one backward pass to the layers' outputs gives all norms, and a
second, weighted product gives the clipped gradients.

A :class:`GhostLayer` offers both. While it records, its parameters are detached: autograd then
computes only what flows through the layer, and weight gradients are formed once, after clipping.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import contextmanager

from torch import Tensor, nn


class GhostLayer(nn.Module, ABC):
    """A layer whose rows' gradient products have a closed form.

    Subclasses call :meth:`_recorded` in ``forward`` with their input and output.
    """

    def __init__(self) -> None:
        super().__init__()
        self.recording = False
        self.record: tuple[Tensor, Tensor] | None = None

    def _recorded(self, inputs: Tensor, outputs: Tensor) -> Tensor:
        """Keep what the closed form needs; the gradient stops at no input, and at every parameter."""
        if self.recording:
            if not outputs.requires_grad:
                outputs.requires_grad_()
            self.record = (inputs.detach(), outputs)
        return outputs

    @abstractmethod
    def products(self, signal: Tensor, first: Tensor | None, second: Tensor | None) -> Tensor:
        """Inner products of the gradients of pairs of rows, over all parameters of the layer.

        ``signal`` is the gradient at the recorded outputs. ``first`` and ``second`` are row indices of
        shape ``(pairs,)``; ``None`` pairs every row with itself. Returns shape ``(pairs,)``.
        """

    @abstractmethod
    def accumulate(self, signal: Tensor, weights: Tensor) -> None:
        """Add the sum over rows of ``weights[row]`` times the row's gradient to the parameters' ``grad``."""


def ghost_layers(module: nn.Module) -> list[GhostLayer] | None:
    """The ghost layers of a module, or ``None`` if a parameter lies outside of them."""
    layers = [layer for layer in module.modules() if isinstance(layer, GhostLayer)]
    covered = {id(parameter) for layer in layers for parameter in layer.parameters(recurse=False)}
    if any(parameter.requires_grad and id(parameter) not in covered for parameter in module.parameters()):
        return None
    return layers


@contextmanager
def recording(layers: list[GhostLayer]) -> Iterator[None]:
    """Let the layers record one forward pass; each may be called once."""
    for layer in layers:
        layer.recording = True
    try:
        yield
    finally:
        for layer in layers:
            layer.recording = False
            layer.record = None

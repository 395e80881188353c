"""Adam by torch's function for it, without the optimiser class around it.

Making an optimiser imports torch's compiler, which takes one to two seconds and is never used here: a tenth of
a whole fit.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.optim.adam import adam

_EPSILON = 1e-8


class Adam:
    """Adam (Kingma and Ba 2015, arXiv:1412.6980), equal to :class:`torch.optim.Adam` with ``fused=True``."""

    def __init__(self, parameters: Sequence[Tensor], *, betas: tuple[float, float]) -> None:
        self._parameters = list(parameters)
        self._betas = betas
        self._means = [torch.zeros_like(parameter) for parameter in self._parameters]
        self._squares = [torch.zeros_like(parameter) for parameter in self._parameters]
        self._steps = [torch.zeros((), device=parameter.device) for parameter in self._parameters]

    def state(self) -> dict[str, Tensor]:
        """Everything that moves beside the parameters, by name; written to, it goes on from there."""
        kinds = {"mean": self._means, "square": self._squares, "steps": self._steps}
        return {f"{kind}.{place}": value for kind, values in kinds.items() for place, value in enumerate(values)}

    @torch.no_grad()
    def step(self, learning_rate: float) -> None:
        """Move every parameter that has a gradient."""
        moved = [place for place, parameter in enumerate(self._parameters) if parameter.grad is not None]
        adam(
            [self._parameters[place] for place in moved],
            [gradient for place in moved if (gradient := self._parameters[place].grad) is not None],
            [self._means[place] for place in moved],
            [self._squares[place] for place in moved],
            [],
            [self._steps[place] for place in moved],
            fused=True,
            amsgrad=False,
            beta1=self._betas[0],
            beta2=self._betas[1],
            lr=learning_rate,
            weight_decay=0.0,
            eps=_EPSILON,
            maximize=False,
        )

"""The one training loop: batches, optimiser, schedule, averaging, progress."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from shared.access.contract import BatchPlan, Phase, Steps
from shared.errors import ConfigurationError, TrainingDiverged
from shared.training.adam import Adam
from shared.training.reporter import Reporter


@dataclass(frozen=True, kw_only=True)
class TrainingConfig:
    """How steps are taken.

    ``learning_rate`` is the peak of a one-cycle schedule (Smith 2018, arXiv:1803.09820);
    ``averaging`` the weight of the newest parameters in their exponential average, in the first and
    in the second half of the steps, (1, 1) for none.
    """

    learning_rate: float = 3e-3
    betas: tuple[float, float] = (0.9, 0.99)
    warm_up: float = 0.3
    final_fraction: float = 1e-3
    averaging: tuple[float, float] = (1.0, 1.0)

    def __post_init__(self) -> None:
        if not 0 < self.learning_rate < 1:
            raise ConfigurationError(
                f"learning_rate is {self.learning_rate}; it must lie between 0 and 1, such as 0.003"
            )
        if not all(0 < rate <= 1 for rate in self.averaging):
            raise ConfigurationError(f"averaging is {self.averaging}; both rates must lie between 0 and 1")

    def rate(self, step: int, steps: int) -> float:
        """Learning rate of a step: cosine up from a 25th of the peak, cosine down to ``final_fraction`` of it."""
        turn = max(1.0, self.warm_up * steps)
        if step < turn:
            low, share = 1 / 25, 1 - step / turn
        else:
            low, share = self.final_fraction, (step - turn) / max(1.0, steps - turn)
        return self.learning_rate * (low + (1 - low) * 0.5 * (1 + math.cos(math.pi * share)))


def train(
    phase: Phase,
    access: Steps,
    config: TrainingConfig,
    *,
    plan: BatchPlan,
    units: int,
    seed: int,
    reporter: Reporter,
    name: str = "training",
) -> tuple[tuple[int, float], ...]:
    """Train ``phase.module`` in place, for ``plan.steps`` steps; leaves the averaged parameters in it.

    ``units`` is the number of encoded units. Returns (step, mean loss) pairs, at most 200 of them:
    internal, since losses are computed on records. Raises ``TrainingDiverged`` when the parameters
    are no longer finite.
    """
    parameters: list[Tensor] = [parameter for parameter in phase.module.parameters() if parameter.requires_grad]
    optimiser = Adam(parameters, betas=config.betas)
    average: list[Tensor] | None = None
    losses: list[tuple[int, float]] = []
    every = max(1, plan.steps // 200)
    with reporter.stage(name, plan.steps) as stage:
        for step, drawn in enumerate(access.batches(units, plan, seed)):
            loss = access.step(phase, drawn)
            optimiser.step(config.rate(step, plan.steps))
            average = _averaged(average, parameters, config, step, plan.steps)
            if step % every == 0:
                losses.append((step, loss))
                stage.log(loss=loss)
            stage.advance()
    if average is not None:
        with torch.no_grad():
            torch._foreach_copy_(parameters, average)
    if not all(bool(torch.isfinite(parameter).all()) for parameter in parameters):
        raise TrainingDiverged(f"{name} left the numbers; give a learning_rate below {config.learning_rate}")
    return tuple(losses)


def _averaged(
    average: list[Tensor] | None, parameters: list[Tensor], config: TrainingConfig, step: int, steps: int
) -> list[Tensor] | None:
    """The exponential average of the parameters after one more step."""
    rate = config.averaging[0 if step < steps / 2 else 1]
    if average is None:
        return None if config.averaging == (1.0, 1.0) else [p.detach().clone() for p in parameters]
    with torch.no_grad():
        torch._foreach_lerp_(average, parameters, rate)
    return average

"""Stopping early on units that are held back from the steps, with the best parameters kept."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from shared.access.contract import Phase, Steps
from shared.errors import ConfigurationError
from shared.randomness import derive, numpy_generator

_BEST = "best."


@dataclass(frozen=True, kw_only=True)
class Validation:
    """Stopping early. Without privacy alone: it reads records that no step pays for.

    ``share`` of the units are held back. ``checks`` times in a whole training the loss of the first part is
    measured on them, with averaged parameters; the best are kept, and training stops when ``patience`` checks, one
    after another, brought nothing better.
    """

    share: float = 0.1
    checks: int = 20
    patience: int = 3

    def __post_init__(self) -> None:
        if not 0 < self.share <= 0.5:
            raise ConfigurationError(f"validation is {self.share}; hold back a share of at most 0.5, such as 0.1")
        if self.checks < 1 or self.patience < 1:
            raise ConfigurationError(f"patience is {self.patience} of {self.checks} checks; both must be at least 1")

    def split(self, units: int, seed: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """The units that are trained on, and those that are held back."""
        count = min(max(1, round(self.share * units)), units - 1)
        if count < 1:
            raise ConfigurationError(f"validation needs two units or more, and there are {units}; leave it out")
        order = numpy_generator(seed, "validation").permutation(units)
        return np.sort(order[count:]), np.sort(order[:count])


def early_stopping(share: float, patience: int) -> Validation | None:
    """As an engine's settings have it: a share of 0 stops nothing."""
    return Validation(share=share, patience=patience) if share else None


def check_validation(settings: Mapping[str, object], *, private: bool) -> None:
    """Raise ``ConfigurationError`` if an engine's settings hold units back in a private run."""
    if private and settings.get("validation"):
        raise ConfigurationError(
            f"validation is {settings['validation']}, but stopping early reads records that nobody paid for; "
            "leave it out of a private run"
        )


@dataclass(eq=False)
class Judge:
    """Measures the loss on the units that were held back, and keeps the parameters that had the least."""

    validation: Validation
    units: NDArray[np.int64]
    phase: Phase
    access: Steps
    seed: int
    randomness: torch.Generator | None = None
    best: float = float("inf")
    waited: int = 0
    kept: dict[str, Tensor] = field(default_factory=dict)

    def due(self, step: int, steps: int) -> bool:
        """Whether it is time for a check after so many steps."""
        return step == steps or step % max(1, steps // self.validation.checks) == 0

    def check(self, parameters: Sequence[Tensor], average: Sequence[Tensor] | None) -> float:
        """The loss with the averaged parameters; what is best is kept."""
        if self.randomness is not None:
            # The same noise at every check, so that only the parameters tell them apart.
            self.randomness.manual_seed(derive(self.seed, "check"))
        with _standing(parameters, average):
            loss = self.access.evaluate(self.phase, self.units)
            if loss < self.best:
                self.best, self.waited = loss, 0
                self.kept = {key: value.detach().clone() for key, value in self.phase.module.state_dict().items()}
            else:
                self.waited += 1
        return loss

    @property
    def enough(self) -> bool:
        """Whether to stop."""
        return self.waited >= self.validation.patience

    def state(self) -> tuple[dict[str, Tensor], dict[str, Any]]:
        """For a checkpoint."""
        return {_BEST + key: value for key, value in self.kept.items()}, {"best": self.best, "waited": self.waited}

    def resume(self, tensors: Mapping[str, Tensor], facts: Mapping[str, Any]) -> None:
        """From a checkpoint."""
        self.kept = {key.removeprefix(_BEST): value for key, value in tensors.items() if key.startswith(_BEST)}
        self.best, self.waited = facts["best"], facts["waited"]

    def finish(self) -> None:
        """Leave the best parameters in the module."""
        if self.kept:
            self.phase.module.load_state_dict(self.kept)


@contextmanager
def _standing(parameters: Sequence[Tensor], average: Sequence[Tensor] | None) -> Iterator[None]:
    """The average in place of the parameters, for a while."""
    if average is None:
        yield
        return
    moving = [parameter.detach().clone() for parameter in parameters]
    with torch.no_grad():
        torch._foreach_copy_(list(parameters), list(average))
    try:
        yield
    finally:
        with torch.no_grad():
            torch._foreach_copy_(list(parameters), moving)

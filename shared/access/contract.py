"""What touching records means.

Codecs, engines and the pipeline learn from records through an *access* alone. It answers
:mod:`questions <shared.access.questions>` and makes training steps. ``PlainAccess`` reads the
records; ``PrivateAccess`` in ``privacy`` answers the same questions with noise, clips by unit,
and pays from the budget.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import torch
from numpy.typing import NDArray

from shared.access.marginals import Marginals
from shared.access.questions import Answer, Question


@dataclass(frozen=True, kw_only=True)
class BatchPlan:
    """How many units a step draws on average, and how many steps there are. Both are declared."""

    batch_units: int
    steps: int


@dataclass(frozen=True, eq=False)
class RowLosses:
    """Losses of the rows of a batch.

    ``values`` has shape ``(rows,)``; ``unit_of_row``, of the same shape, ascending, says which unit
    of the batch a row belongs to.
    """

    values: torch.Tensor
    unit_of_row: torch.Tensor


@dataclass(frozen=True, eq=False)
class Phase:
    """One part of a training step: a module and the losses of drawn units.

    ``losses`` takes indices of units, shape ``(drawn,)``, and gives the loss of each of their
    rows. ``touches_records`` is false for a phase that never sees them (a GAN's generator). ``mixes_units``
    declares that the losses of a unit depend on other units of the batch; a private access refuses such a phase.
    """

    module: torch.nn.Module
    losses: Callable[[NDArray[np.int64]], RowLosses]
    touches_records: bool = True
    mixes_units: bool = False


class Statistics(Protocol):
    """Answers about the training records."""

    def answer(self, questions: Sequence[Question]) -> list[Answer]:
        """Answers in the order of the questions. All that can be asked together should be."""
        ...


class Steps(Protocol):
    """What the training loop asks of whoever makes its steps."""

    def batches(self, units: int, plan: BatchPlan, seed: int) -> Iterator[NDArray[np.int64]]:
        """Indices of the units of each step, ``plan.steps`` times.

        ``units`` is the number of units of the encoded data. A plain access shuffles with ``seed``; a
        private one draws each unit with probability ``batch_units / self.units`` from fresh entropy,
        and an empty draw is a step like any other.
        """
        ...

    def step(self, phase: Phase, units: NDArray[np.int64]) -> float:
        """Write the gradients of ``phase.module``'s parameters for these units; returns the mean loss of a row.

        The loss is internal: it is computed on records and never leaves the private side.
        """
        ...

    def noise_seed(self, seed: int) -> int:
        """What the noise of losses (latents, dropout) is seeded with: ``seed``, or what nobody knows.

        Noise goes to rows by their place in the batch, and a unit more moves the places of others. Were the noise
        known, their gradients would move with it, beyond what clipping bounds.
        """
        ...

    def evaluate(self, phase: Phase, units: NDArray[np.int64]) -> float:
        """The mean loss of these units' rows, without a step. ``BudgetRefused`` where records are protected."""
        ...


class Access(Steps, Protocol):
    """The one object through which anything is learned from records."""

    @property
    def statistics(self) -> Statistics: ...

    @property
    def marginals(self) -> Marginals:
        """Of encoded rows: for engines that have no steps."""
        ...

    @property
    def units(self) -> int:
        """Number of units: exact in a plain run, declared in a private one."""
        ...

    def plan(self, preferred: BatchPlan) -> BatchPlan:
        """The plan that will be carried out; a private access has calibrated its own."""
        ...

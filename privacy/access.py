"""The private access: the one object through which a private run learns from records."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from privacy.budget.promise import Mechanisms
from privacy.clipping import accumulate_clipped, check_not_shared
from privacy.marginals import PrivateMarginals
from privacy.noise import Noise
from privacy.statistics import PrivateStatistics
from shared.access.contract import BatchPlan, Phase
from shared.corpus.units import Units
from shared.errors import BudgetRefused, DataError
from shared.training.example_norms import ghost_layers

_SAMPLES = 1 << 26  # numbers in the gradients of single rows that are held at a time: 256 MB


class PrivateAccess:
    """Answers with noise, steps with clipped and noisy gradients, each paid for once.

    Formal guarantees
    -----------------
    Under add/remove of one unit, with C = ``clipping_norm``, σ = ``training_multiplier``, B = ``batch_units``:

    * :meth:`batches` draws each unit into each of ``steps`` batches with probability q =
      ``sampling_rate``, independently of all other units and batches (Poisson sampling).
    * :meth:`step` sums over the drawn units their gradients of Σ loss(row) / m, each clipped to C in L2
      over all parameters; adds N(0, (σC)²) to each number of every parameter, also where no unit was drawn;
      divides by the declared B. With the draw kept secret this is the Poisson-subsampled Gaussian mechanism
      with q and σ. It takes only the batch that was drawn last, once.
    * :attr:`statistics` is described in :class:`~privacy.statistics.PrivateStatistics`, :attr:`marginals` in
      :class:`~privacy.marginals.PrivateMarginals`.
    * Nothing that is given away is an exact number of records; the loss that :meth:`step` returns is exact and
      therefore internal.

    ``max_rows`` bounds the rows of one forward pass; larger draws are summed over several, with one noise.
    ``noise`` is replaced in tests only.
    """

    def __init__(
        self, data: Units, mechanisms: Mechanisms, *, max_rows: int = 16384, noise: Noise | None = None
    ) -> None:
        self._noise = Noise() if noise is None else noise
        self._statistics = PrivateStatistics(data, mechanisms, self._noise)
        self._marginals = PrivateMarginals(data.rows_per_unit, mechanisms, self._noise)
        self._rows_per_unit = data.rows_per_unit
        self._mechanisms = mechanisms
        self._max_rows = max_rows
        self._batches_given = False
        self._drawn: NDArray[np.int64] | None = None

    @property
    def statistics(self) -> PrivateStatistics:
        """Noisy answers."""
        return self._statistics

    @property
    def marginals(self) -> PrivateMarginals:
        """Noisy marginals of encoded rows."""
        return self._marginals

    @property
    def units(self) -> int:
        """The declared number of units."""
        return self._mechanisms.promise.units_about

    def plan(self, preferred: BatchPlan) -> BatchPlan:
        """The calibrated plan, whatever is preferred."""
        del preferred
        return BatchPlan(batch_units=self._mechanisms.batch_units, steps=self._mechanisms.steps)

    def batches(self, units: int, plan: BatchPlan, seed: int) -> Iterator[NDArray[np.int64]]:
        """The Poisson draws of all steps, once an access; ``seed`` has no part in them."""
        del seed
        mechanisms = self._mechanisms
        if (plan.batch_units, plan.steps) != (mechanisms.batch_units, mechanisms.steps):
            raise BudgetRefused(
                f"{plan.steps} steps of {plan.batch_units} units are not what was paid for; take the plan of the access"
            )
        if units != len(self._rows_per_unit):
            raise DataError("the encoded units are not those of this access; encode the data that it was made for")
        if not mechanisms.training_multiplier > 0:
            raise BudgetRefused("no noise was calibrated for training; calibrate a workload with training")
        if self._batches_given:
            raise BudgetRefused("the steps that were paid for are given out; a further training needs its own release")
        self._batches_given = True
        return self._draws(units)

    def _draws(self, units: int) -> Iterator[NDArray[np.int64]]:
        for _ in range(self._mechanisms.steps):
            self._drawn = self._noise.chosen(self._mechanisms.sampling_rate, units)
            yield self._drawn.copy()

    def step(self, phase: Phase, units: NDArray[np.int64]) -> float:
        """Write private gradients to the parameters of ``phase.module``; returns the mean loss of the rows, internal.

        A phase that touches no records gets ordinary gradients of its mean loss and is free. A unit
        whose gradient is not finite counts as zero; a loss of NaN says that this befell every row.
        """
        if not phase.touches_records:
            return _plain_step(phase, units)
        if phase.mixes_units:
            raise BudgetRefused(
                "the losses of a unit depend on other units, so that no clipping bounds what one unit adds; use the "
                "engine's settings for private runs"
            )
        if self._drawn is None or not np.array_equal(units, self._drawn):
            raise BudgetRefused("a step takes the batch that was drawn last, once; nothing else was paid for")
        self._drawn = None
        return self._private_step(phase, units)

    def noise_seed(self, seed: int) -> int:
        """Fresh entropy, whatever the seed: noise that is independent of the records and unknown can be matched row by
        row between two neighbouring sets of records, so that clipping bounds what a unit adds; known noise cannot."""
        del seed
        return self._noise.seed()

    def evaluate(self, phase: Phase, units: NDArray[np.int64]) -> float:
        """``BudgetRefused``: a loss outside of the steps reads records that nobody paid for."""
        del phase, units
        raise BudgetRefused("stopping early reads records that nobody paid for; leave validation out")

    def _private_step(self, phase: Phase, units: NDArray[np.int64]) -> float:
        mechanisms = self._mechanisms
        phase.module.zero_grad(set_to_none=True)
        losses = self._accumulate(phase, units)
        for parameter in phase.module.parameters():
            if parameter.requires_grad:
                if parameter.grad is None:
                    parameter.grad = torch.zeros_like(parameter)
                self._noise.add_gaussian_(parameter.grad, mechanisms.training_multiplier * mechanisms.clipping_norm)
                parameter.grad.div_(mechanisms.batch_units)
        return _mean(losses, drawn=len(units))

    def _accumulate(self, phase: Phase, units: NDArray[np.int64]) -> list[Tensor]:
        """Sum the clipped gradients chunk by chunk; returns the losses of the rows that count."""
        cap, norm = self._mechanisms.promise.rows, self._mechanisms.clipping_norm
        layers = ghost_layers(phase.module)
        if layers is not None:
            check_not_shared(layers)
            chunks = self._chunks(units, self._max_rows)
            return [accumulate_clipped(phase, layers, chunk, cap=cap, norm=norm) for chunk in chunks]
        # opacus takes a second to import, which runs on ghost layers need not wait for.
        from privacy import per_example

        size = sum(parameter.numel() for parameter in phase.module.parameters() if parameter.requires_grad)
        chunks = self._chunks(units, max(1, min(self._max_rows, _SAMPLES // max(1, size))))
        return [per_example.accumulate_clipped(phase, chunk, cap=cap, norm=norm) for chunk in chunks]

    def _chunks(self, units: NDArray[np.int64], most: int) -> list[NDArray[np.int64]]:
        """Units in chunks of at most ``most`` rows; a unit is never cut."""
        if len(units) == 0:
            return []
        ends = np.cumsum(self._rows_per_unit[units])
        cuts, start = [], 0
        while start < len(units):
            before = ends[start - 1] if start else 0
            start = max(start + 1, int(np.searchsorted(ends, before + most, side="right")))
            cuts.append(start)
        return [chunk for chunk in np.split(units, cuts) if len(chunk)]


def _plain_step(phase: Phase, units: NDArray[np.int64]) -> float:
    phase.module.zero_grad(set_to_none=True)
    values = phase.losses(units).values
    if len(values) == 0:
        return 0.0
    loss = values.mean()
    loss.backward()  # type: ignore[no-untyped-call]
    return float(loss.detach())


def _mean(losses: list[Tensor], *, drawn: int) -> float:
    """Mean of the losses; 0 for an empty draw, NaN if no row of a draw had a finite gradient."""
    values = [part for part in losses if len(part)]
    if not values:
        return float("nan") if drawn else 0.0
    return float(torch.cat(values).mean())

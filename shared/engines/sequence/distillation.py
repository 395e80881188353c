"""Learning the proposal from samples of the network itself: no record is touched, so it costs no privacy.

A sample x is shown what is known of some of its columns: a set of codes that x's own code lies in. The
set is the cell of a random partition that holds x's code, and the partition does not depend on x. So among
samples that are shown the same sets x is distributed as the network has it given them, and cross-entropy
of x's codes leads to that conditional (see :mod:`shared.engines.sequence.proposal`).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from shared.access.contract import BatchPlan, Phase, RowLosses
from shared.access.plain import mean_loss
from shared.engines.closings import CLOSED
from shared.engines.encoded import Histories
from shared.engines.sequence.inputs import Examples
from shared.engines.sequence.network import RowInputs, RowNetwork, cross_entropies
from shared.engines.sequence.proposal import Proposal
from shared.randomness import numpy_generator, torch_generator
from shared.training.loop import Part, TrainingConfig, train
from shared.training.reporter import Reporter

UNITS = 65_536  # samples that are learned from, each with other columns known every time
CELLS = 4_000_000  # or so many codes
BATCH_ROWS = 256
STEPS = 600
CONFIG = TrainingConfig(learning_rate=5e-3, averaging=(0.1, 0.02))
WHOLE_UNIT = 0.7  # share of units that have the same columns known in all rows
SINGLE_CODE = 0.6  # share of columns of which the code itself is known
MOST_CELLS = 8


class _Drills:
    """Batches of samples, and plain gradients: what the training loop asks of whoever makes its steps.

    A drawn number is that of a sample plus, times the number of samples, that of a column whose code is told
    (counted from 1; 0: none in particular). Half of the samples are drawn by a column and one of its
    codes, all codes alike, so that rare ones are learned too: with the code told, that changes no conditional.
    """

    def __init__(self, samples: Histories) -> None:
        self.units = len(samples)
        unit_of_row = np.repeat(np.arange(self.units), samples.rows_per_unit)
        self._sorted: list[tuple[NDArray[np.int64], NDArray[np.int64]]] = []
        for rows, owner in ((samples.units, np.arange(self.units)), (samples.rows, unit_of_row)):
            for codes in rows.codes.T:
                order = np.argsort(codes, kind="stable")
                starts = np.flatnonzero(np.diff(codes[order], prepend=-1))
                self._sorted.append((owner[order], np.append(starts, len(order))))

    def batches(self, units: int, plan: BatchPlan, seed: int) -> Iterator[NDArray[np.int64]]:
        random = numpy_generator(seed, "proposal batches")
        for _ in range(plan.steps):
            drawn = random.integers(0, units, size=plan.batch_units)
            columns = np.zeros(plan.batch_units, dtype=np.int64)
            for place in range(0, plan.batch_units, 2):
                column = int(random.integers(0, len(self._sorted)))
                owner, starts = self._sorted[column]
                if len(starts) < 2:
                    continue
                code = int(random.integers(0, len(starts) - 1))
                drawn[place] = owner[int(random.integers(starts[code], starts[code + 1]))]
                columns[place] = column + 1
            yield drawn + units * columns

    def step(self, phase: Phase, units: NDArray[np.int64]) -> float:
        phase.module.zero_grad(set_to_none=True)
        loss = phase.losses(units).values.mean()
        loss.backward()  # type: ignore[no-untyped-call]
        return float(loss.detach())

    def noise_seed(self, seed: int) -> int:
        return seed

    def evaluate(self, phase: Phase, units: NDArray[np.int64]) -> float:
        return mean_loss(phase, units)


def distilled(network: RowNetwork, samples: Histories, *, seed: int, reporter: Reporter) -> Proposal:
    """A proposal learned from samples of the network; equal for equal arguments."""
    device = network.first.weight.device
    examples = Examples(samples, network.shape, device)
    proposal = Proposal(network.shape, network.extra).to(device)
    proposal.reset(_marginals(samples), torch_generator(seed, "proposal weights"))
    lesson = _Lesson(network, proposal, torch_generator(seed, "proposal events", device=str(device)))

    def losses(drawn: NDArray[np.int64]) -> RowLosses:
        columns, units = np.divmod(drawn, len(samples))
        inputs, weights, unit_of_row = examples.take(units)
        forced = torch.from_numpy(columns).to(device)[unit_of_row] - 1
        return RowLosses(lesson.losses(inputs, weights, unit_of_row, forced), unit_of_row)

    phase = Phase(proposal, losses, touches_records=False)
    rows = max(1.0, len(samples.rows) / len(samples))
    plan = BatchPlan(batch_units=max(1, min(round(BATCH_ROWS / rows), len(samples))), steps=STEPS)
    name = "learning to condition"
    parts = [Part(phase=phase, config=CONFIG)]
    train(parts, _Drills(samples), plan=plan, units=len(samples), seed=seed, reporter=reporter, name=name)
    return proposal.eval()


def _marginals(samples: Histories) -> list[NDArray[np.float64]]:
    return [
        np.bincount(codes, minlength=size).astype(np.float64)
        for rows in (samples.units, samples.rows)
        for codes, size in zip(rows.codes.T, rows.sizes, strict=True)
    ]


@dataclass(frozen=True, eq=False)
class _Lesson:
    """Losses of a batch of samples of which random columns are known."""

    network: RowNetwork
    proposal: Proposal
    random: torch.Generator

    def losses(self, inputs: RowInputs, weights: Tensor | None, unit_of_row: Tensor, forced: Tensor) -> Tensor:
        """Cross-entropy of each row's columns that come before a known one, shape ``(rows,)``.

        ``forced``, shape ``(rows,)``: a column whose code is told, or -1.
        """
        network, own = self.network, self.network.shape.unit_columns
        single = forced[:, None] == torch.arange(len(network.shape.sizes), device=forced.device)
        told = self._told(unit_of_row) | single
        shares = [self._shares(columns, width, inputs.codes, told, single) for width, columns in network.heads.groups]
        known = self._vectors(shares, inputs.codes)
        before = told.flip(1).cumsum(1).flip(1) - told.float() > 0
        if not network.shape.flat:
            later = later_means(known[:, own:], unit_of_row)
            before = before | (later != 0).flatten(1).any(1, keepdim=True)
            known = torch.cat([known, later], dim=1)
        with torch.no_grad():
            sources = network.sources(inputs)
            plain = list(network.grouped(inputs, sources))
        corrections = self.proposal.heads.grouped(self.proposal.hidden(sources, known))
        losses = sources.new_zeros(len(network.shape.sizes), len(inputs.codes))
        for (columns, logits), (_, correction), allowed in zip(plain, corrections, shares, strict=True):
            targets = inputs.codes.T.index_select(0, columns)
            closed = (1 - allowed) * CLOSED
            losses = losses.index_copy(0, columns, cross_entropies(logits + correction + closed, targets))
        counted = before.float() if weights is None else before * weights
        return (losses.T * counted).sum(1)

    def _rand(self, *shape: int) -> Tensor:
        return torch.rand(*shape, generator=self.random, device=self.random.device)

    def _told(self, unit_of_row: Tensor) -> Tensor:
        """Of which columns something is known, shape ``(rows, columns)``; few columns as often as many."""
        columns = len(self.network.shape.sizes)
        rows = len(unit_of_row)
        units = int(unit_of_row[-1]) + 1
        chance = (1 / columns) ** self._rand(units, 1)
        whole = self._rand(units, 1) < WHOLE_UNIT
        of_unit, of_row = self._rand(units, columns) < chance, self._rand(rows, columns) < chance[unit_of_row]
        own = torch.arange(columns, device=of_row.device) < self.network.shape.unit_columns
        return torch.where(whole[unit_of_row] | own, of_unit[unit_of_row], of_row)

    def _shares(self, columns: list[int], width: int, codes: Tensor, told: Tensor, single: Tensor) -> Tensor:
        """Sets of codes with each row's own in them, shape ``(columns, rows, width)`` of ones and zeros."""
        own = codes[:, columns].T[:, :, None]
        shape = (len(columns), len(codes))
        places = torch.arange(width, device=codes.device)
        sizes = torch.tensor([self.network.shape.sizes[column] for column in columns], device=codes.device)
        # Cells of codes in a row, between two cuts that lie anywhere.
        cuts = (self._rand(*shape, 2) * (sizes[:, None, None] + 1)).long()
        interval = ((places[:, None] >= cuts[:, :, None, :]) == (own[..., None] >= cuts[:, :, None, :])).all(3)
        # Cells of codes anywhere: each code goes to one of some cells.
        cells = 2 + (self._rand(*shape, 1) * (MOST_CELLS - 1)).long()
        cell = (self._rand(*shape, width) * cells).long()
        scattered = cell == cell.gather(2, own)
        kind = self._rand(*shape, 1)
        allowed = torch.where(kind < (1 + SINGLE_CODE) / 2, interval, scattered)
        alone = (kind < SINGLE_CODE) | single[:, columns].T[:, :, None]
        allowed = torch.where(alone, places == own, allowed)
        return torch.where(told[:, columns].T[:, :, None], allowed, True).float()

    def _vectors(self, shares: list[Tensor], codes: Tensor) -> Tensor:
        """What is known, as vectors, shape ``(rows, columns, WIDTH)``."""
        groups = self.network.heads.groups
        vectors = torch.cat([self.proposal.known.group(index, part) for index, part in enumerate(shares)])
        order = torch.tensor([column for _, columns in groups for column in columns], device=codes.device)
        return vectors.index_select(0, torch.argsort(order)).transpose(0, 1)


def later_means(vectors: Tensor, unit_of_row: Tensor) -> Tensor:
    """The mean of each unit's later rows, zero for its last, shape of ``vectors`` ``(rows, columns, WIDTH)``."""
    sums = vectors.cumsum(0)
    lengths = torch.bincount(unit_of_row)
    ends = lengths.cumsum(0)
    last = torch.repeat_interleave(ends, lengths) - 1
    remaining = last - torch.arange(len(vectors), device=vectors.device)
    return (sums[last] - sums) * (remaining > 0)[:, None, None] / remaining.clamp(min=1)[:, None, None]

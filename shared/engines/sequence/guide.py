"""The proposal at work: corrections of one column's logits, for particles of units of given conditions."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import torch
from torch import Tensor

from shared.engines.sequence.conditions import Conditions
from shared.engines.sequence.proposal import HIDDEN, WIDTH, Proposal
from shared.engines.sequence.sampling import Step


@dataclass(frozen=True, eq=False)
class Guide:
    """The proposal's masked weights, and what is known of columns as vectors: by column, ``(sets, WIDTH)``."""

    proposal: Proposal
    conditions: Conditions
    vectors: dict[int, Tensor]
    first: Tensor
    given: Tensor

    @classmethod
    @torch.no_grad()
    def build(cls, proposal: Proposal, conditions: Conditions) -> Self:
        """Prepare what all particles share."""
        vectors = {column: proposal.known.column(column, sets.shares) for column, sets in conditions.columns.items()}
        return cls(proposal, conditions, vectors, proposal.first.matrix(), proposal.given.matrix())

    def at(self, place: int, units: Tensor) -> Signs:
        """What the conditions say at one place of each unit's rows; ``units``: whose particles they are."""
        proposal, conditions = self.proposal, self.conditions
        everyone = torch.arange(1 if conditions.alike else conditions.units, device=units.device)
        columns, later = proposal.columns, proposal.later
        known = self.given.new_zeros(len(everyone), columns + later, WIDTH)
        told = torch.zeros(len(everyone), columns, dtype=torch.bool, device=units.device)
        for column, sets in conditions.columns.items():
            which = conditions.places(column, everyone, place)
            known[:, column] = self.vectors[column][which]
            told[:, column] = sets.told[which]
            if later and column >= columns - later:
                known[:, column + later] = self._later(column, everyone, place)
        now, after = (
            known[:, part].flatten(1) @ self.given[part.start * WIDTH : part.stop * WIDTH]
            for part in (slice(0, columns), slice(columns, columns + later))
        )
        now += (proposal.first.bias + proposal.given.bias).flatten()
        return Signs(
            guide=self,
            units=torch.zeros_like(units) if conditions.alike else units,
            now=now,
            after=after,
            told=told.flip(1).cumsum(1).flip(1) - told.long() > 0,
            told_later=(known[:, columns:] != 0).flatten(1).any(1),
        )

    def _later(self, column: int, units: Tensor, place: int) -> Tensor:
        """The mean of what is known of a row column in the later rows of each unit, if there are any."""
        sets, starts, counts = self.conditions.columns[column], self.conditions.starts, self.conditions.counts
        if not sets.by_row:
            return self.vectors[column][self.conditions.places(column, units, place)]
        assert starts is not None
        assert counts is not None
        assert sets.which is not None
        vectors = self.vectors[column][sets.which]
        sums = torch.cat([vectors.new_zeros(1, WIDTH), vectors.cumsum(0)])
        ends = starts + counts
        begin = torch.minimum(starts + place + 1, ends)
        return (sums[ends] - sums[begin]) / (ends - begin).clamp(min=1)[:, None]


@dataclass(frozen=True, eq=False)
class Signs:
    """What the conditions say at one place: parts of the first layer's sums ``(units or 1, columns * HIDDEN)``.

    ``now``: of this row; ``after``: of later rows, where a unit has them. ``told`` ``(units or 1, columns)``: whether
    something is known of this row after a column; ``told_later``, of later rows.
    """

    guide: Guide
    units: Tensor
    now: Tensor
    after: Tensor
    told: Tensor
    told_later: Tensor

    def corrections(self, step: Step) -> Tensor | None:
        """Corrections of the column's logits, ``(particles, size)``; ``None`` where nothing later is known."""
        more = (step.counts > step.place + 1) & self.told_later[self.units]
        concerned = self.told[self.units, step.column] | more
        if not bool(concerned.any()):
            return None
        proposal = self.guide.proposal
        block = slice(step.column * HIDDEN, (step.column + 1) * HIDDEN)
        sums = torch.addmm(self.now[self.units, block], step.sources, self.guide.first[: step.sources.shape[1], block])
        if bool(more.any()):
            sums += self.after[self.units, block] * more[:, None]
        hidden = torch.relu(sums)
        weight, bias = proposal.second.weight[step.column], proposal.second.bias[step.column]
        corrections = proposal.heads.logits(step.column, torch.relu(torch.addmm(bias, hidden, weight)))
        return corrections * concerned[:, None]

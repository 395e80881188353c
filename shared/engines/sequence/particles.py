"""Weighted draws of units of which something is given.

A particle is a whole unit that is drawn column by column from a proposal that keeps to what is given. Its
weight is its probability under the network, exclusions included, times the share of it that is allowed,
over the probability with which it was drawn: particles so weighted are draws from the exact conditional
(importance sampling; Owen 2013, "Monte Carlo theory, methods and examples", chapter 9).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import torch
from torch import Tensor

from shared.engines.closings import close, left
from shared.engines.sequence.conditions import Conditions
from shared.engines.sequence.guide import Guide, Signs
from shared.engines.sequence.proposal import Proposal
from shared.engines.sequence.sampling import Sampler, Step, drawn

# This share of every draw ignores the correction, so that no weight grows beyond bounds (Hesterberg 1995, "Weighted
# average importance sampling and defensive mixture distributions", Technometrics 37).
DEFENSIVE = 0.05


@dataclass(frozen=True, eq=False)
class Particles:
    """Units with their weights.

    ``codes`` ``(particles, places, columns)``, int16; ``counts``, ``units`` and ``log_weights`` ``(particles,)``:
    the number of rows, whose particle it is, and the natural logarithm of the weight.
    """

    codes: Tensor
    counts: Tensor
    units: Tensor
    log_weights: Tensor


@dataclass(frozen=True, eq=False)
class Walk:
    """Draws particles for units of given conditions.

    ``count_chances``: natural log of how likely each number of rows is, shape ``(units or 1, most rows + 1)``.
    """

    sampler: Sampler
    conditions: Conditions
    guide: Guide | None
    count_chances: Tensor

    @classmethod
    def build(cls, sampler: Sampler, conditions: Conditions, proposal: Proposal | None) -> Self:
        """Prepare what all particles of these units share."""
        chances = sampler.row_chances.log()[None]
        told = min(conditions.exact_columns, sampler.network.shape.unit_columns)
        if told and conditions.counts is None:
            chances = sampler.count_log_chances(conditions.codes(told))
        guide = None if proposal is None else Guide.build(proposal, conditions)
        return cls(sampler, conditions, guide, chances)

    @torch.no_grad()
    def draw(self, units: Tensor, generator: torch.Generator) -> Particles:
        """One particle for each entry of ``units``, shape ``(particles,)``."""
        shape = self.sampler.network.shape
        own = shape.unit_columns
        counts, weights = self._counts(units, generator)
        most = int(counts.max()) if len(counts) else 0
        codes = torch.zeros(len(units), max(1, most), len(shape.sizes), dtype=torch.int16, device=units.device)
        empty = torch.nonzero(counts == 0).squeeze(1)
        if len(empty):
            row = self._row(0, units[empty], weights[empty], generator)
            past = self.sampler.nothing(empty)
            codes[empty, 0] = self.sampler.row(counts[empty], 0, past, None, row.choose, columns=own).short()
            weights[empty] = row.log_weights
        for place, active, past in self.sampler.pasts(counts, codes):
            row = self._row(place, units[active], weights[active], generator)
            known = past.own if place else None
            codes[active, place] = self.sampler.row(counts[active], place, past, known, row.choose).short()
            weights[active] = row.log_weights
        return Particles(codes, counts, units, weights)

    def _row(self, place: int, units: Tensor, log_weights: Tensor, generator: torch.Generator) -> _Row:
        signs = None if self.guide is None else self.guide.at(place, units)
        return _Row(self, units, log_weights, signs, generator)

    def _counts(self, units: Tensor, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        """Numbers of rows, and the log weights that drawing them begins with."""
        if self.conditions.counts is not None:
            return self.conditions.counts[units], torch.zeros(len(units), dtype=torch.float64, device=units.device)
        chances = self.count_chances[units if len(self.count_chances) > 1 else torch.zeros_like(units)]
        possible = torch.isfinite(chances.amax(1))
        chances = torch.log_softmax(torch.where(possible[:, None], chances, self.sampler.row_chances.log()), 1)
        counts = drawn(chances.exp(), generator)
        weights = self.sampler.row_chances.log()[counts] - chances.gather(1, counts[:, None]).squeeze(1)
        return counts, torch.where(possible, weights, -torch.inf).double()


@dataclass(eq=False)
class _Row:
    """One row of each particle under way."""

    walk: Walk
    units: Tensor
    log_weights: Tensor
    signs: Signs | None
    generator: torch.Generator

    def choose(self, step: Step) -> Tensor:
        """Codes of one column that keep to what is given; the weights are carried on."""
        walk, conditions = self.walk, self.walk.conditions
        chances = torch.log_softmax(walk.sampler.logits(step), 1)
        sets = conditions.columns.get(step.column)
        if sets is not None:
            which = conditions.places(step.column, self.units, step.place)
            chances = chances + sets.logs[which]
        close(chances, conditions.never.get(step.column, ()), step.codes, step.place, step.counts)
        free = sets is None and step.column not in conditions.never
        dead = None if free else ~left(chances)
        if sets is not None and sets.exact:
            code = sets.shares.argmax(1)[which]
            gained = chances.gather(1, code[:, None]).squeeze(1)
        else:
            code, gained = self._drawn(step, chances)
        self.log_weights = self.log_weights + (gained if dead is None else torch.where(dead, -torch.inf, gained))
        return code

    def _drawn(self, step: Step, chances: Tensor) -> tuple[Tensor, Tensor]:
        """Codes from the proposal, and the logarithm of what they are more likely than drawn."""
        corrections = None if self.signs is None else self.signs.corrections(step)
        if corrections is None:
            return drawn(torch.softmax(chances, 1), self.generator), torch.logsumexp(chances, 1)
        proposed = torch.softmax(chances + corrections, 1).mul_(1 - DEFENSIVE)
        proposed += DEFENSIVE * torch.softmax(chances, 1)
        code = drawn(proposed, self.generator)[:, None]
        return code.squeeze(1), (chances.gather(1, code) - proposed.gather(1, code).log()).squeeze(1)

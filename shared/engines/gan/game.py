"""The two phases of the game: a critic that tells rows apart, and a generator that is judged by it.

The Wasserstein loss (Arjovsky et al. 2017, arXiv:1701.07875) of a conditional GAN. Each drawn row has a condition of
its own, its choice in a column drawn evenly, and a generated row under the same condition beside it.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from shared.access.contract import Phase, RowLosses
from shared.engines.gan.columns import Columns
from shared.engines.gan.conditions import ConditionTable
from shared.engines.gan.config import GanConfig
from shared.engines.gan.networks import Critic, Generator, Grouped, drawn_softly
from shared.engines.rows.layout import Examples


@dataclass(frozen=True, eq=False)
class Game:
    """``randomness`` is what all noise is drawn from."""

    generator: Generator
    critic: Critic
    columns: Columns
    conditions: ConditionTable
    settings: GanConfig
    randomness: torch.Generator

    @property
    def mixes_units(self) -> bool:
        """Whether the critic's losses are of several rows together, which a private access refuses."""
        return self.settings.pack > 1 or self.settings.boost > 1

    def critic_phase(self, examples: Examples) -> Phase:
        """The one phase that touches records."""

        def losses(drawn: NDArray[np.int64]) -> RowLosses:
            codes, owner = examples.take(drawn)
            return self._packed(codes) if self.mixes_units else self._by_row(codes, owner)

        return Phase(self.critic, losses, mixes_units=self.mixes_units)

    def generator_phase(self) -> Phase:
        """Touches no records: conditions come from marginals, and the batch is declared."""
        return Phase(self.generator, self._generator_losses, touches_records=False)

    def _by_row(self, codes: Tensor, owner: Tensor) -> RowLosses:
        """−D(row) and D(generated row beside it), one after the other, so that each unit's gradient is its own."""
        choices, places = self.columns.split(codes)
        _, condition = self.conditions.of_rows(choices, self.randomness)
        made = self._made(condition)
        both = torch.stack([self.columns.seen(choices, places), made], dim=1).flatten(0, 1)
        scores = self.critic(both, condition.repeat_interleave(2))
        signs = torch.tensor([-1.0, 1.0], device=codes.device).repeat(len(codes))
        return RowLosses(scores * signs, owner.repeat_interleave(2))

    def _packed(self, codes: Tensor) -> RowLosses:
        """Losses of packs of rows, which are drawn from the batch so that rare choices come more often."""
        choices, places = self.columns.split(codes)
        _, condition = self.conditions.of_rows(choices, self.randomness)
        pack = self.settings.pack
        rows = max(pack, len(codes) // pack * pack)
        picked = torch.multinomial(
            self.conditions.weights(condition), rows, replacement=True, generator=self.randomness
        )
        choices, places, condition = choices[picked], places[picked], condition[picked]
        seen, made = self.columns.seen(choices, places), self._made(condition)
        scores = self.critic(torch.cat([seen, made]), condition.repeat(2))
        real, fake = scores.chunk(2)
        values = fake - real
        if self.settings.penalty:
            values = values + self.settings.penalty * self._penalty(seen, made, condition)
        return RowLosses(values, torch.arange(len(values), device=codes.device))

    def _penalty(self, seen: Tensor, made: Tensor, condition: Tensor) -> Tensor:
        """(‖∇D‖ − 1)² between each pack and the generated one beside it, shape ``(packs,)``."""
        pack = self.settings.pack
        shares = torch.rand(len(seen) // pack, 1, generator=self.randomness, device=seen.device)
        shares = shares.repeat_interleave(pack, dim=0)
        between = (shares * seen + (1 - shares) * made).requires_grad_()
        (slope,) = torch.autograd.grad(self.critic(between, condition).sum(), between, create_graph=True)
        norms: Tensor = slope.reshape(len(seen) // pack, -1).norm(dim=1)
        return (norms - 1).square()

    @torch.no_grad()
    def _made(self, condition: Tensor) -> Tensor:
        logits, places = self._generated(condition)
        return self._seen(logits, places)

    def _generator_losses(self, units: NDArray[np.int64]) -> RowLosses:
        # How many units were drawn is private: the batch is the declared one.
        del units
        rows = -(-self.settings.generator_batch // self.settings.pack) * self.settings.pack
        column, condition = self.conditions.drawn(rows, self.randomness, balanced=True)
        logits, places = self._generated(condition)
        made = self._seen(logits, places)
        with _still(self.critic):
            scores = self.critic(made, condition)
        missed = self._missed(logits, column, condition)
        missed = missed.reshape(len(scores), -1).mean(dim=1)
        values = self.settings.condition_weight * missed - scores
        return RowLosses(values, torch.arange(len(values), device=values.device))

    def _missed(self, logits: Grouped, column: Tensor, condition: Tensor) -> Tensor:
        """How far each row is from its condition: cross-entropy of the choice that was asked for, ``(rows,)``."""
        wanted = condition - self.conditions.starts[column]
        missed = torch.zeros(len(column), device=wanted.device)
        for columns, part in logits:
            places = torch.full((len(self.columns.sizes),), -1, device=wanted.device)
            places[columns] = torch.arange(len(columns), device=wanted.device)
            mine = torch.nonzero(places[column] >= 0).squeeze(1)
            asked = part[places[column[mine]], mine]
            losses = nn.functional.cross_entropy(asked, wanted[mine], reduction="none")
            missed = missed.index_add(0, mine, losses)
        return missed

    def _generated(self, condition: Tensor) -> tuple[Grouped, Tensor]:
        noise = torch.randn(len(condition), self.settings.noise, generator=self.randomness, device=condition.device)
        made: tuple[Grouped, Tensor] = self.generator(noise, condition)
        return made

    def _seen(self, logits: Grouped, places: Tensor) -> Tensor:
        """What the critic sees of choices drawn from ``logits``."""
        settings = self.settings
        drawn = [
            (columns, drawn_softly(part, settings.temperature, self.randomness, settings.straight))
            for columns, part in logits
        ]
        return self.columns.seen_soft(self.generator.heads.apart(drawn), places)


@contextmanager
def _still(module: nn.Module) -> Iterator[None]:
    """Gradients flow through the module and not into its parameters."""
    for parameter in module.parameters():
        parameter.requires_grad_(False)
    try:
        yield
    finally:
        for parameter in module.parameters():
            parameter.requires_grad_(True)

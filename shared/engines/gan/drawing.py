"""Rows from the generator."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from shared.engines.gan.columns import Columns
from shared.engines.gan.conditions import ConditionTable
from shared.engines.gan.networks import Generator, chosen

_LOGITS = 1 << 24  # held at a time: 64 MB


@dataclass(frozen=True, eq=False)
class GeneratedRows:
    """Draws rows under conditions of their natural frequency; see :class:`shared.engines.rows.drawing.RowSource`."""

    generator: Generator
    columns: Columns
    conditions: ConditionTable
    alike: bool = True

    @torch.no_grad()
    def draw(self, slots: Tensor, last: Tensor, generator: torch.Generator) -> Tensor:
        """Codes ``(rows, columns)``."""
        del last
        size = max(1, _LOGITS // self.generator.heads.total)
        return torch.cat([self._drawn(len(part), generator) for part in torch.split(slots, size)])

    def _drawn(self, rows: int, generator: torch.Generator) -> Tensor:
        device = self.conditions.starts.device
        _, condition = self.conditions.drawn(rows, generator, balanced=False)
        noise = torch.randn(rows, self.generator.shape.noise, generator=generator, device=device)
        logits, places = self.generator(noise, condition)
        choices = torch.cat([chosen(part, generator) for _, part in logits])
        order = torch.tensor([column for columns, _ in logits for column in columns], device=device)
        return self.columns.codes(choices[torch.argsort(order)].T, places)

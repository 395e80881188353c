"""Exclusions as the engine keeps them: codes that close in the column that is drawn last."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from shared.engines.encoded import CodeExclusion
from shared.errors import SchemaError

CLOSED = -1e9  # a logit that is never drawn


@dataclass(frozen=True, eq=False)
class Closing:
    """Codes that close in the column drawn last when the columns before hold certain codes."""

    conditions: tuple[tuple[int, Tensor], ...]  # column, mask over its codes
    closed: Tensor  # mask over the codes of the column drawn last
    last_row: bool | None
    first_row: bool | None
    of_unit: bool  # the column drawn last is the unit's own

    def holds(self, codes: Tensor, place: int, counts: Tensor) -> Tensor:
        """Where the codes close, shape ``(units,)``; the last of ``counts`` rows has place ``counts - 1``."""
        if self.last_row is None:
            holds = torch.ones_like(counts, dtype=torch.bool)
        elif self.of_unit:
            # A unit's own columns meet its last row if it has any, and others if it has two.
            holds = counts >= (1 if self.last_row else 2)
        else:
            holds = (counts == place + 1) == self.last_row
        if self.first_row is not None and self.first_row != (place == 0):
            return torch.zeros_like(holds)
        for column, mask in self.conditions:
            holds = holds & mask[codes[:, column]]
        return holds


Closings = dict[int, list[Closing]]


def compiled(
    exclusions: Sequence[CodeExclusion],
    names: Sequence[str],
    sizes: Sequence[int],
    unit_columns: int,
    device: torch.device,
) -> Closings:
    """Closings by the column that is drawn last. ``SchemaError`` for a column that there is not."""
    closings: Closings = {}
    for exclusion in exclusions:
        parts = []
        for name, codes in exclusion.parts:
            if name not in names:
                raise SchemaError(f"an exclusion names the code column {name!r}; the engine has {', '.join(names)}")
            column = names.index(name)
            mask = torch.zeros(sizes[column], dtype=torch.bool, device=device)
            mask[list(codes)] = True
            parts.append((column, mask))
        parts.sort(key=lambda part: part[0])
        *conditions, (column, closed) = parts
        closing = Closing(
            tuple(conditions), closed, exclusion.last_row, exclusion.first_row, of_unit=column < unit_columns
        )
        closings.setdefault(column, []).append(closing)
    return closings


def close(logits: Tensor, closings: Sequence[Closing], codes: Tensor, place: int, counts: Tensor) -> None:
    """Close the codes of one column in place; ``codes`` holds the columns before."""
    for closing in closings:
        logits.masked_fill_(closing.holds(codes, place, counts)[:, None] & closing.closed[None, :], CLOSED)


def left(logits: Tensor) -> Tensor:
    """Where at least one code is open, shape ``(rows,)``."""
    return logits.amax(1) > CLOSED / 2

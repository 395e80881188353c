"""Which drawn rows may stand: exclusions, and what is given of their units."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

import torch
from torch import Tensor

from shared.engines.encoded import CodeExclusion, Given
from shared.engines.rows.layout import Layout
from shared.errors import DataError, SchemaError


@dataclass(frozen=True, eq=False)
class Exclusions:
    """Combinations of codes that no row may have: of each the columns with masks over their codes."""

    parts: tuple[tuple[tuple[tuple[int, Tensor], ...], bool | None], ...]

    @classmethod
    def build(cls, exclusions: Sequence[CodeExclusion], layout: Layout, device: torch.device) -> Self:
        """Raises ``SchemaError`` for a column that there is not."""
        built = []
        for exclusion in exclusions:
            masks = []
            for name, codes in exclusion.parts:
                if name not in layout.names:
                    raise SchemaError(
                        f"an exclusion names the code column {name!r}; the engine has {', '.join(layout.names)}"
                    )
                column = layout.names.index(name)
                mask = torch.zeros(layout.sizes[column], dtype=torch.bool, device=device)
                mask[list(codes)] = True
                masks.append((column, mask))
            built.append((tuple(masks), exclusion.last_row))
        return cls(tuple(built))

    def __add__(self, other: Exclusions) -> Exclusions:
        return Exclusions(self.parts + other.parts)

    @property
    def by_place(self) -> bool:
        """Whether an exclusion asks if a row is the last of its unit."""
        return any(last_row is not None for _, last_row in self.parts)

    def broken(self, codes: Tensor, last: Tensor) -> Tensor:
        """Which rows of ``codes`` ``(rows, columns)`` break one; ``last`` ``(rows,)``: the last of their units."""
        broken = torch.zeros_like(last)
        for masks, last_row in self.parts:
            hit = torch.ones_like(last) if last_row is None else last == last_row
            for column, mask in masks:
                hit = hit & mask[codes[:, column]]
            broken |= hit
        return broken


@dataclass(frozen=True, eq=False)
class Wanted:
    """What rows must hold: of a column the shares ``(sets, size)`` that are allowed, and which set a row has."""

    columns: tuple[tuple[int, Tensor, Tensor | None], ...]

    @classmethod
    def build(cls, given: Given, units: int, layout: Layout, device: torch.device) -> Self:
        """For rows one after another; raises ``DataError`` for what does not fit the engine's columns or units."""
        counts = given.rows_per_unit
        if given.units is not None:
            raise DataError("units are given whole, but this engine learns rows by themselves; give columns of rows")
        columns = []
        for name, allowed in given.columns.items():
            if name not in layout.names:
                raise DataError(f"a condition names the code column {name!r}; the engine has {', '.join(layout.names)}")
            column = layout.names.index(name)
            if allowed.shares.shape[1] != layout.sizes[column]:
                raise DataError(
                    f"the condition on {name!r} is of {allowed.shares.shape[1]} codes; there are {layout.sizes[column]}"
                )
            if allowed.by_row and counts is None:
                raise DataError(f"the condition on {name!r} goes by row; that needs numbers of rows")
            expected = int(counts.sum()) if allowed.by_row and counts is not None else units
            which = None
            if allowed.which is not None:
                if len(allowed.which) != expected:
                    raise DataError(
                        f"the condition on {name!r} is of {len(allowed.which)} units or rows; give {expected}"
                    )
                which = torch.from_numpy(allowed.which).to(device)
                if not allowed.by_row and counts is not None:
                    which = which.repeat_interleave(torch.from_numpy(counts).to(device))
            columns.append((column, torch.from_numpy(allowed.shares).float().to(device), which))
        return cls(tuple(columns))

    @property
    def alike(self) -> bool:
        """Whether all rows must hold the same."""
        return all(which is None for _, _, which in self.columns)

    def slice(self, start: int, stop: int) -> Wanted:
        """Those of some of the rows."""
        return Wanted(tuple((c, s, None if w is None else w[start:stop]) for c, s, w in self.columns))

    def of(self, column: int, rows: Tensor) -> Tensor | None:
        """Shares ``(rows, size)`` of one column for some rows; ``None`` where it is free."""
        for place, shares, which in self.columns:
            if place == column:
                return shares[:1].expand(len(rows), -1) if which is None else shares[which[rows]]
        return None

    def chances(self, codes: Tensor, rows: Tensor) -> Tensor:
        """How much of what ``codes`` stand for is allowed to ``rows``, shape ``(rows,)``."""
        chances = torch.ones(len(rows), device=codes.device)
        for column, shares, which in self.columns:
            sets = torch.zeros_like(rows) if which is None else which[rows]
            chances = chances * shares[sets, codes[:, column]]
        return chances

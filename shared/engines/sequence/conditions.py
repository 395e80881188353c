"""What is given of units, as tensors that the particles look up."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Self

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from shared.engines.closings import CLOSED, Closings, compiled
from shared.engines.encoded import Allowed, AnyCodes, Given
from shared.engines.sequence.network import NetworkShape
from shared.errors import DataError


@dataclass(frozen=True, eq=False)
class Sets:
    """What one column may hold: ``shares`` and their logarithms ``(sets, size)``, and who has which set."""

    shares: Tensor
    logs: Tensor
    told: Tensor  # (sets,): whether the set says anything
    exact: bool  # every set is one code
    which: Tensor | None  # of units, or of rows
    by_row: bool

    @classmethod
    def build(cls, allowed: Allowed, device: torch.device) -> Self:
        shares = torch.from_numpy(allowed.shares).float().to(device)
        which = None if allowed.which is None else torch.from_numpy(allowed.which).to(device)
        return cls(
            shares=shares,
            logs=shares.log().clamp(min=CLOSED),
            told=(shares != shares[:, :1]).any(1),
            exact=bool(((shares > 0).sum(1) == 1).all()),
            which=which,
            by_row=allowed.by_row,
        )


@dataclass(frozen=True, eq=False)
class Conditions:
    """What is given of ``units`` units, by the index of the code column.

    ``starts`` has shape ``(units,)``: the first row of each unit, where numbers of rows are given.
    """

    units: int
    device: torch.device
    columns: dict[int, Sets]
    never: Closings
    counts: Tensor | None
    starts: Tensor | None

    @classmethod
    def build(cls, given: Given, n: int, names: Sequence[str], shape: NetworkShape, device: torch.device) -> Self:
        """Raises ``DataError`` for what does not fit the engine's columns or the number of units."""
        own, counts = shape.unit_columns, given.rows_per_unit
        check_counts(counts, n, shape)
        for name, allowed in given.columns.items():
            if name not in names:
                raise DataError(f"a condition names the code column {name!r}; the engine has {', '.join(names)}")
            size = shape.sizes[list(names).index(name)]
            if allowed.shares.shape[1] != size:
                raise DataError(f"the condition on {name!r} is of {allowed.shares.shape[1]} codes; there are {size}")
            if allowed.by_row and (counts is None or list(names).index(name) < own):
                raise DataError(f"the condition on {name!r} goes by row; that needs a row column and numbers of rows")
            wanted = int(counts.sum()) if allowed.by_row and counts is not None else n
            if allowed.which is not None and len(allowed.which) != wanted:
                raise DataError(f"the condition on {name!r} is of {len(allowed.which)} units or rows; give {wanted}")
        known = None if counts is None else torch.from_numpy(counts).to(device)
        return cls(
            units=n,
            device=device,
            columns={list(names).index(name): Sets.build(part, device) for name, part in given.columns.items()},
            never=compiled(given.never, names, shape.sizes, own, device),
            counts=known,
            starts=None if known is None else known.cumsum(0) - known,
        )

    def batch(self, start: int, stop: int) -> Conditions:
        """The conditions of units ``start`` to ``stop``."""
        counts = None if self.counts is None else self.counts[start:stop]
        first = 0 if self.starts is None or not len(self.starts[start:stop]) else int(self.starts[start])
        rows = 0 if counts is None else int(counts.sum())
        columns = {}
        for column, sets in self.columns.items():
            part = slice(first, first + rows) if sets.by_row else slice(start, stop)
            columns[column] = sets if sets.which is None else replace(sets, which=sets.which[part])
        starts = None if counts is None else counts.cumsum(0) - counts
        return Conditions(stop - start, self.device, columns, self.never, counts, starts)

    def places(self, column: int, unit: Tensor, place: int) -> Tensor:
        """Which set of a column holds for the row at ``place`` of each of the units, shape of ``unit``."""
        sets = self.columns[column]
        if sets.which is None:
            return torch.zeros_like(unit)
        if sets.by_row:
            assert self.starts is not None
            # Units that have no such row are not asked for it.
            return sets.which[(self.starts[unit] + place).clamp(max=len(sets.which) - 1)]
        return sets.which[unit]

    @property
    def alike(self) -> bool:
        """Whether the same is given of every unit, numbers of rows aside."""
        return all(sets.which is None for sets in self.columns.values())

    def pools(self) -> NDArray[np.int64]:
        """A number for each unit, shape ``(units,)``, from 0 on: units of which the same is given share one."""
        if any(sets.by_row for sets in self.columns.values()):
            return np.arange(self.units)
        parts = [sets.which for sets in self.columns.values() if sets.which is not None]
        parts += [] if self.counts is None else [self.counts]
        if not parts:
            return np.zeros(self.units, dtype=np.int64)
        return np.unique(torch.stack(parts, 1).cpu().numpy(), axis=0, return_inverse=True)[1].reshape(-1)

    def codes(self, columns: int) -> Tensor:
        """The codes of the first columns, shape ``(units, columns)``, all of which are given exactly."""
        everyone = torch.arange(self.units, device=self.device)
        parts = [self.columns[c].shares.argmax(1)[self.places(c, everyone, 0)] for c in range(columns)]
        return torch.stack(parts, 1) if parts else torch.zeros(self.units, 0, dtype=torch.int64, device=self.device)

    @property
    def exact_columns(self) -> int:
        """How many of the columns, from the first on, are given exactly."""
        column = 0
        while column in self.columns and self.columns[column].exact and not self.columns[column].by_row:
            column += 1
        return column

    def direct(self, shape: NetworkShape) -> bool:
        """Whether nothing is given of what comes after a column that is drawn: draws need no weights then."""
        exact, told = self.exact_columns, max(self.columns, default=-1)
        if self.never or exact < min(told, len(shape.sizes)):
            return False
        if shape.flat:
            return True
        # The number of rows is drawn first, and given only what is exact; later rows have conditions of their own.
        return told < shape.unit_columns and (exact > told or self.counts is not None)


def check_units(units: AnyCodes | None, n: int, shape: NetworkShape) -> None:
    """Raises ``DataError`` for given units that are not codes of the engine's columns."""
    if units is None:
        return
    sizes = np.array(shape.sizes[: shape.unit_columns], dtype=np.int64)
    if units.shape != (n, len(sizes)) or not np.all((units >= 0) & (units < sizes)):
        raise DataError(f"given units must be {n} rows of codes below {sizes.tolist()}; encode with the model's codec")


def check_counts(counts: NDArray[np.int64] | None, n: int, shape: NetworkShape) -> None:
    """Raises ``DataError`` for given numbers of rows that the engine does not have."""
    least, most = 0 if shape.empty_units else 1, shape.most_rows
    if counts is not None and (len(counts) != n or (n and not least <= counts.min() <= counts.max() <= most)):
        raise DataError(f"given numbers of rows must be {n} numbers from {least} to {most}")

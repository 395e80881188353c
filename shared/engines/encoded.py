"""What engines learn from and give back: arrays of codes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from shared.errors import DataError

Codes = NDArray[np.int32]


@dataclass(frozen=True, eq=False)
class Rows:
    """One table of codes.

    ``codes`` has shape ``(rows, columns)`` with ``0 <= codes[:, j] < sizes[j]``; ``names`` has one
    name a code column (a column of the table may need several).
    """

    codes: Codes
    sizes: tuple[int, ...]
    names: tuple[str, ...]

    def __post_init__(self) -> None:
        if self.codes.ndim != 2 or self.codes.shape[1] != len(self.sizes) or len(self.sizes) != len(self.names):
            raise DataError(
                f"codes of shape {self.codes.shape} do not fit {len(self.sizes)} sizes and {len(self.names)} names"
            )

    def __len__(self) -> int:
        return len(self.codes)


@dataclass(frozen=True, eq=False)
class Histories:
    """Units with ordered child rows.

    ``units`` has one row a unit (it may have no columns), ``rows`` the child rows of all units one
    after another, ``offsets`` shape ``(units + 1,)``: the rows of unit ``i`` are
    ``offsets[i]:offsets[i + 1]``. A flat table in which every row is a unit is a history with one
    row a unit and no unit columns.
    """

    units: Rows
    rows: Rows
    offsets: NDArray[np.int64]

    def __post_init__(self) -> None:
        if len(self.offsets) != len(self.units) + 1 or self.offsets[-1] != len(self.rows):
            raise DataError(
                f"offsets of length {len(self.offsets)} do not fit {len(self.units)} units, {len(self.rows)} rows"
            )

    def __len__(self) -> int:
        return len(self.units)

    @property
    def rows_per_unit(self) -> NDArray[np.int64]:
        """Shape ``(units,)``."""
        return np.diff(self.offsets)

    def take(self, indices: NDArray[np.int64]) -> Histories:
        """The units at ``indices`` with all their rows."""
        lengths = self.rows_per_unit[indices]
        offsets = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
        rows = np.repeat(self.offsets[:-1][indices] - offsets[:-1], lengths) + np.arange(offsets[-1])
        units = Rows(self.units.codes[indices], self.units.sizes, self.units.names)
        return Histories(units, Rows(self.rows.codes[rows], self.rows.sizes, self.rows.names), offsets)

    @classmethod
    def joined(cls, parts: Sequence[Histories]) -> Histories:
        """Several batches of the same columns as one."""
        units, rows = [part.units for part in parts], [part.rows for part in parts]
        lengths = np.concatenate([part.rows_per_unit for part in parts])
        return cls(
            Rows(np.concatenate([u.codes for u in units]), units[0].sizes, units[0].names),
            Rows(np.concatenate([r.codes for r in rows]), rows[0].sizes, rows[0].names),
            np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64),
        )


Encoded = Histories


@dataclass(frozen=True, eq=False)
class Shape:
    """What an engine must know of its data before it sees any.

    ``unit_marginals`` and ``row_marginals`` hold one array of shape ``(size,)`` for each code
    column: how often each code occurs, as the access answered it (exact, or noisy and clipped at
    zero). ``rows_per_unit`` has shape ``(most rows + 1,)``: how many units have so many rows.
    """

    unit_names: tuple[str, ...]
    unit_marginals: tuple[NDArray[np.float64], ...]
    row_names: tuple[str, ...]
    row_marginals: tuple[NDArray[np.float64], ...]
    rows_per_unit: NDArray[np.float64]

    @property
    def unit_sizes(self) -> tuple[int, ...]:
        return tuple(len(marginal) for marginal in self.unit_marginals)

    @property
    def row_sizes(self) -> tuple[int, ...]:
        return tuple(len(marginal) for marginal in self.row_marginals)


@dataclass(frozen=True)
class CodeExclusion:
    """Codes of a row (or of its unit) that must not occur together.

    ``parts`` maps the name of a code column to the codes concerned: a row breaks the exclusion if
    each named column holds one of its codes. An engine enforces it while sampling, by closing the
    codes of whichever of the columns it draws last. ``last_row``: the exclusion concerns only rows
    that are (``True``) or are not (``False``) the last of their unit; ``None``: all rows.
    """

    parts: tuple[tuple[str, frozenset[int]], ...]
    last_row: bool | None = None


def flat(codes: Codes, sizes: Sequence[int], names: Sequence[str]) -> Histories:
    """A flat table as histories of one row each."""
    rows = Rows(codes, tuple(sizes), tuple(names))
    none = Rows(np.zeros((len(rows), 0), dtype=np.int32), (), ())
    return Histories(none, rows, np.arange(len(rows) + 1, dtype=np.int64))

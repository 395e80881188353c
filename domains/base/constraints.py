"""Constraints: what must hold in every row, and how it is made to hold.

Two kinds are enforced by construction. A :class:`Derived` column is a function of others: it is not
modelled but computed after decoding. An :class:`Exclusion` names values that never occur together:
the engine closes them while it samples. Any other constraint is a :class:`Check`, which only counts.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from shared.corpus.units import UnitFrame


@dataclass(frozen=True, kw_only=True)
class Derived:
    """``column`` equals ``value(frame)``: a ``str``/number series aligned with the frame's rows.

    ``inputs`` are columns of the same row and never derived themselves, so the order of computing is free.
    """

    name: str
    table: str
    column: str
    inputs: tuple[str, ...]
    value: Callable[[pd.DataFrame], pd.Series]
    description: str = ""

    def violations(self, data: UnitFrame) -> NDArray[np.bool_]:
        """Shape ``(rows,)``: where the column differs from what it should be."""
        actual, expected = data.frame[self.column], self.value(data.frame)
        differs = (actual.astype("str") != expected.astype("str")) & ~(actual.isna() & expected.isna())
        return differs.to_numpy(dtype=bool)


@dataclass(frozen=True, kw_only=True)
class Exclusion:
    """No row holds one of the listed values in each of the named columns at once.

    ``last_row``: concerns only rows that are (``True``) or are not (``False``) the last of their unit.
    """

    name: str
    table: str
    parts: Mapping[str, frozenset[str]]
    last_row: bool | None = None
    description: str = ""

    def violations(self, data: UnitFrame) -> NDArray[np.bool_]:
        """Shape ``(rows,)``: the rows that hold the excluded combination."""
        broken = np.ones(len(data.frame), dtype=bool)
        for column, values in self.parts.items():
            broken &= data.frame[column].astype("str").isin(list(values)).to_numpy(dtype=bool)
        if self.last_row is not None:
            last = np.zeros(len(data.frame), dtype=bool)
            last[data.offsets[1:][data.rows_per_unit > 0] - 1] = True
            broken &= last == self.last_row
        return broken


@dataclass(frozen=True, kw_only=True)
class Check:
    """Any other property of rows; counted beside the rate in the real data, not enforced."""

    name: str
    table: str
    broken: Callable[[UnitFrame], NDArray[np.bool_]]
    description: str = ""

    def violations(self, data: UnitFrame) -> NDArray[np.bool_]:
        """Shape ``(rows,)``."""
        return self.broken(data)


Constraint = Derived | Exclusion | Check

"""What a step of a cleaning plan does to the cells or rows of one table.

Every action is plain values that a plan file holds: what it does follows from it and the text of the table alone, so
that a plan that was edited by hand does what it says.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd

from shared.corpus.lenient import readable
from shared.corpus.schema import Column
from shared.corpus.values import to_numbers

NUMBER = r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?"


@dataclass(frozen=True, kw_only=True)
class Scale:
    """A number in another unit: ``factor`` · x + ``offset``, rounded to ``decimals`` places if there are any."""

    factor: float
    offset: float = 0.0
    decimals: int | None = None

    def of(self, number: float) -> str:
        """The number in the declared unit, as text."""
        value = self.factor * number + self.offset
        if self.decimals is None:
            return f"{value:.6g}"
        return f"{round(value, self.decimals) + 0.0:.{max(0, self.decimals)}f}"


@dataclass(frozen=True, kw_only=True)
class Replace:
    """Cells that hold a key get its value; ``None`` is a missing value."""

    kind: Literal["replace"] = "replace"
    values: Mapping[str, str | None]

    def new(self, text: pd.Series, column: Column) -> pd.Series:  # noqa: ARG002
        """The new text of the cells that change."""
        touched = text[text.isin(list(self.values))]
        return touched.map(lambda word: self.values[word]).astype(object)


@dataclass(frozen=True, kw_only=True)
class Convert:
    """Bare numbers from ``low`` to ``high``, both included, are in another unit; ``scale`` mends that."""

    kind: Literal["convert"] = "convert"
    low: float
    high: float
    scale: Scale

    def new(self, text: pd.Series, column: Column) -> pd.Series:
        """The new text of the cells that change."""
        numbers = numbers_of(text, column)
        touched = numbers[(numbers >= self.low) & (numbers <= self.high)]
        return touched.map(self.scale.of).astype(object)


@dataclass(frozen=True, kw_only=True)
class Unwrap:
    """Cells such as ``72 kg``: the number alone, brought to the declared unit; ``units`` by how they are written."""

    kind: Literal["unwrap"] = "unwrap"
    units: Mapping[str, Scale]

    def new(self, text: pd.Series, column: Column) -> pd.Series:  # noqa: ARG002
        """The new text of the cells that change."""
        parts = text.str.extract(WRITTEN)
        touched = parts[parts["unit"].isin(list(self.units))]
        values = [self.units[row.unit].of(float(row.number)) for row in touched.itertuples()]
        return pd.Series(values, index=touched.index, dtype=object)


# A number and a unit, with or without a blank between.
WRITTEN = rf"^\s*(?P<number>{NUMBER})\s*(?P<unit>[^\d\s.,+\-].*?)\s*$"


@dataclass(frozen=True, kw_only=True)
class Blank:
    """Cells that the column's kind cannot read, or that are no declared category, become missing."""

    kind: Literal["blank"] = "blank"

    def new(self, text: pd.Series, column: Column) -> pd.Series:
        """The new text of the cells that change."""
        bad = readable(text, column)[1]
        return pd.Series(None, index=text.index[bad.to_numpy()], dtype=object)


@dataclass(frozen=True, kw_only=True)
class BlankOutside:
    """Numbers, dates and times below ``low`` or above ``high`` become missing; times are on the line of ``values``."""

    kind: Literal["blank outside"] = "blank outside"
    low: float | None = None
    high: float | None = None

    def new(self, text: pd.Series, column: Column) -> pd.Series:
        """The new text of the cells that change."""
        numbers = numbers_of(text, column)
        low, high = (-np.inf if self.low is None else self.low), (np.inf if self.high is None else self.high)
        outside = (numbers < low) | (numbers > high)
        return pd.Series(None, index=text.index[outside.to_numpy()], dtype=object)


@dataclass(frozen=True, kw_only=True)
class SetCells:
    """Cells of the named rows get the text beside them."""

    kind: Literal["set"] = "set"
    cells: tuple[tuple[int, str | None], ...]

    def new(self, text: pd.Series, column: Column) -> pd.Series:  # noqa: ARG002
        """The new text of the cells that change."""
        values = pd.Series(dict(self.cells), dtype=object)
        return values[values.index.isin(text.index)]


@dataclass(frozen=True, kw_only=True)
class DropRows:
    """The named rows are left out."""

    kind: Literal["drop rows"] = "drop rows"
    rows: tuple[int, ...]


@dataclass(frozen=True, kw_only=True)
class Look:
    """Nothing is changed: someone should look at these rows."""

    kind: Literal["look"] = "look"
    rows: tuple[int, ...] = ()


CellAction = Replace | Convert | Unwrap | Blank | BlankOutside | SetCells
Action = CellAction | DropRows | Look


def numbers_of(text: pd.Series, column: Column) -> pd.Series:
    """Readable cells on the real line (see :mod:`shared.corpus.values`), NaN elsewhere.

    Fractions in a column of integers are read too: in another unit they may be right.
    """
    column = dataclasses.replace(column, kind="real") if column.kind == "integer" else column
    return pd.Series(to_numbers(readable(text, column)[0], column), index=text.index)

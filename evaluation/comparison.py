"""Train, holdout and synthetic records of one table, prepared once for every metric and attack."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from evaluation.cells import Cells, discretise
from evaluation.effort import Effort
from evaluation.features import Features, feature_matrices
from evaluation.joint import JointCounts, joint_counts
from evaluation.records import Records, encode_records
from shared.corpus.schema import UNCODED, Column, Table
from shared.corpus.units import UnitFrame, Units
from shared.errors import DataError
from shared.randomness import numpy_generator

Part = Literal["train", "holdout", "synthetic"]
PARTS: tuple[Part, ...] = ("train", "holdout", "synthetic")
LEAST_UNITS = 20


def compared_units(units: Units, rows: int, *, seed: int, consumer: str) -> UnitFrame:
    """All units, or so many whole ones drawn at random that they have about ``rows`` rows: what is compared."""
    if units.rows <= rows:
        return units.take(np.ones(len(units), dtype=np.bool_))
    order = numpy_generator(seed, "compared", consumer).permutation(len(units))
    enough = int(np.searchsorted(np.cumsum(units.rows_per_unit[order]), rows))
    return units.take(np.sort(order[: max(enough, LEAST_UNITS)]))


@dataclass(frozen=True, eq=False)
class Comparison:
    """What every metric and attack is given.

    ``train`` holds the units that were learned from, ``holdout`` units that nothing ever saw,
    ``synthetic`` what the generator gave. Identifiers, keys and the unit column name records and do
    not describe them: they are not compared.
    """

    table: Table
    train: UnitFrame
    holdout: UnitFrame
    synthetic: UnitFrame
    effort: Effort = field(default_factory=Effort)

    def __post_init__(self) -> None:
        for part in PARTS:
            units = len(self.part(part))
            if units < LEAST_UNITS:
                raise DataError(
                    f"table {self.table.name!r}: the {part} part has {units} units; an evaluation needs at least "
                    f"{LEAST_UNITS}: give more records or move the split"
                )
        if not self.columns:
            raise DataError(
                f"table {self.table.name!r} has nothing but identifiers and keys; an evaluation needs at least "
                "one column of another kind"
            )

    def part(self, name: Part) -> UnitFrame:
        """The records of a part."""
        return {"train": self.train, "holdout": self.holdout, "synthetic": self.synthetic}[name]

    @cached_property
    def columns(self) -> tuple[Column, ...]:
        """The columns that are compared."""
        keys = {self.table.unit, self.table.primary_key, *(key.column for key in self.table.foreign_keys)}
        return tuple(c for c in self.table.columns if c.kind not in UNCODED and c.name not in keys)

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the columns that are compared."""
        return tuple(column.name for column in self.columns)

    @cached_property
    def unit_of_row(self) -> Mapping[Part, NDArray[np.int64]]:
        """Index of the unit of each row of each part, each of shape ``(rows,)``."""
        return {part: self.part(part).unit_of_row for part in PARTS}

    @cached_property
    def cells(self) -> Cells:
        """Every column cut into few cells, as the agreement scores see it."""
        return discretise(self.columns, {part: self.part(part).frame for part in PARTS})

    @cached_property
    def joint(self) -> Mapping[Part, JointCounts]:
        """How often two cells occur in one row, by group of units."""
        return {part: joint_counts(self.cells, part, self.unit_of_row[part]) for part in PARTS}

    @cached_property
    def features(self) -> Features:
        """Every column as one number, as tree classifiers see it."""
        return feature_matrices(self.columns, {part: self.part(part).frame for part in PARTS})

    @cached_property
    def records(self) -> Records:
        """Every column as ranks or codes, as attacks see it that hold the synthetic rows alone."""
        return encode_records(self.columns, {part: self.part(part).frame for part in PARTS})

    @property
    def has_histories(self) -> bool:
        """Whether some unit has several rows."""
        return any(len(self.part(part).frame) > len(self.part(part)) for part in PARTS)

    def sample_rows(self, part: Part, rows: int, *, seed: int, consumer: str) -> NDArray[np.int64]:
        """Indices of at most ``rows`` rows, those of whole units drawn at random (the last unit may be cut short)."""
        data = self.part(part)
        total = len(data.frame)
        if rows >= total:
            return np.arange(total)
        order = numpy_generator(seed, consumer, part).permutation(len(data))
        lengths = data.rows_per_unit[order]
        enough = int(np.searchsorted(np.cumsum(lengths), rows)) + 1
        order, lengths = order[:enough], lengths[:enough]
        ends = np.cumsum(lengths)
        chosen = np.repeat(data.offsets[:-1][order] - (ends - lengths), lengths) + np.arange(ends[-1])
        return np.sort(chosen[:rows])

"""What leaks between the splits of a task corpus: shared units and keys, and feature rows that are nearly the same."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Hashable, Mapping, Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from domains.base.contract import Task
from shared.corpus.schema import NUMERIC, UNCODED, Column, Table
from shared.corpus.values import bounds, to_numbers

TOLERANCE = 0.01  # numbers are near if they differ by at most this share of the declared range


def features_of(task: Task, table: Table) -> tuple[Column, ...]:
    """The feature columns of a task: those that it names, or all that describe a row and are not the target."""
    keys = {table.primary_key, table.unit, *(key.column for key in table.foreign_keys)}
    left_out = {task.target, *task.excluded}
    return tuple(
        column
        for column in table.columns
        if column.name not in left_out
        and (column.name in task.features if task.features is not None else True)
        and column.kind not in UNCODED
        and column.name not in keys
    )


class SeenRows:
    """Feature rows that were accepted; tells whether another one is nearly one of them.

    Two rows are near if all categories are equal and no number differs by more than one hundredth of its declared
    range (where none is declared, numbers must be equal).
    """

    def __init__(self, columns: Sequence[Column]) -> None:
        self._others = [column for column in columns if column.kind not in NUMERIC]
        self._numbers = [column for column in columns if column.kind in NUMERIC]
        self._widths = np.array([_width(column) for column in self._numbers])
        self._rows: dict[Hashable, list[tuple[NDArray[np.float64], str]]] = defaultdict(list)

    def keys(self, frame: pd.DataFrame) -> list[tuple[Hashable, NDArray[np.float64]]]:
        """What rows are compared by: their categories and missing numbers, and their numbers."""
        words = [frame[column.name].astype("str").fillna("\x00").tolist() for column in self._others]
        numbers = np.column_stack(
            [np.zeros((len(frame), 0)), *(to_numbers(frame[column.name], column) for column in self._numbers)]
        )
        missing = np.isnan(numbers)
        filled = np.where(missing, 0.0, numbers)
        return [
            ((*(column[row] for column in words), missing[row].tobytes()), filled[row]) for row in range(len(frame))
        ]

    def near(self, key: tuple[Hashable, NDArray[np.float64]], *, unlike: str = "") -> bool:
        """Whether a row is near one that was added from another part than ``unlike``."""
        return any(
            part != unlike and bool((np.abs(numbers - key[1]) <= TOLERANCE * self._widths).all())
            for numbers, part in self._rows.get(key[0], ())
        )

    def add(self, key: tuple[Hashable, NDArray[np.float64]], part: str = "rows") -> None:
        """Remember a row."""
        self._rows[key[0]].append((key[1], part))


def leaks(splits: Mapping[str, pd.DataFrame], task: Task, table: Table) -> tuple[str, ...]:
    """One line for each kind of leak between splits; none if there is no leak."""
    found = []
    for role, name in (("unit", table.unit), ("primary key", table.primary_key)):
        if name is None:
            continue
        owners: dict[object, set[str]] = defaultdict(set)
        for split, frame in splits.items():
            for value in frame[name].unique():
                owners[value].add(split)
        shared = sum(len(parts) > 1 for parts in owners.values())
        if shared:
            found.append(f"{shared} values of the {role} {name!r} stand in more than one split")
    seen, near = SeenRows(features_of(task, table)), 0
    for split, frame in splits.items():
        for key in seen.keys(frame):
            near += seen.near(key, unlike=split)
            seen.add(key, split)
    if near:
        found.append(f"{near} rows have the features of a row of another split, or nearly")
    return tuple(found)


def _width(column: Column) -> float:
    low, high = bounds(column)
    return 0.0 if low is None or high is None else high - low

"""Records in any order as chunks of whole units: an external merge sort by unit.

Runs of records that fit into memory are sorted and written to the scratch disk; units are then cut into
ranges of about equal size by a sample of them (sample sort: Frazer and McKellar 1970,
doi:10.1145/321592.321600), and the rows of one range are read from all runs at a time. Units come in the order of
:func:`units.by_unit`, rows of a unit that are equal in the declared order in that of the source.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from shared.corpus.schema import Table
from shared.corpus.scratch import Scratch, bytes_of, read_frame, read_rows, write_frame
from shared.corpus.units import by_unit, numeric_keys
from shared.corpus.values import to_numbers

_PARTS = 64  # records of a range are read in batches of about so many to the range

Key = tuple[Any, str]


@dataclass(frozen=True)
class _Run:
    """Sorted records in a file of batches of ``batch_rows`` rows."""

    file: Path
    rows: int
    batch_rows: int


def whole_units(table: Table, frames: Iterable[pd.DataFrame], scratch: Scratch) -> Iterator[pd.DataFrame]:
    """The rows of ``frames``, no unit in two chunks; in one chunk if they fit into ``scratch.held`` bytes.

    Without a unit column each row is a unit, and the frames are handed on. At least one frame comes,
    if it be without rows, as long as one was given. Raises ``DataError`` for a row without a unit.
    """
    if table.unit is None:
        yield from frames
        return
    waiting: list[pd.DataFrame] = []
    runs: list[_Run] = []
    keys: list[Key] = []
    size = 0
    folder: Path | None = None
    for frame in frames:
        waiting.append(frame)
        size += bytes_of(frame)
        if size > scratch.held:
            folder = folder or scratch.place(f"sort-{table.name}")
            runs.append(_write_run(table, waiting, folder / f"{len(runs):06d}.arrow", size, scratch.piece, keys))
            waiting, size = [], 0
    if folder is None:
        if waiting:
            yield pd.concat(waiting, ignore_index=True) if len(waiting) > 1 else waiting[0]
        return
    if waiting:
        runs.append(_write_run(table, waiting, folder / f"{len(runs):06d}.arrow", size, scratch.piece, keys))
        del waiting
    yield from _merged(table, runs, sorted(keys))
    for run in runs:
        run.file.unlink()


def _write_run(table: Table, waiting: list[pd.DataFrame], file: Path, size: int, piece: int, keys: list[Key]) -> _Run:
    """Sort and write; adds the units of every so many rows to ``keys``."""
    frame = by_unit(table, pd.concat(waiting, ignore_index=True)).frame
    waiting.clear()
    every = max(1, len(frame) * piece // size // _PARTS)
    write_frame(frame, file, rows=every)
    keys += _Keys(table, frame.iloc[::every]).all()
    return _Run(file, len(frame), every)


def _merged(table: Table, runs: list[_Run], sample: list[Key]) -> Iterator[pd.DataFrame]:
    """The ranges of units; ``sample`` are the ascending keys of about ``_PARTS`` of the rows of each."""
    borders = sorted(set(sample[_PARTS::_PARTS]))
    places = []
    for run in runs:
        keys = _Keys(table, read_frame(run.file, [str(table.unit)]))
        places.append([0, *map(keys.before, borders), run.rows])
    for part in range(len(borders) + 1):
        parts = [
            read_rows(run.file, run.batch_rows, place[part], place[part + 1])
            for run, place in zip(runs, places, strict=True)
            if place[part] < place[part + 1]
        ]
        if parts:
            yield pd.concat(parts, ignore_index=True)


class _Keys:
    """What the units of sorted rows are ordered by: a number, and a text among equal numbers."""

    def __init__(self, table: Table, frame: pd.DataFrame) -> None:
        column, values = table.column(str(table.unit)), frame[str(table.unit)]
        self._numbers: NDArray[Any]
        if column.kind in ("identifier", "categorical"):
            self._numbers, self._texts = numeric_keys(values), values.astype("str").to_numpy(dtype=object)
        else:
            exact = column.kind == "integer"
            self._numbers = values.to_numpy(dtype=np.int64) if exact else to_numbers(values, column)
            self._texts = np.full(len(values), "", dtype=object)

    def all(self) -> list[Key]:
        """The key of each row."""
        return list(zip(self._numbers.tolist(), self._texts.tolist(), strict=True))

    def before(self, key: Key) -> int:
        """How many rows have a lower key."""
        low, high = (int(np.searchsorted(self._numbers, key[0], side=side)) for side in ("left", "right"))
        return low + int(np.searchsorted(self._texts[low:high], key[1], side="left"))

"""Records by unit on a scratch disk: the counterpart of ``UnitFrame`` for what does not fit into memory."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from shared.corpus.schema import Table
from shared.corpus.scratch import Scratch, bytes_of, read_frame, write_frame
from shared.corpus.units import Chunk, UnitFrame, Units, cut, unit_names


@dataclass(frozen=True, eq=False)
class UnitStore:
    """Units in files of whole units, in order.

    File ``i`` of ``files`` holds the units ``cuts[i]:cuts[i + 1]``; ``offsets`` has shape ``(units + 1,)`` and
    counts rows through all files. Every unit has a row.
    """

    table: Table
    files: tuple[Path, ...]
    cuts: NDArray[np.int64]
    offsets: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.offsets) - 1

    @property
    def rows(self) -> int:
        """Number of rows."""
        return int(self.offsets[-1])

    @property
    def rows_per_unit(self) -> NDArray[np.int64]:
        """Shape ``(units,)``."""
        return np.diff(self.offsets)

    def chunks(self, columns: Sequence[str] | None = None) -> Iterator[Chunk]:
        """All units in order, a chunk a file; only the named columns are read."""
        for index, file in enumerate(self.files):
            yield Chunk(read_frame(file, columns), self._offsets(index))

    def names(self) -> Iterator[NDArray[np.object_]]:
        """The names of the units in order, a piece a file."""
        key = self.table.unit or self.table.primary_key
        for chunk in self.chunks(None if key is None else [key]):
            yield unit_names(self.table, chunk.frame.iloc[chunk.offsets[:-1]])

    def take(self, chosen: NDArray[np.bool_] | NDArray[np.int64]) -> UnitFrame:
        """The chosen units (a mask of shape ``(units,)`` or indices), in memory."""
        indices = np.flatnonzero(chosen) if chosen.dtype == np.bool_ else np.asarray(chosen)
        order = np.argsort(indices, kind="stable")
        bounds = np.searchsorted(indices[order], self.cuts)
        parts = []
        for index, file in enumerate(self.files):
            mine = indices[order[bounds[index] : bounds[index + 1]]] - self.cuts[index]
            if len(mine) or not index:
                parts.append(_unit_frame(self.table, read_frame(file), self._offsets(index)).take(mine))
        back = np.empty(len(order), dtype=np.int64)
        back[order] = np.arange(len(order))
        return joined(parts).take(back)

    def as_table(self, table: Table) -> UnitStore:
        """The same records under other declared knowledge of the same columns."""
        return replace(self, table=table)

    def _offsets(self, index: int) -> NDArray[np.int64]:
        offsets = self.offsets[self.cuts[index] : self.cuts[index + 1] + 1]
        return offsets - offsets[0]


class UnitCollector:
    """Gathers units part by part: in memory as long as they fit into ``scratch.held``, in files beyond it."""

    def __init__(self, table: Table, scratch: Scratch, name: str) -> None:
        self.table = table
        self._scratch = scratch
        self._name = name
        self._parts: list[UnitFrame] = []
        self._bytes = 0
        self._folder: Path | None = None
        self._files: list[Path] = []
        self._lengths: list[NDArray[np.int64]] = []

    def add(self, part: UnitFrame) -> None:
        """Take units that follow those before; none of them came already."""
        if not len(part) and self._parts:
            return
        self._parts.append(part)
        self._bytes += bytes_of(part.frame)
        if self._bytes > (self._scratch.held if self._folder is None else self._scratch.piece):
            self._spill()

    def done(self) -> Units:
        """All units that were given."""
        if self._folder is None:
            return joined(self._parts)
        if self._parts:
            self._spill()
        cuts = np.concatenate([[0], np.cumsum([len(lengths) for lengths in self._lengths])]).astype(np.int64)
        offsets = np.concatenate([[0], np.cumsum(np.concatenate(self._lengths))]).astype(np.int64)
        return UnitStore(self.table, tuple(self._files), cuts, offsets)

    def _spill(self) -> None:
        if self._folder is None:
            self._folder = self._scratch.place(self._name)
        whole = joined(self._parts)
        self._parts, self._bytes = [], 0
        rows = max(1, len(whole.frame) * self._scratch.piece // max(1, bytes_of(whole.frame)))
        for first, last in cut(whole.offsets, rows):
            path = self._folder / f"{len(self._files):06d}.arrow"
            write_frame(whole.frame.iloc[whole.offsets[first] : whole.offsets[last]], path)
            self._files.append(path)
            self._lengths.append(whole.rows_per_unit[first:last])


def joined(parts: Sequence[UnitFrame]) -> UnitFrame:
    """Parts with different units of one table as one."""
    if len(parts) == 1:
        return parts[0]
    lengths = np.concatenate([part.rows_per_unit for part in parts])
    return UnitFrame(
        parts[0].table,
        pd.concat([part.frame for part in parts], ignore_index=True),
        np.concatenate([part.units for part in parts]),
        np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64),
    )


def _unit_frame(table: Table, frame: pd.DataFrame, offsets: NDArray[np.int64]) -> UnitFrame:
    return UnitFrame(table, frame, unit_names(table, frame.iloc[offsets[:-1]]), offsets)


def common_names(first: Units, second: Units) -> set[str]:
    """The names that stand in both; memory grows by eight bytes a unit, and with what is found."""
    known, other = (np.concatenate([_hashes(names) for names in units.names()]) for units in (first, second))
    doubtful = np.intersect1d(known, other)
    if not len(doubtful):
        return set()
    names = [
        {str(name) for piece in units.names() for name in piece[np.isin(_hashes(piece), doubtful)]}
        for units in (first, second)
    ]
    return names[0] & names[1]


def _hashes(names: NDArray[np.object_]) -> NDArray[np.uint64]:
    hashes: NDArray[np.uint64] = pd.util.hash_array(names, categorize=False)
    return hashes

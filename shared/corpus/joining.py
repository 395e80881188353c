"""The records of several tables as the views that engines learn from, row by row beside the rows above."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from shared.corpus.corpus import DTYPES
from shared.corpus.relations import View
from shared.corpus.units import UnitFrame, unit_names
from shared.errors import DataError

_ROW = "row"


@dataclass(frozen=True, eq=False)
class _Kept:
    """The rows of a table that are kept, parents in order: where each stands in the source, under which kept row of
    the parent's, and in which unit."""

    rows: NDArray[np.int64]
    above: NDArray[np.int64]
    unit: NDArray[np.int64]


def joined_views(
    views: Sequence[View],
    frames: Mapping[str, pd.DataFrame],
    *,
    most: Mapping[str, int] | None = None,
    key: bytes = b"",
) -> dict[str, UnitFrame]:
    """The units of each view; ``views`` have each table behind its parent.

    ``most`` leaves out the rows of a unit in a table beyond so many, by keyed hash, and all that hangs on them. Rows
    stand in the order of the rows above them, and below one row in the declared order. Raises ``DataError`` for a
    row whose parent is missing, and for one whose keys contradict each other.
    """
    root = views[0].source
    names = unit_names(root, frames[root.name])
    everyone = np.arange(len(names), dtype=np.int64)
    kept = {root.name: _Kept(everyone, everyone, everyone)}
    for view in views[1:]:
        kept[view.source.name] = _kept(view, frames, kept, names, None if most is None else most[view.source.name], key)
    done: dict[str, UnitFrame] = {}
    for view in views:
        done[view.source.name] = _joined(view, frames, kept, done, names)
    return done


def histories_of(view: View, units: UnitFrame) -> UnitFrame:
    """The same rows by the row above them."""
    if view.parent is None:
        return replace(units, table=view.history)
    names = units.frame[view.keys[view.parent.table]].to_numpy(dtype=object)
    starts = np.flatnonzero(np.concatenate([[True], names[1:] != names[:-1]])) if len(names) else np.zeros(0, np.int64)
    return UnitFrame(view.history, units.frame, names[starts], np.concatenate([starts, [len(names)]]).astype(np.int64))


def groups_of(units: UnitFrame, histories: UnitFrame) -> NDArray[np.int64]:
    """Shape ``(units + 1,)``: the histories of each unit are ``groups[i]:groups[i + 1]``."""
    return np.searchsorted(histories.offsets, units.offsets).astype(np.int64)


def _kept(
    view: View,
    frames: Mapping[str, pd.DataFrame],
    kept: Mapping[str, _Kept],
    names: NDArray[np.object_],
    most: int | None,
    key: bytes,
) -> _Kept:
    assert view.parent is not None
    source, frame, above = view.source, frames[view.source.name], kept[view.parent.table]
    parents = frames[view.parent.table][view.above_keys[view.parent.table]]
    places = pd.Index(parents).get_indexer(pd.Index(frame[view.parent.column]))
    lost = np.flatnonzero((places < 0) | frame[view.parent.column].isna().to_numpy(dtype=bool))
    if len(lost):
        raise DataError(
            f"table {source.name!r}, row {lost[0] + 1}: {view.parent.column} points to no row of "
            f"{view.parent.table!r} ({len(lost)} such rows); every row needs one, and through it a unit"
        )
    position = np.full(len(parents), -1, dtype=np.int64)
    position[above.rows] = np.arange(len(above.rows))
    under = position[places]
    rows = np.flatnonzero(under >= 0)
    keys = [] if source.order_by is None else [pd.factorize(frame[source.order_by].iloc[rows], sort=True)[0]]
    rows = rows[np.lexsort((*keys, under[rows]))]
    found = _Kept(rows, under[rows], above.unit[under[rows]])
    if most is None:
        return found
    starts = np.flatnonzero(np.diff(found.unit, prepend=-1))
    offsets = np.concatenate([starts, [len(rows)]]).astype(np.int64)
    numbered = pd.DataFrame({_ROW: np.arange(len(rows))})
    chosen = UnitFrame(view.table, numbered, names[found.unit[starts]], offsets).capped(key, most).frame[_ROW]
    return _Kept(*(part[chosen.to_numpy(dtype=np.int64)] for part in (found.rows, found.above, found.unit)))


def _joined(
    view: View,
    frames: Mapping[str, pd.DataFrame],
    kept: Mapping[str, _Kept],
    done: Mapping[str, UnitFrame],
    names: NDArray[np.object_],
) -> UnitFrame:
    mine = kept[view.source.name]
    frame = frames[view.source.name].iloc[mine.rows].reset_index(drop=True)
    for child, column in view.counts.items():
        numbers = np.bincount(kept[child].above, minlength=len(mine.rows))
        frame[column] = pd.Series(numbers, dtype=DTYPES["integer"])
    if view.parent is None:
        return UnitFrame(view.table, frame[list(view.table.names)], names, np.arange(len(names) + 1, dtype=np.int64))
    above = done[view.parent.table].frame
    columns = {label: above[name].take(mine.above) for label, name in view.given.items()}
    columns |= {
        label: above[view.above_keys[table]].take(mine.above).astype("str") for table, label in view.keys.items()
    }
    _check_references(view, frame, above, mine)
    columns |= {name: frame[name] for name in view.own}
    joined = pd.DataFrame({name: columns[name].array for name in view.table.names})
    starts = np.flatnonzero(np.diff(mine.unit, prepend=-1))
    offsets = np.concatenate([starts, [len(joined)]]).astype(np.int64)
    return UnitFrame(view.table, joined, names[mine.unit[starts]], offsets)


def _check_references(view: View, frame: pd.DataFrame, above: pd.DataFrame, mine: _Kept) -> None:
    """Other keys than that to the row above must say what the row above says."""
    assert view.parent is not None
    for table, column in view.references.items():
        if table == view.parent.table:
            continue
        expected = above[view.above_keys[table]].take(mine.above).astype("str").to_numpy(dtype=object)
        differs = np.flatnonzero(frame[column].astype("str").to_numpy(dtype=object) != expected)
        if len(differs):
            row = int(mine.rows[differs[0]]) + 1
            raise DataError(
                f"table {view.source.name!r}, row {row}: {column} names another row of {table!r} than its row of "
                f"{view.parent.table!r} does ({len(differs)} such rows); mend the keys"
            )

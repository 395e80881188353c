"""Foreign keys that point nowhere, counted while tables stream by."""

from __future__ import annotations

from collections import defaultdict

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from shared.corpus.schema import Schema


class KeyTally:
    """Counts rows whose foreign key value the other table lacks; missing values point nowhere on purpose.

    It keeps eight bytes (a hash) a key and a row with a foreign key, so that tables may come in any
    order and in chunks; of n keys two collide with probability below n² / 2⁶⁵.
    """

    def __init__(self, schema: Schema) -> None:
        self._schema = schema
        self._targets = {key.table for table in schema.tables for key in table.foreign_keys}
        self._known: dict[str, list[NDArray[np.uint64]]] = defaultdict(list)
        self._held: dict[tuple[str, str, str], list[NDArray[np.uint64]]] = defaultdict(list)

    def add(self, name: str, frame: pd.DataFrame) -> None:
        """Rows of a table."""
        table = self._schema.table(name)
        if name in self._targets:
            self._known[name].append(_hashes(frame[table.primary_key]))
        for key in table.foreign_keys:
            self._held[name, key.column, key.table].append(_hashes(frame[key.column]))

    def dangling(self) -> dict[str, int]:
        """Numbers of such rows by ``table.column``; keys that hold are left out."""
        counts = {}
        for (table, column, target), parts in self._held.items():
            known = np.unique(np.concatenate(self._known.get(target) or [np.zeros(0, np.uint64)]))
            lost = sum(int((~np.isin(part, known)).sum()) for part in parts)
            if lost:
                counts[f"{table}.{column}"] = lost
        return counts


def _hashes(values: pd.Series) -> NDArray[np.uint64]:
    return pd.util.hash_array(values.dropna().astype("str").to_numpy(dtype=object), categorize=False)

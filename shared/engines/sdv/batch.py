"""Units of rows that know nothing of one another, none of which breaks an exclusion."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from shared.engines.encoded import AnyCodes, CodeExclusion, Histories, Rows
from shared.engines.sdv.frames import Translation, codes_of
from shared.errors import DataError

_ROUNDS = 100  # of drawing anew what breaks an exclusion


class RowSource(Protocol):
    """Draws rows."""

    def rows(self, count: int) -> pa.Table:
        """So many rows, drawn anew."""
        ...


class Batch:
    """Units of given sizes, of rows that SDV draws: a slot for each row, and one for a unit without rows."""

    def __init__(
        self,
        translation: Translation,
        sampler: RowSource,
        sizes: NDArray[np.int64],
        exclusions: Sequence[CodeExclusion],
    ) -> None:
        self.translation, self.sampler, self.exclusions = translation, sampler, exclusions
        slots = np.maximum(sizes, 1)
        self.unit_of_slot = np.repeat(np.arange(len(sizes)), slots)
        self.first = np.concatenate([[0], np.cumsum(slots)[:-1]]).astype(np.int64)
        self.last = np.zeros(len(self.unit_of_slot), dtype=bool)
        self.last[np.cumsum(slots) - 1] = True
        self.is_row = np.repeat(sizes > 0, slots)
        self.offsets = np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64)

    def drawn(self) -> Histories:
        """The units; raises ``DataError`` where rows break an exclusion again and again."""
        units, rows = self._rows(len(self.unit_of_slot))
        self.units, self.rows = units.codes.copy(), rows.codes.copy()
        for _ in range(_ROUNDS):
            bad = np.flatnonzero(self._breaking(units.names, rows.names))
            if not len(bad):
                kept = self.rows[self.is_row]
                return Histories(
                    Rows(self.units[self.first], units.sizes, units.names),
                    Rows(kept, rows.sizes, rows.names),
                    self.offsets,
                )
            more = self._rows(len(bad))
            self.units[bad], self.rows[bad] = more[0].codes, more[1].codes
        raise DataError(
            f"SDV draws rows that the constraints exclude: {len(bad)} of {len(self.rows)} still do after {_ROUNDS} "
            "draws; fit it longer, or take a domain without that constraint"
        )

    def _rows(self, count: int) -> tuple[Rows, Rows]:
        drawn = codes_of(self.translation, self.sampler.rows(count))
        return drawn.units, drawn.rows

    def _breaking(self, unit_names: tuple[str, ...], row_names: tuple[str, ...]) -> NDArray[np.bool_]:
        """Which slots break an exclusion; what is of a unit stands in its first slot."""
        own = self.units[self.first][self.unit_of_slot]
        columns: dict[str, AnyCodes] = {name: own[:, place] for place, name in enumerate(unit_names)}
        columns |= {name: self.rows[:, place] for place, name in enumerate(row_names)}
        bad = np.zeros(len(self.rows), dtype=bool)
        for exclusion in self.exclusions:
            hit = np.ones(len(self.rows), dtype=bool)
            for name, codes in exclusion.parts:
                hit &= np.isin(columns[name], list(codes))
                if name in row_names:
                    hit &= self.is_row
            if exclusion.last_row is not None:
                hit &= self.is_row & (self.last == exclusion.last_row)
            if all(name in unit_names for name, _ in exclusion.parts) and exclusion.last_row is None:
                # Only another first row changes it.
                hit &= np.isin(np.arange(len(hit)), self.first)
            bad |= hit
        return bad

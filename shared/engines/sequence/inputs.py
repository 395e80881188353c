"""Encoded units as the network takes them."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from shared.engines.encoded import Histories
from shared.engines.sequence.memory import Spans
from shared.engines.sequence.network import NetworkShape, RowInputs
from shared.engines.sequence.places import places_of
from shared.errors import DataError


class Examples:
    """The rows of encoded units, ready to be drawn by unit; nothing of them is copied before.

    A unit without rows is presented as one row whose row columns count nothing. Where units are grouped into
    examples, examples are drawn, each with all its units.
    """

    def __init__(self, data: Histories, shape: NetworkShape, device: torch.device) -> None:
        if data.units.sizes + data.rows.sizes != shape.sizes:
            raise DataError(
                "the encoded columns are not those the engine was built for; encode with the model's own codec"
            )
        self.shape = shape
        self.device = device
        self.data = data
        self.names = data.units.names + data.rows.names
        self.flat = shape.flat
        counts = data.rows_per_unit
        if len(data) and not shape.empty_units and counts.min() == 0:
            raise DataError("the engine was built for units that have rows, and a unit has none")
        if self.flat and len(data) and counts.max() > 1:
            raise DataError("the engine was built for one row a unit, and a unit has several")

    def take(
        self, drawn: NDArray[np.int64], windows: torch.Generator | None = None
    ) -> tuple[RowInputs, Tensor | None, Tensor]:
        """The rows of the drawn examples; of units with more than the window's, with ``windows``, one window.

        Returns the inputs, the weight of each column's loss (``(rows, columns)``; ``None`` if all are
        1: a unit's own columns count in its first row alone, or not at all where they are always given) and the
        example of each row, ``(rows,)``.
        """
        groups = self.data.groups
        if groups is None:
            return self._units(drawn, windows)
        lengths = groups[drawn + 1] - groups[drawn]
        example = np.repeat(np.arange(len(drawn)), lengths)
        place = np.arange(len(example)) - (np.cumsum(lengths) - lengths)[example]
        inputs, weights, unit_of_row = self._units(groups[drawn][example] + place, windows)
        return inputs, weights, self._tensor(example)[unit_of_row]

    def _units(
        self, drawn: NDArray[np.int64], windows: torch.Generator | None
    ) -> tuple[RowInputs, Tensor | None, Tensor]:
        data, starts = self.data, self.data.offsets[drawn]
        if self.flat:
            codes = np.concatenate([data.units.at(drawn), data.rows.at(starts)], axis=1)
            return RowInputs(self._tensor(codes), None, None, None), None, torch.arange(len(drawn), device=self.device)
        counts = data.offsets[drawn + 1] - starts
        presented = np.maximum(counts, 1)
        first = np.zeros(len(drawn), dtype=np.int64)
        if windows is not None:
            first, presented = windows_of(presented, self.shape.window, windows)
        unit_of_row = np.repeat(np.arange(len(drawn)), presented)
        place = np.arange(len(unit_of_row)) - (np.cumsum(presented) - presented - first)[unit_of_row]
        counts = counts[unit_of_row]
        there = counts > 0
        rows = np.zeros((len(unit_of_row), len(data.rows.sizes)), dtype=np.int64)
        rows[there] = data.rows.at((starts[unit_of_row] + place)[there])
        codes = np.concatenate([data.units.at(drawn)[unit_of_row], rows], axis=1)
        before = np.zeros_like(rows)
        before[1:] = rows[:-1] + 1
        before[place == 0] = 0
        late = np.flatnonzero((np.diff(unit_of_row, prepend=-1) > 0) & (place > 0))
        before[late] = data.rows.at(starts[unit_of_row[late]] + place[late] - 1) + 1
        own, shape = self.shape.unit_columns, self.shape
        known = places_of(place, counts, shape.most_rows, shape.window)
        spans = Spans.of(self._tensor(presented))
        inputs = RowInputs(self._tensor(codes), self._tensor(before), self._tensor(known), spans)
        weights = np.empty(codes.shape, dtype=np.float32)
        weights[:, :own] = 0.0 if self.shape.given_units else (place == 0)[:, None]
        weights[:, own:] = there[:, None]
        for part in shape.applies:
            names = self.names
            column = names.index(part.column)
            if part.by is None:
                weights[:, column] *= (place == 0) == part.first_row
            else:
                weights[:, column] *= np.isin(codes[:, names.index(part.by)], part.codes)
        return inputs, self._tensor(weights), self._tensor(unit_of_row)

    def _tensor(self, values: NDArray[Any]) -> Tensor:
        return torch.from_numpy(values).to(self.device)


def windows_of(
    rows: NDArray[np.int64], window: int, random: torch.Generator
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Where a window of each unit begins, and how many rows it has; units with no more than the window's are whole.

    A quarter of the windows are the first rows of their unit, a quarter the last, and half lie anywhere, so that how
    units begin and end is learned as well as what is between.
    """
    surplus = np.maximum(rows - window, 0)
    luck = torch.rand(len(rows), 2, generator=random, device=random.device).cpu().numpy().astype(np.float64)
    anywhere = np.floor(luck[:, 1] * (surplus + 1)).astype(np.int64)
    first = np.select([luck[:, 0] < 0.25, luck[:, 0] < 0.5], [0, surplus], np.minimum(anywhere, surplus))
    return first, np.minimum(rows, window)

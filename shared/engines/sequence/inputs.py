"""Encoded units as the network takes them."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from shared.engines.encoded import Histories
from shared.engines.sequence.network import NetworkShape, RowInputs
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
        self.flat = shape.flat
        counts = data.rows_per_unit
        if len(data) and not shape.empty_units and counts.min() == 0:
            raise DataError("the engine was built for units that have rows, and a unit has none")
        if self.flat and len(data) and counts.max() > 1:
            raise DataError("the engine was built for one row a unit, and a unit has several")

    def take(self, drawn: NDArray[np.int64]) -> tuple[RowInputs, Tensor | None, Tensor]:
        """The rows of the drawn examples.

        Returns the inputs, the weight of each column's loss (``(rows, columns)``; ``None`` if all are
        1: a unit's own columns count in its first row alone, or not at all where they are always given) and the
        example of each row, ``(rows,)``.
        """
        groups = self.data.groups
        if groups is None:
            return self._units(drawn)
        lengths = groups[drawn + 1] - groups[drawn]
        example = np.repeat(np.arange(len(drawn)), lengths)
        place = np.arange(len(example)) - (np.cumsum(lengths) - lengths)[example]
        inputs, weights, unit_of_row = self._units(groups[drawn][example] + place)
        return inputs, weights, self._tensor(example)[unit_of_row]

    def _units(self, drawn: NDArray[np.int64]) -> tuple[RowInputs, Tensor | None, Tensor]:
        data, starts = self.data, self.data.offsets[drawn]
        if self.flat:
            codes = np.concatenate([data.units.at(drawn), data.rows.at(starts)], axis=1)
            return RowInputs(self._tensor(codes), None, None), None, torch.arange(len(drawn), device=self.device)
        counts = data.offsets[drawn + 1] - starts
        presented = np.maximum(counts, 1)
        unit_of_row = np.repeat(np.arange(len(drawn)), presented)
        place = np.arange(len(unit_of_row)) - (np.cumsum(presented) - presented)[unit_of_row]
        counts = counts[unit_of_row]
        rows = np.zeros((len(unit_of_row), len(data.rows.sizes)), dtype=np.int64)
        rows[counts > 0] = data.rows.at((starts[unit_of_row] + place)[counts > 0])
        codes = np.concatenate([data.units.at(drawn)[unit_of_row], rows], axis=1)
        before = np.zeros_like(rows)
        before[1:] = rows[:-1] + 1
        before[place == 0] = 0
        own, most = self.shape.unit_columns, self.shape.most_rows
        known = np.stack([np.minimum(place, most - 1), np.minimum(counts, most)], axis=1)
        inputs = RowInputs(self._tensor(codes), self._tensor(before), self._tensor(known))
        weights = np.empty(codes.shape, dtype=np.float32)
        weights[:, :own] = 0.0 if self.shape.given_units else (place == 0)[:, None]
        weights[:, own:] = (counts > 0)[:, None]
        return inputs, self._tensor(weights), self._tensor(unit_of_row)

    def _tensor(self, values: NDArray[Any]) -> Tensor:
        return torch.from_numpy(values).to(self.device)

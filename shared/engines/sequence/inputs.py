"""Encoded units as the network takes them."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from shared.engines.encoded import Histories
from shared.engines.sequence.network import NetworkShape, RowInputs
from shared.errors import DataError


class Examples:
    """The rows of encoded units, ready to be drawn by unit."""

    def __init__(self, data: Histories, shape: NetworkShape, device: torch.device) -> None:
        if data.units.sizes + data.rows.sizes != shape.sizes:
            raise DataError(
                "the encoded columns are not those the engine was built for; encode with the model's own codec"
            )
        self.shape = shape
        self.device = device
        self.offsets = data.offsets
        unit_of_row = np.repeat(np.arange(len(data)), data.rows_per_unit)
        codes = np.concatenate([data.units.codes[unit_of_row], data.rows.codes], axis=1)
        self.codes = torch.from_numpy(codes).to(device)
        self.flat = shape.most_rows == 1
        if self.flat and len(data) and data.rows_per_unit.max() > 1:
            raise DataError("the engine was built for one row a unit, and a unit has several")

    def take(self, drawn: NDArray[np.int64]) -> tuple[RowInputs, Tensor | None, Tensor]:
        """The rows of the drawn units.

        Returns the inputs, the weight of each column's loss (``(rows, columns)``; ``None`` if all are
        1: a unit's own columns count in its first row alone) and the unit of each row, ``(rows,)``.
        """
        starts, lengths = self.offsets[drawn], self.offsets[drawn + 1] - self.offsets[drawn]
        if self.flat:
            codes = self.codes[torch.from_numpy(starts).to(self.device)].long()
            return RowInputs(codes, None, None), None, torch.arange(len(drawn), device=self.device)
        unit_of_row = np.repeat(np.arange(len(drawn)), lengths)
        ends = np.concatenate([[0], np.cumsum(lengths)])
        place = np.arange(ends[-1]) - ends[:-1][unit_of_row]
        rows = torch.from_numpy(starts[unit_of_row] + place).to(self.device)
        first = torch.from_numpy(place == 0).to(self.device)
        codes = self.codes[rows].long()
        own = self.shape.unit_columns
        before = self.codes[(rows - 1).clamp(min=0)].long()[:, own:] + 1
        most = self.shape.most_rows
        known = np.stack([np.minimum(place, most - 1), np.minimum(lengths, most)[unit_of_row]], axis=1)
        inputs = RowInputs(codes, before.masked_fill(first[:, None], 0), torch.from_numpy(known).to(self.device))
        weights = torch.ones(codes.shape, device=self.device)
        weights[:, :own] = first[:, None].float()
        return inputs, weights, torch.from_numpy(unit_of_row).to(self.device)

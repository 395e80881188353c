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
    """The rows of encoded units, ready to be drawn by unit.

    A unit without rows is presented as one row whose row columns count nothing.
    """

    def __init__(self, data: Histories, shape: NetworkShape, device: torch.device) -> None:
        if data.units.sizes + data.rows.sizes != shape.sizes:
            raise DataError(
                "the encoded columns are not those the engine was built for; encode with the model's own codec"
            )
        self.shape = shape
        self.device = device
        self.counts = data.rows_per_unit
        presented = np.maximum(self.counts, 1)
        self.offsets = np.concatenate([[0], np.cumsum(presented)]).astype(np.int64)
        unit_of_row = np.repeat(np.arange(len(data)), presented)
        rows = data.rows.codes
        if (self.counts == 0).any():
            if not shape.empty_units:
                raise DataError("the engine was built for units that have rows, and a unit has none")
            rows = np.zeros((len(unit_of_row), len(data.rows.sizes)), dtype=rows.dtype)
            rows[(self.counts > 0)[unit_of_row]] = data.rows.codes
        codes = np.concatenate([data.units.codes[unit_of_row], rows], axis=1)
        self.codes = torch.from_numpy(codes).to(device)
        self.flat = shape.flat
        if self.flat and len(data) and self.counts.max() > 1:
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
        counts = self.counts[drawn][unit_of_row]
        known = np.stack([np.minimum(place, most - 1), np.minimum(counts, most)], axis=1)
        inputs = RowInputs(codes, before.masked_fill(first[:, None], 0), torch.from_numpy(known).to(self.device))
        weights = torch.ones(codes.shape, device=self.device)
        weights[:, :own] = first[:, None].float()
        weights[:, own:] = torch.from_numpy(counts > 0).to(self.device)[:, None].float()
        return inputs, weights, torch.from_numpy(unit_of_row).to(self.device)

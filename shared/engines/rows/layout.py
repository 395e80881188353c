"""What engines of rows know of a table: its code columns, and how many rows a unit has."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Protocol, Self

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from shared.access.contract import Access, BatchPlan
from shared.engines.encoded import Histories, Rows, Shape
from shared.errors import ConfigurationError, DataError

SMALL = 64  # units of a batch that is not cut further


@dataclass(frozen=True, kw_only=True)
class Layout:
    """Names and sizes of the code columns, and ``rows_per_unit``, the chances of 0, 1, … rows; plain values."""

    names: tuple[str, ...]
    sizes: tuple[int, ...]
    rows_per_unit: tuple[float, ...]

    @classmethod
    def of(cls, shape: Shape, engine: str) -> Self:
        """Raises ``ConfigurationError`` for units with columns of their own, and for rows below given units."""
        if shape.unit_names:
            raise ConfigurationError(
                f"engine {engine} learns rows that know nothing of one another, and these units have columns of their "
                f"own ({', '.join(shape.unit_names)}); take the engine 'sequence', or declare the columns as the rows'"
            )
        if shape.given_units:
            raise ConfigurationError(
                f"engine {engine} learns a table by itself, and these rows lie below those of another; take the engine "
                "'sequence'"
            )
        counts = np.maximum(shape.rows_per_unit, 0.0)
        possible = np.arange(len(counts)) >= (0 if shape.empty_units else 1)
        counts = np.where(possible, counts, 0.0)
        counts = counts if counts.sum() > 0 else possible.astype(np.float64)
        return cls(names=shape.row_names, sizes=shape.row_sizes, rows_per_unit=tuple((counts / counts.sum()).tolist()))

    def onward(self, shape: Shape, engine: str) -> Self:
        """The layout of further data of ``shape``, which has other numbers of rows a unit.

        Raises ``ConfigurationError`` for other columns, or such of other sizes.
        """
        found = self.of(shape, engine)
        if (found.names, found.sizes) != (self.names, self.sizes):
            raise ConfigurationError(
                f"engine {engine}: the codes are {_told(found)}, and the model learned {_told(self)}; encode the "
                "records with the model's codec"
            )
        return found

    @property
    def single(self) -> bool:
        """Whether every unit has exactly one row."""
        return len(self.rows_per_unit) == 2 and self.rows_per_unit[1] == 1.0

    def check(self, data: Histories) -> None:
        """Raise ``DataError`` for codes of other columns."""
        if data.units.names or (data.rows.names, data.rows.sizes) != (self.names, self.sizes):
            raise DataError(
                f"the codes are those of {', '.join(data.units.names + data.rows.names)}; the engine learned "
                f"{', '.join(self.names)}, of these sizes: encode with its codec"
            )

    def histories(self, codes: Tensor, counts: NDArray[np.int64]) -> Histories:
        """Units with ``counts`` rows each of the codes ``(rows, columns)``."""
        rows = Rows(codes.cpu().numpy().astype(np.int32), self.sizes, self.names)
        none = Rows(np.zeros((len(counts), 0), dtype=np.int32), (), ())
        return Histories(none, rows, np.concatenate([[0], np.cumsum(counts)]).astype(np.int64))


def _told(layout: Layout) -> str:
    return ", ".join(f"{name} of {size}" for name, size in zip(layout.names, layout.sizes, strict=True))


class Planned(Protocol):
    """Settings that make the plan of a plain run."""

    @property
    def epochs(self) -> float: ...

    @property
    def batch_units(self) -> int: ...

    @property
    def least_steps(self) -> int: ...


def plan_of(access: Access, settings: Planned) -> BatchPlan:
    """So many epochs of such batches, unless the access has a plan of its own.

    Of few units batches are smaller, and there are at least ``least_steps``.
    """
    units = access.units
    batch = min(settings.batch_units, max(min(SMALL, units), units // 4))
    steps = max(settings.least_steps, math.ceil(settings.epochs * units / batch))
    return access.plan(BatchPlan(batch_units=batch, steps=steps))


class Examples:
    """Codes of the rows of drawn units."""

    def __init__(self, data: Histories, layout: Layout, device: torch.device) -> None:
        layout.check(data)
        self.data, self.device = data, device
        self.single = len(data.rows) == len(data) and bool((data.rows_per_unit == 1).all())

    def take(self, drawn: NDArray[np.int64]) -> tuple[Tensor, Tensor]:
        """Codes ``(rows, columns)``, and of each row the place of its unit among the drawn, ascending."""
        if self.single:
            rows, owner = drawn, np.arange(len(drawn))
        else:
            starts = self.data.offsets[drawn]
            counts = self.data.offsets[drawn + 1] - starts
            owner = np.repeat(np.arange(len(drawn)), counts)
            firsts = np.cumsum(counts) - counts
            rows = starts[owner] + np.arange(len(owner)) - firsts[owner]
        codes = torch.from_numpy(self.data.rows.at(rows))
        return codes.to(self.device), torch.from_numpy(owner).to(self.device)

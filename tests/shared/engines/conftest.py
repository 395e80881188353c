"""Small tables of codes, and access to them, for the engines of rows."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray

from shared.access.contract import Access, BatchPlan, Phase
from shared.access.plain import PlainAccess
from shared.corpus.schema import Column, Table
from shared.corpus.units import UnitFrame
from shared.engines.encoded import Histories, Positions, Rows, Shape, flat

ShapeOf = Callable[..., Shape]
AccessTo = Callable[..., Access]


class Killed(Exception):
    """Stands for the end of a process."""


class KillableAccess(PlainAccess):
    """Ends before a step; ``killed_at`` counts the steps of all parts."""

    killed_at: int | None = None
    made = 0

    def step(self, phase: Phase, units: NDArray[np.int64]) -> float:
        if self.made == self.killed_at:
            raise Killed
        self.made += 1
        return super().step(phase, units)

    def plan(self, preferred: BatchPlan) -> BatchPlan:
        return preferred


@pytest.fixture(scope="session")
def row_shape() -> ShapeOf:
    """``row_shape(data, positions=())``: the shape of histories, with exact marginals."""

    def build(data: Histories, positions: Sequence[Positions] = (), **fields: bool) -> Shape:
        def marginals(rows: Rows) -> tuple[NDArray[np.float64], ...]:
            columns = zip(rows.codes.T, rows.sizes, strict=True)
            return tuple(np.bincount(codes, minlength=size).astype(float) for codes, size in columns)

        counts = np.bincount(data.rows_per_unit, minlength=2).astype(float)
        return Shape(
            data.units.names,
            marginals(data.units),
            data.rows.names,
            marginals(data.rows),
            counts,
            row_positions=tuple(positions),
            **fields,
        )

    return build


@pytest.fixture(scope="session")
def row_access() -> AccessTo:
    """``row_access(data, killed_at=None)``: a plain access for as many units."""

    def build(data: Histories, killed_at: int | None = None) -> Access:
        table = Table(name="t", columns=(Column(name="x", kind="integer"),))
        rows = pd.DataFrame({"x": pd.array(np.zeros(len(data.rows)), dtype="Int64")})
        access = KillableAccess(UnitFrame(table, rows, np.arange(len(data)).astype(object), data.offsets))
        access.killed_at = killed_at
        return access

    return build


@pytest.fixture(scope="session")
def killed() -> type[Exception]:
    """What a killed access raises."""
    return Killed


@pytest.fixture(scope="session")
def mixed_rows() -> Histories:
    """2,000 rows: ``a``; ``b``, which repeats it; ``x``, a number of 40 codes with a peak for each ``a``."""
    random = np.random.default_rng(0)
    a = random.choice(3, size=2000, p=[0.6, 0.3, 0.1])
    x = np.clip(np.rint(random.normal(np.array([6, 20, 34])[a], 1.5)), 0, 39).astype(np.int64)
    return flat(np.stack([a, a, x], axis=1).astype(np.int32), (3, 3, 40), ("a", "b", "x"))


@pytest.fixture(scope="session")
def mixed_positions() -> tuple[Positions, ...]:
    """Those of the columns of ``mixed_rows``."""
    return (None, None, np.arange(40.0))


@pytest.fixture(scope="session")
def several_rows(mixed_rows: Histories) -> Histories:
    """The same rows as those of units with none to three of them."""
    counts = np.tile([0, 1, 2, 3, 2], 250)
    offsets = np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)
    none = Rows(np.zeros((len(counts), 0), dtype=np.int32), (), ())
    return Histories(none, mixed_rows.take(np.arange(offsets[-1])).rows, offsets)

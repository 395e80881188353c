"""Small declared worlds for the tests of private access."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from privacy.budget.promise import Mechanisms, Promise, Workload
from privacy.noise import Noise
from shared.corpus.schema import Column, Table
from shared.corpus.units import UnitFrame, by_unit

# What a right mechanism fails with this chance only; a planted error is far below it.
UNLIKELY = 1e-6

CALIBRATED = Mechanisms(
    promise=Promise(epsilon=1.0, units_about=100, rows=4),
    workload=Workload(unknown_categories=0, unit_columns=0, row_columns=0, row_counts=False),
    category_scale=4.0,
    category_threshold=1 + 4.0 * float(np.log(4 / (2 * 0.05))),
    category_delta=0.05,
    statistics_multiplier=2.0,
    training_multiplier=3.0,
    batch_units=10,
    steps=20,
    clipping_norm=0.5,
    epsilon=1.0,
    delta=1e-3,
)


class SilentNoise(Noise):
    """No noise at all: makes exact answers visible to tests of sensitivity."""

    def gaussian(self, scale: float, shape: Any) -> Any:
        return np.zeros(shape)

    def laplace(self, scale: float, shape: Any) -> Any:
        return np.zeros(shape)

    def add_gaussian_(self, tensor: Any, scale: float) -> None:
        pass


@pytest.fixture(scope="session")
def silent() -> Noise:
    return SilentNoise()


@pytest.fixture(scope="session")
def calibrated() -> Callable[..., Mechanisms]:
    """``calibrated(rows=4, workload=..., **fields)``: mechanisms with other fields than the usual."""

    def build(*, rows: int = 4, units_about: int = 100, categories: int | None = None, **fields: Any) -> Mechanisms:
        promise = Promise(epsilon=1.0, units_about=units_about, rows=rows, categories=categories)
        return replace(CALIBRATED, promise=promise, **fields)

    return build


@pytest.fixture(scope="session")
def unit_frame() -> Callable[..., UnitFrame]:
    """``unit_frame(columns, {"id": [...], ...})``: records of units named by the column ``id``."""

    def build(columns: Sequence[Column], records: dict[str, Any]) -> UnitFrame:
        dtypes = {
            "categorical": "str",
            "identifier": "str",
            "integer": "Int64",
            "real": "float64",
            "boolean": "boolean",
        }
        table = Table(name="visits", columns=(Column(name="id", kind="identifier"), *columns), unit="id")
        frame = pd.DataFrame({c.name: pd.Series(records[c.name], dtype=dtypes[c.kind]) for c in table.columns})
        return by_unit(table, frame)

    return build


@pytest.fixture(scope="session")
def normal_fit() -> Callable[[Any, float], float]:
    """The chance that draws of N(0, scale²) are so far from it: the lesser of a two-sided chi-square and a KS test."""

    def judge(draws: Any, scale: float) -> float:
        draws = np.asarray(draws, dtype=np.float64).ravel()
        below = stats.chi2.cdf(np.square(draws / scale).sum(), len(draws))
        return float(min(2 * min(below, 1 - below), stats.kstest(draws / scale, "norm").pvalue))

    return judge


@pytest.fixture(scope="session")
def unlikely() -> float:
    return UNLIKELY

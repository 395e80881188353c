"""A small population of correlated columns of every kind, as units with one or several rows."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest

from evaluation.comparison import Comparison
from evaluation.effort import Effort
from shared.corpus.schema import Column, Table
from shared.corpus.units import UnitFrame, by_unit

STAYS = Table(
    name="stays",
    columns=(
        Column(name="id", kind="identifier"),
        Column(name="age", kind="integer"),
        Column(name="ward", kind="categorical"),
        Column(name="days", kind="real"),
        Column(name="outcome", kind="categorical"),
    ),
    unit="id",
)
CHEAP = Effort(training_rows=800, iterations=15, two_sample_iterations=15)
Stays = Callable[..., UnitFrame]
Compare = Callable[..., Comparison]


@pytest.fixture(scope="session")
def stays() -> Stays:
    """``stays(units, seed, most=1)``: independent units, each with one to ``most`` rows."""
    return _stays


@pytest.fixture(scope="session")
def compare() -> Compare:
    """``compare(seed, units, most=1)``: three independent samples of one population."""
    return lambda seed, units, most=1: Comparison(
        STAYS, *(_stays(units, 7919 * (seed + 1) + part, most) for part in range(3)), effort=CHEAP
    )


def _stays(units: int, seed: int, most: int = 1) -> UnitFrame:
    random = np.random.default_rng(seed)
    unit = np.repeat(np.arange(units), random.integers(1, most + 1, size=units))
    age = np.clip(random.normal(60, 15, units), 18, 99).astype(int)[unit]
    ward = np.where(random.random(len(unit)) < age / 120, "medicine", random.choice(["surgery", "births"], len(unit)))
    days = np.where(random.random(len(unit)) < 0.3, 1.0, np.round(random.gamma(2, age / 20), 3))
    risk = age / 15 - 4.5 + (ward == "medicine") + days / 8
    outcome = np.where(random.random(len(unit)) < 1 / (1 + np.exp(-risk)), "again", "home")
    outcome = np.where(random.random(len(unit)) < 0.08, "died", outcome)
    frame = pd.DataFrame(
        {
            "id": pd.Series([f"{seed}-{name:06d}" for name in unit], dtype="str"),
            "age": pd.array(age, dtype="Int64"),
            "ward": pd.Series(ward, dtype="str").mask(random.random(len(unit)) < 0.1),
            "days": days,
            "outcome": pd.Series(outcome, dtype="str"),
        }
    )
    return by_unit(STAYS, frame)

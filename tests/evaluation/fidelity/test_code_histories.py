"""Scores of histories of codes: clean data score like real rows, and each planted error is seen where it should be."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray

from evaluation.comparison import Comparison
from evaluation.fidelity.code_agreement import code_agreement, determination, head_of
from evaluation.fidelity.codes import CodeColumns, code_sets
from evaluation.fidelity.unit_summaries import unit_two_sample_auc
from shared.corpus.schema import Column, Table
from shared.corpus.units import UnitFrame

COLUMNS = ("one", "two")
CODES = CodeColumns(groups={"code": COLUMNS, "drug": ("drug",)}, absent=frozenset({"No"}))
TABLE = Table(
    name="visits",
    unit="unit",
    columns=(
        Column(name="unit", kind="identifier"),
        *(Column(name=name, kind="categorical") for name in (*COLUMNS, "drug")),
    ),
)
Visits = NDArray[np.int64]


def visits(units: int, seed: int) -> tuple[Visits, Visits]:
    """Chronic codes: of each unit one code stays from visit to visit; the second code is its neighbour, or any."""
    random = np.random.default_rng(seed)
    counts = random.integers(1, 5, units)
    unit = np.repeat(np.arange(units), counts)
    chronic = random.geometric(0.12, units).clip(max=40)[unit]
    second = np.where(random.random(len(unit)) < 0.6, chronic + 1, random.integers(1, 41, len(unit)))
    return unit, np.stack([chronic, second, random.integers(0, 2, len(unit))], axis=1)


def framed(unit: Visits, codes: Visits) -> UnitFrame:
    text = {name: pd.Series(codes[:, place].astype(str)).astype("str") for place, name in enumerate(COLUMNS)}
    drug = pd.Series(np.where(codes[:, 2] == 1, "Steady", "No")).astype("str")
    frame = pd.DataFrame({"unit": pd.Series(unit.astype(str)).astype("str"), **text, "drug": drug})
    starts = np.flatnonzero(np.diff(unit, prepend=-1))
    offsets = np.append(starts, len(unit)).astype(np.int64)
    return UnitFrame(TABLE, frame, unit[starts].astype(object), offsets)


def compared(change: Callable[[Visits, Visits], tuple[Visits, Visits]] | None = None) -> Comparison:
    unit, codes = visits(700, 2)
    if change is not None:
        unit, codes = change(unit, codes)
    return Comparison(TABLE, framed(*visits(700, 0)), framed(*visits(700, 1)), framed(unit, codes))


def scores(data: Comparison, *, units: bool) -> dict[str, tuple[float, float]]:
    found = code_agreement(data, CODES, seed=0)
    found += [unit_two_sample_auc(data, CODES, seed=0)] if units else []
    return {score.name: (score.value, score.baseline) for score in found}


@pytest.fixture(scope="module")
def clean() -> dict[str, tuple[float, float]]:
    return scores(compared(), units=True)


def shuffled_rows(unit: Visits, codes: Visits) -> tuple[Visits, Visits]:
    """Visits dealt out to any unit: each is as it was, and nothing stays from one to the next."""
    return unit, codes[np.random.default_rng(5).permutation(len(codes))]


def shuffled_second(unit: Visits, codes: Visits) -> tuple[Visits, Visits]:
    """The second code from another visit."""
    codes = codes.copy()
    codes[:, 1] = codes[np.random.default_rng(6).permutation(len(codes)), 1]
    return unit, codes


def other_codes(unit: Visits, codes: Visits) -> tuple[Visits, Visits]:
    """Every code another one: how codes go together is as before."""
    codes = codes.copy()
    codes[:, :2] = 42 - codes[:, :2]
    return unit, codes


PREVALENCE, WITHIN, ACROSS, UNITS = (
    "code prevalence R²",
    "code pairs in a row, frequent R²",
    "code pairs across rows, frequent R²",
    "two-sample AUC of units",
)


def test_clean_units_score_like_real_ones(clean: dict[str, tuple[float, float]]) -> None:
    for name, (value, ceiling) in clean.items():
        if name != UNITS:
            assert value > ceiling - 0.15, name
    assert clean[UNITS][0] == pytest.approx(0.5, abs=0.06)


@pytest.mark.parametrize(
    ("change", "broken", "kept"),
    [
        (shuffled_rows, {ACROSS, UNITS}, {WITHIN}),
        (shuffled_second, {WITHIN}, set()),
        (other_codes, {PREVALENCE}, set()),
    ],
)
def test_a_planted_error_is_seen_by_the_score_that_is_for_it(
    change: Callable[[Visits, Visits], tuple[Visits, Visits]],
    broken: set[str],
    kept: set[str],
    clean: dict[str, tuple[float, float]],
) -> None:
    found = scores(compared(change), units=UNITS in broken)
    for name in broken:
        assert abs(found[name][0] - clean[name][0]) > 0.1, name
    for name in kept:
        assert found[name][0] == pytest.approx(clean[name][0], abs=0.02), name


def test_codes_that_stand_for_nothing_are_no_codes_and_a_code_is_the_same_in_any_column_of_its_vocabulary() -> None:
    units = framed(np.array([0, 0, 1]), np.array([[1, 2, 0], [2, 2, 1], [1, 1, 0]]))
    sets = code_sets(CODES, {"a": units})["a"]
    np.testing.assert_array_equal(sets.has.toarray(), [[1, 1, 0], [0, 1, 1], [1, 0, 0]])  # codes 1 and 2, the drug
    np.testing.assert_array_equal(sets.prevalence(), [1.0, 0.5, 0.5])
    within, across = sets.within_rows(), sets.across_rows()
    assert dict(zip(within.keys.tolist(), within.shares.tolist(), strict=True)) == {1: 1 / 3, 5: 1 / 3}
    assert dict(zip(across.keys.tolist(), across.shares.tolist(), strict=True)) == {1: 1.0, 2: 1.0, 4: 1.0, 5: 1.0}


def test_determination_is_one_for_the_same_and_zero_for_the_mean() -> None:
    real = np.array([0.5, 0.3, 0.1])
    assert determination(real, real) == 1.0
    assert determination(real, np.full(3, 0.3)) == pytest.approx(0.0)
    assert determination(real, real[::-1]) < 0
    np.testing.assert_array_equal(head_of(np.array([0.1, 0.4, 0.2, 0.3])), [False, True, False, True])

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.cleaning.outliers import column_outliers, joint_outliers
from shared.cleaning.plan import carry_out
from shared.corpus.schema import Column
from tests.shared.cleaning.tables import corpus_of, found

COLUMNS = [Column(name=f"x{place}", kind="real") for place in range(4)]


def texts(numbers: np.ndarray) -> list[str | None]:
    return [repr(float(number)) for number in numbers]


@pytest.mark.parametrize("draw", ["normal", "lognormal", "exponential", "uniform", "gamma"])
@pytest.mark.parametrize("seed", range(3))
def test_ordinary_columns_have_no_outliers(draw: str, seed: int) -> None:
    arguments = {"gamma": (2.0,)}.get(draw, ())
    numbers = getattr(np.random.default_rng(seed), draw)(*arguments, size=3000)
    assert found(column_outliers, corpus_of(COLUMNS[:1], {"x0": texts(numbers)})) == []


def test_a_number_far_from_all_others_is_reported_and_stays() -> None:
    numbers = np.r_[np.random.default_rng(0).normal(70, 10, 500), 700.0, 7.0e5]
    corpus = corpus_of(COLUMNS[:1], {"x0": texts(numbers)})
    (step,) = found(column_outliers, corpus)
    assert (step.count, step.enabled, step.basis) == (2, False, "learned")
    assert {example.old for example in step.examples} == {"700.0", "700000.0"}


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10_000), st.lists(st.floats(-1e6, 1e6), max_size=8))
def test_outliers_that_are_blanked_leave_no_outliers(seed: int, strange: list[float]) -> None:
    numbers = np.r_[np.random.default_rng(seed).normal(70, 10, 900), strange]
    corpus = corpus_of(COLUMNS[:1], {"x0": texts(numbers)})
    for step in found(column_outliers, corpus):
        corpus, _ = carry_out(corpus, step)
    assert found(column_outliers, corpus) == []


def test_a_row_unlike_all_others_is_reported() -> None:
    numbers = np.random.default_rng(0).normal(0, 1, (400, 4))
    numbers[7] = (60, -60, 60, -60)
    corpus = corpus_of(COLUMNS, {f"x{place}": texts(numbers[:, place]) for place in range(4)})
    (step,) = found(joint_outliers(0), corpus)
    assert step.action.rows == (8,)  # type: ignore[union-attr]
    assert not step.enabled


def test_rows_that_are_alike_are_not() -> None:
    numbers = np.random.default_rng(0).normal(0, 1, (400, 4))
    corpus = corpus_of(COLUMNS, {f"x{place}": texts(numbers[:, place]) for place in range(4)})
    assert found(joint_outliers(0), corpus) == []

"""Rows below given rows of another table: nothing is learned of what is given; a unit is one example."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import torch

from shared.engines.encoded import Given, Histories, Rows, Shape
from shared.engines.sequence.config import SequenceConfig
from shared.engines.sequence.engine import SequenceEngine
from shared.engines.sequence.inputs import Examples
from shared.errors import DataError

UNITS, ROWS = ("kind", "size"), ("colour",)


def data(groups: np.ndarray | None = None, seed: int = 0) -> Histories:
    random = np.random.default_rng(seed)
    units = Rows(random.integers(0, [3, 2], size=(6, 2)).astype(np.int32), (3, 2), UNITS)
    counts = np.array([1, 3, 2, 1, 1, 2])
    rows = Rows(random.integers(0, 4, size=(10, 1)).astype(np.int32), (4,), ROWS)
    return Histories(units, rows, np.r_[0, np.cumsum(counts)], groups)


def engine(*, given_units: bool = True) -> SequenceEngine:
    shape = Shape(UNITS, (np.ones(3), np.ones(2)), ROWS, (np.ones(4),), np.array([0.0, 1, 1, 1]), False, given_units)
    return SequenceEngine.fresh(SequenceConfig(hidden=8, embedding=4, context=8), shape, seed=1)


def test_what_is_given_carries_no_loss() -> None:
    made = engine()
    inputs, weights, _ = Examples(data(), made.state.network, torch.device("cpu")).take(np.arange(6))
    assert weights is not None
    assert torch.equal(weights, torch.tensor([[0.0, 0.0, 1.0]]).expand(len(inputs.codes), 3))


def test_the_density_is_that_of_the_rows_alone() -> None:
    made, known = engine(), data()
    # Over all colours of the only row of the first unit, densities add up to one: neither the unit's own columns nor
    # its number of rows are part of them.
    total = 0.0
    for colour in range(4):
        codes = known.rows.codes.copy()
        codes[0] = colour
        changed = dataclasses.replace(known, rows=dataclasses.replace(known.rows, codes=codes))
        total += float(np.exp(made.log_density(changed)[0]))
    assert total == pytest.approx(1.0, abs=1e-5)


def test_all_units_of_a_group_are_one_example() -> None:
    made, groups = engine(), np.array([0, 2, 2, 6])
    one_by_one, grouped = made.log_density(data()), made.log_density(data(groups))
    np.testing.assert_allclose(grouped, [one_by_one[:2].sum(), 0.0, one_by_one[2:].sum()], rtol=1e-5)
    _, _, example = Examples(data(groups), made.state.network, torch.device("cpu")).take(np.array([2, 0]))
    assert example.tolist() == [0] * 6 + [1] * 4


def test_a_single_row_a_unit_is_no_flat_table_where_units_are_given() -> None:
    shape = Shape(UNITS, (np.ones(3), np.ones(2)), ROWS, (np.ones(4),), np.array([0.0, 1.0]), False, True)
    made = SequenceEngine.fresh(SequenceConfig(hidden=8, embedding=4, context=8), shape, seed=1)
    assert not made.state.network.flat


def test_rows_follow_given_units_in_their_order() -> None:
    made = engine()
    units = np.repeat(np.array([[0, 0], [2, 1]], dtype=np.int32), 3, axis=0)
    counts = np.array([1, 2, 3, 3, 2, 1])
    drawn = Histories.joined(list(made.sample(6, seed=0, given=Given(units=units, rows_per_unit=counts))))
    np.testing.assert_array_equal(drawn.units.codes, units)
    np.testing.assert_array_equal(drawn.rows_per_unit, counts)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (None, "draws rows of units that are given; give them"),
        (Given(rows_per_unit=np.array([1])), "draws rows of units that are given; give them"),
        (Given(units=np.array([[3, 0]]), rows_per_unit=np.array([1])), r"must be 1 rows of codes below \[3, 2\]"),
        (Given(units=np.array([[0]]), rows_per_unit=np.array([1])), r"must be 1 rows of codes below \[3, 2\]"),
        (Given(units=np.array([[0, 0]]), rows_per_unit=np.array([4])), "must be 1 numbers from 1 to 3"),
    ],
)
def test_units_that_do_not_fit_are_refused(given: Given | None, message: str) -> None:
    with pytest.raises(DataError, match=message):
        list(engine().sample(1, seed=0, given=given))


def test_whole_units_come_with_their_numbers_of_rows_and_nothing_else() -> None:
    with pytest.raises(DataError, match="come with their numbers of rows"):
        Given(units=np.array([[0, 0]]))

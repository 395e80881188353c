"""Exact counts: what belongs where, and how much one unit can change them."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from privacy import histograms
from shared.corpus.grids import declared_cells
from shared.corpus.schema import Column, Table
from shared.corpus.units import UnitFrame


def _cells(column: Column, values: list[float | None]) -> tuple[dict[tuple[float, float], int], int]:
    lows, highs = declared_cells(column)
    counts, missing = histograms.cell_counts(pd.Series(values, dtype="float64"), column, lows)
    return {(lo, hi): int(n) for lo, hi, n in zip(lows, highs, counts, strict=True) if n}, missing


def test_values_fall_into_the_cells_of_their_grid():
    column = Column(name="x", kind="real", edges=(0.0, 10.0, 20.0))
    assert _cells(column, [0, 9.99, 10, 20, None]) == ({(0, 10): 2, (10, 20): 2}, 1)


def test_values_outside_of_the_grid_go_to_its_ends():
    column = Column(name="x", kind="real", edges=(0.0, 10.0, 20.0))
    assert _cells(column, [-5, -np.inf, 25, np.inf])[0] == {(0, 10): 2, (10, 20): 2}


@pytest.mark.parametrize("atom", [0.0, 5.0, 10.0, 20.0, 99.0])
def test_an_atom_is_a_cell_of_its_own(atom):
    column = Column(name="x", kind="real", edges=(0.0, 10.0, 20.0), atoms=(atom,))
    counts, _ = _cells(column, [atom, atom, 4.0, 6.0, 15.0])
    assert counts[(atom, atom)] == 2
    assert sum(counts.values()) == 5


def test_steps_that_doubles_cannot_hold_are_told_apart():
    column = Column(name="x", kind="real", low=0, high=5, step=0.1)
    counts, _ = _cells(column, [round(0.1 * i, 1) for i in range(51)])
    assert len(counts) == 51


def test_categories_others_and_missing_are_counted_apart():
    values = pd.Series(["a", "b", "a", "z", None], dtype="str")
    counts, other, missing = histograms.category_counts(values, ("b", "a", "c"))
    assert (counts.tolist(), other, missing) == ([1, 2, 0], 1, 1)


def test_a_column_of_the_unit_counts_once_a_unit(unit_frame):
    data = unit_frame([Column(name="x", kind="categorical", of_unit=True)], {"id": [1, 1, 2], "x": ["a", "a", "b"]})
    assert histograms.contributed(data, data.table.column("x")).tolist() == ["a", "b"]


def test_units_with_more_rows_than_asked_are_in_the_last_count(unit_frame):
    data = unit_frame([], {"id": [1, 2, 2, 3, 3, 3, 3]})
    assert histograms.row_counts(data, 3).tolist() == [0, 1, 1, 1]


def test_a_unit_counts_once_in_each_of_its_first_values(unit_frame):
    column = Column(name="x", kind="categorical")
    data = unit_frame([column], {"id": [1, 1, 1, 1, 2], "x": ["b", "b", "a", "c", "c"]})
    values, counts = histograms.unit_counts(data, column, 2)
    assert dict(zip(values, counts.tolist(), strict=True)) == {"b": 1, "a": 1, "c": 1}


def test_a_value_that_only_surplus_rows_hold_is_not_observed(unit_frame):
    column = Column(name="x", kind="categorical")
    data = unit_frame([column], {"id": [1, 1, 1, 2], "x": ["b", "a", "secret", "b"]})
    values, counts = histograms.unit_counts(data, column, 2)
    assert dict(zip(values, counts.tolist(), strict=True)) == {"b": 2, "a": 1}


def test_values_of_a_column_of_the_unit_are_those_of_its_first_row(unit_frame):
    column = Column(name="x", kind="categorical", of_unit=True)
    data = unit_frame([column], {"id": [1, 1, 2, 3], "x": ["a", "b", None, "a"]})
    values, counts = histograms.unit_counts(data, column, 2)
    assert dict(zip(values, counts.tolist(), strict=True)) == {"a": 2}


@given(
    units=st.lists(st.lists(st.sampled_from([*"abcdefg", None]), min_size=1, max_size=5), min_size=1, max_size=8),
    most=st.integers(1, 3),
    data=st.data(),
)
@settings(max_examples=60, deadline=None)
def test_adding_a_unit_changes_unit_counts_by_at_most_one_in_at_most_k_values(units, most, data):
    column = Column(name="x", kind="categorical")
    left_out = data.draw(st.integers(0, len(units) - 1))
    with_it = _unit_counts(units, column, most)
    without = _unit_counts([rows for i, rows in enumerate(units) if i != left_out], column, most)
    changes = {value: with_it.get(value, 0) - without.get(value, 0) for value in with_it | without}
    assert set(changes.values()) <= {0, 1}
    assert sum(changes.values()) <= most


def _unit_counts(units: list[list[str | None]], column: Column, most: int) -> dict[str, int]:
    frame = pd.DataFrame({"x": pd.Series([value for rows in units for value in rows], dtype="str")})
    offsets = np.concatenate([[0], np.cumsum([len(rows) for rows in units])]).astype(np.int64)
    names = np.arange(len(units)).astype(object)
    values, counts = histograms.unit_counts(
        UnitFrame(Table(name="t", columns=(column,)), frame, names, offsets), column, most
    )
    return dict(zip(values, counts.tolist(), strict=True))

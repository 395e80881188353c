"""Declared grids: disjoint ascending cells that cover what is declared, atoms by themselves."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.corpus.grids import declared_cells
from shared.corpus.schema import Column

FINITE = st.floats(-1e6, 1e6, allow_nan=False).map(lambda number: round(number, 3))


def within(atoms, low, high):
    return tuple(atom for atom in atoms if low <= atom <= high)


@st.composite
def declared(draw):
    kind = draw(st.sampled_from(["integer", "real"]))
    numbers = st.integers(-5000, 5000).map(float) if kind == "integer" else FINITE
    atoms = st.lists(numbers, max_size=4, unique=True).map(tuple)
    if draw(st.booleans()):
        edges = tuple(sorted(draw(st.lists(numbers, min_size=2, max_size=8, unique=True))))
        return Column(name="c", kind=kind, edges=edges, atoms=within(draw(atoms), edges[0], edges[-1]))
    low, high = sorted([draw(numbers), draw(numbers)])
    step = draw(st.sampled_from([None, 1.0, 5.0] if kind == "integer" else [None, 0.01, 0.25, 10.0]))
    return Column(name="c", kind=kind, low=low, high=high, step=step, atoms=within(draw(atoms), low, high))


def inside(cells, number):
    """Which cells hold a number: one whose ends are both it, or else one that begins at or below and ends above."""
    lows, highs = cells
    single = (lows == number) & (highs == number)
    return single if single.any() else (lows <= number) & (number < highs) & (lows < highs)


@given(declared())
@settings(max_examples=300, deadline=None)
def test_cells_are_disjoint_and_ascending(column):
    lows, highs = declared_cells(column)
    assert lows.shape == highs.shape
    assert (lows <= highs).all()
    assert (highs[:-1] <= lows[1:]).all()
    # No cell stands twice.
    assert len({*zip(lows.tolist(), highs.tolist(), strict=True)}) == len(lows)


@given(declared(), st.floats(0, 1))
@settings(max_examples=300, deadline=None)
def test_each_value_that_is_declared_possible_lies_in_one_cell(column, where):
    cells = declared_cells(column)
    low = column.edges[0] if column.edges else column.low
    high = column.edges[-1] if column.edges else column.high
    step = column.step or (1.0 if column.kind == "integer" and not column.edges else None)
    number = min(low + where * (high - low), high)
    if step is not None:
        number = low + step * np.floor(where * (high - low) / step)
    counts = inside(cells, number).sum()
    # The last cell is closed above; a sum of steps misses its end by a rounding error.
    assert counts == 1 or (counts == 0 and number == pytest.approx(cells[1].max(), abs=1e-9))


@given(declared())
@settings(max_examples=200, deadline=None)
def test_atoms_are_cells_of_their_own(column):
    lows, highs = declared_cells(column)
    for atom in column.atoms:
        assert ((lows == atom) & (highs == atom)).sum() == 1
        assert not ((lows < atom) & (atom < highs)).any()


@given(declared(), st.integers(1, 64))
@settings(max_examples=100, deadline=None)
def test_there_are_no_more_cells_than_asked_for_but_atoms_and_declared_edges(column, most):
    lows, _ = declared_cells(column, most=most)
    allowed = most if column.edges is None else len(column.edges) - 1
    assert len(lows) <= allowed + 2 * len(column.atoms)


def test_few_whole_numbers_are_a_cell_each():
    lows, highs = declared_cells(Column(name="c", kind="integer", low=3, high=6))
    assert lows.tolist() == highs.tolist() == [3, 4, 5, 6]


def test_dates_are_counted_in_days():
    lows, highs = declared_cells(Column(name="c", kind="date", low="1970-01-01", high="1970-01-03"))
    assert lows.tolist() == highs.tolist() == [0, 1, 2]


def test_one_possible_value_is_one_cell():
    for kind in ("integer", "real"):
        lows, highs = declared_cells(Column(name="c", kind=kind, low=2.0, high=2.0))
        assert lows.tolist() == highs.tolist() == [2.0]


@pytest.mark.parametrize("extra", [{}, {"low": 0.0}, {"high": 1.0}, {"step": 1.0, "atoms": (0.0,)}])
def test_without_both_bounds_there_is_no_grid(extra):
    assert declared_cells(Column(name="c", kind="real", **extra)) is None


def test_sums_of_steps_are_written_as_people_write_them():
    cells = declared_cells(Column(name="x", kind="real", low=2, high=40, step=0.1))
    assert cells is not None
    assert [repr(value) for value in cells[0][180:184].tolist()] == ["20.0", "20.1", "20.2", "20.3"]
    wide = declared_cells(Column(name="x", kind="real", low=2, high=250, step=0.1))
    assert wide is not None
    assert all(len(repr(value)) <= 5 for value in wide[0].tolist())

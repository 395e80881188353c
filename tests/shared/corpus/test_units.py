"""Rows by unit: grouping, order, and choices of one unit that no other unit can move."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.corpus.schema import Column, Table
from shared.corpus.units import by_unit
from shared.errors import DataError

VISITS = Table(
    name="visits",
    columns=(
        Column(name="patient", kind="identifier"),
        Column(name="day", kind="integer"),
        Column(name="note", kind="integer"),
    ),
    unit="patient",
    order_by="day",
)
KEY = b"a secret of the source"
HISTORIES = st.dictionaries(
    st.one_of(st.integers(0, 200).map(str), st.text("abc", min_size=1, max_size=3)),
    st.lists(st.integers(0, 5), min_size=1, max_size=7),
    min_size=1,
    max_size=12,
)


def visits(histories, shuffle=None):
    """A frame with a row for each day of each patient; ``note`` numbers the rows of a patient."""
    rows = [(patient, day, note) for patient, days in histories.items() for note, day in enumerate(days)]
    frame = pd.DataFrame(rows, columns=["patient", "day", "note"]).astype(
        {"patient": "str", "day": "Int64", "note": "Int64"}
    )
    return frame if shuffle is None else frame.sample(frac=1, random_state=shuffle)


def contents(units):
    """The rows of each unit, by its name."""
    return {
        units.units[i]: list(map(tuple, units.frame.iloc[units.offsets[i] : units.offsets[i + 1]].to_numpy()))
        for i in range(len(units))
    }


@given(HISTORIES, st.integers(0, 1000))
@settings(max_examples=80, deadline=None)
def test_rows_stand_unit_by_unit_in_the_declared_order(histories, seed):
    units = by_unit(VISITS, visits(histories, seed))
    assert sorted(units.units) == sorted(histories)
    assert units.offsets[0] == 0
    assert units.offsets[-1] == len(units.frame) == sum(map(len, histories.values()))
    assert len(units) == len(histories)
    for name, rows in contents(units).items():
        assert {row[0] for row in rows} == {name}
        assert [row[1] for row in rows] == sorted(histories[name])
    assert units.rows_per_unit.tolist() == [len(histories[name]) for name in units.units]
    assert (units.units[units.unit_of_row] == units.frame["patient"].to_numpy(dtype=object)).all()


def test_equal_places_in_the_order_keep_the_order_of_the_file():
    units = by_unit(VISITS, visits({"a": [1, 0, 1, 0]}))
    assert units.frame["note"].tolist() == [1, 3, 0, 2]


def test_rows_without_a_place_in_the_order_come_first():
    frame = visits({"a": [3, 1, 2]})
    frame.loc[2, "day"] = None
    assert by_unit(VISITS, frame).frame["note"].tolist() == [2, 1, 0]


def test_identifiers_that_are_numbers_are_ordered_as_numbers():
    assert by_unit(VISITS, visits({"10": [0], "9": [0], "1": [0]})).units.tolist() == ["1", "9", "10"]


@given(HISTORIES, st.data())
@settings(max_examples=50, deadline=None)
def test_take_gives_whole_units_by_mask_or_index(histories, data):
    units = by_unit(VISITS, visits(histories))
    mask = np.array(data.draw(st.lists(st.booleans(), min_size=len(units), max_size=len(units))))
    taken = units.take(mask)
    assert contents(taken) == {
        name: rows for (name, rows), keep in zip(contents(units).items(), mask, strict=True) if keep
    }
    again = units.take(np.flatnonzero(mask).astype(np.int64))
    assert contents(again) == contents(taken)
    assert taken.frame.index.tolist() == list(range(len(taken.frame)))


@given(HISTORIES, HISTORIES, st.sampled_from([0.0, 0.2, 0.5, 1.0]))
@settings(max_examples=80, deadline=None)
def test_the_split_of_a_unit_does_not_move_when_others_come_or_go(histories, others, fraction):
    def held(content):
        return set(by_unit(VISITS, visits(content)).split(KEY, fraction)[1].units)

    together = others | histories
    assert {name for name in held(together) if name in histories} == held(histories)


def test_train_and_holdout_are_disjoint_whole_and_of_the_declared_size():
    units = by_unit(VISITS, visits({str(number): [0, 1] for number in range(2000)}))
    train, holdout = units.split(KEY, 0.2)
    assert not set(train.units) & set(holdout.units)
    assert set(train.units) | set(holdout.units) == set(units.units)
    assert (train.rows_per_unit == 2).all()
    # Binomial with standard deviation 0.009: five of them.
    assert abs(len(holdout) / len(units) - 0.2) < 0.045
    other = units.split(b"another secret", 0.2)[1]
    assert set(other.units) != set(holdout.units)


@given(HISTORIES, HISTORIES, st.integers(0, 4))
@settings(max_examples=80, deadline=None)
def test_capped_keeps_the_order_and_at_most_so_many_rows_chosen_by_the_unit_alone(histories, others, most):
    units = by_unit(VISITS, visits(histories))
    capped = units.capped(KEY, most)
    assert capped.units.tolist() == units.units.tolist()
    assert capped.rows_per_unit.tolist() == np.minimum(units.rows_per_unit, most).tolist()
    whole, kept = contents(units), contents(capped)
    for name, rows in kept.items():
        places = [whole[name].index(row) for row in rows]
        assert places == sorted(set(places))
    among_others = contents(by_unit(VISITS, visits(others | histories)).capped(KEY, most))
    assert {name: among_others[name] for name in kept} == kept


def test_the_rows_that_capping_keeps_depend_on_the_key_and_are_not_always_the_first():
    units = by_unit(VISITS, visits({str(number): list(range(6)) for number in range(50)}))
    first, second = (units.capped(key, 2).frame["day"].tolist() for key in (KEY, b"another"))
    assert first != second
    assert set(first) == set(range(6))


def test_without_a_unit_column_each_row_is_a_unit_named_by_its_key_or_its_content():
    columns = (Column(name="id", kind="identifier"), Column(name="x", kind="real"))
    frame = pd.DataFrame({"id": pd.Series(["a", "b", None], dtype="str"), "x": [1.0, np.nan, 1.0]})
    keyed = by_unit(Table(name="t", columns=columns, primary_key="id"), frame.iloc[:2])
    assert keyed.units.tolist() == ["a", "b"]
    assert keyed.offsets.tolist() == [0, 1, 2]
    plain = by_unit(Table(name="t", columns=columns), frame)
    assert len(set(plain.units)) == 3
    backwards = by_unit(Table(name="t", columns=columns), frame.iloc[::-1])
    assert backwards.units.tolist() == plain.units.tolist()[::-1]


def test_a_table_of_one_column_without_a_unit():
    table = Table(name="t", columns=(Column(name="x", kind="integer"),))
    units = by_unit(table, pd.DataFrame({"x": pd.Series([1, None, 1], dtype="Int64")}))
    assert len(units) == 3
    assert units.units[0] == units.units[2] != units.units[1]


def test_a_row_without_a_unit_is_refused():
    frame = visits({"a": [1, 2]})
    frame.loc[1, "patient"] = None
    with pytest.raises(
        DataError, match="table 'visits', row 2: the unit column 'patient' is empty; every row needs a unit"
    ):
        by_unit(VISITS, frame)


def test_no_rows_are_no_units():
    units = by_unit(VISITS, visits({"a": [1]}).iloc[:0])
    assert len(units) == 0
    assert len(units.capped(KEY, 1)) == 0
    assert [len(part) for part in units.split(KEY, 0.5)] == [0, 0]


def test_a_time_of_day_in_one_row_renames_no_other_row():
    table = Table(name="t", columns=(Column(name="at", kind="datetime"), Column(name="n", kind="integer")))
    days = pd.date_range("2024-01-01", periods=5).astype("datetime64[us]")
    frame = pd.DataFrame({"at": days, "n": pd.array(range(5), dtype="Int64")})
    one = pd.DataFrame(
        {"at": pd.to_datetime(["2024-02-01T12:30"]).astype("datetime64[us]"), "n": pd.array([9], dtype="Int64")}
    )
    alone, beside = by_unit(table, frame).units, by_unit(table, pd.concat([frame, one], ignore_index=True)).units
    assert beside[:5].tolist() == alone.tolist()

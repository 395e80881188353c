"""Records on a scratch disk are to all who use them what the same records in memory are, however they are cut."""

from __future__ import annotations

import tempfile
from itertools import pairwise
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.corpus.schema import Column, Table
from shared.corpus.scratch import DEFAULT_MEMORY, Scratch
from shared.corpus.unit_store import UnitCollector, UnitStore, common_names
from shared.corpus.units import UnitFrame, by_unit
from shared.corpus.whole_units import whole_units
from shared.errors import DataError

KEY = b"a secret of the source"
SMALL = 256  # bytes of memory, of which an eighth is held: a few rows
NAMES = {
    "identifier": st.one_of(
        st.integers(0, 120).map(str),
        st.text("abé😀~", min_size=1, max_size=2),
        st.sampled_from(["-1", "1.5", "inf", "nan", "99999999999999999", "100000000000000000", "1e400", "1_0"]),
    ),
    "integer": st.one_of(st.integers(-3, 30), st.sampled_from([2**53, 2**53 + 1, -(2**53) - 1])),
    "categorical": st.sampled_from(["a", "b", "10", "9"]),
}


def table(kind: str = "identifier") -> Table:
    columns = (
        Column(name="who", kind=kind),
        Column(name="day", kind="integer"),
        Column(name="note", kind="integer"),
        Column(name="text", kind="categorical"),
    )
    return Table(name="visits", columns=columns, unit="who", order_by="day")


@st.composite
def records(draw: st.DrawFn) -> tuple[Table, pd.DataFrame]:
    """Rows in any order; ``note`` numbers them, so that ties in the order of days can be told apart."""
    kind = draw(st.sampled_from(list(NAMES)))
    who = draw(st.lists(NAMES[kind], min_size=1, max_size=60))
    days = draw(st.lists(st.none() | st.integers(0, 3), min_size=len(who), max_size=len(who)))
    frame = pd.DataFrame(
        {
            "who": pd.Series(who, dtype=object).astype("Int64" if kind == "integer" else "str"),
            "day": pd.array(days, dtype="Int64"),
            "note": pd.array(range(len(who)), dtype="Int64"),
            "text": pd.Series([f"t{day}" if day else None for day in days], dtype="str"),
        }
    )
    return table(kind), frame


def pieces(frame: pd.DataFrame, cuts: list[int]) -> list[pd.DataFrame]:
    borders = sorted({0, len(frame), *(cut % (len(frame) + 1) for cut in cuts)})
    return [frame.iloc[a:b] for a, b in pairwise(borders)]


def assert_same(found: UnitFrame, expected: UnitFrame) -> None:
    assert found.units.tolist() == expected.units.tolist()
    assert found.offsets.tolist() == expected.offsets.tolist()
    pd.testing.assert_frame_equal(found.frame.reset_index(drop=True), expected.frame.reset_index(drop=True))


@given(records(), st.lists(st.integers(0, 60), max_size=8), st.sampled_from([SMALL, 1024, 4096]))
@settings(max_examples=80, deadline=None)
def test_rows_in_any_order_and_any_pieces_become_the_units_of_the_whole(given_records, cuts, memory):
    declared, frame = given_records
    with tempfile.TemporaryDirectory() as folder:
        scratch = Scratch(Path(folder), memory)
        parts = [by_unit(declared, part) for part in whole_units(declared, pieces(frame, cuts), scratch)]
        assert not list(Path(folder).rglob("*.arrow")), "the runs are removed once they are read"
    names = [name for part in parts for name in part.units]
    assert len(names) == len(set(names)), "a unit was cut"
    collected = UnitCollector(declared, Scratch(Path("/nowhere"), DEFAULT_MEMORY), "all")
    for part in parts:
        collected.add(part)
    assert_same(collected.done(), by_unit(declared, frame))


@given(records(), st.lists(st.integers(0, 60), max_size=5), st.sampled_from([0.0, 0.3, 0.7]), st.integers(1, 3))
@settings(max_examples=50, deadline=None)
def test_split_and_cap_do_not_depend_on_the_pieces(given_records, cuts, fraction, most):
    declared, frame = given_records
    whole = [part.capped(KEY, most) for part in by_unit(declared, frame).split(KEY, fraction)]
    with tempfile.TemporaryDirectory() as folder:
        scratch = Scratch(Path(folder), SMALL)
        collectors = [UnitCollector(declared, scratch, role) for role in ("train", "holdout")]
        for part in whole_units(declared, pieces(frame, cuts), scratch):
            for collector, units in zip(collectors, by_unit(declared, part).split(KEY, fraction), strict=True):
                collector.add(units.capped(KEY, most))
        for collector, expected in zip(collectors, whole, strict=True):
            units = collector.done()
            assert_same(units.take(np.ones(len(units), dtype=bool)), expected)


def stored(units: UnitFrame, folder: Path, memory: int = 1024) -> UnitStore:
    collector = UnitCollector(units.table, Scratch(folder, memory), "units")
    for indices in np.array_split(np.arange(len(units)), 3):
        collector.add(units.take(indices))
    found = collector.done()
    assert isinstance(found, UnitStore)
    return found


@given(records(), st.data())
@settings(max_examples=30, deadline=None)
def test_a_store_gives_what_the_frame_gives(given_records, data):
    declared, frame = given_records
    frame = pd.concat([frame, frame.assign(note=frame["note"] + 100)] * 4, ignore_index=True)
    units = by_unit(declared, frame)
    with tempfile.TemporaryDirectory() as folder:
        store = stored(units, Path(folder))
        assert (len(store), store.rows, store.table) == (len(units), units.rows, declared)
        assert store.offsets.tolist() == units.offsets.tolist()
        assert store.rows_per_unit.tolist() == units.rows_per_unit.tolist()
        assert [name for names in store.names() for name in names] == units.units.tolist()
        wanted = data.draw(st.none() | st.lists(st.sampled_from(declared.names), min_size=1, unique=True))
        chunks, expected = list(store.chunks(wanted)), list(units.chunks(wanted))
        joined, whole = (pd.concat([c.frame for c in part], ignore_index=True) for part in (chunks, expected))
        pd.testing.assert_frame_equal(joined, whole)
        assert [n for c in chunks for n in c.rows_per_unit] == units.rows_per_unit.tolist()
        chosen = data.draw(st.lists(st.integers(0, len(units) - 1), unique=True, min_size=1))
        for indices in (np.array(chosen, dtype=np.int64), np.isin(np.arange(len(units)), chosen)):
            assert_same(store.take(indices), units.take(indices))
        renamed = store.as_table(Table(name="other", columns=declared.columns, unit="who", order_by="day"))
        assert (renamed.table.name, len(renamed)) == ("other", len(units))


def test_rows_that_are_units_are_handed_on_and_named_by_their_content(tmp_path):
    columns = (Column(name="x", kind="integer"), Column(name="y", kind="categorical"))
    declared = Table(name="t", columns=columns)
    frame = pd.DataFrame({"x": pd.array(range(40), dtype="Int64"), "y": pd.Series(["a", None] * 20, dtype="str")})
    parts = list(whole_units(declared, pieces(frame, [7, 21]), Scratch(tmp_path, SMALL)))
    assert [len(part) for part in parts] == [7, 14, 19]
    units = by_unit(declared, frame)
    store = stored(units, tmp_path)
    assert [name for names in store.names() for name in names] == units.units.tolist()
    assert_same(store.take(np.array([39, 0, 20])), units.take(np.array([39, 0, 20])))


def test_a_row_without_a_unit_is_refused_on_disk_too(tmp_path):
    frame = pd.DataFrame({"who": ["a"] * 30, "day": 1, "note": 1, "text": "x"}).astype(
        {"who": "str", "day": "Int64", "note": "Int64", "text": "str"}
    )
    frame.loc[20, "who"] = None
    with pytest.raises(DataError, match="the unit column 'who' is empty; every row needs a unit"):
        list(whole_units(table(), pieces(frame, [10]), Scratch(tmp_path, SMALL)))


def test_a_unit_larger_than_memory_stays_whole(tmp_path):
    frame = pd.DataFrame({"who": ["b", "a", "b"] * 200, "day": 1, "note": range(600), "text": "x"}).astype(
        {"who": "str", "day": "Int64", "note": "Int64", "text": "str"}
    )
    parts = list(whole_units(table(), pieces(frame, list(range(0, 600, 50))), Scratch(tmp_path, SMALL)))
    assert [set(part["who"]) for part in parts] == [{"a"}, {"b"}]


@given(st.sets(st.integers(0, 60).map(str), min_size=1), st.sets(st.integers(0, 60).map(str), min_size=1))
@settings(max_examples=15, deadline=None)
def test_units_that_stand_in_two_bodies_of_records_are_found(first, second):
    def units(names):
        frame = pd.DataFrame({"who": sorted(names), "day": 1, "note": 1, "text": "x"})
        return by_unit(table(), frame.astype({"who": "str", "day": "Int64", "note": "Int64", "text": "str"}))

    with tempfile.TemporaryDirectory() as folder:
        assert common_names(units(first), units(second)) == first & second
        many = units({*second, *(f"x{i}" for i in range(200))})
        assert common_names(units(first), stored(many, Path(folder), 30_000)) == first & second

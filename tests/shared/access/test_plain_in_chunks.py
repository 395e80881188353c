"""Answers about records on a scratch disk, and about more distinct numbers than are counted."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from shared.access.plain import PlainStatistics
from shared.access.questions import CategoryQuestion, Cells, NumberQuestion, RowCountQuestion
from shared.corpus.schema import Column, Table
from shared.corpus.scratch import Scratch
from shared.corpus.unit_store import UnitCollector, UnitStore
from shared.corpus.units import UnitFrame, Units, by_unit

TABLE = Table(
    name="visits",
    unit="who",
    columns=(
        Column(name="who", kind="identifier"),
        Column(name="born", kind="integer", of_unit=True),
        Column(name="ward", kind="categorical", categories=("a", "b")),
        Column(name="code", kind="categorical"),
        Column(name="cost", kind="real"),
        Column(name="again", kind="boolean"),
    ),
)


@pytest.fixture(scope="module")
def units() -> UnitFrame:
    random = np.random.default_rng(0)
    who = np.sort(random.integers(0, 900, 4000))
    frame = pd.DataFrame(
        {
            "who": pd.Series(who).astype("str"),
            "born": pd.array(1900 + who % 80, dtype="Int64"),
            "ward": pd.Series(random.choice(["a", "b", "z"], 4000)).astype("str"),
            "code": pd.Series(random.integers(0, 300, 4000)).astype("str"),
            "cost": np.where(random.random(4000) < 0.1, np.nan, random.normal(size=4000)),
            "again": pd.array(random.random(4000) < 0.3, dtype="boolean"),
        }
    )
    frame.loc[random.random(4000) < 0.1, ["ward", "code"]] = None
    return by_unit(TABLE, frame)


@pytest.fixture(scope="module")
def store(units: UnitFrame, tmp_path_factory: pytest.TempPathFactory) -> UnitStore:
    collector = UnitCollector(TABLE, Scratch(tmp_path_factory.mktemp("scratch"), 200_000), "units")
    collector.add(units)
    found = collector.done()
    assert isinstance(found, UnitStore)
    assert len(found.files) > 20
    return found


def assert_equal_answers(first: object, second: object) -> None:
    for name, value in vars(first).items():
        assert np.array_equal(np.asarray(value), np.asarray(getattr(second, name))), name


@pytest.mark.parametrize("most_numbers", [1 << 20, 500])
def test_answers_do_not_depend_on_where_the_records_lie(units, store, most_numbers):
    again = Column(name="again", kind="categorical", categories=("false", "true"))
    questions = [
        NumberQuestion(TABLE.column("born")),
        NumberQuestion(TABLE.column("cost")),
        CategoryQuestion(TABLE.column("ward")),
        CategoryQuestion(TABLE.column("code")),
        CategoryQuestion(again),
        RowCountQuestion(5),
    ]
    answers = [PlainStatistics(where, most_numbers=most_numbers).answer(questions) for where in (units, store)]
    for first, second in zip(*answers, strict=True):
        assert_equal_answers(first, second)


def cells(units: Units, most: int) -> Cells:
    found = PlainStatistics(units, most_numbers=most).answer([NumberQuestion(TABLE.column("cost"))])[0]
    assert isinstance(found, Cells)
    return found


def test_more_distinct_numbers_than_are_counted_are_drawn_and_stand_for_all(units, store):
    every, drawn = cells(units, 1 << 20), cells(store, 1000)
    assert len(every.lows) > 3000
    # Binomial with standard deviation 27: five of them.
    assert abs(len(drawn.lows) - 1000 * 0.9) < 140
    assert drawn.counts.sum() == pytest.approx(every.counts.sum())
    assert drawn.missing == every.missing
    assert set(drawn.lows) <= set(every.lows)
    sums = np.cumsum(drawn.counts) / drawn.counts.sum()
    medians = [float(np.median(every.lows)), float(drawn.lows[np.searchsorted(sums, 0.5)])]
    assert medians[0] == pytest.approx(medians[1], abs=0.15)


def test_as_many_distinct_numbers_as_are_counted_are_exact(units):
    every = cells(units, 1 << 20)
    assert_equal_answers(cells(units, len(every.lows)), every)
    assert len(cells(units, len(every.lows) - 1).lows) < len(every.lows)


def test_few_distinct_numbers_of_many_rows_are_counted_exactly(store: UnitStore, units: UnitFrame):
    born = PlainStatistics(store, most_numbers=100).answer([NumberQuestion(TABLE.column("born"))])[0]
    assert isinstance(born, Cells)
    assert born.counts.sum() == len(units)
    assert np.all(born.counts == born.counts.round())


def test_only_the_asked_column_is_read(store: UnitStore, monkeypatch: pytest.MonkeyPatch):
    read: list[object] = []
    from shared.corpus import unit_store

    original = unit_store.read_frame

    def watched(path: Path, columns: object = None) -> pd.DataFrame:
        read.append(columns)
        return original(path, columns)  # type: ignore[arg-type]

    monkeypatch.setattr(unit_store, "read_frame", watched)
    PlainStatistics(store).answer([CategoryQuestion(TABLE.column("code"))])
    assert read
    assert all(columns == ["code"] for columns in read)

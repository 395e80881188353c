from __future__ import annotations

import pandas as pd

from shared.cleaning.impossible import (
    contradictions,
    dangling_keys,
    future_until,
    missing_but_required,
    out_of_bounds,
    unreadable,
)
from shared.corpus.lenient import TextCorpus
from shared.corpus.schema import Column, ForeignKey, Schema, Table
from tests.shared.cleaning.tables import corpus_of, found, mended

AGE = Column(name="age", kind="integer", low=0, high=110)
DAY = Column(name="day", kind="date")


def test_what_cannot_be_read_becomes_missing() -> None:
    ages: list[str | None] = ["old", *["40"] * 9]
    assert mended(unreadable, corpus_of([AGE], {"age": ages}), "age") == [None, *["40"] * 9]


def test_numbers_outside_the_declared_bounds_become_missing() -> None:
    ages: list[str | None] = ["-3", "200", *["40"] * 18]
    assert mended(out_of_bounds, corpus_of([AGE], {"age": ages}), "age") == [None, None, *["40"] * 18]


def test_where_much_is_impossible_the_schema_is_doubted() -> None:
    (step,) = found(out_of_bounds, corpus_of([AGE], {"age": ["300", "400", "40"]}))
    assert not step.enabled
    assert "the schema may be wrong" in step.reason


def test_the_future_begins_after_the_given_clock() -> None:
    days: list[str | None] = ["2024-05-01", "2024-05-02", *["2020-01-01"] * 8]
    finder = future_until(pd.Timestamp("2024-05-01 12:00"))
    assert mended(finder, corpus_of([DAY], {"day": days}), "day") == ["2024-05-01", None, *["2020-01-01"] * 8]


def test_dates_that_the_schema_allows_in_the_future_stay() -> None:
    planned = Column(name="day", kind="date", high="2030-12-31")
    (step,) = found(
        future_until(pd.Timestamp("2024-05-01")), corpus_of([planned], {"day": ["2025-01-01"] + ["2020-01-01"] * 9})
    )
    assert not step.enabled


def test_rows_without_a_unit_are_left_out() -> None:
    columns = [Column(name="patient", kind="identifier"), AGE]
    corpus = corpus_of(columns, {"patient": [None, *"abcdefghi"], "age": ["1"] * 10}, unit="patient")
    (step,) = found(missing_but_required, corpus)
    assert step.enabled
    assert step.action.rows == (1,)  # type: ignore[union-attr]


def test_keys_that_point_nowhere_are_reported() -> None:
    key = Column(name="id", kind="identifier")
    patients = Table(name="patients", columns=(key,), primary_key="id")
    visits = Table(name="visits", columns=(key,), foreign_keys=(ForeignKey(column="id", table="patients"),))
    frames = {
        "patients": pd.DataFrame({"id": ["a", "b"]}, dtype="str").set_axis([1, 2]),
        "visits": pd.DataFrame({"id": ["a", "c", None]}, dtype="str").set_axis([1, 2, 3]),
    }
    (step,) = dangling_keys(TextCorpus(Schema(tables=(patients, visits)), frames), visits)
    assert step.action.rows == (2,)  # type: ignore[union-attr]
    assert not step.enabled


def test_units_that_contradict_themselves_are_reported() -> None:
    columns = [Column(name="patient", kind="identifier"), Column(name="sex", kind="categorical", of_unit=True)]
    rows: dict[str, list[str | None]] = {"patient": ["a", "a", "b", "b"], "sex": ["F", "M", "F", None]}
    (step,) = found(contradictions, corpus_of(columns, rows, unit="patient"))
    assert step.action.rows == (1, 2)  # type: ignore[union-attr]

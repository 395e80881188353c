from __future__ import annotations

import logging

import pandas as pd
import pytest

from domains.base.unit_columns import settle
from shared.corpus.corpus import Corpus
from shared.corpus.schema import Column, Schema, Table


def corpus(rows: list[tuple[str, int, str | None, str]]) -> Corpus:
    table = Table(
        name="visits",
        columns=(
            Column(name="patient", kind="identifier"),
            Column(name="visit", kind="integer"),
            Column(name="race", kind="categorical", of_unit=True),
            Column(name="reason", kind="categorical"),
        ),
        unit="patient",
        order_by="visit",
    )
    frame = pd.DataFrame(rows, columns=list(table.names))
    frame = frame.astype({"patient": "str", "visit": "Int64", "race": "str", "reason": "str"})
    return Corpus(Schema(tables=(table,)), {"visits": frame})


def test_first_known_value_in_the_order_of_the_unit_is_taken() -> None:
    data = corpus([("a", 2, "Asian", "x"), ("b", 1, "Black", "y"), ("a", 1, "White", "z"), ("a", 3, None, "w")])
    settled = settle(data).tables["visits"]
    assert settled["race"].tolist() == ["White", "Black", "White", "White"]


def test_missing_first_value_is_filled_from_the_next_known_one() -> None:
    settled = settle(corpus([("a", 1, None, "x"), ("a", 2, "White", "y")])).tables["visits"]
    assert settled["race"].tolist() == ["White", "White"]


def test_unit_without_any_value_stays_missing() -> None:
    settled = settle(corpus([("a", 1, None, "x"), ("a", 2, None, "y"), ("b", 1, "White", "z")])).tables["visits"]
    assert settled["race"].isna().tolist() == [True, True, False]


def test_consistent_records_rows_order_and_types_are_left_alone() -> None:
    data = corpus([("b", 1, "White", "x"), ("a", 2, "Asian", "y"), ("a", 1, "Asian", "z")])
    pd.testing.assert_frame_equal(settle(data).tables["visits"], data.tables["visits"])


def test_one_unit_does_not_move_another() -> None:
    rows = [("a", 1, "White", "x"), ("a", 2, "Asian", "y")]
    alone = settle(corpus(rows)).tables["visits"]
    together = settle(corpus([*rows, ("b", 1, "Black", "z"), ("b", 2, None, "z")])).tables["visits"]
    pd.testing.assert_frame_equal(together.iloc[:2], alone)


def test_input_is_not_changed_and_empty_tables_pass() -> None:
    data = corpus([("a", 1, "White", "x"), ("a", 2, "Asian", "y")])
    settle(data)
    assert data.tables["visits"]["race"].tolist() == ["White", "Asian"]
    assert len(settle(corpus([])).tables["visits"]) == 0


def test_contradictions_are_counted_in_the_log(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO):
        settle(corpus([("a", 1, "White", "x"), ("a", 2, "Asian", "y"), ("a", 3, "Black", "y"), ("b", 1, None, "z")]))
    assert "1 units contradict themselves in race" in caplog.text

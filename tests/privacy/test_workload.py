"""What a private run asks, and what must be declared before it."""

from __future__ import annotations

from dataclasses import replace

import pandas as pd
import pytest

from privacy.noise import Noise
from privacy.statistics import PrivateStatistics
from privacy.workload import declared, missing_declarations, workload_of
from shared.codecs.table import TableCodec
from shared.corpus.corpus import DTYPES
from shared.corpus.schema import Column, Table
from shared.corpus.units import by_unit
from shared.errors import BudgetRefused, UndeclaredError

PATIENTS = Table(
    name="patients",
    unit="patient",
    primary_key="visit",
    columns=(
        Column(name="visit", kind="identifier"),
        Column(name="patient", kind="identifier"),
        Column(name="sex", kind="categorical", categories=("f", "m"), of_unit=True),
        Column(name="birth", kind="date", low="1900-01-01", high="2020-12-31", of_unit=True),
        Column(name="diagnosis", kind="categorical"),
        Column(name="drug", kind="categorical", categories=("x", "y"), learned=("categories",)),
        Column(name="days", kind="integer", low=0, high=30),
        Column(name="died", kind="boolean"),
        Column(name="note_id", kind="identifier"),
    ),
)


def test_workload_counts_the_columns_that_carry_statistics():
    work = workload_of(PATIENTS)
    assert (work.unknown_categories, work.unit_columns, work.row_columns, work.row_counts) == (2, 2, 4, True)


def test_excluded_columns_are_not_asked():
    work = workload_of(PATIENTS, excluded=["diagnosis", "sex"])
    assert (work.unknown_categories, work.unit_columns, work.row_columns) == (1, 1, 3)


def test_a_table_whose_rows_are_units_asks_for_no_row_counts():
    flat = Table(name="flat", columns=(Column(name="a", kind="boolean"),))
    assert workload_of(flat, training=False).row_counts is False
    assert workload_of(flat, training=False).training is False


@pytest.mark.parametrize(
    ("column", "wanted"),
    [
        (Column(name="age", kind="integer"), "'age': declare low and high, or edges"),
        (Column(name="age", kind="real", low=0), "'age': declare high, or edges"),
        (
            Column(name="age", kind="integer", low=0, high=9, learned=("low", "high")),
            "'age': declare low and high \\(read off records so far\\)",
        ),
        (Column(name="age", kind="boolean", learned=("kind",)), "'age': kind boolean was read off records; confirm it"),
        (Column(name="age", kind="real", low=0, high=9, step=0.1, learned=("step",)), "step was read off records"),
        (Column(name="age", kind="identifier", pattern="99", learned=("pattern",)), "pattern was read off records"),
        (
            Column(name="age", kind="date", low="2000-01-01", high="2000-02-01", learned=("datetime_format",)),
            "datetime_format was read off records",
        ),
    ],
)  # fmt: skip
def test_what_is_not_declared_is_named_with_what_to_do(column, wanted):
    with pytest.raises(UndeclaredError, match=wanted) as caught:
        declared(Table(name="t", columns=(column,)))
    assert "\n" not in str(caught.value)


def test_all_missing_declarations_are_told_at_once():
    table = Table(name="t", columns=(Column(name="a", kind="real"), Column(name="b", kind="date")))
    assert len(missing_declarations(table)) == 2
    with pytest.raises(UndeclaredError, match=r"column 'a'.*column 'b'"):
        declared(table)


def test_excluded_columns_need_no_declaration():
    declared(Table(name="t", columns=(Column(name="a", kind="real"), Column(name="b", kind="boolean"))), excluded=["a"])


def test_a_key_that_is_made_up_needs_no_bounds():
    columns = (Column(name="id", kind="integer"), Column(name="b", kind="boolean"))
    declared(Table(name="t", columns=columns, primary_key="id"))


def test_a_fully_declared_table_stays_as_it_is():
    table = replace(PATIENTS, columns=tuple(c for c in PATIENTS.columns if not c.learned))
    assert declared(table) == table


def test_learned_values_that_a_run_can_do_without_are_forgotten():
    columns = (
        Column(name="a", kind="categorical", categories=("x",), spellings=(("X", "x"),), nullable=False,
               learned=("categories", "nullable")),
        Column(name="b", kind="real", edges=(0.0, 1.0), low=0.2, high=0.7, learned=("low", "high")),
    )  # fmt: skip
    table = declared(Table(name="t", columns=columns))
    assert table.column("a") == Column(name="a", kind="categorical")
    assert table.column("b") == Column(name="b", kind="real", edges=(0.0, 1.0))


def test_the_workload_is_exactly_what_the_codecs_of_the_table_ask(calibrated):
    """The codecs' questions are answered within the workload, and refused if it is less by one in any part."""
    table = replace(PATIENTS, unit="patient", columns=tuple(c for c in PATIENTS.columns if c.name != "note_id"))
    rows, work = 200, workload_of(table, excluded=["died"])
    frame = pd.DataFrame(
        {
            "visit": [str(i) for i in range(rows)], "patient": [str(i // 2) for i in range(rows)],
            "sex": "f", "birth": pd.Timestamp("1970-01-01"), "diagnosis": "d", "drug": "x", "days": 3, "died": True,
        }
    )  # fmt: skip
    frame = frame.astype({column.name: DTYPES[column.kind] for column in table.columns})

    def learn(work):
        private = PrivateStatistics(by_unit(table, frame), calibrated(workload=work), Noise())
        return TableCodec.learn(declared(table), private, excluded=["died"], row_counts=4)

    codec = learn(work)
    assert codec.encode(by_unit(table, frame)).rows.codes.shape == (rows, 3)
    for part in ("unknown_categories", "unit_columns", "row_columns", "row_counts"):
        with pytest.raises(BudgetRefused):
            learn(replace(work, **{part: int(getattr(work, part)) - 1}))

from __future__ import annotations

import numpy as np
import pandas as pd

from domains.base.constraints import Check, Derived, Exclusion
from shared.corpus.schema import Column, Table
from shared.corpus.units import UnitFrame, by_unit

TABLE = Table(
    name="t",
    columns=(
        Column(name="unit", kind="identifier"),
        Column(name="a", kind="categorical"),
        Column(name="b", kind="categorical"),
        Column(name="n", kind="integer"),
    ),
    unit="unit",
)


def units(rows: list[tuple[str, str | None, str | None, int | None]]) -> UnitFrame:
    frame = pd.DataFrame(rows, columns=list(TABLE.names))
    return by_unit(TABLE, frame.astype({"unit": "str", "a": "str", "b": "str", "n": "Int64"}))


DATA = units([("1", "x", "p", 1), ("1", "x", "q", 2), ("2", "y", "p", None), ("3", "x", None, 4)])


def test_exclusion_finds_rows_that_hold_all_parts() -> None:
    rule = Exclusion(name="r", table="t", parts={"a": frozenset({"x"}), "b": frozenset({"p", "z"})})
    assert rule.violations(DATA).tolist() == [True, False, False, False]


def test_exclusion_of_last_rows_and_of_all_others() -> None:
    parts = {"a": frozenset({"x", "y"})}
    others = Exclusion(name="r", table="t", parts=parts, last_row=False)
    last = Exclusion(name="r", table="t", parts=parts, last_row=True)
    assert others.violations(DATA).tolist() == [True, False, False, False]
    assert last.violations(DATA).tolist() == [False, True, True, True]


def test_derived_compares_values_and_missing() -> None:
    def double(frame: pd.DataFrame) -> pd.Series:
        return (frame["a"].str.len() * 2).astype("Int64").where(frame["b"].notna())

    rule = Derived(name="r", table="t", column="n", inputs=("a", "b"), value=double)
    assert rule.violations(DATA).tolist() == [True, False, True, True]
    clean = units([("1", "x", "p", 2), ("2", "x", None, None)])
    assert not rule.violations(clean).any()


def test_check_counts_what_it_is_given() -> None:
    rule = Check(name="r", table="t", broken=lambda data: data.frame["b"].isna().to_numpy(dtype=bool))
    assert rule.violations(DATA).tolist() == [False, False, False, True]
    assert rule.violations(DATA).dtype == np.bool_

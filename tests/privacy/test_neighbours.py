"""From records to contributions: one unit more or less leaves those of all others as they were."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from shared.corpus.schema import Column, Table
from shared.corpus.units import UnitFrame, by_unit

KEY = b"a secret of the source"


def _table(order_kind: str) -> Table:
    columns = (
        Column(name="id", kind="identifier"),
        Column(name="visit", kind=order_kind),
        Column(name="value", kind="categorical"),
    )
    return Table(name="visits", columns=columns, unit="id", order_by="visit")


def _rows_of(data: UnitFrame) -> dict[str, list[str]]:
    values = data.frame["value"].tolist()
    return {str(u): values[a:b] for u, a, b in zip(data.units, data.offsets[:-1], data.offsets[1:], strict=True)}


@pytest.mark.parametrize(
    ("order_kind", "hostile"),
    [
        ("identifier", "not a number"),
        ("identifier", "1.5"),
        ("identifier", "-1"),
        ("identifier", "99999999999999999999999"),
        ("identifier", "inf"),
        ("categorical", "zz"),
        ("categorical", None),
    ],
)
@pytest.mark.parametrize("cap", [2, 5])
def test_one_unit_does_not_move_the_rows_of_another(order_kind, hostile, cap):
    table = _table(order_kind)
    ids, visits = (
        ["7", "7", "7", "12", "12", "12", "9"],
        ["10", "9", "100", "99999999999999999", "100000000000000000", "2", "3"],
    )
    frame = pd.DataFrame({"id": ids, "visit": visits, "value": list("abcdefg")}).astype("str")
    more = pd.DataFrame({"id": ["x y"], "visit": [hostile], "value": ["h"]}).astype("str")
    without = by_unit(table, frame)
    with_it = by_unit(table, pd.concat([frame, more], ignore_index=True))
    for before, after in [(without, with_it), (without.capped(KEY, cap), with_it.capped(KEY, cap))]:
        rows = _rows_of(after)
        assert rows.pop("x y") == ["h"]
        assert rows == _rows_of(before)
    for part_before, part_after in zip(without.split(KEY, 0.5), with_it.split(KEY, 0.5), strict=True):
        assert set(part_after.units) - {"x y"} == set(part_before.units)


def test_identifiers_that_are_numbers_are_ordered_as_numbers():
    frame = pd.DataFrame({"id": ["7"] * 4, "visit": ["10", "9", "100", "b"], "value": list("abcd")}).astype("str")
    assert _rows_of(by_unit(_table("identifier"), frame)) == {"7": ["b", "a", "c", "d"]}
    assert np.array_equal(by_unit(_table("identifier"), frame).offsets, [0, 4])

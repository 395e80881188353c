"""How a name is spelled follows from its own value, whatever else a chunk of rows holds."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.corpus.databases.arrays import array_of

VALUES = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(), st.decimals(allow_nan=False), st.text(), st.datetimes()
)


@given(st.lists(VALUES, min_size=1, max_size=6), VALUES)
def test_one_more_record_changes_no_name_of_the_others(values, more):
    alone = array_of(values, spelled=True).to_pylist()
    assert array_of([*values, more], spelled=True).to_pylist()[:-1] == alone


@pytest.mark.parametrize(
    ("same", "spelling"),
    [
        ((1, 1.0, Decimal("1"), Decimal("1.00")), "1"),
        ((10**11, 1e11, Decimal("1E+11")), "100000000000"),
        ((0.25, Decimal("0.250")), "0.25"),
        ((True,), "true"),
        ((date(2024, 1, 31),), "2024-01-31"),
        ((datetime(2024, 1, 31, 12),), "2024-01-31T12:00:00"),
    ],
)
def test_equal_values_have_one_spelling_whatever_type_the_driver_gives(same, spelling):
    assert [array_of([value], spelled=True).to_pylist() for value in same] == [[spelling]] * len(same)

"""Values as numbers and back."""

from datetime import datetime

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.corpus.corpus import DTYPES, Corpus
from shared.corpus.schema import Column, Schema, Table
from shared.corpus.values import bounds, from_numbers, to_numbers, to_text
from shared.errors import DataError, SchemaError

ANY = (datetime(1, 1, 1), datetime(9999, 12, 31))
VALUES = {
    # Whole numbers that a 64-bit float holds.
    "integer": st.integers(-(2**53), 2**53),
    "real": st.floats(allow_nan=False, allow_infinity=False),
    "date": st.datetimes(*ANY).map(lambda stamp: stamp.replace(hour=0, minute=0, second=0, microsecond=0)),
    "datetime": st.one_of(
        st.datetimes(*ANY).map(lambda stamp: stamp.replace(microsecond=0)),
        # Less than 2^32 seconds from 1970, where a 64-bit float tells single microseconds apart.
        st.datetimes(datetime(1834, 1, 1), datetime(2106, 1, 1)),
    ),
}


@pytest.mark.parametrize("kind", list(VALUES))
@given(data=st.data())
@settings(max_examples=80, deadline=None)
def test_numbers_and_back_is_the_same(kind, data):
    drawn = data.draw(st.lists(st.none() | VALUES[kind], max_size=8))
    values = pd.Series(np.array(drawn, dtype=object), name="c").where(pd.notna(drawn), None).astype(DTYPES[kind])
    column = Column(name="c", kind=kind)
    numbers = to_numbers(values, column)
    assert numbers.dtype == np.float64
    assert np.isnan(numbers).tolist() == values.isna().tolist()
    pd.testing.assert_series_equal(from_numbers(numbers, column), values)


def test_units_are_days_and_seconds_since_1970():
    stamps = pd.Series(["1970-01-02", "1969-12-31"], dtype="datetime64[us]")
    assert to_numbers(stamps, Column(name="c", kind="date")).tolist() == [1.0, -1.0]
    assert to_numbers(stamps, Column(name="c", kind="datetime")).tolist() == [86_400.0, -86_400.0]


def test_integers_and_dates_are_rounded():
    numbers = np.array([1.4, 1.6, np.nan])
    assert from_numbers(numbers, Column(name="c", kind="integer")).tolist() == [1, 2, pd.NA]
    days = from_numbers(numbers, Column(name="c", kind="date"))
    assert days.dropna().dt.strftime("%Y-%m-%d").tolist() == ["1970-01-02", "1970-01-03"]


def test_bounds_are_the_declared_ones_or_the_outermost_edges():
    assert bounds(Column(name="c", kind="real")) == (None, None)
    assert bounds(Column(name="c", kind="real", low=0.0)) == (0.0, None)
    assert bounds(Column(name="c", kind="real", low=0.0, edges=(0.0, 1.0, 2.0))) == (0.0, 2.0)
    assert bounds(Column(name="c", kind="date", low="1970-01-02", high="1970-01-31")) == (1.0, 30.0)
    assert bounds(Column(name="c", kind="datetime", low="1970-01-01T00:01:00")) == (60.0, None)


def test_bounds_that_do_not_fit_the_kind_are_refused():
    with pytest.raises(SchemaError, match="column 'c': bound 'x' is text; real takes a number"):
        bounds(Column(name="c", kind="real", low="x"))
    with pytest.raises(SchemaError, match="column 'c': bound 'x' is no ISO 8601 date, such as 2024-01-31"):
        bounds(Column(name="c", kind="date", low="x"))


def test_text_of_booleans_and_categories():
    assert to_text(pd.Series([True, False], dtype="boolean")).tolist() == ["true", "false"]
    assert to_text(pd.Series([True, None], dtype="boolean")).isna().tolist() == [False, True]
    assert to_text(pd.Series(["a", None], dtype="str")).isna().tolist() == [False, True]


def test_a_corpus_has_the_tables_and_columns_of_its_schema():
    schema = Schema(tables=(Table(name="t", columns=(Column(name="a", kind="integer"),)),))
    with pytest.raises(DataError, match="table 't' of the schema has no records; there are u"):
        Corpus(schema, {"u": pd.DataFrame({"a": [1]})})
    with pytest.raises(DataError, match="table 't' has columns b, but the schema declares a"):
        Corpus(schema, {"t": pd.DataFrame({"b": [1]})})

import json

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.access.plain import PlainAccess
from shared.codecs.boolean import BooleanCodec
from shared.corpus.schema import Column, Table
from shared.corpus.units import by_unit
from shared.errors import DataError

COLUMN = Column(name="x", kind="boolean")


def learned(values: pd.Series, column: Column = COLUMN) -> BooleanCodec:
    statistics = PlainAccess(by_unit(Table(name="t", columns=(column,)), pd.DataFrame({"x": values}))).statistics
    return BooleanCodec.learn(column, statistics.answer([BooleanCodec.question(column)])[0])


@given(st.lists(st.sampled_from([True, False, None]), min_size=1, max_size=40))
def test_every_value_and_every_missing_value_comes_back(flags):
    values = pd.Series(flags, dtype="boolean", name="x")
    codec = learned(values)
    pd.testing.assert_series_equal(codec.decode(codec.encode(values), np.random.default_rng(0)), values)
    saved = json.loads(json.dumps(codec.to_json()))
    assert BooleanCodec.from_json(COLUMN, saved).to_json() == codec.to_json()


def test_a_nullable_column_has_three_codes_and_another_two():
    values = pd.Series([True, True, False], dtype="boolean")
    assert [marginal.tolist() for marginal in learned(values).marginals] == [[1, 2, 0]]
    assert learned(values, Column(name="x", kind="boolean", nullable=False)).sizes == (2,)


def test_values_of_constraints_are_read_in_any_case():
    codec = learned(pd.Series([True, False, None], dtype="boolean"))
    assert codec.codes_of(frozenset({"True"})) == ({0: frozenset({1})},)
    assert codec.codes_of(frozenset({"maybe"})) == ()


def test_a_changed_file_is_refused():
    with pytest.raises(DataError, match="values must be false and true"):
        BooleanCodec.from_json(COLUMN, {"values": ["no", "yes"], "counts": [1.0, 1.0], "other": None, "missing": None})

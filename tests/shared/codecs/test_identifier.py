import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.codecs.identifier import IdentifierCodec
from shared.corpus.schema import Column
from shared.errors import DataError


def codec(pattern: str | None) -> IdentifierCodec:
    return IdentifierCodec(Column(name="id", kind="identifier", pattern=pattern))


@given(st.sampled_from(["9", "A9", "X", "99-A", "aX9"]), st.integers(0, 2**62))
def test_a_pattern_is_filled_with_each_of_its_identifiers_once(pattern, key):
    made = codec(pattern)
    identifiers = made.generate(np.arange(made.room), key=key)
    assert identifiers.is_unique
    assert len(identifiers) == made.room


@given(st.integers(1, 400), st.integers(1, 400), st.integers(0, 2**62))
def test_batches_of_a_stream_never_collide(first, second, key):
    made = codec("A999")
    whole = made.generate(np.arange(first + second), key=key)
    batches = [made.generate(np.arange(first), key=key), made.generate(first + np.arange(second), key=key)]
    pd.testing.assert_series_equal(pd.concat(batches, ignore_index=True), whole)
    assert whole.is_unique


@pytest.mark.parametrize(
    ("pattern", "expression"),
    [
        ("PAT-9999", r"P[A-Z]T-\d{4}"),
        (r"P\AT-99aa", r"PAT-\d{2}[a-z]{2}"),
        ("AA XX", r"[A-Z]{2} [0-9A-Za-z]{2}"),
        (r"9\\9", r"\d\\\d"),
        ("XXXXXXXX-XXXX-XXXX-XXXX-XXXXXXXXXXXX", r"[0-9A-Za-z]{8}(-[0-9A-Za-z]{4}){3}-[0-9A-Za-z]{12}"),
    ],
)
def test_identifiers_have_the_declared_format(pattern, expression):
    identifiers = codec(pattern).generate(np.arange(2000), key=3, unique=False)
    assert identifiers.str.fullmatch(expression).all()


def test_identifiers_of_a_wide_pattern_are_unique_and_spread_over_all_places():
    identifiers = codec("X" * 30).generate(np.arange(5000), key=1)
    assert identifiers.is_unique
    assert all(identifiers.str[place].nunique() == 62 for place in range(30))


def test_the_key_decides_the_identifiers():
    made = codec("99999999")
    one, other = (made.generate(np.arange(1000), key=key) for key in (1, 2))
    assert (one != other).mean() > 0.99
    pd.testing.assert_series_equal(one, made.generate(np.arange(1000), key=1))


@pytest.mark.parametrize("pattern", [None, "9999", "A-99", "XXXXXXXXXXXXXXX"])
def test_ascending_identifiers_sort_in_the_order_of_their_numbers(pattern):
    identifiers = codec(pattern).generate(np.arange(1500), ascending=True)
    order = identifiers.astype("int64") if pattern is None else identifiers
    assert order.is_monotonic_increasing
    assert identifiers.is_unique


def test_without_a_pattern_identifiers_count_from_one():
    assert codec(None).generate(np.arange(3)).tolist() == ["1", "2", "3"]


def test_a_pattern_with_too_little_room_says_how_much_it_has():
    with pytest.raises(
        DataError, match="'id': pattern '99' allows 100 identifiers, and 101 are needed; declare a long"
    ):
        codec("99").generate(np.arange(101))
    assert len(codec("99").generate(np.arange(101), unique=False)) == 101


def test_nothing_of_an_identifier_is_modelled():
    made = IdentifierCodec.learn(Column(name="id", kind="identifier"), None)
    codes = made.encode(pd.Series(["a", "b"]))
    assert codes.shape == (2, 0)
    assert made.sizes == ()
    assert made.marginals == ()
    assert made.codes_of(frozenset({"a"})) == ()
    assert made.never == frozenset()
    assert made.decode(codes, np.random.default_rng(0)).tolist() == ["1", "2"]


def test_a_changed_file_is_refused():
    column = Column(name="id", kind="identifier")
    assert IdentifierCodec.from_json(column, {}).to_json() == {}
    with pytest.raises(DataError, match="column 'id' as it was saved cannot be used"):
        IdentifierCodec.from_json(column, {"pattern": "99"})

import dataclasses
import json
import resource
import time

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.access.plain import PlainAccess
from shared.access.questions import Categories, Cells
from shared.codecs.categorical import MOST_CODES, CategoricalCodec
from shared.corpus.schema import Column, Table
from shared.corpus.units import by_unit
from shared.errors import DataError

TEXTS = st.lists(st.none() | st.text(max_size=6), min_size=1, max_size=60)
COLUMN = Column(name="x", kind="categorical")


def learned(values: pd.Series, column: Column = COLUMN) -> CategoricalCodec:
    frame = pd.DataFrame({"x": values.astype("str")})
    statistics = PlainAccess(by_unit(Table(name="t", columns=(column,)), frame)).statistics
    return CategoricalCodec.learn(column, statistics.answer([CategoricalCodec.question(column)])[0])


def random() -> np.random.Generator:
    return np.random.default_rng(0)


def many(count: int) -> CategoricalCodec:
    counts = 1e6 / np.arange(1, count + 1)
    return CategoricalCodec.learn(COLUMN, Categories(tuple(f"c{i}" for i in range(count)), counts, 5.0, 7.0))


@given(TEXTS)
def test_every_value_and_every_missing_value_comes_back(texts):
    values = pd.Series(texts, dtype="str", name="x")
    codec = learned(values)
    pd.testing.assert_series_equal(codec.decode(codec.encode(values), random()), values)


@given(TEXTS)
def test_codes_stay_inside_their_sizes_and_marginals_count_them(texts):
    values = pd.Series(texts, dtype="str")
    codec = learned(values)
    codes = codec.encode(values)
    assert codes.dtype == np.int32
    assert codes.min() >= 0
    assert codes.max() < codec.sizes[0]
    assert np.bincount(codes[:, 0], minlength=codec.sizes[0]).tolist() == codec.marginals[0].tolist()


@given(TEXTS)
def test_what_is_saved_makes_an_equal_codec(texts):
    codec = learned(pd.Series(texts, dtype="str"))
    saved = json.loads(json.dumps(codec.to_json()))
    assert CategoricalCodec.from_json(COLUMN, saved).to_json() == codec.to_json()


def test_found_categories_are_coded_by_falling_frequency():
    codec = learned(pd.Series(["b", "a", "c", "c", "b", "c"]))
    assert codec.values == ("c", "b", "a")


def test_declared_categories_keep_their_order_and_have_no_code_for_others():
    column = dataclasses.replace(COLUMN, categories=("low", "middle", "high"), nullable=False)
    codec = learned(pd.Series(["high", "low", "high"]), column)
    assert codec.sizes == (3,)
    assert codec.encode(pd.Series(["low", "middle", "high"], dtype="str"))[:, 0].tolist() == [0, 1, 2]


def test_what_noise_counts_as_other_of_declared_categories_gets_no_code():
    column = dataclasses.replace(COLUMN, categories=("a", "b"), nullable=False)
    assert CategoricalCodec.learn(column, Categories(("a", "b"), np.ones(2), 7.0, 0.0)).sizes == (2,)


def test_the_text_none_is_a_category_and_not_a_missing_value():
    values = pd.Series(["None", None, "NA", "nan"], dtype="str", name="x")
    codec = learned(values)
    pd.testing.assert_series_equal(codec.decode(codec.encode(values), random()), values)


@pytest.mark.parametrize("count", [MOST_CODES + 1, 1024, 1025, 2500])
def test_many_categories_take_two_digits_and_come_back(count):
    codec = many(count)
    values = pd.Series([f"c{i}" for i in range(count)] + [None], dtype="str", name="x")
    codes = codec.encode(values)
    assert codes.shape == (count + 1, 2)
    assert all((codes[:, place] < codec.sizes[place]).all() for place in range(2))
    assert max(codec.sizes) <= np.sqrt(count) + 4
    pd.testing.assert_series_equal(codec.decode(codes, random()), values)


def test_digits_that_no_value_has_decode_to_listed_values_or_other():
    codec = many(1025)
    every = np.stack(np.meshgrid(*map(np.arange, codec.sizes)), axis=-1).reshape(-1, 2).astype(np.int32)
    decoded = codec.decode(every, random())
    assert set(decoded.dropna()) == {*codec.values, "other"}
    assert ((decoded == "other").to_numpy() == (every[:, 0] == codec.sizes[0] - 1)).all()
    assert (decoded.isna().to_numpy() == (every[:, 0] == codec.sizes[0] - 2)).all()


def test_marginals_of_both_digits_add_up_to_all_rows():
    codec = many(1500)
    total = codec.counts.sum() + 5.0 + 7.0
    assert [len(marginal) for marginal in codec.marginals] == list(codec.sizes)
    assert [marginal.sum() for marginal in codec.marginals] == pytest.approx([total, total])


def test_a_hundred_thousand_categories_cost_little_time_and_memory():
    codec = many(100_000)
    values = pd.Series(codec.values, dtype="str").take(np.random.default_rng(0).integers(0, 100_000, 200_000))
    before, start = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, time.process_time()
    codes = codec.encode(values)
    decoded = codec.decode(codes, random())
    assert (decoded.to_numpy() == values.to_numpy()).all()
    assert sum(codec.sizes) < 700
    assert time.process_time() - start < 5
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 300_000  # KiB


def test_values_that_were_not_found_are_other_and_multiply_no_listed_share():
    codec = CategoricalCodec.learn(COLUMN, Categories(("a", "b"), np.array([900.0, 100.0]), 1000.0, 0.0))
    codes = codec.encode(pd.Series(["new", "a", "newer", None], dtype="str"))
    assert codes[:, 0].tolist() == [3, 0, 3, 2]
    assert codec.decode(codes[:3], random()).tolist() == ["other", "a", "other"]


def test_an_other_that_was_never_seen_decodes_to_listed_values_by_their_counts():
    codec = CategoricalCodec.learn(COLUMN, Categories(("a", "b"), np.array([900.0, 100.0]), 0.0, 0.0))
    shares = codec.decode(np.full((5000, 1), 3, dtype=np.int32), random()).value_counts(normalize=True)
    assert shares["a"] == pytest.approx(0.9, abs=0.02)
    assert set(shares.index) == {"a", "b"}


def test_missing_values_that_were_never_seen_are_not_made():
    codec = CategoricalCodec.learn(COLUMN, Categories(("a", "b"), np.array([1.0, 1.0]), 0.0, 0.0))
    assert codec.decode(np.full((50, 1), 2, dtype=np.int32), random()).notna().all()


def test_noisy_counts_that_are_all_zero_or_negative_still_decode():
    codec = CategoricalCodec.learn(COLUMN, Categories(("a", "b"), np.array([-3.0, 0.0]), 0.0, 4.0))
    assert codec.marginals[0].min() == 0
    decoded = codec.decode(codec.encode(pd.Series(["new"] * 200, dtype="str")), random())
    assert set(decoded) == {"a", "b"}


def test_a_column_in_which_no_category_was_found_has_codes_for_missing_and_other():
    codec = CategoricalCodec.learn(COLUMN, Categories((), np.zeros(0), 0.0, 0.0))
    decoded = codec.decode(codec.encode(pd.Series(["a", None], dtype="str")), random())
    assert decoded[0] == "other"
    assert decoded.isna().tolist() == [False, True]


def test_a_column_without_any_value_decodes_to_missing():
    values = pd.Series([None, None], dtype="str")
    codec = learned(values)
    assert codec.decode(codec.encode(values), random()).isna().all()


def test_an_unlisted_value_of_declared_categories_is_named():
    codec = learned(pd.Series(["a"]), dataclasses.replace(COLUMN, categories=("a", "b")))
    with pytest.raises(DataError, match="'x': value 'z' is not among its 2 categories; add it"):
        codec.encode(pd.Series(["a", "z"], dtype="str"))


def test_a_missing_value_in_a_column_that_is_not_nullable_is_refused():
    codec = learned(pd.Series(["a"]), dataclasses.replace(COLUMN, nullable=False))
    with pytest.raises(DataError, match="'x': a value is missing, but the column is not nullable"):
        codec.encode(pd.Series(["a", None], dtype="str"))


def test_codes_of_values_include_all_that_may_decode_to_them():
    codec = CategoricalCodec.learn(COLUMN, Categories(("a", "b", "c"), np.ones(3), 5.0, 2.0))
    assert codec.codes_of(frozenset({"a", "c", "z"})) == ({0: frozenset({0, 2})},)
    assert codec.codes_of(frozenset({"a", "other"})) == ({0: frozenset({0, 4})},)
    unseen = dataclasses.replace(codec, missing=0.0, other=0.0)
    assert unseen.codes_of(frozenset({"b"})) == ({0: frozenset({1, 3, 4})},)
    assert unseen.codes_of(frozenset({"other"})) == ()
    assert codec.codes_of(frozenset({"z"})) == ()


@settings(max_examples=25)
@given(st.sets(st.integers(0, 1024)), st.booleans())
def test_codes_of_many_categories_hold_where_a_code_may_decode_to_one_of_them(chosen, edge):
    codec = many(1025)
    values = frozenset(f"c{rank}" for rank in chosen | ({1024} | set(range(33, 66)) if edge else set()))
    every = np.stack(np.meshgrid(*map(np.arange, codec.sizes)), axis=-1).reshape(-1, 2).astype(np.int32)
    holds = np.zeros(len(every), dtype=bool)
    for alternative in codec.codes_of(values):
        holds |= np.all([np.isin(every[:, place], list(codes)) for place, codes in alternative.items()], axis=0)
    drawn = np.isin(every[:, 0], list(codec.never))
    meant = codec.decode(every, random()).isin(list(values)).to_numpy()
    assert (holds == np.where(drawn, bool(values), meant)).all()


def test_nothing_generated_needs_an_other_or_a_missing_that_was_never_seen():
    codec = CategoricalCodec.learn(COLUMN, Categories(("a", "b"), np.ones(2), 0.0, 0.0))
    assert codec.never == {2, 3}
    assert dataclasses.replace(codec, missing=1.0).never == {3}
    assert dataclasses.replace(codec, other=1.0).never == {2}
    assert CategoricalCodec.learn(COLUMN, Categories((), np.zeros(0), 5.0, 0.0)).never == frozenset()


def test_it_learns_from_category_counts_alone():
    with pytest.raises(DataError, match="learns from category counts alone"):
        CategoricalCodec.learn(COLUMN, Cells(np.zeros(0), np.zeros(0), np.zeros(0), 0.0))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"values": ["a", 1]}, "values.1"),
        ({"values": ["a", "a"]}, "listed twice"),
        ({"counts": [1.0]}, "not as many"),
        ({"counts": [1.0, -1.0]}, "negative"),
        ({"counts": [1.0, float("nan")]}, "counts.1"),
        ({"extra": 1}, "extra"),
        ({"values": [], "counts": [], "other": None, "missing": None}, "no codes"),
    ],
)
def test_a_changed_file_is_refused(change, message):
    saved = {"values": ["a", "b"], "counts": [1.0, 2.0], "other": None, "missing": None}
    with pytest.raises(DataError, match=f"column 'x' as it was saved cannot be used .*{message}.*fit the model again"):
        CategoricalCodec.from_json(COLUMN, saved | change)


@settings(max_examples=20)
@given(st.lists(st.sampled_from([True, False, None]), min_size=1, max_size=20))
def test_decoding_is_reproducible_from_its_generator(flags):
    codec = CategoricalCodec.learn(COLUMN, Categories(("a", "b"), np.array([2.0, 1.0]), 1.0, 1.0))
    values = pd.Series([None if flag is None else "new" if flag else "a" for flag in flags], dtype="str")
    codes = codec.encode(values)
    pd.testing.assert_series_equal(codec.decode(codes, random()), codec.decode(codes, random()))

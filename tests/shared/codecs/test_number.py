import json
import time

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.access.plain import PlainAccess
from shared.access.questions import Categories, Cells
from shared.codecs.number import NumberCodec
from shared.corpus.corpus import DTYPES
from shared.corpus.grids import declared_cells
from shared.corpus.schema import Column, Table
from shared.corpus.units import by_unit
from shared.corpus.values import to_numbers
from shared.errors import DataError, SchemaError

REAL = Column(name="x", kind="real")
INTEGER = Column(name="x", kind="integer")
WHOLE = st.integers(-(10**9), 10**9)
STAMPS = st.datetimes(pd.Timestamp("1900-01-01").to_pydatetime(), pd.Timestamp("2100-01-01").to_pydatetime())


def series(values, column: Column) -> pd.Series:
    return pd.Series(values, name="x").astype(DTYPES[column.kind])


def learned(values: pd.Series, column: Column, bins: int = 100) -> NumberCodec:
    statistics = PlainAccess(by_unit(Table(name="t", columns=(column,)), pd.DataFrame({"x": values}))).statistics
    return NumberCodec.learn(column, statistics.answer([NumberCodec.question(column)])[0], bins=bins)


def random() -> np.random.Generator:
    return np.random.default_rng(0)


def returned(values: pd.Series, column: Column, bins: int = 100) -> pd.Series:
    codec = learned(values, column, bins)
    return codec.decode(codec.encode(values), random())


def lists(values, least: int = 1, most: int = 60):
    return st.lists(st.none() | values, min_size=least, max_size=most)


@given(st.sampled_from(["integer", "real"]), lists(WHOLE))
def test_few_distinct_numbers_and_missing_ones_come_back(kind, numbers):
    column = Column(name="x", kind=kind)
    values = series(numbers, column)
    pd.testing.assert_series_equal(returned(values, column), values)


@given(lists(st.floats(allow_nan=False, allow_infinity=False, width=32)))
def test_few_distinct_reals_come_back_to_the_last_bit(numbers):
    values = series(numbers, REAL)
    pd.testing.assert_series_equal(returned(values, REAL), values)


@given(lists(STAMPS))
def test_few_distinct_times_come_back(stamps):
    column = Column(name="x", kind="datetime")
    values = series(stamps, column)
    pd.testing.assert_series_equal(returned(values, column), values)


@given(lists(STAMPS))
def test_few_distinct_dates_come_back(stamps):
    column = Column(name="x", kind="date")
    values = series(stamps, column).dt.normalize()
    pd.testing.assert_series_equal(returned(values, column), values)


@given(lists(WHOLE, least=20), st.integers(2, 8))
def test_binned_integers_stay_integers_in_their_bin_and_missing_stays_where_it_was(numbers, bins):
    values = series(numbers, INTEGER)
    codec = learned(values, INTEGER, bins)
    codes = codec.encode(values)
    decoded = codec.decode(codes, random())
    assert decoded.dtype == "Int64"
    assert (decoded.isna() == values.isna()).all()
    assert (codec.encode(decoded) == codes).all()


@given(lists(st.floats(-1e6, 1e6), least=20), st.integers(2, 8))
def test_binned_reals_come_back_inside_their_bin(numbers, bins):
    values = series(numbers, REAL)
    codec = learned(values, REAL, bins)
    codes = codec.encode(values)
    decoded = codec.decode(codes, random())
    assert (decoded.isna() == values.isna()).all()
    assert (codec.encode(decoded) == codes).all()


@given(lists(WHOLE, least=5), st.integers(2, 8))
def test_codes_stay_inside_their_sizes_and_marginals_count_them(numbers, bins):
    values = series(numbers, INTEGER)
    codec = learned(values, INTEGER, bins)
    codes = codec.encode(values)[:, 0]
    assert codes.min() >= 0
    assert codes.max() < codec.sizes[0]
    if values.notna().any():
        assert np.bincount(codes, minlength=codec.sizes[0]).tolist() == codec.marginals[0].tolist()


@given(lists(st.integers(0, 10**6), least=20), st.integers(0, 3), st.integers(2, 6))
def test_decimals_are_kept(numbers, decimals, bins):
    values = series([None if number is None else round(number / 10**decimals, decimals) for number in numbers], REAL)
    decoded = returned(values, REAL, bins).dropna()
    assert (decoded.round(decimals) == decoded).all()


@given(
    st.lists(st.integers(0, 200), min_size=20, max_size=80),
    st.sampled_from([("integer", None), ("real", 0.5), ("real", None)]),
    st.lists(st.floats(-1e4, 1e4), min_size=1, max_size=30),
)
def test_declared_bounds_are_never_passed(counts, kind, records):
    column = Column(name="x", kind=kind[0], low=-20.0, high=80.0, step=kind[1])
    lows, highs = declared_cells(column, most=len(counts))
    noisy = np.resize(np.array(counts, dtype=float), len(lows))
    codec = NumberCodec.learn(column, Cells(lows, highs, noisy, 3.0), bins=7)
    values = series(np.rint(records), column)
    decoded = codec.decode(codec.encode(values), random())
    every = codec.decode(np.repeat(np.arange(codec.sizes[0] - 1, dtype=np.int32), 50)[:, None], random())
    for made in (decoded, every):
        assert made.min() >= -20
        assert made.max() <= 80


@given(lists(WHOLE), st.integers(2, 30))
def test_what_is_saved_makes_an_equal_codec(numbers, bins):
    codec = learned(series(numbers, INTEGER), INTEGER, bins)
    saved = json.loads(json.dumps(codec.to_json()))
    again = NumberCodec.from_json(INTEGER, saved)
    assert again.to_json() == codec.to_json()
    values = series([1, None, 10**6], INTEGER)
    assert (again.encode(values) == codec.encode(values)).all()


@given(
    st.lists(st.floats(-50, 1e4), min_size=3, max_size=300),
    st.integers(2, 20),
    st.booleans(),
)
def test_no_merged_bin_of_a_noisy_grid_is_light(counts, bins, spiked):
    noisy = np.array(counts) + (np.arange(len(counts)) == 1) * 1e5 * spiked
    edges = np.linspace(0, 1000, len(counts) + 1)
    codec = NumberCodec.learn(REAL, Cells(edges[:-1], edges[1:], noisy, 0.0), bins=bins)
    total = codec.bins.counts.sum()
    assert (codec.bins.counts >= total / bins * (1 - 1e-6)).all()
    decoded = codec.decode(np.repeat(np.arange(len(codec.bins), dtype=np.int32), 20)[:, None], random())
    assert decoded.between(0, 1000).all()


def test_a_noisy_grid_without_any_count_is_uniform():
    edges = np.linspace(0, 10, 401)
    codec = NumberCodec.learn(REAL, Cells(edges[:-1], edges[1:], np.full(400, -5.0), -2.0), bins=20)
    assert codec.sizes == (21,)
    assert codec.marginals[0][:-1].std() == pytest.approx(0)
    decoded = codec.decode(np.repeat(np.arange(20, dtype=np.int32), 500)[:, None], random())
    assert np.histogram(decoded, bins=10, range=(0, 10))[0] == pytest.approx(1000, rel=0.15)


def test_inside_a_bin_of_wide_cells_cells_are_drawn_by_their_counts_and_uniform_inside():
    cells = Cells(np.array([0.0, 1.0, 2.0]), np.array([1.0, 2.0, 4.0]), np.array([10.0, 0.0, 30.0]), 0.0)
    codec = NumberCodec.learn(REAL, cells, bins=1)
    assert codec.sizes == (2,)
    decoded = codec.decode(np.zeros((20_000, 1), dtype=np.int32), random()).to_numpy()
    assert (decoded < 1).mean() == pytest.approx(0.25, abs=0.02)
    assert not ((decoded > 1) & (decoded < 2)).any()
    assert decoded[decoded > 2].mean() == pytest.approx(3.0, abs=0.02)


def test_an_integer_at_the_end_of_a_cell_belongs_to_the_next():
    cells = Cells(np.array([0.0, 0.0, 10.0]), np.array([0.0, 10.0, 20.0]), np.array([50.0, 40.0, 60.0]), 0.0)
    column = Column(name="x", kind="integer", low=0, high=20, atoms=(0,), nullable=False)
    codec = NumberCodec.learn(column, cells, bins=4)
    assert codec.encode(series([0, 1, 9, 10, 20], column))[:, 0].tolist() == [0, 1, 1, 2, 2]
    made = [set(codec.decode(np.full((2000, 1), code, dtype=np.int32), random())) for code in range(3)]
    assert made == [{0}, set(range(1, 10)), set(range(10, 21))]


def test_a_spike_is_an_atom_and_keeps_its_share():
    numbers = np.concatenate([np.zeros(5000), random().lognormal(8, 2, 5000).round(2), np.full(500, 999.5)])
    values = series(numbers, REAL)
    codec = learned(values, REAL)
    assert 80 <= codec.sizes[0] <= 130
    decoded = codec.decode(codec.encode(values), random())
    assert ((decoded == 0) == (values == 0)).all()
    assert ((decoded == 999.5) == (values == 999.5)).all()
    assert codec.codes_of(frozenset({"0"})) == ({0: frozenset({0, codec.sizes[0] - 1})},)


def test_interpolation_keeps_the_distribution_inside_bins():
    values = series(random().normal(size=20_000), REAL)
    decoded = returned(values, REAL, bins=50)
    quantiles = np.linspace(0.03, 0.97, 95)
    assert np.quantile(decoded, quantiles) == pytest.approx(np.quantile(values, quantiles), abs=0.02)
    # No record's own value is handed on.
    assert np.isin(decoded, values).mean() < 0.01


def test_values_that_repeat_inside_a_bin_are_drawn_and_none_between_them():
    values = series(np.repeat(np.arange(0, 2000, 7), 20), INTEGER)
    decoded = returned(values, INTEGER, bins=40)
    assert set(decoded) <= set(values)
    assert decoded.value_counts().max() < 50


def test_integers_inside_bins_are_as_frequent_as_they_were():
    values = series(random().integers(0, 5000, 50_000), INTEGER)
    decoded = returned(values, INTEGER, bins=10)
    counts = np.bincount(decoded.to_numpy(dtype=int) // 100, minlength=50)
    assert counts == pytest.approx(1000, rel=0.15)


@pytest.mark.parametrize(
    ("kind", "step", "unit"), [("integer", 100, 1), ("datetime", 3600, 1), ("datetime", 60, 1), ("real", 0.25, 1)]
)
def test_a_coarse_resolution_is_kept(kind, step, unit):
    column = Column(name="x", kind=kind, step=0.25 if kind == "real" else None)
    numbers = random().integers(0, 3000, 5000) * step
    values = pd.Series(pd.to_datetime(numbers, unit="s") if kind == "datetime" else numbers, name="x")
    decoded = to_numbers(returned(values.astype(DTYPES[column.kind]), column, bins=10), column)
    assert not np.any(decoded % step)


def test_a_value_outside_of_all_bins_takes_the_end_bins():
    values = series(random().normal(size=1000), REAL)
    codec = learned(values, REAL, bins=10)
    assert codec.encode(series([-1e9, 1e9], REAL))[:, 0].tolist() == [0, len(codec.bins) - 1]


def test_a_value_between_atoms_takes_the_nearest():
    codec = learned(series([0.0, 1.0, 5.0], REAL), REAL)
    assert codec.encode(series([0.4, 0.6, 2.9, 3.1], REAL))[:, 0].tolist() == [0, 1, 1, 2]


def test_missing_values_that_were_never_seen_are_not_made():
    codec = learned(series([1, 2, 3], INTEGER), INTEGER)
    assert (codec.sizes, codec.never) == ((4,), {3})
    assert codec.decode(np.full((20, 1), 3, dtype=np.int32), random()).notna().all()


def test_a_column_without_any_value_decodes_to_missing():
    values = series([None, None], Column(name="x", kind="date"))
    assert returned(values, Column(name="x", kind="date")).isna().all()


def test_a_missing_value_in_a_column_that_is_not_nullable_is_refused():
    column = Column(name="x", kind="integer", nullable=False)
    codec = learned(series([1, 2], column), column)
    with pytest.raises(DataError, match="'x': a value is missing, but the column is not nullable; declare it nullable"):
        codec.encode(series([1, None], column))


def test_values_of_constraints_are_told_by_atoms():
    codec = learned(series([1, 2, 3, None], INTEGER), INTEGER)
    assert codec.codes_of(frozenset({"2", "3.0", "7", "x"})) == ({0: frozenset({1, 2})},)
    assert codec.codes_of(frozenset({"7"})) == ()
    dates = Column(name="x", kind="date")
    codec = learned(series(["2024-01-31", "2024-02-01"], dates), dates)
    assert codec.codes_of(frozenset({"2024-02-01"})) == ({0: frozenset({1, 2})},)


def test_a_value_of_a_constraint_that_shares_its_bin_is_refused():
    codec = learned(series(random().integers(0, 10**6, 2000), INTEGER), INTEGER, bins=10)
    with pytest.raises(
        SchemaError, match=r"'x': value 500000 of a constraint shares its code .* under the column's atoms"
    ):
        codec.codes_of(frozenset({"500000"}))


def test_it_learns_from_cells_alone():
    with pytest.raises(DataError, match="learns from counts over cells alone"):
        NumberCodec.learn(REAL, Categories((), np.zeros(0), 0.0, 0.0))


def test_half_a_million_values_are_encoded_and_decoded_within_a_second():
    values = series(random().normal(size=500_000), REAL)
    codec = learned(values.iloc[:50_000], REAL)
    start = time.process_time()
    codec.decode(codec.encode(values), random())
    assert time.process_time() - start < 1.5


SAVED = {
    "lows": [0.0, 1.0], "highs": [0.0, 2.0], "weights": [1.0, 1.0], "starts": [0, 1, 2], "counts": [3.0, 4.0],
    "missing": None, "step": None,
}  # fmt: skip


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"lows": [0.0]}, "differ in length"),
        ({"counts": [3.0]}, "differ in length"),
        ({"starts": [0, 2, 2]}, "starts must ascend"),
        ({"starts": []}, "differ in length"),
        ({"lows": [5.0, 1.0]}, "lows and highs must ascend"),
        ({"highs": [0.0, float("inf")]}, "highs.1"),
        ({"counts": [3.0, -1.0]}, "negative"),
        ({"weights": [1.0, 0.0]}, "no weight"),
        ({"step": 0.0}, "step is not positive"),
        ({"step": "1"}, "step"),
        ({"lows": [], "highs": [], "weights": [], "starts": [0], "counts": []}, "no codes"),
    ],
)
def test_a_changed_file_is_refused(change, message):
    assert NumberCodec.from_json(REAL, SAVED).to_json() == SAVED
    with pytest.raises(DataError, match=f"column 'x' as it was saved cannot be used .*{message}"):
        NumberCodec.from_json(REAL, SAVED | change)

"""Choices of values in terms of codes: shares are the chance of an allowed value, and only those are decoded."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.access.questions import Categories, Cells
from shared.codecs.categorical import CategoricalCodec
from shared.codecs.choices import Choice, chosen, exactly, freed
from shared.codecs.number import NumberCodec
from shared.corpus.schema import Column


def numbers(kind: str = "integer", nullable: bool = False) -> NumberCodec:
    """Values 0 to 499 in about 20 codes, zero far more often."""
    values = np.arange(500.0)
    counts = np.where(values == 0, 2000.0, 3.0)
    scaled = values if kind == "integer" else values / 3
    column = Column(name="x", kind=kind, nullable=nullable)  # type: ignore[arg-type]
    return NumberCodec.learn(column, Cells(scaled, scaled, counts, 40.0 if nullable else 0.0), bins=20)


@settings(max_examples=25, deadline=None)
@given(low=st.integers(-5, 505), width=st.integers(0, 300), kind=st.sampled_from(["integer", "real"]))
def test_a_range_decodes_to_itself_and_its_shares_are_the_chances_of_it(low: int, width: int, kind: str) -> None:
    codec = numbers(kind)
    part = chosen(codec, Choice(ranges=((float(low), float(low + width)),)))
    shares = part.columns["x"].shares[0]
    random = np.random.default_rng(0)
    for code in np.flatnonzero(shares > 0):
        codes = np.full((400, 1), code, dtype=np.int32)
        decoded = part.codec.decode(codes, random).astype(float)
        assert decoded.between(low, low + width).all()
        inside = codec.decode(codes, random).astype(float).between(low, low + width).mean()
        if width:
            assert inside == pytest.approx(shares[code], abs=0.13)
    for code in np.flatnonzero(shares == 0):
        decoded = codec.decode(np.full((50, 1), code, dtype=np.int32), random).astype(float)
        assert not decoded.between(low, low + width).any()


def test_numbers_without_a_resolution_can_be_chosen_singly() -> None:
    codec = numbers("real")
    assert codec.step is None
    part = chosen(codec, Choice(ranges=((50.123, 50.123),)))
    code = part.columns["x"].shares[0].argmax()
    assert part.columns["x"].shares.max() == 1.0
    assert part.codec.decode(np.array([[code]], dtype=np.int32), np.random.default_rng(0))[0] == 50.123


def test_a_number_off_the_grid_or_beyond_the_ends_is_impossible() -> None:
    for range_ in ((2.4, 2.6), (600.0, 700.0)):
        assert not chosen(numbers(), Choice(ranges=(range_,))).possible


def test_missing_is_a_choice_of_its_own() -> None:
    shares = chosen(numbers(nullable=True), Choice(missing=True)).columns["x"].shares[0]
    assert shares[-1] == 1
    assert shares[:-1].sum() == 0
    assert not chosen(numbers(nullable=False), Choice(missing=True)).possible


def test_categories_of_one_code_column() -> None:
    column = Column(name="c", kind="categorical", categories=("a", "b", "c"))
    codec = CategoricalCodec.learn(column, Categories(("a", "b", "c"), np.array([5.0, 3, 2]), 0.0, 4.0))
    part = chosen(codec, Choice(values=frozenset({"a", "c"})))
    np.testing.assert_array_equal(part.columns["c"].shares, [[1, 0, 1, 0]])
    assert part.never == ()


def test_categories_of_two_digits_are_kept_apart_by_combinations_that_never_occur() -> None:
    values = tuple(f"v{i}" for i in range(1500))
    column = Column(name="c", kind="categorical", nullable=False)
    codec = CategoricalCodec.learn(column, Categories(values, np.arange(1500.0, 0, -1), 0.0, 0.0))
    wanted = {"v3", "v40", "v777"}
    part = chosen(codec, Choice(values=frozenset(wanted)))
    allowed = set()
    for high in range(codec.sizes[0]):
        for low in range(codec.sizes[1]):
            codes = {"c#0": high, "c#1": low}
            open_ = all(part.columns[name].shares[0, code] > 0 for name, code in codes.items())
            if open_ and not any(all(codes[n] in c for n, c in e.parts) for e in part.never):
                allowed |= set(codec.decode(np.array([[high, low]], dtype=np.int32), np.random.default_rng(0)))
    assert allowed == wanted


def test_exact_values_are_their_codes_unless_they_are_free() -> None:
    codec = numbers()
    values = pd.Series([0, 7, 450], dtype="Int64", name="x")
    part = exactly(codec, values)["x"]
    np.testing.assert_array_equal(part.which, codec.encode(values)[:, 0])
    loose = freed({"x": part}, np.array([False, True, False]))["x"]
    assert loose.which is not None
    assert loose.shares[loose.which].sum(axis=1).tolist() == [1, codec.sizes[0], 1]

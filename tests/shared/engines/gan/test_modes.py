"""Modes of a number and the way back to codes."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.engines.gan.modes import modes_of


def test_modes_lie_where_the_numbers_are():
    positions = np.arange(100.0)
    counts = 1000 * (np.exp(-0.5 * ((positions - 20) / 3) ** 2) + np.exp(-0.5 * ((positions - 70) / 3) ** 2))
    modes = modes_of(counts, positions)
    assert all(min(abs(mean - 20), abs(mean - 70)) < 12 for mean in modes.means)
    assert len(np.unique(modes.mode[[20, 70]])) == 2


def test_a_frequent_value_is_a_mode_of_its_own_without_width():
    modes = modes_of(np.array([9000.0, *[10.0] * 50]), np.arange(51.0))
    assert modes.widths[modes.mode[0]] == 0
    assert (modes.mode[1:] != modes.mode[0]).all()


def test_missing_is_the_last_mode():
    modes = modes_of(np.ones(41), np.append(np.arange(40.0), np.nan))
    assert modes.mode[40] == len(modes) - 1
    assert modes.codes(np.array([len(modes) - 1]), np.array([0.7])).tolist() == [40]


@pytest.mark.parametrize(("counts", "positions"), [([5.0], [np.nan]), ([0.0, 0.0], [1.0, 2.0]), ([3.0], [7.0])])
def test_small_numbers_have_modes_too(counts, positions):
    modes = modes_of(np.array(counts), np.array(positions))
    assert len(modes) >= 1
    assert set(modes.codes(modes.mode, modes.place).tolist()) <= set(range(len(counts)))


@settings(max_examples=30, deadline=None)
@given(
    st.lists(st.integers(-10_000, 10_000), min_size=1, max_size=60, unique=True),
    st.integers(0, 2**32 - 1),
    st.booleans(),
)
def test_codes_come_back_from_modes_and_places(values, seed, missing):
    """Exactly, where the place was not cut off at the reach of its mode."""
    positions = np.append(np.sort(values).astype(np.float64), [np.nan] if missing else [])
    counts = np.random.default_rng(seed).integers(0, 1000, len(positions)).astype(np.float64)
    modes = modes_of(counts, positions)
    assert np.isfinite(modes.means).all()
    back = modes.codes(modes.mode, modes.place)
    inside = np.abs(modes.place) < 1
    assert np.array_equal(back[inside], np.arange(len(positions))[inside])

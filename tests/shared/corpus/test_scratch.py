"""Frames in files of a scratch folder, and how much memory is declared."""

from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.corpus.corpus import DTYPES
from shared.corpus.scratch import Scratch, bytes_of, parse_memory, read_frame, read_rows, write_frame
from shared.errors import ConfigurationError

TIMES = st.datetimes(min_value=pd.Timestamp("1700-01-01"), max_value=pd.Timestamp("2200-01-01"))
VALUES = {
    "categorical": st.none() | st.text(st.characters(exclude_categories=("Cs",)), max_size=5),
    "identifier": st.text("ab\x00é", max_size=3),
    "integer": st.none() | st.integers(-(2**63), 2**63 - 1),
    "real": st.floats(allow_infinity=False),
    "boolean": st.none() | st.booleans(),
    "datetime": st.none() | TIMES,
    "date": st.none() | st.dates(pd.Timestamp("1700-01-01").date(), pd.Timestamp("2200-01-01").date()),
}


@st.composite
def frames(draw: st.DrawFn) -> pd.DataFrame:
    rows = draw(st.integers(0, 9))
    return pd.DataFrame(
        {
            kind: pd.Series(draw(st.lists(values, min_size=rows, max_size=rows)), dtype=object).astype(DTYPES[kind])
            for kind, values in VALUES.items()
        }
    )


@given(frames(), st.integers(1, 4), st.data())
@settings(max_examples=40, deadline=None)
def test_a_frame_comes_back_as_it_was_whole_by_columns_or_by_rows(frame, batch, data):
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "frame.arrow"
        write_frame(frame, path, rows=batch)
        pd.testing.assert_frame_equal(read_frame(path), frame)
        names = data.draw(st.lists(st.sampled_from(list(frame.columns)), min_size=1, unique=True))
        pd.testing.assert_frame_equal(read_frame(path, names), frame[names])
        start = data.draw(st.integers(0, max(0, len(frame) - 1)))
        end = data.draw(st.integers(start, len(frame)))
        if start < end:
            part = read_rows(path, batch, start, end).reset_index(drop=True)
            pd.testing.assert_frame_equal(part, frame.iloc[start:end].reset_index(drop=True))


def test_bytes_of_a_frame_are_those_of_its_values():
    frame = pd.DataFrame({"real": np.zeros(1000), "text": pd.Series(["abcd"] * 1000, dtype="str")})
    assert 8_000 + 4_000 <= bytes_of(frame) <= 8_000 + 4_000 + 8_008 + 200


@pytest.mark.parametrize(
    ("text", "size"), [("1GiB", 1 << 30), ("512 MiB", 512 << 20), ("2097152", 2 << 20), (1 << 20, 1 << 20)]
)
def test_sizes_of_memory(text, size):
    assert parse_memory(text) == size


@pytest.mark.parametrize("text", ["lots", "1GB", "-1GiB", "1.5GiB", ""])
def test_what_is_no_size_is_refused(text):
    with pytest.raises(ConfigurationError, match="give a size such as 512MiB or 4GiB"):
        parse_memory(text)


def test_too_little_memory_is_refused():
    with pytest.raises(ConfigurationError, match="memory is '64KiB'; it must be at least 1MiB"):
        parse_memory("64KiB")


def test_places_are_their_own_and_their_owners_alone(tmp_path):
    scratch = Scratch(tmp_path, 1 << 20)
    first, second = scratch.place("train"), scratch.place("train")
    assert first != second
    assert all(place.parent == tmp_path and place.stat().st_mode & 0o077 == 0 for place in (first, second))

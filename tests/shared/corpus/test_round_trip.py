"""What is written reads back equal: every kind, every format, missing values included."""

import tempfile
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from any_frames import KINDS, column, frames, schema_of
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.corpus.corpus import Corpus
from shared.corpus.reading import read_corpus
from shared.corpus.schema import Format
from shared.corpus.writing import CorpusWriter, write_corpus

FORMATS = [
    Format(kind=kind, compression=compression)
    for kind in ("csv", "jsonl", "parquet")
    for compression in (None, "gz", "zst")
] + [
    Format(delimiter=";", header=False),
    Format(delimiter="\t", encoding="utf-16"),
    Format(delimiter="|", strip=True),
]


def round_trip(schema, frame):
    with tempfile.TemporaryDirectory() as folder:
        write_corpus(Corpus(schema, {"t": frame}), Path(folder))
        return read_corpus(schema, folder).tables["t"]


@pytest.mark.parametrize("format", FORMATS, ids=lambda format: f"{format.kind}-{format.compression}-{format.delimiter}")
@given(frame=frames())
@settings(max_examples=40, deadline=None)
def test_every_kind_in_every_format(format, frame):
    pd.testing.assert_frame_equal(round_trip(schema_of(frame, format), frame), frame)


@pytest.mark.parametrize("kind", KINDS)
@given(data=st.data())
@settings(max_examples=40, deadline=None)
def test_a_table_of_one_column(kind, data):
    frame = data.draw(frames(kinds=(kind,)))
    pd.testing.assert_frame_equal(round_trip(schema_of(frame, Format()), frame), frame)


@pytest.mark.parametrize(
    ("kind", "datetime_format", "resolution"),
    [
        ("date", "%d.%m.%Y", "D"),
        ("date", "%Y-%m-%d %H:%M:%S", "D"),
        ("datetime", "%m/%d/%Y %H:%M", "min"),
        ("datetime", "%Y-%m-%dT%H:%M:%SZ", "s"),
        ("datetime", "%Y-%m-%d %H:%M:%S.%f", "us"),
    ],
)
@given(data=st.data())
@settings(max_examples=30, deadline=None)
def test_declared_formats_of_dates_and_times(kind, datetime_format, resolution, data):
    frame = data.draw(frames(kinds=(kind,)))
    frame[kind] = frame[kind].dt.floor(resolution)
    for format in (Format(), Format(kind="jsonl")):
        schema = schema_of(frame, format, **{kind: {"datetime_format": datetime_format}})
        pd.testing.assert_frame_equal(round_trip(schema, frame), frame)


@pytest.mark.parametrize("kind", ["csv", "jsonl", "parquet"])
@given(numbers=st.lists(st.none() | st.integers(-(2**63), 2**63 - 1), min_size=1, max_size=6))
@settings(max_examples=30, deadline=None)
def test_identifiers_stored_as_integers(kind, numbers):
    words = [None if number is None else str(number) for number in numbers]
    frame = pd.DataFrame({"identifier": column("identifier", words)})
    schema = schema_of(frame, Format(kind=kind), identifier={"stored": "integer"})
    pd.testing.assert_frame_equal(round_trip(schema, frame), frame)


@pytest.mark.parametrize("format", FORMATS, ids=lambda format: f"{format.kind}-{format.compression}-{format.delimiter}")
def test_the_number_of_chunks_makes_no_difference(tmp_path, format):
    frame = pd.DataFrame({"integer": pd.Series(range(10), dtype="Int64"), "real": np.arange(10) / 3})
    schema = schema_of(frame, format)
    contents = []
    for size in (10, 3):
        folder = tmp_path / str(size)
        folder.mkdir()
        with CorpusWriter(schema, folder) as writer:
            for start in range(0, 10, size):
                writer.write("t", frame.iloc[start : start + size])
        contents.append(writer.path("t").read_bytes())
        pd.testing.assert_frame_equal(read_corpus(schema, folder).tables["t"], frame)
    if format.compression is None:
        assert contents[0] == contents[1]

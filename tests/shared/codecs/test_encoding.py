"""Codes of all records: the same in memory and in a file, in the narrowest type."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from shared.access.plain import PlainAccess
from shared.codecs.encoding import encode_units, narrowest
from shared.codecs.table import TableCodec
from shared.corpus.schema import Column, Table
from shared.corpus.scratch import DEFAULT_MEMORY, Scratch
from shared.corpus.units import UnitFrame, by_unit
from shared.engines.sequence.config import SequenceConfig
from shared.engines.sequence.engine import SequenceEngine
from shared.training.reporter import SilentReporter

TABLE = Table(
    name="visits",
    unit="who",
    columns=(
        Column(name="who", kind="identifier"),
        Column(name="sex", kind="categorical", of_unit=True),
        Column(name="place", kind="categorical"),
        Column(name="cost", kind="real"),
    ),
)


@pytest.fixture(scope="module")
def units() -> UnitFrame:
    random = np.random.default_rng(0)
    who = np.sort(random.integers(0, 700, 2000))
    frame = pd.DataFrame(
        {
            "who": pd.Series(who).astype("str"),
            "sex": pd.Series(np.where(who % 2, "f", "m")).astype("str"),
            "place": pd.Series(random.integers(0, 400, 2000)).astype("str"),
            "cost": random.normal(size=2000).round(3),
        }
    )
    return by_unit(TABLE, frame)


@pytest.fixture(scope="module")
def codec(units: UnitFrame) -> TableCodec:
    return TableCodec.learn(TABLE, PlainAccess(units).statistics, row_counts=int(units.rows_per_unit.max()))


@pytest.mark.parametrize("memory", [DEFAULT_MEMORY, 16_000], ids=["in memory", "in files"])
def test_codes_of_chunks_are_those_of_all_records_at_once(memory, units, codec, tmp_path):
    whole = codec.encode(units)
    found = encode_units(codec, units, Scratch(tmp_path, memory), SilentReporter())
    assert (found.units.codes.dtype, found.rows.codes.dtype) == (np.uint8, np.uint16)
    assert np.array_equal(found.units.codes, whole.units.codes)
    assert np.array_equal(found.rows.codes, whole.rows.codes)
    assert np.array_equal(found.offsets, whole.offsets)
    assert (found.rows.sizes, found.rows.names) == (whole.rows.sizes, whole.rows.names)
    assert bool(list(tmp_path.iterdir())) == (memory == 16_000)
    rows = np.array([5, 1999, 0, 5])
    assert np.array_equal(found.rows.at(rows), whole.rows.codes[rows])


def test_codes_in_a_file_take_no_memory_for_long(codec, units, tmp_path: Path):
    """What is mapped and was read is let go of: many times the declared piece can be read."""
    found = encode_units(codec, units, Scratch(tmp_path, 16_000), SilentReporter())
    pages = found.rows.pages
    assert pages is not None
    dropped = []
    advise = pages._mapped.madvise

    class Watched:
        def madvise(self, option: int) -> None:
            dropped.append(option)
            advise(option)

    pages._mapped = Watched()  # type: ignore[assignment]
    for start in range(0, 1000, 100):
        assert len(found.rows.at(np.arange(start, start + 100))) == 100
    assert len(dropped) == 10, "a piece of 500 bytes is less than a page: each read lets go"


def test_an_engine_learns_the_same_from_memory_and_from_files(units, codec, tmp_path):
    settings = SequenceConfig(hidden=8, embedding=4, epochs=2, batch_units=64)
    weights = []
    for memory in (DEFAULT_MEMORY, 16_000):
        data = encode_units(codec, units, Scratch(tmp_path, memory), SilentReporter())
        engine = SequenceEngine.fresh(settings, codec.shape, seed=1)
        engine.fit(data, PlainAccess(units), seed=1, reporter=SilentReporter())
        weights.append([*(value.numpy().tobytes() for value in engine.network.state_dict().values())])
        assert engine.log_density(data).tolist() == engine.log_density(codec.encode(units)).tolist()
    assert weights[0] == weights[1]


def test_a_table_without_modelled_columns_of_units_or_without_any_unit_is_encoded(tmp_path):
    declared = Table(name="t", columns=(Column(name="x", kind="boolean"),))
    some = by_unit(declared, pd.DataFrame({"x": pd.array([True, False] * 50, dtype="boolean")}))
    codec = TableCodec.learn(declared, PlainAccess(some).statistics)
    found = encode_units(codec, some, Scratch(tmp_path, 100), SilentReporter())
    assert (found.units.codes.shape, found.rows.codes.shape) == ((100, 0), (100, 1))
    none = encode_units(codec, some.take(np.zeros(0, dtype=np.int64)), Scratch(tmp_path, 100), SilentReporter())
    assert len(none) == len(none.rows) == 0


@pytest.mark.parametrize(
    ("size", "expected"), [(1, np.uint8), (256, np.uint8), (257, np.uint16), (65536, np.uint16), (65537, np.int32)]
)
def test_the_narrowest_type_holds_every_code(size, expected):
    assert narrowest(size) == expected
    assert np.iinfo(narrowest(size)).max >= size - 1

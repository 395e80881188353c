"""What the sequence engine learns, gives back and keeps."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from shared.access.contract import Access
from shared.access.plain import PlainAccess
from shared.corpus.schema import Column, Table
from shared.corpus.units import UnitFrame
from shared.engines.encoded import CodeExclusion, Given, Histories, Rows, Shape, flat
from shared.engines.sequence.config import SequenceConfig
from shared.engines.sequence.engine import SequenceEngine
from shared.errors import ConfigurationError, DataError, SchemaError
from shared.training.reporter import SilentReporter

SETTINGS = SequenceConfig(hidden=24, epochs=30, batch_units=64, learning_rate=1e-2)


def access_to(data: Histories) -> Access:
    """A plain access for as many units; the engine takes batches and steps from it alone."""
    import pandas as pd

    table = Table(name="t", columns=(Column(name="x", kind="integer"),))
    rows = pd.DataFrame({"x": pd.array(np.zeros(len(data.rows)), dtype="Int64")})
    return PlainAccess(UnitFrame(table, rows, np.arange(len(data)).astype(object), data.offsets))


def shape_of(data: Histories) -> Shape:
    def marginals(rows: Rows) -> tuple[NDArray[np.float64], ...]:
        columns = zip(rows.codes.T, rows.sizes, strict=True)
        return tuple(np.bincount(codes, minlength=size).astype(float) for codes, size in columns)

    counts = np.bincount(data.rows_per_unit).astype(float)
    return Shape(data.units.names, marginals(data.units), data.rows.names, marginals(data.rows), counts)


def fitted(data: Histories, seed: int = 0, settings: SequenceConfig = SETTINGS) -> SequenceEngine:
    engine = SequenceEngine.fresh(settings, shape_of(data), seed=seed)
    engine.fit(data, access_to(data), seed=seed, reporter=SilentReporter())
    return engine


def sampled(engine: SequenceEngine, n: int, seed: int = 0, exclusions: tuple[CodeExclusion, ...] = ()) -> Histories:
    return Histories.joined(list(engine.sample(n, seed=seed, exclusions=exclusions)))


@pytest.fixture(scope="module")
def table() -> Histories:
    """Three columns: the second repeats the first, the third is their exclusive or with a coin."""
    random = np.random.default_rng(0)
    a = random.choice(3, size=2000, p=[0.6, 0.3, 0.1])
    coin = random.integers(0, 2, size=2000)
    return flat(np.stack([a, a, (a + coin) % 2], axis=1).astype(np.int32), (3, 3, 2), ("a", "b", "c"))


@pytest.fixture(scope="module")
def visits() -> Histories:
    """Units with a sex and one to three visits; a visit's ward repeats the one before; sex 1 knows ward 2 alone."""
    random = np.random.default_rng(1)
    counts = random.choice([1, 2, 3], size=1500, p=[0.5, 0.3, 0.2])
    sex = random.integers(0, 2, size=1500)
    ward = np.where(sex == 1, 2, random.integers(0, 2, size=1500))
    offsets = np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)
    order = np.arange(offsets[-1]) - np.repeat(offsets[:-1], counts)
    rows = np.stack([np.repeat(ward, counts), np.minimum(order, 1)], axis=1).astype(np.int32)
    return Histories(
        Rows(sex[:, None].astype(np.int32), (2,), ("sex",)), Rows(rows, (3, 2), ("ward", "again")), offsets
    )


@pytest.fixture(scope="module")
def table_engine(table: Histories) -> SequenceEngine:
    return fitted(table)


@pytest.fixture(scope="module")
def visit_engine(visits: Histories) -> SequenceEngine:
    return fitted(visits)


def test_columns_keep_their_shares_and_their_dependence(table: Histories, table_engine: SequenceEngine) -> None:
    codes = sampled(table_engine, 20_000).rows.codes
    shares = np.bincount(codes[:, 0], minlength=3) / len(codes)
    assert np.abs(shares - np.bincount(table.rows.codes[:, 0], minlength=3) / len(table)).max() < 0.02
    assert np.mean(codes[:, 0] == codes[:, 1]) > 0.99


def test_rows_of_a_unit_depend_on_the_unit_and_on_each_other(visits: Histories, visit_engine: SequenceEngine) -> None:
    sample = sampled(visit_engine, 10_000)
    unit = np.repeat(np.arange(len(sample)), sample.rows_per_unit)
    ward, again = sample.rows.codes.T
    sex = sample.units.codes[unit, 0]
    assert np.mean((ward == 2) == (sex == 1)) > 0.98
    first = np.diff(unit, prepend=-1) > 0
    assert np.mean(again[first] == 0) > 0.99
    assert np.mean(again[~first] == 1) > 0.99
    assert np.mean(ward[1:][~first[1:]] == ward[:-1][~first[1:]]) > 0.97
    shares = np.bincount(sample.rows_per_unit, minlength=4)[1:] / len(sample)
    assert np.abs(shares - np.bincount(visits.rows_per_unit, minlength=4)[1:] / len(visits)).max() < 0.02


def test_exclusions_are_never_broken(table_engine: SequenceEngine) -> None:
    plain = sampled(table_engine, 5000).rows.codes
    exclusion = CodeExclusion((("c", frozenset({0})), ("a", frozenset({1, 2}))))
    codes = sampled(table_engine, 5000, exclusions=(exclusion,)).rows.codes
    assert np.any((plain[:, 0] >= 1) & (plain[:, 2] == 0))
    assert not np.any((codes[:, 0] >= 1) & (codes[:, 2] == 0))


def test_an_exclusion_can_concern_all_but_the_last_row(visit_engine: SequenceEngine) -> None:
    exclusion = CodeExclusion((("ward", frozenset({2})),), last_row=False)
    sample = sampled(visit_engine, 3000, exclusions=(exclusion,))
    last = np.zeros(len(sample.rows), dtype=bool)
    last[sample.offsets[1:] - 1] = True
    assert not np.any(sample.rows.codes[~last, 0] == 2)
    assert np.any(sample.rows.codes[last, 0] == 2)


def test_exclusions_that_leave_nothing_are_an_error(table_engine: SequenceEngine) -> None:
    with pytest.raises(SchemaError, match="leave a column without any code"):
        sampled(table_engine, 10, exclusions=(CodeExclusion((("c", frozenset({0, 1})),)),))
    with pytest.raises(SchemaError, match="names the code column 'z'"):
        sampled(table_engine, 10, exclusions=(CodeExclusion((("z", frozenset({0})),)),))


def test_the_density_is_that_of_the_sample(table_engine: SequenceEngine) -> None:
    sample = sampled(table_engine, 40_000)
    keys, where, counts = np.unique(sample.rows.codes, axis=0, return_index=True, return_counts=True)
    density = np.exp(table_engine.log_density(sample)[where])
    assert len(keys) > 3
    assert np.abs(density - counts / len(sample)).max() < 0.01
    every = np.stack(np.meshgrid(range(3), range(3), range(2), indexing="ij"), axis=-1).reshape(-1, 3)
    total = np.exp(table_engine.log_density(flat(every.astype(np.int32), (3, 3, 2), ("a", "b", "c")))).sum()
    assert total == pytest.approx(1.0, abs=1e-4)


def test_the_density_of_a_unit_covers_all_its_rows(visits: Histories, visit_engine: SequenceEngine) -> None:
    # Every history of one visit and of two, with each sex: their chances add up to those counts' share.
    share = np.bincount(visits.rows_per_unit)[1:3].sum() / len(visits)
    rows = [np.array([w, g]) for w in range(3) for g in range(2)]
    histories = [(s, [r]) for s in range(2) for r in rows]
    histories += [(s, [r, q]) for s in range(2) for r in rows for q in rows]
    codes = np.concatenate([np.stack(r) for _, r in histories]).astype(np.int32)
    offsets = np.concatenate([[0], np.cumsum([len(r) for _, r in histories])]).astype(np.int64)
    units = Rows(np.array([[s] for s, _ in histories], dtype=np.int32), (2,), ("sex",))
    density = visit_engine.log_density(Histories(units, Rows(codes, (3, 2), ("ward", "again")), offsets))
    assert np.exp(density).sum() == pytest.approx(share, abs=1e-3)


def test_the_same_seed_gives_the_same_and_another_seed_gives_other(table: Histories) -> None:
    settings = SequenceConfig(hidden=8, epochs=1, batch_units=64)
    one, two, other = (fitted(table, seed, settings) for seed in (1, 1, 2))
    np.testing.assert_array_equal(sampled(one, 500, seed=5).rows.codes, sampled(two, 500, seed=5).rows.codes)
    assert np.any(sampled(one, 500, seed=5).rows.codes != sampled(one, 500, seed=6).rows.codes)
    assert np.any(sampled(one, 500, seed=5).rows.codes != sampled(other, 500, seed=5).rows.codes)


def test_a_saved_engine_is_the_same(tmp_path: Path, visit_engine: SequenceEngine) -> None:
    visit_engine.save(tmp_path / "engine")
    loaded = SequenceEngine.load(tmp_path / "engine")
    before, after = sampled(visit_engine, 300, seed=3), sampled(loaded, 300, seed=3)
    np.testing.assert_array_equal(before.rows.codes, after.rows.codes)
    np.testing.assert_array_equal(before.offsets, after.offsets)
    assert sorted(file.name for file in (tmp_path / "engine").iterdir()) == ["config.json", "weights.safetensors"]


def test_a_damaged_folder_is_refused(tmp_path: Path, table_engine: SequenceEngine) -> None:
    folder = tmp_path / "engine"
    with pytest.raises(DataError, match="holds no sequence engine"):
        SequenceEngine.load(folder)
    table_engine.save(folder)
    config = (folder / "config.json").read_text()
    (folder / "config.json").write_text(config.replace('"hidden": 24', '"hidden": 25'))
    with pytest.raises(DataError, match="weights do not fit"):
        SequenceEngine.load(folder)
    (folder / "config.json").write_text(config.replace('"format": 2', '"format": 99'))
    with pytest.raises(DataError, match="format 99"):
        SequenceEngine.load(folder)
    (folder / "config.json").write_text(config)
    (folder / "weights.safetensors").write_bytes(b"\x80\x04 not tensors")
    with pytest.raises(DataError, match="weights.safetensors is damaged"):
        SequenceEngine.load(folder)


def test_a_given_number_of_rows_is_kept(visits: Histories, visit_engine: SequenceEngine) -> None:
    some = visits.take(np.arange(200))
    given = Given(rows_per_unit=some.rows_per_unit)
    sample = Histories.joined(list(visit_engine.sample(200, seed=0, given=given)))
    np.testing.assert_array_equal(sample.rows_per_unit, some.rows_per_unit)


def test_encoded_columns_of_another_codec_are_refused(table_engine: SequenceEngine) -> None:
    other = flat(np.zeros((4, 2), dtype=np.int32), (3, 3), ("a", "b"))
    with pytest.raises(DataError, match="not those the engine was built for"):
        table_engine.log_density(other)


@pytest.mark.parametrize(
    ("settings", "message"), [({"hidden": 0}, "hidden is 0"), ({"epochs": -1}, "epochs"), ({"depth": 3}, "depth")]
)
def test_settings_that_make_no_sense_are_refused(settings: dict[str, object], message: str) -> None:
    with pytest.raises(ConfigurationError, match=message):
        SequenceConfig.with_settings(settings, private=False)


def test_validation_of_a_private_run_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="leave it out of a private run"):
        SequenceConfig.with_settings({"validation": 0.1}, private=True)
    assert SequenceConfig.with_settings({"validation": 0.1}, private=False).early_stopping is not None

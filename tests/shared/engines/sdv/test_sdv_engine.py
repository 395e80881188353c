"""SDV's synthesizers as engines, with the real SDV in its own environment."""

from __future__ import annotations

import sys
from dataclasses import dataclass

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from shared.access.plain import PlainAccess
from shared.codecs.table import TableCodec
from shared.corpus.schema import Column, Table
from shared.corpus.units import by_unit
from shared.engines.encoded import CodeExclusion, Given, Histories
from shared.engines.sdv.batch import Batch
from shared.engines.sdv.config import SdvCopulaConfig, SdvCtganConfig, SdvTvaeConfig
from shared.engines.sdv.engine import SAVED, SdvEngine
from shared.engines.sdv.environment import VARIABLE
from shared.engines.sdv.frames import codes_of, values_of
from shared.errors import ConfigurationError, DataError
from shared.training.reporter import SilentReporter

TABLE = Table(
    name="visits",
    unit="who",
    columns=(
        Column(name="who", kind="identifier"),
        Column(name="sex", kind="categorical", of_unit=True),
        Column(name="ward", kind="categorical"),
        Column(name="age", kind="integer", low=0, high=120),
        Column(name="dose", kind="real"),
        Column(name="again", kind="boolean"),
        Column(name="day", kind="date"),
        Column(name="seen", kind="datetime"),
    ),
)


def visits(units: int):
    """One to three rows a unit; the ward follows from the sex, and the dose from the ward."""
    random = np.random.default_rng(0)
    unit = np.repeat(np.arange(units), random.integers(1, 4, units))
    sex = random.integers(0, 2, units)[unit]
    ward = np.where(random.random(len(unit)) < 0.9, sex, 1 - sex)
    frame = pd.DataFrame(
        {
            "who": unit.astype(str),
            "sex": np.array(["f", "m"])[sex],
            "ward": np.array(["a", "b"])[ward],
            "age": pd.array(
                np.where(random.random(len(unit)) < 0.1, None, random.integers(20, 90, len(unit))), "Int64"
            ),
            "dose": ward * 5.0 + random.normal(size=len(unit)),
            "again": pd.array(random.random(len(unit)) < 0.5, "boolean"),
            "day": pd.to_datetime("2020-01-01") + pd.to_timedelta(random.integers(0, 300, len(unit)), unit="D"),
            "seen": pd.to_datetime("2020-01-01") + pd.to_timedelta(random.integers(0, 10**7, len(unit)), unit="s"),
        }
    )
    for name in ("who", "sex", "ward"):
        frame[name] = frame[name].astype("str")
    for name in ("day", "seen"):
        frame[name] = frame[name].astype("datetime64[us]")
    return by_unit(TABLE, frame)


@pytest.fixture(scope="module")
def learned():
    data = visits(400)
    access = PlainAccess(data)
    codec = TableCodec.learn(TABLE, access.statistics, row_counts=3)
    return codec, codec.encode(data), access


@pytest.fixture
def fitted(learned, sdv_python, monkeypatch):
    codec, codes, access = learned
    monkeypatch.setenv(VARIABLE, str(sdv_python))

    def fit(settings):
        engine = SdvEngine(settings, codec)
        return engine, engine.fit(codes, access, seed=1, reporter=SilentReporter())

    return fit


def values(codec: TableCodec, engine: SdvEngine, units: int, *, seed: int) -> pd.DataFrame:
    batches = list(engine.sample(units, seed=seed))
    assert sum(map(len, batches)) == units
    return codec.decode(Histories.joined(batches), np.random.default_rng(0), first_unit=0, first_row=0)


def test_a_copula_keeps_what_rows_are_like_and_draws_the_same_after_saving(learned, fitted, tmp_path) -> None:
    codec, _, _ = learned
    engine, _ = fitted(SdvCopulaConfig())
    engine.save(tmp_path / "engine")
    loaded = SdvEngine.load(tmp_path / "engine", codec)
    assert (loaded.version, loaded.settings) == (engine.version, engine.settings)
    drawn = values(codec, loaded, 300, seed=7)
    counts = drawn.groupby("who").size()
    assert set(counts) == {1, 2, 3}
    assert (drawn.groupby("who")["sex"].nunique() == 1).all()
    assert drawn["age"].isna().mean() == pytest.approx(0.1, abs=0.05)
    assert drawn["day"].between("2020-01-01", "2020-12-31").all()
    doses = drawn.groupby("ward")["dose"].mean()
    assert doses["b"] - doses["a"] > 2
    assert set(drawn["again"].dropna()) == {True, False}
    pd.testing.assert_frame_equal(values(codec, engine, 300, seed=7), drawn)


def test_a_network_tells_of_its_epochs(learned, fitted) -> None:
    engine, summary = fitted(SdvCtganConfig(epochs=2, batch_size=100))
    assert [epoch for epoch, _ in summary.curves["loss"]] == [0, 1]
    assert all(np.isfinite(loss) for _, loss in summary.curves["loss"])
    assert engine.saved
    assert engine.version


@dataclass
class Redraws:
    """Stands for SDV: gives rows of a table, one after another, from a random place on."""

    table: pa.Table
    random: np.random.Generator

    def rows(self, count: int) -> pa.Table:
        return self.table.take(pa.array(self.random.integers(0, len(self.table), count)))


def test_rows_that_break_an_exclusion_are_drawn_anew(learned) -> None:
    codec, codes, _ = learned
    random = np.random.default_rng(1)
    sampler = Redraws(values_of(codec, codes, random), random)
    sizes = random.integers(0, 4, 300)
    never = [
        *codec.compile_exclusions({"sex": frozenset("f"), "ward": frozenset("b")}),
        *codec.compile_exclusions({"again": frozenset(["true"])}, last_row=True),
        *codec.compile_exclusions({"ward": frozenset("a"), "again": frozenset(["false"])}, last_row=False),
    ]
    drawn = Batch(codec, sampler, sizes, never).drawn()
    np.testing.assert_array_equal(drawn.rows_per_unit, sizes)
    frame = codec.decode(drawn, random, first_unit=0, first_row=0)
    last = ~frame["who"].duplicated(keep="last")
    again = frame["again"].fillna(False).astype(bool)
    assert not ((frame["sex"] == "f") & (frame["ward"] == "b")).any()
    assert not (again & last).any()
    assert not (~again & ~last & (frame["ward"] == "a")).any()
    free = codec.decode(Batch(codec, sampler, sizes, []).drawn(), random, first_unit=0, first_row=0)
    assert ((free["sex"] == "f") & (free["ward"] == "b")).any()
    everything = [CodeExclusion((("sex", frozenset(range(codec.shape.unit_sizes[0]))),))]
    with pytest.raises(DataError, match="draws rows that the constraints exclude"):
        Batch(codec, sampler, sizes[:20], everything).drawn()


def test_values_come_back_as_the_codes_they_were(learned) -> None:
    codec, codes, _ = learned
    table = values_of(codec, codes, np.random.default_rng(0))
    back = codes_of(codec, table)
    np.testing.assert_array_equal(back.rows.codes, codes.rows.codes)
    np.testing.assert_array_equal(back.units.codes, codes.units.codes[np.repeat(np.arange(400), codes.rows_per_unit)])


def test_what_cannot_be_drawn_or_loaded_is_told_in_one_line(learned, tmp_path, monkeypatch) -> None:
    codec, codes, access = learned
    engine = SdvEngine(SdvCopulaConfig(), codec, b"saved", "2.0.0")
    with pytest.raises(ConfigurationError, match="draws nothing under conditions"):
        next(engine.sample(1, seed=0, given=Given()))
    monkeypatch.setenv(VARIABLE, sys.executable)
    with pytest.raises(ConfigurationError, match="SDV did not fit with .*No module named 'sdv'"):
        engine.fit(codes, access, seed=0, reporter=SilentReporter())
    with pytest.raises(ConfigurationError, match="takes a plain access only"):
        engine.fit(codes, object(), seed=0, reporter=SilentReporter())
    engine.save(tmp_path / "engine")
    (tmp_path / "engine" / SAVED).write_bytes(b"other")
    with pytest.raises(DataError, match="damaged or does not fit"):
        SdvEngine.load(tmp_path / "engine", codec)
    (tmp_path / "engine" / "config.json").write_text("{}")
    with pytest.raises(DataError, match="holds no engine of SDV"):
        SdvEngine.load(tmp_path / "engine", codec)


def test_a_private_run_and_a_missing_environment_are_refused_at_once(monkeypatch) -> None:
    monkeypatch.setenv(VARIABLE, sys.executable)
    with pytest.raises(ConfigurationError, match="without differential privacy"):
        SdvCtganConfig.with_settings({}, private=True)
    with pytest.raises(ConfigurationError, match="multiple of 10"):
        SdvCtganConfig.with_settings({"batch_size": 15}, private=False)
    with pytest.raises(ConfigurationError, match="epochs is 0"):
        SdvTvaeConfig.with_settings({"epochs": 0}, private=False)
    monkeypatch.setenv(VARIABLE, "/no/such/python")
    with pytest.raises(ConfigurationError, match="which is no program"):
        SdvCopulaConfig.with_settings({}, private=False)
    monkeypatch.delenv(VARIABLE)
    with pytest.raises(ConfigurationError, match="name the python of one that has sdv in SIMULACRA_SDV"):
        SdvCopulaConfig.with_settings({}, private=False)

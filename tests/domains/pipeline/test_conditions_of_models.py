"""Conditions and given values of a fitted model: what is kept, what is repeated, and which part is impossible."""

from __future__ import annotations

import dataclasses
import re
import stat
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from domains.base.constraints import Constraint, Derived, Exclusion
from domains.pipeline.conditions import Conditions, conditions_where
from domains.pipeline.given_file import conditions_given
from domains.pipeline.impossible import too_improbable
from domains.pipeline.model import Model, engine_folder, provenance
from domains.pipeline.sampling import INTERNAL, NOTICE, prepare, sample_to
from domains.pipeline.table_model import TableModel
from domains.pipeline.where import parse_where
from shared.access.plain import PlainAccess
from shared.codecs.table import TableCodec
from shared.corpus.relations import alone
from shared.corpus.schema import Column, Schema, Table
from shared.corpus.units import by_unit
from shared.engines.sequence import distillation
from shared.engines.sequence.config import SequenceConfig
from shared.engines.sequence.engine import SequenceEngine
from shared.errors import SimulacraError
from shared.training.reporter import SilentReporter

TABLE = Table(
    name="visits",
    unit="patient",
    order_by="day",
    columns=(
        Column(name="patient", kind="identifier", nullable=False, pattern="P999999"),
        Column(name="sex", kind="categorical", categories=("F", "M"), of_unit=True, nullable=False),
        Column(name="born", kind="integer", of_unit=True, nullable=False),
        Column(name="day", kind="date", nullable=False),
        Column(name="ward", kind="categorical", categories=("births", "heart", "skin"), nullable=False),
        Column(name="pressure", kind="real", nullable=True),
        Column(name="decade", kind="integer", nullable=False),
    ),
)
CONSTRAINTS: tuple[Constraint, ...] = (
    Exclusion(
        name="men bear no children", table="visits", parts={"sex": frozenset({"M"}), "ward": frozenset({"births"})}
    ),
    Derived(
        name="decade", table="visits", column="decade", inputs=("born",), value=lambda frame: frame["born"] // 10 * 10
    ),
)


def records(units: int) -> pd.DataFrame:
    random = np.random.default_rng(0)
    counts = random.integers(1, 4, units)
    unit = np.repeat(np.arange(units), counts)
    sex, born = random.integers(0, 2, units)[unit], random.integers(1930, 2000, units)[unit]
    births = (sex == 0) & (born > 1965) & (random.random(len(unit)) < 0.4)
    ward = np.where(births, "births", np.where(random.random(len(unit)) < (2000 - born) / 80, "heart", "skin"))
    pressure = np.round(110 + (2000 - born) / 2 + random.normal(0, 5, len(unit)), 2)
    return pd.DataFrame(
        {
            "patient": pd.Series([f"P{i:04}" for i in unit], dtype="str"),
            "sex": pd.Series(np.array(["F", "M"])[sex], dtype="str"),
            "born": pd.array(born, dtype="Int64"),
            "day": pd.Timestamp("2024-01-01") + pd.to_timedelta(random.integers(0, 300, len(unit)), unit="D"),
            "ward": pd.Series(ward, dtype="str"),
            "pressure": pd.Series(pressure).mask(pd.Series(random.random(len(unit)) < 0.1)),
            "decade": pd.array(born // 10 * 10, dtype="Int64"),
        }
    )


@pytest.fixture(scope="module", autouse=True)
def _hasty() -> Iterator[None]:
    """A proposal that learned little: what it gets wrong, the weights make good."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(distillation, "STEPS", 60)
        yield


@pytest.fixture(scope="module")
def model() -> Model:
    data = by_unit(TABLE, records(1200))
    access = PlainAccess(data)
    codec = TableCodec.learn(TABLE, access.statistics, excluded=("decade",), row_counts=3)
    settings = SequenceConfig(hidden=16, context=16, epochs=8, batch_units=64, learning_rate=1e-2, attention=0)
    engine = SequenceEngine.fresh(settings, codec.shape, seed=0)
    engine.fit(codec.encode(data), access, seed=0, reporter=SilentReporter())
    made = provenance(
        source="s", domain="plain", tables={"visits": "sequence"}, most_rows=None, units=100, promise=None
    )
    model = Model(made, Schema(tables=(TABLE,)), (TableModel(alone(TABLE), CONSTRAINTS, codec, engine),))
    engine.learn_proposal(seed=0, reporter=SilentReporter(), exclusions=model.only.exclusions)
    return model


def where(model: Model, *texts: str) -> Conditions:
    clauses = [parse_where(text, model.only.table.names) for text in texts]
    return conditions_where(clauses, model.only.codec, model.only.constraints)


def frame(model: Model, conditions: Conditions, units: int = 300, seed: int = 0) -> pd.DataFrame:
    prepare(model, Path("nowhere"), conditions, units, SilentReporter(), internal=False)
    return pd.concat(
        model.frames(units, seed=seed, reporter=SilentReporter(), conditions=conditions), ignore_index=True
    )


def read(folder: Path, text: str, model: Model, *, fill_missing: bool = False) -> tuple[Conditions, int]:
    """The conditions of a file with this text, and its number of units."""
    path = folder / "given.csv"
    path.write_text(text, encoding="utf-8")
    return conditions_given(path, model.only.codec, model.only.constraints, fill_missing=fill_missing)


def made_from(folder: Path, text: str, model: Model) -> pd.DataFrame:
    return frame(model, *read(folder, text, model))


@pytest.mark.parametrize(
    ("texts", "query"),
    [
        (["sex=F"], "sex == 'F'"),
        (["born>=1980"], "born >= 1980"),
        (["born > 1980", "born < 1985", "born != 1982"], "born in [1981, 1983, 1984]"),
        (["ward in {heart, skin}", "sex = F"], "ward != 'births' and sex == 'F'"),
        (["ward=heart", "day<2024-03-01"], "ward == 'heart' and day < '2024-03-01'"),
        (["pressure >= 120.5"], "pressure >= 120.5"),
        (["pressure is missing"], "pressure.isna()"),
        (["pressure is not missing", "day >= 2024-06-30"], "pressure.notna() and day >= '2024-06-30'"),
        (["born not in {1950}"], "born != 1950"),
    ],
)
def test_conditions_hold_in_every_row_of_every_unit(model: Model, texts: list[str], query: str) -> None:
    made = frame(model, where(model, *texts))
    assert made["patient"].nunique() == 300
    assert len(made.query(query)) == len(made)
    assert (made["decade"] == made["born"] // 10 * 10).all()
    assert not ((made["sex"] == "M") & (made["ward"] == "births")).any()


def test_values_inside_a_range_are_spread_as_in_unconditional_rows(model: Model) -> None:
    plain = pd.concat(model.frames(20_000, seed=5, reporter=SilentReporter()), ignore_index=True)
    wanted = plain[plain["born"].between(1955, 1962)].drop_duplicates("patient")["born"].value_counts(normalize=True)
    made = frame(model, where(model, "born>=1955", "born<=1962"), 3000).drop_duplicates("patient")
    got = made["born"].value_counts(normalize=True)
    assert (got - wanted).abs().sum() / 2 < 0.06


@pytest.mark.parametrize(
    ("texts", "message"),
    [
        (["sex=X"], "the model gives 'sex' no value 'X'; it gives F, M, never missing"),
        (["ward=hart"], "did you mean 'heart'"),
        (["born>2500"], "it gives 1930 to 1999 in steps of 1"),
        (["born=1950.5"], "the model gives 'born' no such value"),
        (["day>=2030-01-01"], "it gives 2024-01-01 to 2024-10-26"),
        (["sex is missing"], "never missing"),
        (["born>1980", "born<1970"], "born>1980 and born<1970"),
        (["sex<M"], "has no order"),
        (["born=old"], "'old' is not a number"),
        (["decade=1950"], "'decade' is computed from born; give conditions on those instead"),
        (["patient=P0001"], "made up and not modelled"),
        (["sex=M", "born>1990", "ward=births"], "sex=M and ward=births cannot occur together.*men bear no children"),
    ],
)
def test_an_impossible_condition_says_which_part_is(model: Model, texts: list[str], message: str) -> None:
    with pytest.raises(SimulacraError, match=message):
        frame(model, where(model, *texts))


def test_the_neighbour_of_an_impossible_condition_is_drawn(model: Model) -> None:
    made = frame(model, where(model, "sex=F", "born>1990", "ward=births"))
    assert set(made["ward"]) == {"births"}


def test_given_rows_are_repeated_exactly_one_unit_each(model: Model, tmp_path: Path) -> None:
    lines = "pressure,sex\n121.87,F\n,M\n133.33,M\n"
    conditions, units = read(tmp_path, lines, model)
    made = frame(model, conditions, units)
    by_patient = list(made.groupby("patient", sort=False))
    assert len(by_patient) == 3
    for (_, rows), pressure, sex in zip(by_patient, (121.87, None, 133.33), "FMM", strict=True):
        assert set(rows["sex"]) == {sex}
        assert rows["pressure"].isna().all() if pressure is None else (rows["pressure"] == pressure).all()


def test_given_rows_of_a_key_are_the_rows_of_a_unit(model: Model, tmp_path: Path) -> None:
    lines = "patient,day,sex,ward\nB,2024-03-05,F,skin\nA,2024-02-01,M,heart\nB,2024-01-02,F,births\n"
    conditions, units = read(tmp_path, lines, model)
    made = frame(model, conditions, units)
    assert made["patient"].tolist() == ["A", "B", "B"]
    assert made["ward"].tolist() == ["heart", "births", "skin"]
    assert made["day"].dt.strftime("%m-%d").tolist() == ["02-01", "01-02", "03-05"]
    assert made.groupby("patient")["born"].nunique().max() == 1


def test_what_is_empty_is_drawn_where_that_is_wished(model: Model, tmp_path: Path) -> None:
    lines = "sex,born\n" + "F,\n,1950\n" * 100
    conditions, units = read(tmp_path, lines, model, fill_missing=True)
    made = frame(model, conditions, units).drop_duplicates("patient").reset_index(drop=True)
    assert set(made["sex"][::2]) == {"F"}
    assert set(made["born"][1::2]) == {1950}
    assert made["born"][::2].nunique() > 20
    assert set(made["sex"][1::2]) == {"F", "M"}
    with pytest.raises(SimulacraError, match="missing"):
        read(tmp_path, lines, model)


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        ("sex,height\nF,3\n", "column 'height' is not one of the model"),
        ("sex,ward\nF,heart\nM,births\n", "row 2: sex = M and ward = births cannot occur together"),
        ("born\n1950\n1800\n", "row 2: 'born' is 1800; the model gives 1930 to 1999"),
        ("ward\nhart\n", "not among the declared categories"),
        ("decade\n1950\n", "computed from born"),
        ("patient,sex\nA,F\nA,M\n", "rows of one patient say 'F' and 'M'"),
        ("", "names are missing"),
    ],
)
def test_given_values_that_cannot_be_are_named(model: Model, tmp_path: Path, lines: str, message: str) -> None:
    with pytest.raises(SimulacraError, match=message):
        made_from(tmp_path, lines, model)


def test_conditions_and_given_values_hold_together(model: Model, tmp_path: Path) -> None:
    conditions, units = read(tmp_path, "sex\nF\nM\n", model)
    made = frame(model, where(model, "born<1950").together(conditions), units)
    assert made["born"].max() < 1950
    with pytest.raises(SimulacraError, match="'sex' is given by --where and by"):
        where(model, "sex=F").together(conditions)


def test_what_no_part_explains_names_the_rarest_pair(model: Model) -> None:
    conditions = where(model, "sex=M", "ward=skin", "born>1995", "pressure>120")
    error = too_improbable(model.only.engine, conditions, 0, model.only.exclusions)
    assert re.search(r"to be drawn, (born>1995 and pressure>120|pressure>120 and born>1995) above all", str(error))


def test_what_repeats_records_is_for_its_owner_alone(model: Model, tmp_path: Path) -> None:
    conditions, units = read(tmp_path, "sex\nF\n", model)
    sample_to(model, units, tmp_path / "out", seed=0, reporter=SilentReporter(), conditions=conditions, internal=True)
    assert [path.name for path in (tmp_path / "out").iterdir()] == [INTERNAL]
    folder = tmp_path / "out" / INTERNAL
    assert re.search("Do not publish", (folder / NOTICE).read_text())
    for path in [tmp_path / "out", folder, *folder.iterdir()]:
        assert stat.S_IMODE(path.stat().st_mode) & 0o077 == 0


def test_equal_seeds_give_equal_rows(model: Model) -> None:
    conditions = where(model, "ward=heart")
    pd.testing.assert_frame_equal(frame(model, conditions, seed=3), frame(model, conditions, seed=3))
    assert not frame(model, conditions, seed=3).equals(frame(model, conditions, seed=4))


def test_a_proposal_is_learned_once_and_kept_with_the_model(
    model: Model, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("domains.pipeline.sampling._SURE", 1.0)  # however well particles do without it
    folder = tmp_path / "model"
    folder.mkdir()
    bare = SequenceEngine(model.only.engine.state, model.only.engine.network, model.only.engine.device)
    other = Model(model.provenance, model.schema, (dataclasses.replace(model.only, engine=bare),))
    other.save(folder)
    conditions, _ = read(tmp_path, "ward\nheart\nskin\n", model)
    prepare(other, folder, conditions, 2, SilentReporter(), internal=True)
    assert not (
        engine_folder(folder, "visits") / "proposal.safetensors"
    ).exists()  # it would tell what real records were like
    other.only.engine.proposal = None
    prepare(other, folder, conditions, 2, SilentReporter(), internal=False)
    assert (engine_folder(folder, "visits") / "proposal.safetensors").is_file()
    assert SequenceEngine.load(engine_folder(folder, "visits")).proposal is not None

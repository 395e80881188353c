"""Mixes of classes, equal rates, completed records, and real and synthetic records together."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from domains.pipeline.fusing import fill_counts
from shared.engines.sequence import distillation
from shared.errors import ConfigurationError
from tests.domains.cli.clinic import Cli, Clinic


@pytest.fixture(autouse=True)
def _short_lessons(monkeypatch: pytest.MonkeyPatch) -> None:
    """Proposals are right after however few steps; they are only less sure."""
    monkeypatch.setattr(distillation, "STEPS", 300)


@pytest.fixture
def model(clinic: Clinic, cli: Cli) -> Path:
    """A model of the clinic's patients."""
    folder = clinic.folder / "model"
    assert cli("fit", clinic.config, "--out", folder).code == 0
    return folder


def flat(clinic: Clinic) -> None:
    """Let every row be a unit."""
    clinic.declare(lambda table: (table.pop("unit"), [column.pop("of_unit", None) for column in table["columns"]]))
    clinic.configure(unit="row", engine={"default": {"epochs": 80, "hidden": 8}})


def read(folder: Path) -> pd.DataFrame:
    return pd.read_csv(folder / "visits.csv")


def patients(frame: pd.DataFrame) -> pd.DataFrame:
    return frame.drop_duplicates("patient")


def test_a_mix_of_classes_is_exact(model: Path, cli: Cli) -> None:
    out = model.parent / "balanced"
    made = cli(
        "balance", model, "--column", "sex", "--mix", "F=.8,M=.2", "--units", 500, "--seed", 3, "--out", out, "--json"
    )
    counts = patients(read(out))["sex"].value_counts()
    assert (counts["F"], counts["M"]) == (400, 100)
    assert made.json["unbalanced_pair_agreement"] > made.json["pair_agreement"], "another mix costs agreement"
    assert made.json["cost"] == pytest.approx(made.json["unbalanced_pair_agreement"] - made.json["pair_agreement"])


def test_units_of_mixed_classes_stand_in_no_order(model: Path, cli: Cli) -> None:
    out = model.parent / "balanced"
    cli("balance", model, "--column", "sex", "--mix", "F=.5,M=.5", "--units", 400, "--seed", 3, "--out", out)
    half = patients(read(out))["sex"].iloc[:200]
    assert 70 < (half == "F").sum() < 130


def test_an_equal_rate_holds_in_every_group(clinic: Clinic, cli: Cli) -> None:
    flat(clinic)
    cli("fit", clinic.config, "--out", clinic.folder / "model")
    out = clinic.folder / "fair"
    made = cli(
        "balance", clinic.folder / "model", "--equal-rate", "smoker=true", "--across", "sex", "--units", 3000,
        "--seed", 1, "--out", out, "--json",
    )  # fmt: skip
    frame = read(out)
    rates = frame["smoker"].groupby(frame["sex"]).mean()
    assert abs(rates["F"] - rates["M"]) < 0.01
    before = {group: first for group, (first, _) in made.json["rates"].items()}
    assert abs(before["M"] - before["F"]) > 0.05, "the model had learned that the groups differ"
    # A model of some hundred rows is as far from them as equal rates are: the cost is told, not its sign.
    assert made.json["cost"] == pytest.approx(made.json["unbalanced_pair_agreement"] - made.json["pair_agreement"])


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--column", "sex", "--mix", "F=.5,X=.5"], ["gives 'sex' no value 'X'", "F, M"]),
        (["--column", "sex", "--mix", "F=.5,M=.6"], ["with the sum 1"]),
        (["--column", "smoker", "--mix", "true=.5,false=.5"], ["a value a row", "of the unit"]),
        (["--column", "age", "--mix", "40=1"], ["is integer", "classes"]),
        (["--column", "nothing", "--mix", "a=1"], ["no column 'nothing'", "the columns are"]),
        (["--column", "sex"], ["give --column and --mix, or --equal-rate and --across"]),
        (["--equal-rate", "sex", "--across", "sex"], ["write COLUMN=VALUE"]),
    ],
)
def test_a_mix_that_cannot_be_is_refused(model: Path, cli: Cli, options: list[str], said: list[str]) -> None:
    cli("balance", model, *options, "--out", model.parent / "out").assert_refused(*said)
    assert not (model.parent / "out").exists()


def test_gaps_are_filled_several_times_and_what_is_there_stays(model: Path, clinic: Clinic, cli: Cli) -> None:
    frame = pd.read_csv(clinic.records).head(60)
    gaps = frame[["patient", "visit", "age", "sex", "weight", "day", "smoker"]].copy()
    firsts = ~gaps["patient"].duplicated()
    gaps.loc[gaps["patient"].isin(gaps.loc[firsts, "patient"].iloc[::3]), "sex"] = None
    gaps["smoker"] = gaps["smoker"].astype(object)
    gaps.loc[1, "weight"] = 249.9  # heavier than anyone that the model knows
    gaps.loc[gaps.index[::4], "smoker"] = None
    gaps.to_csv(clinic.folder / "gaps.csv", index=False)
    out = clinic.folder / "completed"
    done = cli("complete", model, "--records", clinic.folder / "gaps.csv", "--times", 2, "--seed", 1, "--out", out)
    assert done.code == 0, done.err
    one, two = (read(out / "internal" / number) for number in ("1", "2"))
    assert (out / "internal").stat().st_mode & 0o077 == 0
    for made in (one, two):
        assert made[["sex", "weight", "smoker"]].notna().all(axis=None)
        kept = gaps["sex"].notna().to_numpy()
        assert (made["sex"].to_numpy()[kept] == gaps["sex"].to_numpy()[kept]).all()
        assert made["weight"].iloc[1] == 249.9
        assert (made["visit"].to_numpy() == gaps["visit"].to_numpy()).all()
    assert not one.equals(two)


def fuse(cli: Cli, clinic: Clinic, model: Path, *options: object) -> tuple[pd.DataFrame, pd.DataFrame]:
    out = clinic.folder / "fused"
    made = cli("fuse", clinic.config, model, "--out", out, "--json", *options)
    assert made.code == 0, made.err
    assert made.json["internal"] is True
    assert (out / "internal").stat().st_mode & 0o077 == 0
    return read(out / "internal" / "train"), read(out / "internal" / "test")


def test_a_rare_class_is_filled_up_and_the_test_set_stays_real(model: Path, clinic: Clinic, cli: Cli) -> None:
    train, test = fuse(cli, clinic, model, "--column", "sex", "--mix", "F=.7,M=.3")
    real = pd.read_csv(clinic.records)
    shares = patients(train)["sex"].value_counts(normalize=True)
    assert shares["F"] == pytest.approx(0.7, abs=0.005)
    assert set(test["provenance"]) == {"real"}
    kept = train[train["provenance"] == "real"]
    assert set(kept["patient"]) | set(test["patient"]) == set(real["patient"]), "all real units are in one of them"
    assert not set(kept["patient"]) & set(test["patient"])
    made = train[train["provenance"] == "synthetic"]
    assert len(made)
    assert not set(made["patient"]) & set(real["patient"])
    assert set(patients(made)["sex"]) == {"F"}, "as few units are added as the mix needs"


def test_variants_keep_their_class_and_stay_near_their_row(clinic: Clinic, cli: Cli) -> None:
    flat(clinic)
    model = clinic.folder / "model"
    cli("fit", clinic.config, "--out", model)
    options = ["--column", "sex", "--mix", "F=.5,M=.5", "--augment", 2, "--redrawn", 0.2]
    train, _ = fuse(cli, clinic, model, *options)
    counts = train["provenance"].value_counts()
    assert counts["augmented"] == 2 * counts["real"]
    real = train[train["provenance"] == "real"]
    variants = train[train["provenance"] == "augmented"]
    assert (variants["sex"] == "F").mean() == pytest.approx((real["sex"] == "F").mean())
    assert variants["day"].isin(set(real["day"])).mean() > 0.7
    values = ["age", "weight", "day", "smoker"]
    known = set(real[values].itertuples(index=False, name=None))
    repeated = sum(row in known for row in variants[values].itertuples(index=False, name=None))
    assert repeated < len(variants), "some values are drawn anew"


def test_a_model_of_another_source_is_refused(model: Path, clinic: Clinic, cli: Cli) -> None:
    clinic.configure(source={"id": "another", "path": "visits.csv"})
    refused = cli(
        "fuse", clinic.config, model, "--column", "sex", "--mix", "F=.5,M=.5", "--out", clinic.folder / "fused"
    )
    refused.assert_refused("fitted to source 'clinic'", "'another'")
    assert not (clinic.folder / "fused").exists()


@pytest.mark.parametrize(
    ("have", "mix", "added"),
    [
        ({"a": 90, "b": 10}, {"a": 0.5, "b": 0.5}, {"a": 0, "b": 80}),
        ({"a": 98, "b": 2}, {"a": 0.8, "b": 0.2}, {"a": 0, "b": 22}),
        ({"a": 50, "b": 50}, {"a": 0.5, "b": 0.5}, {"a": 0, "b": 0}),
        ({"a": 10}, {"a": 0.25, "b": 0.5, "c": 0.25}, {"a": 0, "b": 20, "c": 10}),
    ],
)
def test_as_few_units_are_added_as_the_mix_needs(have, mix, added) -> None:
    assert fill_counts(have, mix) == added


def test_a_class_that_is_there_must_have_a_share() -> None:
    with pytest.raises(ConfigurationError, match="gives 'b' no share, and 10 real units have it"):
        fill_counts({"a": 90, "b": 10}, {"a": 1.0})

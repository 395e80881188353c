"""A model that goes on learning on the records of another site, or of a newer batch."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from tests.domains.cli.clinic import Cli, Clinic, visits


@pytest.fixture
def model(clinic: Clinic, cli: Cli) -> Path:
    """A model of the clinic's patients."""
    clinic.configure(engine={"default": {"epochs": 60, "hidden": 8, "embedding": 4}})
    folder = clinic.folder / "model"
    assert cli("fit", clinic.config, "--out", folder).code == 0
    return folder


def older(clinic: Clinic) -> None:
    """New records: the patients are old, and nearly all smoke."""
    frame = pd.DataFrame([line.split(",") for line in visits(200, seed=9)[1:]], columns=visits(1)[0].split(","))
    frame["age"] = "85"
    frame["smoker"] = "true"
    clinic.write_lines([visits(1)[0], *(",".join(row) for row in frame.itertuples(index=False))])


def smokers(cli: Cli, model: Path) -> float:
    out = model.parent / f"{model.name}-sample"
    assert cli("sample", model, "--units", 400, "--seed", 1, "--out", out).code == 0
    return float(pd.read_csv(out / "visits.csv")["smoker"].mean())


def test_a_model_learns_what_is_new_and_says_what_moved(model: Path, clinic: Clinic, cli: Cli) -> None:
    older(clinic)
    before = smokers(cli, model)
    made = cli("adapt", clinic.config, model, "--out", clinic.folder / "adapted", "--json")
    drift = made.json["drift"]
    assert {name for name, shift in drift.items() if shift["moved"]} == {"age", "smoker"}
    assert next(iter(drift)) in {"age", "smoker"}, "the furthest first"
    assert before < 0.5 < smokers(cli, clinic.folder / "adapted")


def test_a_model_stays_where_nothing_moved(clinic: Clinic, cli: Cli) -> None:
    # Many patients: each one's age stands in up to three rows, and chance is reckoned by rows.
    clinic.write_lines(visits(1000, seed=0))
    model = clinic.folder / "model"
    assert cli("fit", clinic.config, "--out", model).code == 0
    clinic.write_lines(visits(1000, seed=5))
    out = clinic.folder / "adapted"
    made = cli("adapt", clinic.config, model, "--only-if-moved", "--out", out)
    assert made.code == 0
    assert "the model stays as it is" in made.out
    assert not out.exists()


def test_codes_keep_their_meaning(model: Path, clinic: Clinic, cli: Cli) -> None:
    older(clinic)
    out = clinic.folder / "adapted"
    cli("adapt", clinic.config, model, "--out", out)
    first, second = ((folder / "tables/visits/codec.json").read_text() for folder in (model, out))
    assert first.split('"rows_per_unit"')[0] == second.split('"rows_per_unit"')[0]


def test_what_cannot_go_on_is_refused(model: Path, clinic: Clinic, cli: Cli) -> None:
    out = clinic.folder / "adapted"
    clinic.configure(engine={"default": {"hidden": 16, "embedding": 4}})
    cli("adapt", clinic.config, model, "--out", out).assert_refused("hidden 16 would make another network", "hidden: 8")
    clinic.configure(privacy={"epsilon": 2, "rows": 2, "cap": {"epsilon": 5}})
    cli("adapt", clinic.config, model, "--out", out).assert_refused("without a promise")
    clinic.configure()
    clinic.declare(lambda table: table["columns"].pop())
    cli("adapt", clinic.config, model, "--out", out).assert_refused("'smoker'", "same columns")
    assert not out.exists()

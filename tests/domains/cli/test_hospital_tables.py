"""A release of several tables from the command line, from a database to a database."""

from __future__ import annotations

import json
from pathlib import Path

import pandas as pd
import yaml

from domains.pipeline.publication import current
from shared.corpus.checks import dangling_keys
from shared.corpus.schema_file import read_schema
from shared.corpus.sources import read_source
from tests.domains.cli.clinic import Cli
from tests.domains.cli.test_release import LENIENT

ENGINE = {"default": {"epochs": 1, "hidden": 8, "embedding": 4}}


def test_a_hospital_goes_from_postgresql_through_a_release_and_back(cli: Cli, tmp_path: Path, postgres_url) -> None:
    hospital = tmp_path / "hospital"
    made = cli("simulate", "medical", "--units", 160, "--layout", "tables", "--seed", 2, "--out", hospital, "--json")
    assert made.code == 0, made.err
    assert set(made.json["rows"]) == {"patients", "encounters", "diagnoses"}
    schema = hospital / "schema.yaml"
    assert cli("copy", hospital, postgres_url, "--schema", schema).code == 0
    config = tmp_path / "config.yaml"
    content = {
        "source": {"id": "hospital", "path": "${HOSPITAL}"},
        "schema": "hospital/schema.yaml",
        "domain": "medical",
        "unit": "patient_id",
        "holdout": 0.4,
        "engine": ENGINE,
        "privacy": "none",
        "gate": {**LENIENT, "copies_above_holdout": 1.0},  # few columns: many patients are alike
        "tasks": [
            {"name": "readmission within 30 days", "table": "encounters", "target": "sex", "positive": ["Female"]}
        ],
        "seed": 4,
    }
    config.write_text(yaml.safe_dump(content).replace("${HOSPITAL}", postgres_url))
    released = cli("release", config, "--out", tmp_path / "out", "--json")
    assert released.code == 0, released.err
    folder = current(tmp_path / "out")
    assert folder is not None
    public = folder / "public"
    assert {path.name for path in public.glob("*.csv")} == {"patients.csv", "encounters.csv", "diagnoses.csv"}
    scores = json.loads((folder / "internal" / "scores.json").read_text())
    assert {score["table"] for score in scores["fidelity"]} == {"patients", "encounters", "diagnoses"}
    assert "encounters: pair agreement" in (folder / "internal" / "report.html").read_text()
    manifest = json.loads((public / "manifest.json").read_text())
    assert set(manifest["rows"]) == {"patients", "encounters", "diagnoses"}

    # Back into the database: over the real tables only when told so, and with keys that it checks itself.
    back = ("copy", public, postgres_url, "--schema", public / "schema.yaml")
    assert "exist already" in cli(*back).err
    assert cli(*back, "--replace", "--json").json["dangling"] == {}
    corpus = read_source(read_schema(public / "schema.yaml"), postgres_url)
    assert dangling_keys(corpus) == {}
    assert len(corpus.tables["encounters"]) == manifest["rows"]["encounters"]
    ages = corpus.tables["encounters"]["encounter_date"].dt.year - corpus.tables["encounters"]["patient_id"].map(
        corpus.tables["patients"].set_index("patient_id")["birth_year"]
    )
    assert (ages == corpus.tables["encounters"]["age"]).all(), "age follows from a column of another table"

    # The model itself draws into a database, too.
    drawn = cli(
        "sample",
        folder / "internal" / "model",
        "--units",
        50,
        "--out",
        postgres_url,
        "--replace",
        "--json",
        "--seed",
        1,
    )
    assert drawn.code == 0, drawn.err
    assert dangling_keys(read_source(read_schema(public / "schema.yaml"), postgres_url)) == {}


def test_conditions_on_several_tables_are_refused(cli: Cli, tmp_path: Path) -> None:
    config = tmp_path / "config.yaml"
    content = {
        "source": {"id": "hospital", "simulate": {"units": 100, "seed": 1, "layout": "tables"}},
        "domain": "medical",
        "unit": "patient_id",
        "holdout": 0.3,
        "engine": ENGINE,
        "privacy": "none",
    }
    config.write_text(yaml.safe_dump(content))
    fitted = cli("fit", config, "--out", tmp_path / "model", "--json")
    assert fitted.code == 0, fitted.err
    assert fitted.json["tables"] == ["patients", "encounters", "diagnoses"]
    cli("sample", tmp_path / "model", "--where", "sex = Female", "--out", tmp_path / "a").assert_refused(
        "the model has 3 tables"
    )
    again = [cli("sample", tmp_path / "model", "--units", 40, "--seed", 7, "--out", tmp_path / name) for name in "bc"]
    assert [outcome.code for outcome in again] == [0, 0]
    for name in ("patients", "encounters", "diagnoses"):
        first, second = (pd.read_csv(tmp_path / folder / f"{name}.csv") for folder in "bc")
        pd.testing.assert_frame_equal(first, second)


def test_a_layout_that_there_is_not_is_refused(cli: Cli, tmp_path: Path) -> None:
    refused = cli("simulate", "medical", "--units", 9, "--layout", "star", "--out", tmp_path / "a")
    refused.assert_refused("layout is 'star'; the simulated hospital has flat, tables")
    assert not (tmp_path / "a").exists()

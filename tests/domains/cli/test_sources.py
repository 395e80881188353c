"""Records from databases and to them, from the command line."""

from __future__ import annotations

import sqlite3
from itertools import pairwise
from pathlib import Path

import pandas as pd
import pytest
import yaml

from shared.corpus.schema_file import read_schema
from shared.corpus.sources import read_source
from tests.domains.cli.clinic import Cli, Clinic


def schema_of(clinic: Clinic) -> Path:
    return clinic.folder / "schema.yaml"


def test_a_corpus_goes_from_files_through_databases_and_back(clinic: Clinic, cli: Cli, tmp_path, postgres_url) -> None:
    places = [
        clinic.folder / "visits.csv",
        f"sqlite:///{tmp_path}/a.sqlite",
        postgres_url,
        f"duckdb:///{tmp_path}/a.db",
    ]
    places.append(tmp_path / "back")
    for source, target in pairwise(places):
        outcome = cli("copy", source, target, "--schema", schema_of(clinic), "--json")
        assert outcome.code == 0, outcome.err
        assert outcome.json["dangling"] == {}
    schema = read_schema(schema_of(clinic))
    pd.testing.assert_frame_equal(
        read_source(schema, tmp_path / "back").tables["visits"], read_source(schema, places[0]).tables["visits"]
    )


def test_a_copy_that_stands_already_is_refused_without_the_password(clinic: Clinic, cli: Cli, postgres_url) -> None:
    arguments = ("copy", clinic.folder / "visits.csv", postgres_url, "--schema", schema_of(clinic))
    first = cli(*arguments)
    assert first.code == 0
    again = cli(*arguments)
    assert again.code == 2
    assert "table 'visits' exists already" in again.err
    assert cli(*arguments, "--replace").code == 0
    password = postgres_url.split(":")[2].split("@")[0]
    assert password not in first.out + first.err + again.out + again.err


def test_keys_that_point_nowhere_are_reported(cli: Cli, tmp_path: Path) -> None:
    (tmp_path / "patients.csv").write_text("id\np1\n")
    (tmp_path / "visits.csv").write_text("patient\np1\np2\n")
    schema = tmp_path / "schema.yaml"
    patients = {"name": "patients", "primary_key": "id", "columns": [{"name": "id", "kind": "identifier"}]}
    visits = {
        "name": "visits",
        "foreign_keys": [{"column": "patient", "table": "patients"}],
        "columns": [{"name": "patient", "kind": "identifier"}],
    }
    schema.write_text(yaml.dump({"name": "h", "tables": [visits, patients]}))
    outcome = cli("copy", tmp_path, tmp_path / "out", "--schema", schema)
    assert outcome.code == 0
    assert "warning: 1 rows of visits.patient point to a key that the other table lacks" in outcome.out
    refused = cli("copy", tmp_path, f"sqlite:///{tmp_path}/a.sqlite", "--schema", schema)
    assert refused.code == 2
    assert "points to a key that table 'patients' lacks; nothing was written" in refused.err
    assert not (tmp_path / "a.sqlite").exists()


def test_a_model_learns_from_a_database_and_samples_into_one(clinic: Clinic, cli: Cli, tmp_path: Path) -> None:
    database = clinic.folder / "records.sqlite"
    assert cli("copy", clinic.folder / "visits.csv", f"sqlite:///{database}", "--schema", schema_of(clinic)).code == 0
    assert cli("fit", clinic.config, "--out", tmp_path / "from-file").code == 0
    clinic.configure(source={"id": "clinic", "path": "sqlite:///records.sqlite"})
    outcome = cli("fit", clinic.config, "--out", tmp_path / "model")
    assert outcome.code == 0, outcome.err
    weights = [next((tmp_path / name).rglob("*.safetensors")).read_bytes() for name in ("model", "from-file")]
    assert weights[0] == weights[1]
    target = f"sqlite:///{tmp_path}/synthetic.sqlite"
    sampled = cli("sample", tmp_path / "model", "--units", 30, "--seed", 1, "--out", target, "--json")
    assert sampled.code == 0, sampled.err
    with sqlite3.connect(tmp_path / "synthetic.sqlite") as connection:
        assert connection.execute("SELECT count(*) FROM visits").fetchone()[0] == sampled.json["rows"]["visits"]
    again = cli("sample", tmp_path / "model", "--units", 30, "--out", target)
    assert (again.code, "exists already" in again.err) == (2, True)


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("postgresql://u:opensesame@127.0.0.1:1/d", "check host, port and database"),
        ("postgresql://u:opensesame@h:port/d", "cannot be read; write postgresql://user:password@host:port/database"),
        ("memory://none/records", "there is nothing at this URL; check it"),
        ("s3://key:opensesame@bucket/records", "carries credentials; take them out"),
        ("nosuch://bucket/records", "the protocol 'nosuch' is not known"),
        ("sqlite:///none.sqlite", "there is no such database file"),
        ("postgresql://u:${NO_SUCH_VARIABLE}@h/d", "the environment has no NO_SUCH_VARIABLE"),
    ],
)
def test_a_source_that_cannot_be_read_ends_with_one_line(clinic: Clinic, cli: Cli, tmp_path, path, message) -> None:
    clinic.configure(source={"id": "clinic", "path": path})
    outcome = cli("fit", clinic.config, "--out", tmp_path / "model")
    assert outcome.code == 2
    assert message in outcome.err
    assert "opensesame" not in outcome.err
    assert outcome.err.count("\n") == 1


def test_corpora_in_databases_are_evaluated(clinic: Clinic, cli: Cli, tmp_path: Path) -> None:
    database = f"sqlite:///{tmp_path}/records.sqlite"
    assert cli("copy", clinic.folder / "visits.csv", database, "--schema", schema_of(clinic)).code == 0
    outcome = cli(
        "evaluate", "--schema", schema_of(clinic), "--unit", "patient", "--train", database, "--holdout", database,
        "--synthetic", clinic.folder / "visits.csv", "--out", tmp_path / "evaluation",
    )  # fmt: skip
    assert outcome.code == 0, outcome.err


def test_a_schema_is_drafted_from_a_database(clinic: Clinic, cli: Cli, tmp_path: Path) -> None:
    database = f"sqlite:///{tmp_path}/records.sqlite"
    assert cli("copy", clinic.folder / "visits.csv", database, "--schema", schema_of(clinic)).code == 0
    outcome = cli("schema", "infer", database, "--out", tmp_path / "draft.yaml", "--json")
    assert (outcome.code, outcome.json["learned"]) == (0, 0)
    assert cli("copy", database, tmp_path / "out", "--schema", tmp_path / "draft.yaml").code == 0
    both = cli("schema", "infer", database, clinic.folder / "visits.csv", "--out", tmp_path / "b.yaml")
    assert (both.code, "give files, or the URL of one database" in both.err) == (2, True)

"""``simulacra deidentify`` on two tables with a note each."""

from __future__ import annotations

import csv
import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tests.domains.cli.clinic import Cli

SCHEMA = """\
name: ward
tables:
- name: patients
  primary_key: pid
  columns:
  - {name: pid, kind: identifier, pattern: P999}
  - {name: who, kind: categorical, categories: [Maria Lopez, John Smith]}
  - {name: age, kind: integer}
  - {name: born, kind: date, low: '1920-05-01', high: '2000-12-31'}
- name: notes
  foreign_keys: [{column: pid, table: patients}]
  columns:
  - {name: pid, kind: identifier}
  - {name: note, kind: text}
"""
PATIENTS = [["P001", "Maria Lopez", "93", "1920-06-02"], ["P002", "John Smith", "40", "1980-01-05"]]
NOTES = [["P001", "Saw Maria Lopez on 03/04/2020."], ["P001", "Call 415-230-8834."], ["P002", "Call 415-230-8834."]]
ALL = ("--column", "patients.who=name", "--column", "patients.age=age")


@pytest.fixture
def ward(tmp_path: Path) -> Path:
    folder = tmp_path / "ward"
    folder.mkdir()
    (tmp_path / "schema.yaml").write_text(SCHEMA)
    for name, head, rows in (("patients", ["pid", "who", "age", "born"], PATIENTS), ("notes", ["pid", "note"], NOTES)):
        with (folder / f"{name}.csv").open("w", newline="") as file:
            csv.writer(file).writerows([head, *rows])
    return folder


def run(cli: Cli, ward: Path, *more: object) -> tuple[Path, dict[str, object]]:
    out = ward.parent / "out"
    outcome = cli("deidentify", ward, "--schema", ward.parent / "schema.yaml", "--out", out, "--json", *more)
    assert outcome.code == 0, outcome.err
    return out, json.loads(outcome.out)


def rows(out: Path, table: str) -> list[dict[str, str]]:
    with (out / f"{table}.csv").open() as file:
        return list(csv.DictReader(file))


def test_text_keys_dates_ages_and_declared_columns_lose_their_identifiers(cli: Cli, ward: Path) -> None:
    out, said = run(cli, ward, *ALL)
    everything = (
        (out / "patients.csv").read_text() + (out / "notes.csv").read_text() + (out / "schema.yaml").read_text()
    )
    for secret in ("P001", "Maria", "Lopez", "Smith", "93,", "06-02", "03/04", "230-8834"):
        assert secret not in everything
    patients, notes = rows(out, "patients"), rows(out, "notes")
    assert [(row["age"], row["born"]) for row in patients] == [
        ("90", f"{datetime.now(UTC).year - 90}-01-01"),
        ("40", "1980-01-01"),
    ]
    assert [row["pid"] for row in notes] == [patients[0]["pid"]] * 2 + [patients[1]["pid"]]
    assert patients[0]["who"] in notes[0]["note"]  # one person in both tables
    assert str(said["standard"]).startswith("the rules of Safe Harbor")
    assert said["found"]["notes.note"] == {"name": 1, "date": 1, "phone": 2}  # type: ignore[index]


def test_the_report_is_its_owners_alone_and_counts(cli: Cli, ward: Path) -> None:
    out, said = run(cli, ward, *ALL)
    report = json.loads((out / "deidentification-log" / "report.json").read_text())
    assert report["found"] == said["found"]
    assert out.stat().st_mode & 0o777 == 0o700
    assert "cleaning: declared" in (out / "schema.yaml").read_text()


def test_columns_that_nobody_spoke_of_and_shifted_dates_are_not_safe_harbor(cli: Cli, ward: Path) -> None:
    _, said = run(cli, ward)
    assert said["standard"] == (
        "not Safe Harbor: nobody said what patients.who, patients.age hold; declare them with --column"
    )
    (ward.parent / "out").rename(ward.parent / "first")
    out, said = run(cli, ward, *ALL, "--dates", "shifted")
    assert said["standard"] == "not Safe Harbor: dates are shifted, not cut to years"
    assert rows(out, "patients")[0]["born"] != "1920-06-02"


@pytest.mark.parametrize(
    ("more", "message"),
    [
        (("--column", "who=name"), "write TABLE.COLUMN=KIND"),
        (("--column", "patients.who=person"), "the kind can be name, street"),
        (("--column", "patients.age=name"), "the schema says integer"),
        (("--column", "patients.pid=record"), "keys and units are renamed alike"),
        (("--dates", "none"), "it can be years or shifted"),
    ],
)
def test_what_cannot_be_is_refused(cli: Cli, ward: Path, more: tuple[str, ...], message: str) -> None:
    outcome = cli("deidentify", ward, "--schema", ward.parent / "schema.yaml", "--out", ward.parent / "out", *more)
    assert outcome.code == 2
    assert message in outcome.err

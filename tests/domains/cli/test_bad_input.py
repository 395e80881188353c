"""Bad input: one line, exit code 2, and nothing half-written."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.domains.cli.clinic import HEADER, Cli, Clinic, visits

Spoil = Callable[[list[str]], list[str]]


def edited(row: int, column: str, value: str) -> Spoil:
    """Records with one value changed; rows count from 1, the header is row 0."""

    def spoil(lines: list[str]) -> list[str]:
        cells = lines[row].split(",")
        cells[HEADER.split(",").index(column)] = value
        return [*lines[:row], ",".join(cells), *lines[row + 1 :]]

    return spoil


def without_column(lines: list[str]) -> list[str]:
    return [line.rpartition(",")[0] for line in lines]


def with_column(lines: list[str]) -> list[str]:
    return [f"{line},{'extra' if line == HEADER else 'x'}" for line in lines]


SPOILED: dict[str, tuple[Spoil, tuple[str, ...]]] = {
    "wrong delimiter": (lambda lines: [line.replace(",", ";") for line in lines], ("delimiter ';' fits",)),
    "a column too few": (without_column, ("lacks column 'smoker' of the schema",)),
    "a column too many": (with_column, ("has column 'extra' that the schema lacks",)),
    "mixed types": (edited(3, "age", "forty"), ("row 3", "'age'", "forty")),
    "a duplicate primary key": (edited(2, "visit", "V0000001"), ("row 2", "'visit'", "primary key must be different")),
    "an empty table": (lambda lines: lines[:1], ("no rows",)),
    "an empty file": (lambda lines: [], ("visits.csv",)),
    "one row": (lambda lines: lines[:2], ("'clinic'", "at least 20 are needed")),
    "ragged rows": (lambda lines: [*lines[:4], lines[4] + ",9", *lines[5:]], ("row 4",)),
    "a real that is NaN": (edited(5, "weight", "NaN"), ("row 5", "'weight'")),
    "infinity": (edited(6, "weight", "inf"), ("row 6", "'weight'", "inf")),
    "an integer that is NaN": (edited(5, "age", "nan"), ("row 5", "'age'")),
    "a date that does not exist": (edited(7, "day", "2021-02-30"), ("row 7", "'day'", "2021-02-30")),
    "a date beyond its bound": (
        edited(7, "day", "2031-01-01"),
        ("row 7", "'day'", "above the declared high 2023-12-31"),
    ),
    "a date beyond all calendars": (edited(7, "day", "99999-01-01"), ("row 7", "'day'", "99999-01-01")),
    "a number beyond its bound": (edited(8, "age", "130"), ("row 8", "'age'", "130 is above the declared high 110")),
    "an undeclared category": (edited(9, "sex", "X"), ("row 9", "'sex'", "X")),
    "a row without its unit": (edited(4, "patient", ""), ("row 4", "'patient'", "missing")),
    "a boolean that is none": (edited(4, "smoker", "maybe"), ("row 4", "'smoker'", "maybe")),
}


@pytest.mark.parametrize("fault", SPOILED)
def test_records_that_cannot_be_used(fault: str, clinic: Clinic, cli: Cli) -> None:
    spoil, parts = SPOILED[fault]
    clinic.write_lines(spoil(clinic.lines))
    before = clinic.left()
    cli("fit", clinic.config, "--out", clinic.folder / "model").assert_refused(*parts)
    assert clinic.left() == before


def test_a_release_of_bad_records_leaves_nothing(clinic: Clinic, cli: Cli) -> None:
    clinic.write_lines(edited(3, "age", "forty")(clinic.lines))
    before = clinic.left()
    cli("release", clinic.config, "--out", clinic.folder / "deep" / "out").assert_refused("'age'", "forty")
    assert clinic.left() == before


def test_a_missing_file(clinic: Clinic, cli: Cli) -> None:
    clinic.configure(source={"id": "clinic", "path": "absent.csv"})
    cli("fit", clinic.config, "--out", clinic.folder / "model").assert_refused(
        "source.path is 'absent.csv'; there is no file", "config.yaml"
    )


def test_a_missing_configuration(clinic: Clinic, cli: Cli) -> None:
    cli("fit", clinic.folder / "absent.yaml", "--out", clinic.folder / "model").assert_refused(
        "absent.yaml: there is no such configuration file"
    )


def test_a_file_that_is_not_utf8(clinic: Clinic, cli: Cli) -> None:
    clinic.records.write_bytes(clinic.records.read_bytes().replace(b",F,", b",\xe9,", 1))
    cli("fit", clinic.config, "--out", clinic.folder / "model").assert_refused("visits.csv", "utf-8")


def test_a_damaged_archive(clinic: Clinic, cli: Cli) -> None:
    (clinic.folder / "visits.csv.gz").write_bytes(b"\x1f\x8b\x08\x00 this is no gzip")
    clinic.configure(source={"id": "clinic", "path": "visits.csv.gz"})
    cli("fit", clinic.config, "--out", clinic.folder / "model").assert_refused("visits.csv.gz")


@pytest.mark.parametrize(
    ("privacy", "message"),
    [
        ({"epsilon": 0, "rows": 1}, "privacy.epsilon is 0; it must be greater than 0"),
        ({"epsilon": -1, "rows": 1}, "privacy.epsilon is -1; it must be greater than 0"),
        ({"epsilon": 1, "delta": 1, "rows": 1}, "privacy.delta is 1; it must be less than 1"),
        ({"epsilon": 1, "delta": 1.5, "rows": 1}, "privacy.delta is 1.5; it must be less than 1"),
    ],
)
def test_a_promise_that_is_none(privacy: dict[str, Any], message: str, clinic: Clinic, cli: Cli, ledger: Path) -> None:
    clinic.configure(privacy=privacy)
    cli("release", clinic.config, "--out", clinic.folder / "out").assert_refused(message)
    assert not (clinic.folder / "out").exists()
    assert not ledger.exists()


def test_a_unit_that_is_no_column(clinic: Clinic, cli: Cli) -> None:
    clinic.configure(unit="person")
    cli("fit", clinic.config, "--out", clinic.folder / "model").assert_refused(
        "unit is 'person'; it must be 'row' or a column: visit, patient, age"
    )


def test_a_unit_that_contradicts_the_schema(clinic: Clinic, cli: Cli) -> None:
    clinic.configure(unit="row")
    cli("fit", clinic.config, "--out", clinic.folder / "model").assert_refused(
        "unit is 'row', but the schema says that rows belong to 'patient'"
    )


def test_a_schema_with_a_mistake(clinic: Clinic, cli: Cli) -> None:
    clinic.declare(lambda table: table["columns"][2].update(kind="number"))
    cli("fit", clinic.config, "--out", clinic.folder / "model").assert_refused("schema.yaml", "kind")


def test_a_schema_with_several_tables(clinic: Clinic, cli: Cli) -> None:
    text = (clinic.folder / "schema.yaml").read_text()
    (clinic.folder / "schema.yaml").write_text(text + "- name: notes\n  columns: [{name: note, kind: categorical}]\n")
    cli("fit", clinic.config, "--out", clinic.folder / "model").assert_refused(
        "exactly one, that of the units, has no foreign key; here it is visits, notes"
    )


def test_a_task_about_a_column_that_is_not_there(clinic: Clinic, cli: Cli) -> None:
    clinic.configure(tasks=[{"name": "smoking", "target": "smokes"}])
    cli("release", clinic.config, "--out", clinic.folder / "out").assert_refused("tasks.0.target has 'smokes'")


def test_an_unknown_domain(clinic: Clinic, cli: Cli) -> None:
    clinic.configure(domain="astrology")
    cli("fit", clinic.config, "--out", clinic.folder / "model").assert_refused(
        "there is no domain 'astrology'", "plain"
    )


@pytest.mark.parametrize("command", ["fit", "release"])
def test_an_output_folder_that_exists(command: str, clinic: Clinic, cli: Cli, ledger: Path) -> None:
    clinic.configure(privacy={"epsilon": 3, "rows": 1})
    target = clinic.folder / "taken"
    target.mkdir()
    (target / "precious.txt").write_text("keep me")
    cli(command, clinic.config, "--out", target).assert_refused("taken", "exists")
    assert [path.name for path in target.iterdir()] == ["precious.txt"]
    assert not ledger.exists(), "budget was reserved for a run that could not begin"


def test_no_units_left_for_the_holdout(clinic: Clinic, cli: Cli) -> None:
    clinic.write_lines(visits(30))
    cli("fit", clinic.config, "--out", clinic.folder / "model").assert_refused(
        "source 'clinic' leaves", "at least 20 are needed"
    )


def test_a_holdout_that_was_trained_on(clinic: Clinic, cli: Cli) -> None:
    (clinic.folder / "held.csv").write_text(clinic.records.read_text())
    clinic.configure(holdout={"path": "held.csv"})
    cli("fit", clinic.config, "--out", clinic.folder / "model").assert_refused(
        "stand in source.path and in holdout.path"
    )


def test_a_private_run_of_what_is_not_declared(clinic: Clinic, cli: Cli, ledger: Path) -> None:
    clinic.declare(lambda table: table["columns"][4].pop("high"))
    clinic.configure(privacy={"epsilon": 3, "rows": 1})
    cli("fit", clinic.config, "--out", clinic.folder / "model").assert_refused("'weight'", "declare high")
    assert not ledger.exists()


@pytest.mark.parametrize("value", ["7", ""])
def test_a_column_that_is_constant_or_missing_throughout_is_modelled(value: str, clinic: Clinic, cli: Cli) -> None:
    lines = clinic.lines
    for row in range(1, len(lines)):
        lines = edited(row, "age", value)(edited(row, "smoker", "true" if value else "")(lines))
    clinic.write_lines(lines)
    assert cli("fit", clinic.config, "--out", clinic.folder / "model").code == 0
    given = ["sample", clinic.folder / "model", "--units", 100, "--seed", 1]
    assert cli(*given, "--out", clinic.folder / "synthetic").code == 0
    made = [line.split(",") for line in (clinic.folder / "synthetic" / "visits.csv").read_text().splitlines()[1:]]
    assert {row[2] for row in made} == {value}
    # The other value of a boolean is declared by its kind, so a model may think it rare and not impossible.
    assert sum(row[6] == ("true" if value else "") for row in made) > 0.95 * len(made)


def test_an_option_that_is_not_known(clinic: Clinic, cli: Cli) -> None:
    cli("fit", clinic.config, "--output", "x").assert_refused("--output", "see 'simulacra fit --help'")


def test_an_option_that_is_missing(clinic: Clinic, cli: Cli) -> None:
    cli("fit", clinic.config).assert_refused("--out", "see 'simulacra fit --help'")


def test_a_command_that_is_not_known(cli: Cli) -> None:
    cli("summon").assert_refused("summon", "see 'simulacra --help'")


@pytest.mark.parametrize("units", ["0", "-5", "many"])
def test_a_number_of_units_that_is_none(units: str, cli: Cli, tmp_path: Path) -> None:
    cli("simulate", "medical", "--units", units, "--out", tmp_path / "x").assert_refused("--units")


def test_a_model_that_is_none(cli: Cli, tmp_path: Path) -> None:
    cli("sample", tmp_path, "--units", 5, "--out", tmp_path / "x").assert_refused("holds no model")
    assert not (tmp_path / "x").exists()

"""``simulacra clean``: a plan first, then what the edited plan says."""

from __future__ import annotations

import csv
from pathlib import Path

import yaml

from domains.pipeline.config import read_config
from domains.pipeline.declaring import declare
from tests.domains.cli.clinic import Cli, Clinic


def spoil(clinic: Clinic) -> None:
    """Four spoilt cells, and a row that stands twice."""
    lines = clinic.lines
    fields = [line.split(",") for line in lines]
    fields[5][3] = " " + fields[5][3].lower()
    fields[9][2] = "-4"
    fields[12][4] = "heavy"
    fields[20][6] = " TRUE"
    clinic.write_lines([",".join(row) for row in [*fields, fields[7]]])


def clean(clinic: Clinic, cli: Cli, *more: object):  # type: ignore[no-untyped-def]
    return cli("clean", clinic.records, "--schema", clinic.folder / "schema.yaml", *more)


def planned(clinic: Clinic, cli: Cli) -> Path:
    plan = clinic.folder / "plan"
    outcome = clean(clinic, cli, "--out", plan)
    assert outcome.code == 0, outcome.err
    assert outcome.out.count("\n") == 1
    return plan


def log(folder: Path) -> list[dict[str, str]]:
    with (folder / "cleaning-log" / "changes.csv").open() as file:
        return list(csv.DictReader(file))


def test_a_plan_says_what_would_change_and_changes_nothing(clinic: Clinic, cli: Cli) -> None:
    spoil(clinic)
    before = clinic.records.read_bytes()
    plan = planned(clinic, cli)
    assert {path.name for path in plan.iterdir()} == {"plan.yaml", "report.html"}
    assert clinic.records.read_bytes() == before
    steps = yaml.safe_load((plan / "plan.yaml").read_text())["steps"]
    assert [(step["rule"], step.get("column"), step["count"]) for step in steps] == [
        ("number format", "smoker", 1),
        ("spelling", "sex", 1),
        ("impossible value", "weight", 1),
        ("impossible value", "age", 1),
        ("duplicate row", None, 1),
    ]
    page = (plan / "report.html").read_text()
    assert "nothing has been changed" in page
    assert "Internal" in page
    assert "“heavy” → missing" in page


def test_a_plan_that_is_carried_out_gives_a_corpus_and_a_log(clinic: Clinic, cli: Cli) -> None:
    spoil(clinic)
    plan = planned(clinic, cli)
    outcome = clean(clinic, cli, "--apply", plan, "--out", clinic.folder / "out", "--json")
    assert outcome.json["changes"] == {
        "number format": 1, "spelling": 1, "impossible value": 2, "duplicate row": 1,
    }  # fmt: skip
    assert outcome.json["learned"] is False
    rows = [(entry["row"], entry["column"], entry["old"], entry["new"]) for entry in log(clinic.folder / "out")]
    assert ("12", "weight", "heavy", "") in rows
    assert (str(len(clinic.lines) - 1), "", "", "") in rows
    clinic.configure(source={"id": "clinic", "path": "out"}, schema="out/schema.yaml")
    assert cli("fit", clinic.config, "--out", clinic.folder / "model").code == 0
    again = clean(clinic, cli, "--out", clinic.folder / "again", "--json")
    assert again.json["steps"]  # the source itself is as it was


def test_the_edited_plan_is_what_is_done(clinic: Clinic, cli: Cli) -> None:
    spoil(clinic)
    plan = planned(clinic, cli)
    content = yaml.safe_load((plan / "plan.yaml").read_text())
    for step in content["steps"]:
        step["enabled"] = step["rule"] != "duplicate row" and step.get("column") != "sex"
        if step["rule"] == "number format":
            step["action"]["values"] = {" TRUE": "false"}
    clean_schema = clinic.folder / "schema.yaml"
    (plan / "plan.yaml").write_text(yaml.safe_dump(content))
    assert clean(clinic, cli, "--apply", plan / "plan.yaml", "--out", clinic.folder / "out").code == 0
    changed = {entry["column"]: entry["new"] for entry in log(clinic.folder / "out")}
    assert changed == {"smoker": "false", "weight": "", "age": ""}
    assert clean_schema.exists()


def test_a_plan_of_other_records_is_refused(clinic: Clinic, cli: Cli) -> None:
    spoil(clinic)
    plan = planned(clinic, cli)
    clinic.write_lines(clinic.lines[:-2])
    clean(clinic, cli, "--apply", plan, "--out", clinic.folder / "out").assert_refused("made from other records")
    assert not (clinic.folder / "out").exists()


def test_what_is_no_plan_is_refused(clinic: Clinic, cli: Cli) -> None:
    spoil(clinic)
    plan = planned(clinic, cli)
    content = yaml.safe_load((plan / "plan.yaml").read_text())
    content["steps"][0]["column"] = "height"
    (plan / "plan.yaml").write_text(yaml.safe_dump(content))
    clean(clinic, cli, "--apply", plan, "--out", clinic.folder / "out").assert_refused("steps.0.column", "'height'")
    content["steps"][0]["action"]["kind"] = "guess"
    (plan / "plan.yaml").write_text(yaml.safe_dump(content))
    clean(clinic, cli, "--apply", plan, "--out", clinic.folder / "out").assert_refused("plan.yaml", "steps.0.action")


def test_a_cell_that_stays_unreadable_is_named(clinic: Clinic, cli: Cli) -> None:
    spoil(clinic)
    plan = planned(clinic, cli)
    content = yaml.safe_load((plan / "plan.yaml").read_text())
    for step in content["steps"]:
        step["enabled"] = False
    (plan / "plan.yaml").write_text(yaml.safe_dump(content))
    clean(clinic, cli, "--apply", plan, "--out", clinic.folder / "out").assert_refused("row 12", "'weight'", "'heavy'")


def test_a_private_run_refuses_records_that_learned_rules_cleaned(clinic: Clinic, cli: Cli) -> None:
    fields = [line.split(",") for line in clinic.lines]
    for row in fields[1::7]:
        row[5] = "/".join(reversed(row[5].split("-")))
    fields[1][5] = "25/12/2021"
    clinic.write_lines([",".join(row) for row in fields])
    plan = planned(clinic, cli)
    outcome = clean(clinic, cli, "--apply", plan, "--out", clinic.folder / "out", "--json")
    assert outcome.json["learned"] is True
    promise = {"epsilon": 3, "rows": 2, "steps": 5, "batch_units": 40, "cap": {"epsilon": 3}}
    source = {"id": "clinic", "path": "out"}
    # By the mark in the folder, and by the schema alone where the table was copied elsewhere.
    clinic.configure(source=source, privacy=promise)
    cli("fit", clinic.config, "--out", clinic.folder / "model").assert_refused("date format", "learned_cleaning")
    (clinic.folder / "copy.csv").write_bytes((clinic.folder / "out" / "visits.csv").read_bytes())
    clinic.configure(source={"id": "clinic", "path": "copy.csv"}, schema="out/schema.yaml", privacy=promise)
    cli("fit", clinic.config, "--out", clinic.folder / "model").assert_refused("learned_cleaning: accepted")
    clinic.configure(source={**source, "learned_cleaning": "accepted"}, privacy=promise)
    declare(read_config(clinic.config))

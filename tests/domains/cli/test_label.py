"""``simulacra clean --label``: rules, a model with calibrated confidence, and rows left alone."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import yaml

from domains.pipeline.cleaning_marker import learned_rules
from shared.corpus.schema_file import read_schema
from tests.domains.cli.clinic import Cli, Clinic

HEAVY = {"name": "heavy", "when": [{"column": "weight", "at_least": 90}], "label": "high"}
LIGHT = {
    "name": "light",
    "when": [{"column": "weight", "at_most": 60}, {"column": "sex", "one_of": ["F"]}],
    "label": "low",
}


def label(clinic: Clinic, cli: Cli, content: dict[str, Any]):  # type: ignore[no-untyped-def]
    path = clinic.folder / "labels.yaml"
    path.write_text(yaml.safe_dump(content))
    options = ("--schema", clinic.folder / "schema.yaml", "--label", path, "--out", clinic.folder / "out", "--json")
    return cli("clean", clinic.records, *options)


def result(clinic: Clinic) -> pd.DataFrame:
    return pd.read_csv(clinic.folder / "out" / "visits.csv")


def test_rules_label_what_they_name_and_nothing_else(clinic: Clinic, cli: Cli) -> None:
    outcome = label(clinic, cli, {"rules": [HEAVY, LIGHT]})
    assert outcome.code == 0, outcome.err
    frame = result(clinic)
    expected = frame["weight"].ge(90).map({True: "high", False: None})
    expected[frame["weight"].le(60) & frame["sex"].eq("F")] = "low"
    assert frame["label"].fillna("").tolist() == expected.fillna("").tolist()
    assert set(frame["label_by"].dropna()) == {"rule heavy", "rule light"}
    assert outcome.json["abstained"] == int(expected.isna().sum())
    assert learned_rules(clinic.folder / "out", read_schema(clinic.folder / "out" / "schema.yaml")) == ()


def test_rules_that_disagree_leave_a_row_without_label_unless_one_is_surer(clinic: Clinic, cli: Cli) -> None:
    other = {**HEAVY, "name": "other", "label": "low"}
    assert label(clinic, cli, {"rules": [HEAVY, other]}).json["by"] == {}
    (clinic.folder / "out").rename(clinic.folder / "first")
    assert set(label(clinic, cli, {"rules": [HEAVY, {**other, "confidence": 0.5}]}).json["by"]) == {"rule heavy"}


def with_notes(clinic: Clinic, share: float) -> list[str]:
    """A column of notes that tell the sex, and a column that holds it for a share of the rows."""
    rows = [line.split(",") for line in clinic.lines]
    truth = [row[3] for row in rows[1:]]
    words = {"F": "she came with her daughter", "M": "he came with his brother"}
    known = [sex if place % 100 < 100 * share else "" for place, sex in enumerate(truth)]
    body = [[*row[:3], *row[4:], words[sex], k] for row, sex, k in zip(rows[1:], truth, known, strict=True)]
    clinic.write_lines([",".join(row) for row in [[*rows[0][:3], *rows[0][4:], "note", "kind"], *body]])

    def change(table: dict[str, Any]) -> None:
        table["columns"] = [column for column in table["columns"] if column["name"] != "sex"]
        table["columns"] += [{"name": "note", "kind": "categorical"}, {"name": "kind", "kind": "categorical"}]

    clinic.declare(change)
    return truth


def test_a_model_labels_the_rest_from_text_and_says_how_sure_it_is(clinic: Clinic, cli: Cli) -> None:
    truth = with_notes(clinic, 0.5)
    outcome = label(clinic, cli, {"given": "kind", "model": {"features": ["age"], "text": ["note"]}})
    assert outcome.code == 0, outcome.err
    frame = result(clinic)
    made = frame["label_by"].eq("model")
    assert made.sum() > 0.4 * len(frame)
    assert frame["label"][made].tolist() == [sex for sex, by in zip(truth, made, strict=True) if by]
    assert frame["label_confidence"][made].ge(0.8).all()
    assert outcome.json["model"]["accuracy"] == 1.0
    assert learned_rules(clinic.folder / "out", read_schema(clinic.folder / "out" / "schema.yaml"))


def test_a_model_that_knows_nothing_abstains(clinic: Clinic, cli: Cli) -> None:
    with_notes(clinic, 0.5)
    outcome = label(clinic, cli, {"given": "kind", "model": {"features": ["age", "day"], "threshold": 0.9}})
    report = outcome.json["model"]
    assert report["accuracy"] < 0.65
    assert report["calibration_error"] < 0.12
    assert outcome.json["by"].get("model", 0) < 0.02 * len(result(clinic))
    assert json.loads((clinic.folder / "out" / "cleaning-log" / "labels.json").read_text())["abstained"] > 0


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ({}, "give 'rules', a 'model', or both"),
        ({"rules": [{**HEAVY, "when": [{"column": "height", "at_least": 1}]}]}, "'height'"),
        ({"rules": [{**HEAVY, "when": [{"column": "weight"}]}]}, "exactly one of"),
        ({"rules": [{**HEAVY, "when": [{"column": "weight", "code": "1"}]}]}, "unknown"),
        ({"rules": [HEAVY], "model": {"features": ["age"]}}, "at least two"),
    ],
)
def test_what_cannot_label_is_refused(clinic: Clinic, cli: Cli, content: dict[str, Any], said: str) -> None:
    label(clinic, cli, content).assert_refused(said)
    assert not Path(clinic.folder / "out").exists()

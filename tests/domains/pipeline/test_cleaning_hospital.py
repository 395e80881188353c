"""Cleaning a simulated hospital: what was planted is found and mended, and a clean table stays as it is."""

from __future__ import annotations

from collections import Counter
from datetime import datetime
from pathlib import Path

import pandas as pd
import pytest

from domains.pipeline.cleaning import CHANGES, apply_cleaning, plan_cleaning, rules_for
from domains.pipeline.cleaning_marker import LOG
from shared.cleaning.finding import find
from shared.corpus.lenient import read_texts
from shared.corpus.reading import read_corpus
from shared.corpus.schema_file import read_schema
from shared.training.reporter import SilentReporter
from tests.domains.pipeline.dirt import TABLE, Dirt, clean_hospital, dirty_hospital

NOW = datetime(2026, 11, 24)
MENDED = {
    "case", "blank", "abbreviation", "typing error", "decimal comma", "unit", "other unit", "other date format",
    "wrong derived value",
}  # fmt: skip


@pytest.fixture(scope="module")
def dirt(tmp_path_factory: pytest.TempPathFactory) -> Dirt:
    return dirty_hospital(tmp_path_factory.mktemp("dirt") / "hospital", 500, seed=3)


@pytest.fixture(scope="module")
def cleaned(dirt: Dirt, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("cleaned")
    schema = dirt.folder / "schema.yaml"
    plan_cleaning(
        dirt.folder, schema=schema, domain="medical", out=folder / "plan", now=NOW, seed=0, reporter=SilentReporter()
    )
    apply_cleaning(
        dirt.folder, schema=schema, plan=folder / "plan", out=folder / "out", now=NOW, reporter=SilentReporter()
    )
    return folder / "out"


@pytest.fixture(scope="module")
def changes(cleaned: Path) -> pd.DataFrame:
    return pd.read_csv(cleaned / LOG / CHANGES, dtype={"old": str, "new": str}, keep_default_na=False)


def test_every_planted_error_is_found_and_nothing_else_is_touched(dirt: Dirt, changes: pd.DataFrame) -> None:
    cells = changes[changes["column"] != ""]
    touched = set(zip(cells["row"], cells["column"], strict=True))
    planted = {cell for cell in touched if cell[0] <= dirt.rows}
    recall = len(planted & set(dirt.truth)) / len(dirt.truth)
    precision = len(planted & set(dirt.truth)) / len(planted)
    assert (precision, recall) == (1.0, 1.0)


def test_rows_that_were_entered_twice_are_left_out(dirt: Dirt, changes: pd.DataFrame) -> None:
    dropped = changes[changes["column"] == ""]
    assert set(dropped["row"][dropped["rule"].str.startswith("duplicate")]) == dirt.duplicates


def test_values_come_back_as_they_were(dirt: Dirt, changes: pd.DataFrame) -> None:
    """What can be restored is, up to the rounding of a conversion; what is impossible becomes missing."""
    last = changes[changes["column"] != ""].groupby(["row", "column"])["new"].last().to_dict()
    wrong = Counter()
    for cell, was in dirt.truth.items():
        kind, now = dirt.kinds[cell], last[cell]
        if kind in MENDED:
            rounding = {"systolic_bp": 1.0, "hba1c": 0.11, "bmi": 0.0}.get(cell[1])
            near = rounding is not None and now != "" and abs(float(now) - float(was)) <= rounding
            wrong[kind] += not (now == was or near)
        else:
            wrong[kind] += now != ""
    # A pressure of 70, the least that is declared, is 9.3 kPa, which is 69.8.
    assert set(+wrong) <= {"other unit"}
    assert wrong.total() <= 1


def test_the_result_can_be_read_and_says_how_it_was_cleaned(cleaned: Path) -> None:
    schema = read_schema(cleaned / "schema.yaml")
    assert schema.cleaning == "learned"
    assert len(read_corpus(schema, cleaned).tables[TABLE]) > 1000


def test_cleaning_again_proposes_nothing(cleaned: Path) -> None:
    schema = read_schema(cleaned / "schema.yaml")
    steps = find(read_texts(schema, cleaned), rules_for("medical", schema, now=NOW, seed=0), SilentReporter())
    assert [step for step in steps if step.enabled] == []


@pytest.mark.parametrize("seed", [1, 2])
def test_a_clean_table_gives_no_findings(tmp_path: Path, seed: int) -> None:
    schema = clean_hospital(tmp_path / "hospital", 500, seed)
    corpus = read_texts(schema, tmp_path / "hospital")
    assert find(corpus, rules_for("medical", schema, now=NOW, seed=0), SilentReporter()) == ()


def test_everything_is_the_owners_alone(cleaned: Path) -> None:
    assert cleaned.stat().st_mode & 0o077 == 0
    assert (cleaned.parent / "plan").stat().st_mode & 0o077 == 0

"""Once learned rules have changed records, whatever is made of them goes on saying so."""

from __future__ import annotations

import dataclasses
from datetime import UTC, datetime
from pathlib import Path

import pandas as pd
import pytest

from domains.pipeline.card import render_card
from domains.pipeline.cleaning import apply_cleaning, plan_cleaning
from domains.pipeline.cleaning_marker import learned_rules
from domains.pipeline.cleaning_plan import read_plan
from domains.pipeline.copying import copy_corpus
from domains.pipeline.croissant import croissant
from domains.pipeline.labelling import label_corpus
from domains.pipeline.manifest import LEARNED_CLEANING, FileEntry, Manifest
from shared.corpus.schema import Column, Schema, Table
from shared.corpus.schema_file import read_schema, write_schema
from shared.errors import ConfigurationError
from shared.training.reporter import SilentReporter
from tests.domains.pipeline.releases import PROMISE, manifest, schema

NOW = datetime(2026, 1, 1, tzinfo=UTC)
QUIET = SilentReporter()
STAYS = Schema(
    name="stays",
    tables=(
        Table(
            name="stays",
            columns=(
                Column(name="id", kind="identifier"),
                Column(name="ward", kind="categorical"),
                Column(name="days", kind="integer", low=0, high=99),
            ),
            unit="id",
        ),
    ),
)


@pytest.fixture
def declared(tmp_path: Path) -> Path:
    write_schema(STAYS, tmp_path / "schema.yaml")
    return tmp_path / "schema.yaml"


@pytest.fixture
def cleaned(tmp_path: Path, declared: Path) -> Path:
    """Records in which a rule that is learned from them mended one word."""
    wards = ["Cardiology"] * 40 + ["Oncology"] * 40 + ["Cardiolgy"]
    frame = pd.DataFrame({"id": [f"p{i}" for i in range(81)], "ward": wards, "days": range(81)})
    (tmp_path / "dirty").mkdir()
    frame.to_csv(tmp_path / "dirty" / "stays.csv", index=False)
    source = tmp_path / "dirty" / "stays.csv"
    plan = tmp_path / "plan"
    planned = plan_cleaning(source, schema=declared, domain="plain", out=plan, now=NOW, seed=0, reporter=QUIET)
    assert any(step.basis == "learned" and step.enabled is True for step in planned.steps)
    assert read_plan(plan, STAYS).steps == planned.steps
    out = tmp_path / "cleaned"
    assert apply_cleaning(source, schema=declared, plan=plan, out=out, now=NOW, reporter=QUIET).learned
    return out


def labels(folder: Path) -> Path:
    path = folder / "labels.yaml"
    path.write_text(
        "rules:\n"
        "- {name: long stay, label: long, when: [{column: days, at_least: 50}]}\n"
        "- {name: never, label: rare, when: [{column: days, at_least: 98}]}\n"
    )
    return path


def test_cleaning_and_labelling_again_keep_the_mark(tmp_path: Path, cleaned: Path, declared: Path) -> None:
    label_corpus(cleaned, schema=declared, labels=labels(tmp_path), out=tmp_path / "labelled", seed=0, reporter=QUIET)
    plan_cleaning(cleaned, schema=declared, domain="plain", out=tmp_path / "again", now=NOW, seed=0, reporter=QUIET)
    apply_cleaning(cleaned, schema=declared, plan=tmp_path / "again", out=tmp_path / "twice", now=NOW, reporter=QUIET)
    for folder in (tmp_path / "labelled", tmp_path / "twice"):
        assert read_schema(folder / "schema.yaml").cleaning == "learned"
        assert set(learned_rules(cleaned, STAYS)) <= set(learned_rules(folder, STAYS))


def test_a_copy_keeps_the_mark_and_a_place_that_cannot_is_refused(
    tmp_path: Path, cleaned: Path, declared: Path
) -> None:
    copy_corpus(cleaned, tmp_path / "copy", schema=declared, reporter=QUIET)
    assert learned_rules(tmp_path / "copy", STAYS)
    with pytest.raises(ConfigurationError, match="keeps no mark of that"):
        copy_corpus(cleaned, f"sqlite:///{tmp_path}/copy.db", schema=declared, reporter=QUIET)
    assert not (tmp_path / "copy.db").exists()


def test_records_as_they_came_have_no_mark(tmp_path: Path, cleaned: Path, declared: Path) -> None:
    copy_corpus(tmp_path / "dirty", tmp_path / "plain", schema=declared, reporter=QUIET)
    assert learned_rules(tmp_path / "plain", STAYS) == ()
    assert learned_rules(tmp_path / "dirty", STAYS) == ()


def test_the_schema_of_labels_does_not_say_which_rules_applied(tmp_path: Path, cleaned: Path, declared: Path) -> None:
    label_corpus(cleaned, schema=declared, labels=labels(tmp_path), out=tmp_path / "labelled", seed=0, reporter=QUIET)
    table = read_schema(tmp_path / "labelled" / "schema.yaml").tables[0]
    assert table.column("label").categories == ("long", "rare")  # no row is long enough to be rare
    assert table.column("label_by").categories == ("long stay", "never")


def test_the_reserve_stands_beside_the_promise_wherever_it_is_given() -> None:
    given = dataclasses.replace(manifest(), promise=dataclasses.replace(PROMISE, learned_cleaning=True))
    assert Manifest.from_json(given.to_json()) == given
    for made, said in ((given, True), (manifest(), False)):
        parquet = {"encounters": "parquet/encounters.parquet"}
        card = render_card(schema(), made, ["encounters.csv.gz", *parquet.values()], parquet)
        assert (LEARNED_CLEANING in card) is said
    assert LEARNED_CLEANING.split(";")[0] in _described(given)


def _described(made: Manifest) -> str:
    entry = FileEntry(path="parquet/encounters.parquet", sha256="0" * 64, size=1)
    return croissant(schema(), made, [entry], {"encounters": entry.path})

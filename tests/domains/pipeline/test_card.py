"""The card is read by people and by the hub, and its one-liners load the tables."""

from __future__ import annotations

import re
from dataclasses import replace

import duckdb
import pandas as pd
import pytest
import yaml

from domains.pipeline.card import render_card
from domains.pipeline.manifest import read_manifest
from shared.corpus.schema import Column, Format, Schema, Table
from shared.errors import OutputError
from tests.domains.pipeline.releases import bundle, corpus, manifest, schema, with_format

FILES = ["encounters.csv.gz", "parquet/encounters.parquet", "parquet/schema.yaml", "schema.yaml"]
PARQUET = {"encounters": "parquet/encounters.parquet"}


def header(card: str) -> dict:
    assert card.startswith("---\n")
    return yaml.safe_load(card.split("---\n")[1])


def test_header_marks_the_data_as_synthetic_and_names_a_file_a_table():
    read = header(render_card(schema(), manifest(), FILES, PARQUET))
    assert read["license"] == "cc-by-4.0"
    assert read["annotations_creators"] == ["machine-generated"]
    assert {"synthetic", "differential-privacy"} <= set(read["tags"])
    assert read["size_categories"] == ["n<1K"]
    (config,) = read["configs"]
    assert config["config_name"] == "encounters"
    assert config["data_files"] == [{"split": "train", "path": "parquet/encounters.parquet"}]
    assert read["task_categories"] == ["tabular-classification", "tabular-regression"]


@pytest.mark.parametrize(("licence", "name"), [("", "unknown"), ("house rules", "other"), ("MIT", "mit")])
def test_licence_is_the_hubs_identifier_or_other(licence, name):
    read = header(render_card(replace(schema(), licence=licence), manifest(), FILES, PARQUET))
    assert read["license"] == name
    assert read.get("license_name") == ("house rules" if name == "other" else None)


def test_promise_is_told_in_plain_words():
    card = render_card(schema(), manifest(), FILES, PARQUET)
    assert "**(3, 1e-06)-differential privacy, by patient.**" in card
    assert "this bit is not accounted for" in card


def test_no_promise_is_said_outright():
    card = render_card(schema(), manifest(promise=None), FILES, PARQUET)
    assert "There is no privacy promise" in card
    assert "differential-privacy" not in header(card)["tags"]


def test_loosened_thresholds_are_told():
    assert "threshold for *nearest-neighbour share* was loosened to 0.55" in render_card(
        schema(), manifest(), FILES, PARQUET
    )


def test_columns_have_their_kind_and_unit_of_measure():
    card = render_card(schema(), manifest(), FILES, PARQUET)
    assert "| `days` | integer | in days |" in card
    assert "| `patient` | identifier | whose rows they are |" in card


def test_markup_in_declared_names_stays_in_its_cell():
    table = Table(name="t", columns=(Column(name="a|`b`\nc", kind="real", description="x | y\n# z"),))
    card = render_card(Schema(tables=(table,)), manifest(), ["t.csv"], {"t": "parquet/t.parquet"})
    assert "| `a b c` | real | x y # z |" in card


@pytest.mark.parametrize(
    ("layout", "blocks"),
    [
        (Format(delimiter=";", compression="gz"), 2),
        (Format(header=False), 2),
        (Format(kind="jsonl", compression="zst"), 2),
        (Format(kind="parquet"), 1),
    ],
)
def test_every_line_loads_the_table_as_it_was_written(tmp_path, monkeypatch, layout, blocks):
    public = bundle(tmp_path / "b", data=corpus(declared=with_format(layout))) / "public"
    card = (public / "README.md").read_text()
    monkeypatch.chdir(public)
    python = [block for block in re.findall(r"```python\n(.*?)```", card, re.DOTALL) if "pandas" in block]
    sql = re.findall(r"```sql\n(.*?)```", card, re.DOTALL)
    assert len(python) == len(sql) == blocks
    for block in python:
        names: dict[str, pd.DataFrame] = {}
        exec(block, names)
        found = names["encounters"]
        assert list(found.columns) == ["patient", "a1c", "days"]
        assert found["a1c"].isna().sum() == 10
        assert set(found["a1c"].dropna()) == {"None"}
        assert list(found["days"]) == list(range(20))
    for block in sql:
        relation = duckdb.sql(block)
        assert relation.columns == ["patient", "a1c", "days"]
        rows = relation.fetchall()
        assert [row[2] for row in rows] == list(range(20))
        assert {row[1] for row in rows} == {"None", None}


def test_duckdb_line_names_layout_and_missing_values():
    card = render_card(schema(), manifest(), FILES, PARQUET)
    assert "SELECT * FROM read_csv('encounters.csv.gz', delim = ';', header = true, nullstr = ['?']);" in card
    headless = render_card(with_format(Format(header=False)), manifest(), ["encounters.csv"], PARQUET)
    assert "header = false, nullstr = ['?'], names = ['patient', 'a1c', 'days']" in headless


def test_spellings_of_a_missing_value_by_column_are_told():
    columns = (Column(name="a", kind="real", missing=("-",)), Column(name="b", kind="real"))
    card = render_card(
        Schema(tables=(Table(name="t", columns=columns),)), manifest(), ["t.csv"], {"t": "parquet/t.parquet"}
    )
    assert "na_values={'a': ['-'], 'b': ['']}" in card


def test_a_table_of_several_files_lists_them():
    card = render_card(schema(), manifest(), ["encounters/0.csv.gz", "encounters/1.csv.gz"], PARQUET)
    assert "`encounters/0.csv.gz`, `encounters/1.csv.gz`, 20 rows" in card


def test_a_table_without_file_is_refused():
    with pytest.raises(OutputError, match="no file of table 'encounters'; its files are schema.yaml"):
        render_card(schema(), manifest(), ["schema.yaml"], PARQUET)


def test_card_holds_nothing_that_is_not_declared_or_in_the_manifest(tmp_path):
    public = bundle(tmp_path / "b") / "public"
    assert (public / "README.md").read_text() == render_card(schema(), read_manifest(public), FILES, PARQUET)

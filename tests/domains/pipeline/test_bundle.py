"""A bundle is whole or absent, and keeps what was computed on real records inside."""

from __future__ import annotations

import json
import stat

import pytest

from domains.pipeline.bundle import assemble
from domains.pipeline.manifest import read_manifest, verify
from shared.corpus.writing import write_corpus
from shared.errors import DataError, OutputError
from shared.training.reporter import SilentReporter
from tests.domains.pipeline.releases import bundle, corpus, manifest, schema

QUIET = SilentReporter()


def names(folder):
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}


def test_public_holds_tables_schema_card_and_manifest_and_nothing_else(tmp_path):
    folder = bundle(tmp_path / "b", model=True)
    assert names(folder / "public") == {
        "encounters.csv.gz", "parquet/encounters.parquet", "parquet/schema.yaml", "schema.yaml", "README.md",
        "croissant.json", "manifest.json", "privacy.json", "privacy.md",
    }  # fmt: skip
    assert verify(folder / "public") == []


def test_internal_holds_report_scores_curves_and_model(tmp_path):
    internal = bundle(tmp_path / "b", model=True) / "internal"
    assert names(internal) == {"report.html", "scores.json", "training.json", "manifest.json", "model/config.json"}
    assert json.loads((internal / "training.json").read_text()) == {"encounters": {"loss": [[0, 2.0], [1, 1.5]]}}


def test_internal_is_its_owners_alone(tmp_path):
    internal = bundle(tmp_path / "b") / "internal"
    assert stat.S_IMODE(internal.stat().st_mode) == 0o700


def test_the_manifest_says_nothing_of_internal_files(tmp_path):
    folder = bundle(tmp_path / "b", model=True)
    text = (folder / "public" / "manifest.json").read_text()
    for path in (folder / "internal").rglob("*"):
        assert path.name == "manifest.json" or path.name not in text


def test_what_is_kept_inside_tells_how_it_was_made(tmp_path):
    folder = bundle(tmp_path / "b")
    assert (folder / "internal" / "manifest.json").read_bytes() == (folder / "public" / "manifest.json").read_bytes()


def test_the_returned_manifest_is_the_one_on_disk(tmp_path):
    tables = tmp_path / "tables"
    tables.mkdir()
    write_corpus(corpus(), tables)
    returned = assemble(
        tmp_path / "b", tables=tables, schema=schema(), manifest=manifest(), report="", scores={}, reporter=QUIET
    )
    assert returned == read_manifest(tmp_path / "b" / "public")
    assert not tables.exists()


def test_a_folder_that_exists_is_left_as_it_is(tmp_path):
    (tmp_path / "b").mkdir()
    (tmp_path / "b" / "mine").write_text("mine")
    with pytest.raises(OutputError, match="exists already"):
        bundle(tmp_path / "b")
    assert names(tmp_path / "b") == {"mine"}


def test_nothing_is_left_of_a_bundle_that_cannot_be_completed(tmp_path):
    tables = tmp_path / "tables"
    tables.mkdir()
    with pytest.raises(DataError, match="no file for table 'encounters'"):
        assemble(
            tmp_path / "b", tables=tables, schema=schema(), manifest=manifest(), report="", scores={}, reporter=QUIET
        )
    assert list(tmp_path.iterdir()) == []


def test_a_table_named_like_the_card_is_refused(tmp_path):
    tables = tmp_path / "tables"
    tables.mkdir()
    (tables / "README.md").write_text("")
    with pytest.raises(OutputError, match=r"README\.md, a name that the bundle needs; rename the table"):
        assemble(
            tmp_path / "b", tables=tables, schema=schema(), manifest=manifest(), report="", scores={}, reporter=QUIET
        )


def test_tables_that_were_not_written_are_refused(tmp_path):
    with pytest.raises(OutputError, match="is no folder; write the tables and the model before the bundle"):
        assemble(
            tmp_path / "b",
            tables=tmp_path / "none",
            schema=schema(),
            manifest=manifest(),
            report="",
            scores={},
            reporter=QUIET,
        )

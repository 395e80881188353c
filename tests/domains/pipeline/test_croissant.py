"""Croissant metadata are valid by the reference validator, lead to the records, and hold a hash of every file."""

from __future__ import annotations

import json
from dataclasses import replace

import mlcroissant as mlc
import pytest

from domains.pipeline.croissant import croissant
from domains.pipeline.manifest import FileEntry, read_manifest, sha256_of
from shared.corpus.schema import Column, ForeignKey, Format, Schema, Table
from tests.domains.pipeline.releases import bundle, corpus, manifest, with_format


@pytest.fixture(scope="module")
def public(tmp_path_factory):
    return bundle(tmp_path_factory.mktemp("release") / "b") / "public"


def issues(path) -> list[str]:
    try:
        return sorted(mlc.Dataset(jsonld=path).metadata.ctx.issues.errors)
    except mlc.ValidationError as error:
        return [str(error)]


def test_the_validator_finds_no_error(public, caplog):
    assert issues(public / "croissant.json") == []
    assert "@context` is not standard" not in caplog.text


@pytest.mark.parametrize(
    "spoil",
    [
        lambda content: content["recordSet"][0]["field"][0]["source"]["fileObject"].update({"@id": "nowhere"}),
        lambda content: content["distribution"][0].pop("contentUrl"),
        lambda content: content["recordSet"][0]["field"][0]["source"].pop("fileObject"),
    ],
)
def test_the_validator_finds_planted_errors(public, tmp_path, spoil):
    content = json.loads((public / "croissant.json").read_text())
    spoil(content)
    (tmp_path / "croissant.json").write_text(json.dumps(content))
    assert issues(tmp_path / "croissant.json") != []


@pytest.mark.parametrize("layout", [Format(delimiter=";", compression="gz"), Format(kind="parquet")])
def test_its_records_are_those_of_the_tables(tmp_path, layout):
    public = bundle(tmp_path / "b", data=corpus(declared=with_format(layout))) / "public"
    records = list(mlc.Dataset(jsonld=public / "croissant.json").records("encounters"))
    assert len(records) == 20
    assert [record["encounters/days"] for record in records] == list(range(20))
    assert [record["encounters/patient"] for record in records][:2] == [b"000", b"001"]


def test_every_other_public_file_is_there_with_its_hash(public):
    content = json.loads((public / "croissant.json").read_text())
    listed = {entry["contentUrl"]: entry["sha256"] for entry in content["distribution"]}
    files = [path for path in public.rglob("*") if path.is_file()]
    names = {path.relative_to(public).as_posix(): path for path in files}
    assert set(listed) == set(names) - {"croissant.json", "manifest.json"}
    for name, digest in listed.items():
        assert digest == sha256_of(names[name])


def test_the_manifest_has_the_hash_of_the_metadata(public):
    assert "croissant.json" in {entry.path for entry in read_manifest(public).files}


def test_what_is_told_is_declared_or_in_the_manifest(public):
    stored = read_manifest(public)
    files = [entry for entry in stored.files if entry.path != "croissant.json"]
    written = (public / "croissant.json").read_text()
    assert written == croissant(corpus().schema, stored, files, {"encounters": "parquet/encounters.parquet"})
    content = json.loads(written)
    assert content["license"] == "https://spdx.org/licenses/CC-BY-4.0.html"
    assert "(3, 1e-06)-differential privacy by patient" in content["description"]
    unpromised = croissant(
        corpus().schema, replace(stored, promise=None), files, {"encounters": "parquet/encounters.parquet"}
    )
    assert "No privacy is promised" in json.loads(unpromised)["description"]


def test_keys_and_names_of_any_kind_are_valid(tmp_path):
    schema = Schema(
        name="hospital a/b",
        tables=(
            Table(
                name="patients é",
                columns=(Column(name="id", kind="identifier"), Column(name="a b", kind="real")),
                primary_key="id",
            ),
            Table(
                name="stays",
                columns=(
                    Column(name="a/b", kind="date"),
                    Column(name="a-b", kind="boolean"),
                    Column(name="patient", kind="identifier", stored="integer"),
                ),
                foreign_keys=(ForeignKey(column="patient", table="patients é"),),
            ),
        ),
    )
    parquet = {"patients é": "parquet/patients é.parquet", "stays": "parquet/stays.parquet"}
    files = [FileEntry(path=path, sha256="0" * 64, size=1) for path in parquet.values()]
    written = croissant(schema, manifest(), files, parquet)
    (tmp_path / "croissant.json").write_text(written)
    assert issues(tmp_path / "croissant.json") == []
    first, second = json.loads(written)["recordSet"]
    assert first["key"] == {"@id": "patients/id"}
    assert [field["@id"] for field in second["field"]] == ["stays/a-b", "stays/a-b-2", "stays/patient"]
    assert second["field"][2]["references"] == {"field": {"@id": "patients/id"}}

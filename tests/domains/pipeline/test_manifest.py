"""The manifest says what was declared, hashes every public file, and nothing else."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domains.pipeline.manifest import FileEntry, Manifest, inventory, public_configuration, read_manifest, verify
from shared.errors import DataError
from tests.domains.pipeline.releases import bundle, manifest


@pytest.fixture
def public(tmp_path) -> Path:
    return bundle(tmp_path / "bundle") / "public"


def test_manifest_is_read_back_as_it_was_written():
    written = replace(manifest(), files=(FileEntry(path="a.csv", sha256="00", size=3),))
    assert Manifest.from_json(written.to_json()) == written
    assert Manifest.from_json(replace(written, promise=None).to_json()).promise is None


def test_equal_manifests_are_equal_files():
    first = replace(manifest(), versions={"b": "1", "a": "2"})
    second = replace(manifest(), versions={"a": "2", "b": "1"})
    assert first.to_json() == second.to_json()


def test_verdict_is_marked_as_unaccounted():
    verdict = json.loads(manifest().to_json())["verdict"]
    assert verdict["passed"] is True
    assert verdict["accounted"] is False
    assert "not part of the privacy accounting" in verdict["note"]


def test_no_promise_is_said_outright():
    assert json.loads(manifest(promise=None).to_json())["privacy"] == "none"


def test_manifest_has_these_keys_and_no_others():
    assert set(json.loads(manifest().to_json())) == {
        "format", "synthetic", "release", "title", "created", "source", "configuration", "versions", "privacy",
        "verdict", "loosened_thresholds", "ledger_head", "rows", "engines", "files", "signed_by",
    }  # fmt: skip


def test_a_manifest_of_before_engines_were_named_is_read():
    content = json.loads(manifest().to_json())
    assert content.pop("engines") == {"encounters": {"name": "sequence"}}
    assert Manifest.from_json(json.dumps(content)).engines == {}


def test_configuration_is_published_without_seed_secrets_and_places():
    given_ = {
        "source": {"id": "hospital-a", "path": "/records/*.csv", "simulate": {"units": 5, "seed": 3}},
        "schema": "examples/medical/schema.yaml",
        "holdout": {"path": "../other/holdout.csv"},
        "ledger": "ledger.sqlite",
        "seed": 42,
        "engine": {"encounters": {"layers": 2, "init": Path("/opt/weights.bin")}},
        "notes": ["/tmp/a/b.txt", "C:\\data\\c.txt", "https://user:word@host/d.txt", "mg/dL", 1.5, True, None],
    }
    assert public_configuration(given_) == {
        "source": {"id": "hospital-a", "simulate": {"units": 5}},
        "schema": "schema.yaml",
        "holdout": {},
        "engine": {"encounters": {"layers": 2, "init": "weights.bin"}},
        "notes": ["b.txt", "c.txt", "d.txt", "mg/dL", 1.5, True, None],
    }


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["a", "seed", "Seed", "path"]), inner),
)


@given(st.dictionaries(st.text(), values, max_size=4))
def test_no_seed_and_no_path_is_left_at_any_depth(configuration):
    def keys(value):
        if isinstance(value, dict):
            for key, entry in value.items():
                yield key.lower()
                yield from keys(entry)
        elif isinstance(value, list):
            for entry in value:
                yield from keys(entry)

    assert not {"seed", "path"} & set(keys(public_configuration(configuration)))


def test_an_untouched_folder_verifies(public):
    assert verify(public) == []
    assert {entry.path for entry in read_manifest(public).files} == {
        "README.md", "croissant.json", "encounters.csv.gz", "parquet/encounters.parquet", "parquet/schema.yaml",
        "privacy.json", "privacy.md", "schema.yaml",
    }  # fmt: skip


def test_hashes_and_sizes_are_those_of_the_files(public):
    assert read_manifest(public).files == inventory(public)


def test_a_changed_byte_is_found(public):
    table = public / "encounters.csv.gz"
    content = bytearray(table.read_bytes())
    content[-1] ^= 1
    table.write_bytes(content)
    assert verify(public) == ["encounters.csv.gz: its SHA-256 is not the manifest's"]


def test_another_size_is_found(public):
    (public / "README.md").open("a").write("more")
    (problem,) = verify(public)
    assert problem.startswith("README.md: ")
    assert "bytes, the manifest says" in problem


def test_a_missing_and_an_added_file_are_found(public):
    (public / "schema.yaml").unlink()
    (public / "extra").mkdir()
    (public / "extra" / "x.txt").write_text("x")
    assert verify(public) == ["schema.yaml: missing", "extra/x.txt: not listed in the manifest"]


def test_a_link_in_place_of_a_file_is_found(public, tmp_path):
    elsewhere = tmp_path / "schema.yaml"
    (public / "schema.yaml").rename(elsewhere)
    (public / "schema.yaml").symlink_to(elsewhere)
    assert verify(public) == ["schema.yaml: missing"]


@pytest.mark.parametrize("path", ["../internal/report.html", "/etc/hostname"])
def test_a_manifest_that_names_files_outside_is_refused(public, path):
    outside = replace(read_manifest(public), files=(*inventory(public), FileEntry(path=path, sha256="0", size=0)))
    (public / "manifest.json").write_text(outside.to_json())
    assert verify(public) == [f"{path}: the manifest names a file outside its folder"]


def test_a_folder_without_manifest_says_what_to_give(tmp_path):
    assert verify(tmp_path) == [f"{tmp_path} has no readable manifest.json; give the public folder of a release"]


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"format": "simulacra-manifest/1"}', "{"])
def test_a_damaged_manifest_is_refused(text):
    with pytest.raises(DataError, match="cannot be read.*fetch the release again"):
        Manifest.from_json(text)


def test_a_manifest_of_another_version_is_refused():
    with pytest.raises(DataError, match="has format 'other/9'; this version reads 'simulacra-manifest/1'"):
        Manifest.from_json('{"format": "other/9"}')

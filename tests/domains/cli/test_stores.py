"""Records from object stores and to them, from the command line."""

from __future__ import annotations

import secrets
from itertools import pairwise
from pathlib import Path

import pandas as pd
import pytest
import yaml
from servers import breaking_connection

from domains.pipeline.cleaning_marker import learned_rules
from shared.corpus.schema_file import read_schema
from shared.corpus.sources import read_source
from shared.corpus.store_paths import as_file
from tests.domains.cli.clinic import Cli, Clinic, visits


def schema_of(clinic: Clinic) -> Path:
    return clinic.folder / "schema.yaml"


def test_a_corpus_goes_through_stores_and_back(clinic: Clinic, cli: Cli, tmp_path: Path, s3_bucket: str) -> None:
    places = [clinic.records, f"{s3_bucket}/a/b", f"memory://{secrets.token_hex(4)}", tmp_path / "back"]
    for source, target in pairwise(places):
        outcome = cli("copy", source, target, "--schema", schema_of(clinic), "--json")
        assert outcome.code == 0, outcome.err
    schema = read_schema(schema_of(clinic))
    pd.testing.assert_frame_equal(
        read_source(schema, tmp_path / "back").tables["visits"], read_source(schema, clinic.records).tables["visits"]
    )
    cli("copy", clinic.records, places[1], "--schema", schema_of(clinic)).assert_refused("holds 'corpus.json' already")


def test_a_model_learns_from_a_store_and_samples_into_one(clinic: Clinic, cli: Cli, tmp_path: Path, s3_bucket) -> None:
    (as_file(s3_bucket) / "in/visits.csv").put(clinic.records.read_bytes())
    assert cli("fit", clinic.config, "--out", tmp_path / "from-file").code == 0
    clinic.configure(source={"id": "clinic", "path": f"{s3_bucket}/in/vis*.csv"})
    outcome = cli("fit", clinic.config, "--out", tmp_path / "model")
    assert outcome.code == 0, outcome.err
    weights = [next((tmp_path / name).rglob("*.safetensors")).read_bytes() for name in ("model", "from-file")]
    assert weights[0] == weights[1]
    sampled = cli("sample", tmp_path / "model", "--units", 30, "--seed", 1, "--out", f"{s3_bucket}/out", "--json")
    assert sampled.code == 0, sampled.err
    rows = read_source(read_schema(schema_of(clinic)), f"{s3_bucket}/out").tables["visits"]
    assert len(rows) == sampled.json["rows"]["visits"]
    draft = cli("schema", "infer", f"{s3_bucket}/in/visits.csv", "--out", tmp_path / "draft.yaml")
    assert draft.code == 0, draft.err
    evaluated = cli(
        "evaluate", "--schema", schema_of(clinic), "--unit", "patient", "--train", f"{s3_bucket}/in",
        "--holdout", clinic.records, "--synthetic", f"{s3_bucket}/out", "--out", tmp_path / "evaluation",
    )  # fmt: skip
    assert evaluated.code == 0, evaluated.err


@pytest.mark.parametrize("store", ["memory", "s3"])
def test_the_mark_of_learned_cleaning_is_heeded_in_a_store(
    clinic: Clinic, cli: Cli, tmp_path: Path, store: str, request: pytest.FixtureRequest
) -> None:
    url = request.getfixturevalue("s3_bucket") if store == "s3" else f"memory://{secrets.token_hex(4)}"
    marked = tmp_path / "marked.yaml"
    marked.write_text(yaml.safe_dump(yaml.safe_load(schema_of(clinic).read_text()) | {"cleaning": "learned"}))
    assert cli("copy", clinic.records, url, "--schema", marked).code == 0
    privacy = {"epsilon": 3, "rows": 3, "cap": {"epsilon": 99}}
    clinic.configure(source={"id": "clinic", "path": url}, privacy=privacy)
    cli("fit", clinic.config, "--out", tmp_path / "model").assert_refused("cleaned by rules that were learned")
    (as_file(url) / "plain/visits.csv").put(clinic.records.read_bytes())
    for place in (f"{url}/plain", f"{url}/plain/visits.csv", f"{url}/pl*/visits.csv"):
        assert learned_rules(place, read_schema(schema_of(clinic))) == ()
    (as_file(url) / "plain/cleaning-log/marker.json").put(b"unreadable")
    assert learned_rules(place, read_schema(schema_of(clinic))) == ("a mark that cannot be read",)
    assert cli("copy", url, tmp_path / "copy", "--schema", schema_of(clinic)).code == 0
    assert read_schema(tmp_path / "copy" / "schema.yaml").cleaning == "learned"


@pytest.mark.parametrize("after", [2_000, 40_000])
def test_a_connection_that_breaks_ends_with_one_line_and_leaves_nothing_that_looks_whole(
    clinic: Clinic, cli: Cli, tmp_path: Path, s3_bucket: str, s3_server, monkeypatch, after: int
) -> None:
    clinic.write_lines(visits(2_000))
    assert cli("copy", clinic.records, f"{s3_bucket}/whole", "--schema", schema_of(clinic)).code == 0
    with breaking_connection(s3_server.url, after=after) as url:
        monkeypatch.setenv("AWS_ENDPOINT_URL", url)
        out = cli("copy", clinic.records, f"{s3_bucket}/broken", "--schema", schema_of(clinic))
    out.assert_refused(f"{s3_bucket}/broken")
    with breaking_connection(s3_server.url, after=after) as url:
        monkeypatch.setenv("AWS_ENDPOINT_URL", url)
        back = cli("copy", f"{s3_bucket}/whole", tmp_path / "back", "--schema", schema_of(clinic))
    back.assert_refused(f"{s3_bucket}/whole")
    assert not (tmp_path / "back").exists()
    monkeypatch.setenv("AWS_ENDPOINT_URL", s3_server.url)
    cli("copy", f"{s3_bucket}/broken", tmp_path / "back", "--schema", schema_of(clinic)).assert_refused()
    assert cli("copy", clinic.records, f"{s3_bucket}/broken", "--schema", schema_of(clinic)).code == 0
    assert cli("copy", f"{s3_bucket}/broken", tmp_path / "back", "--schema", schema_of(clinic)).code == 0
    schema = read_schema(schema_of(clinic))
    whole, copied = (read_source(schema, place).tables["visits"] for place in (clinic.records, tmp_path / "back"))
    pd.testing.assert_frame_equal(whole, copied)

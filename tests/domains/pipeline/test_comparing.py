"""Releases and evaluations are found where they were written, and compared into a file of their owner's."""

from __future__ import annotations

import json
import shutil
import stat
from datetime import UTC, datetime

import pytest

from domains.pipeline.comparing import compare_to, read_side
from domains.pipeline.manifest import read_manifest
from domains.pipeline.publication import keep_refused, publish
from shared.errors import DataError, OutputError
from shared.training.reporter import SilentReporter
from tests.domains.pipeline.releases import bundle

NOW = datetime(2026, 1, 2, tzinfo=UTC)
SCORE = {
    "name": "pair agreement", "value": 0.97, "interval": [0.96, 0.98], "baseline": 0.98, "threshold": 0.95,
    "better": "higher", "gate_on": "value", "passes": True, "detail": {},
}  # fmt: skip
SCORES = {"fidelity": [SCORE], "utility": [], "leakage": [], "constraints": [], "unmeasured": []}


@pytest.fixture
def release(tmp_path):
    made = bundle(tmp_path / "b")
    (made / "internal" / "scores.json").write_text(json.dumps(SCORES))
    return made


def compare(out, first, second):
    return compare_to(out, first, second, now=NOW, reporter=SilentReporter())


def test_a_release_tells_its_name_source_promise_and_settings(release):
    side = read_side(release)
    assert (side.name, side.source, side.verdict) == ("r1", "hospital-a", True)
    assert side.settings is not None
    assert side.settings["promise"] == "ε = 3, δ = 1e-06 by patient"
    assert side.settings["holdout.fraction"] == "0.2"
    assert side.settings["rows of encounters"] == "20"
    assert side.settings["version of torch"] == "2.13.0"
    assert side.settings["loosened threshold: nearest-neighbour share"] == "0.55"


def test_the_current_release_of_a_publication_is_taken(release, tmp_path):
    publish(release, tmp_path / "out", "r1")
    assert read_side(tmp_path / "out").name == "r1"


def test_a_refused_release_still_tells_how_it_was_made(release, tmp_path):
    settings = read_side(release).settings
    kept = keep_refused(release, tmp_path / "out", "r1")
    assert not (kept / "public").exists()
    assert read_side(kept).settings == settings


def test_what_evaluate_wrote_has_scores_and_no_settings(release, tmp_path):
    shutil.copytree(release / "internal", tmp_path / "evaluation")
    (tmp_path / "evaluation" / "manifest.json").unlink()
    side = read_side(tmp_path / "evaluation")
    assert (side.name, side.settings, side.source) == ("evaluation", None, None)


def test_a_release_without_an_inner_manifest_is_told_by_the_public_one(release):
    (release / "internal" / "manifest.json").unlink()
    assert read_side(release).name == read_manifest(release / "public").release


def test_the_page_is_its_owners_alone_and_the_result_is_given(release, tmp_path):
    result = compare(tmp_path / "new" / "page.html", release, release)
    page = tmp_path / "new" / "page.html"
    assert stat.S_IMODE(page.stat().st_mode) == 0o600
    assert "Two releases compared" in page.read_text()
    assert result["scores"] == [
        {"name": "pair agreement", "table": "", "values": [0.97, 0.97], "difference": 0.0, "change": "within"}
    ]
    assert [path.name for path in page.parent.iterdir()] == ["page.html"]


def test_a_file_that_exists_is_left_as_it_is(release, tmp_path):
    (tmp_path / "page.html").write_text("mine")
    with pytest.raises(OutputError, match="exists already; choose another file"):
        compare(tmp_path / "page.html", release, release)
    assert (tmp_path / "page.html").read_text() == "mine"


def test_nothing_is_left_where_a_side_cannot_be_read(release, tmp_path):
    with pytest.raises(DataError, match=r"holds no scores\.json; give a release"):
        compare(tmp_path / "out" / "page.html", release, tmp_path / "nowhere")
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("text", ["{", "{}", "[]", '{"fidelity": [1], "utility": [], "leakage": []}'])
def test_damaged_scores_are_refused_by_name(release, text):
    (release / "internal" / "scores.json").write_text(text)
    with pytest.raises(DataError, match=r"internal/scores\.json.* evaluate again"):
        read_side(release)

"""``simulacra corpus``."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml

from tests.domains.cli.clinic import Cli

GIVEN = ("corpus", "medical", "--task", "admission")


def test_a_task_corpus_of_the_asked_mix(cli: Cli, tmp_path: Path) -> None:
    mix = ("--balance", "inpatient=.5,emergency=.5", "--split", ".5,.25,.25")
    outcome = cli(*GIVEN, "--size", 40, *mix, "--out", tmp_path / "task", "--json")
    assert outcome.json["counts"]["train"] == {"inpatient": 10, "emergency": 10}
    assert {path.name for path in (tmp_path / "task").iterdir()} == {
        "README.md", "manifest.json", "schema.yaml", "train", "validation", "test",
    }  # fmt: skip


def test_without_a_balance_the_mix_is_as_it_comes(cli: Cli, tmp_path: Path) -> None:
    outcome = cli(*GIVEN, "--size", 101, "--out", tmp_path / "task", "--json")
    assert {name: sum(counts.values()) for name, counts in outcome.json["counts"].items()} == {
        "train": 81, "validation": 10, "test": 10,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--balance", "inpatient"), "such as Yes=.5,No=.5"),
        (("--balance", "inpatient=.5,emergency=half"), "'half' is no number"),
        (("--balance", "inpatient=.5"), "sum 1"),
        (("--split", ".5,.5"), "three shares"),
        (("--task", "sorting"), "has no task 'sorting'"),
    ],
)
def test_what_cannot_be_is_refused_on_one_line(cli: Cli, tmp_path: Path, options: tuple[str, str], said: str) -> None:
    cli(*GIVEN, "--size", 20, *options, "--out", tmp_path / "task").assert_refused(said)
    assert not (tmp_path / "task").exists()


def test_examples_are_drawn_from_a_model(cli: Cli, tmp_path: Path) -> None:
    config = {
        "source": {"id": "hospital", "simulate": {"units": 300, "seed": 1}},
        "domain": "medical",
        "unit": "patient_id",
        "holdout": 0.2,
        "engine": {"default": {"epochs": 1, "hidden": 8, "embedding": 4}},
        "privacy": "none",
    }
    (tmp_path / "config.yaml").write_text(yaml.safe_dump(config))
    assert cli("fit", tmp_path / "config.yaml", "--out", tmp_path / "model").code == 0
    mix = ("--balance", "inpatient=.5,outpatient=.5", "--model", tmp_path / "model")
    outcome = cli(*GIVEN, "--size", 20, *mix, "--out", tmp_path / "task", "--json")
    assert outcome.code == 0, outcome.err
    assert outcome.json["counts"]["train"] == {"inpatient": 8, "outpatient": 8}
    manifest = json.loads((tmp_path / "task" / "manifest.json").read_text())
    assert (manifest["source"], manifest["privacy"]) == ("hospital", "none")
    assert "seed" not in manifest

"""Recommender behaviour from the command line: a simulated shop, released and judged by the next click."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from domains.pipeline.publication import current
from tests.domains.cli.clinic import Cli
from tests.domains.cli.test_release import LENIENT

TASK = {"name": "next click", "kind": "next-item", "table": "events", "target": "clicks.item", "at": 10}
TINY = {"epochs": 2, "hidden": 8, "embedding": 4, "context": 8, "batch_units": 16, "learning_rate": 0.02}


def configured(folder: Path, **changes: Any) -> Path:
    config = {
        "source": {"id": "shop", "simulate": {"units": 400, "seed": 1}},
        "domain": "shop",
        "unit": "user_id",
        "units_about": 400,
        "holdout": 0.3,
        "engine": {"default": TINY},
        "tasks": [TASK],
        "privacy": "none",
        "gate": {**LENIENT, "copies_above_holdout": 1.0},
        "seed": 1,
        **changes,
    }
    path = folder / "config.yaml"
    path.write_text(yaml.safe_dump(config))
    return path


def test_a_release_is_judged_by_its_next_clicks(cli: Cli, tmp_path: Path) -> None:
    released = cli("release", configured(tmp_path), "--out", tmp_path / "out", "--json")
    assert released.code == 0, released.err
    folder = current(tmp_path / "out")
    assert folder is not None
    scores = json.loads((folder / "internal" / "scores.json").read_text())
    (task,) = (score for score in scores["utility"] if score["name"] == "task: next click")
    assert task["table"] == "events"
    assert task["threshold"] == LENIENT["utility_gap"]
    rates = {name: rate["value"] for name, rate in task["detail"]["hit_rates"].items()}
    assert rates["real-trained"] > rates["popularity alone, of real records"] + 0.1
    assert task["value"] == pytest.approx(rates["real-trained"] - rates["synthetic-trained"])
    report = (folder / "internal" / "report.html").read_text()
    assert "hit rate at 10" in report
    assert "popularity alone, of real records" in report


def test_simulated_and_evaluated_by_itself_nothing_is_lost(cli: Cli, tmp_path: Path) -> None:
    for seed, name in enumerate(("train", "holdout", "synthetic")):
        assert cli("simulate", "shop", "--units", 300, "--seed", seed, "--out", tmp_path / name).code == 0
    schema = tmp_path / "train" / "schema.yaml"
    assert {path.name for path in (tmp_path / "train").glob("*.csv")} == {"users.csv", "clicks.csv", "purchases.csv"}
    parts = [word for name in ("train", "holdout", "synthetic") for word in (f"--{name}", tmp_path / name)]
    done = cli("evaluate", "--schema", schema, "--domain", "shop", *parts, "--out", tmp_path / "judged", "--json")
    assert done.code == 0, done.err
    scores = json.loads((tmp_path / "judged" / "scores.json").read_text())
    (task,) = (score for score in scores["utility"] if score["name"].startswith("task: "))
    assert task["interval"][0] < 0.03
    assert abs(task["value"]) < 0.05


def test_items_are_values_of_a_categorical_column(cli: Cli, tmp_path: Path) -> None:
    config = configured(tmp_path, tasks=[{**TASK, "target": "time since"}])
    said = "tasks.0.target is 'time since', of kind real; items are values of a categorical column"
    cli("release", config, "--out", tmp_path / "out").assert_refused(said)


def test_next_items_make_no_labelled_corpus(cli: Cli, tmp_path: Path) -> None:
    asked = cli("corpus", "shop", "--task", "next click", "--size", 20, "--out", tmp_path / "task")
    asked.assert_refused("domain 'shop' has no task 'next click' for this corpus; it has none")

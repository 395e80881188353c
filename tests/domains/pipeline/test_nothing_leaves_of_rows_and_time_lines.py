"""With mute mechanisms, models of rows by every engine, and of time lines, are the same to the byte on any records."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from mute import mute

from domains.pipeline.config import read_config
from domains.pipeline.flow import fit_to
from shared.training.reporter import SilentReporter
from tests.domains.pipeline.killed import NOW, PRIVACY, World, calibrated_once

__all__ = ["mute"]

SMALL = {
    "gan": {"hidden": 8, "noise": 4, "condition": 4},
    "vae": {"hidden": 8, "latent": 2},
    "mst": {"name": "marginal", "algorithm": "mst", "iterations": 50},
    "aim": {"name": "marginal", "algorithm": "aim", "iterations": 50},
}
SHOP = {
    "source": {"id": "shop"},
    "domain": "shop",
    "unit": "user_id",
    "units_about": 100,
    "holdout": 0.4,
    "engine": {"default": {"hidden": 8, "embedding": 4, "context": 8}},
    "privacy": {**PRIVACY, "rows": {"events": 6}, "steps": 4, "batch_units": 20},
    "ledger": "ledger.sqlite",
}


@pytest.fixture(autouse=True)
def _mute_marginals(mute: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SIMULACRA_LEDGER", raising=False)
    monkeypatch.setattr("domains.pipeline.budgeting.calibrate_together", calibrated_once)
    monkeypatch.setattr(
        "privacy.marginals.counted",
        lambda rows, question: np.full([rows.sizes[column] for column in question.columns], 5.0),
    )
    monkeypatch.setattr("privacy.marginals.scores", lambda rows, candidates: np.zeros(len(candidates)))


def content(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


def visits(folder: Path, people: int, seed: int) -> World:
    """Records of so many people, with one to three visits each."""
    folder.mkdir()
    luck = random.Random(seed)
    lines = [
        f"p{n},{luck.choice('abc')},{luck.randrange(10 * seed, 99)}" for n in range(people) for _ in range(1 + n % 3)
    ]
    (folder / "visits.csv").write_text("\n".join(["person,ward,age", *lines]) + "\n")
    return World(folder)


@pytest.mark.parametrize("name", SMALL)
def test_what_no_mechanism_says_of_rows_does_not_depend_on_them(name: str, tmp_path: Path) -> None:
    engine = {"default": {"name": name, **SMALL[name]}}
    seen = []
    for folder, people, seed in ((tmp_path / "few", 130, 1), (tmp_path / "many", 170, 2)):
        visits(folder, people, seed).fit(engine=engine, privacy=PRIVACY)
        seen.append(content(folder / "model"))
    assert seen[0].keys() == seen[1].keys()
    assert [file for file in seen[0] if seen[0][file] != seen[1][file]] == []


def test_what_no_mechanism_says_of_events_does_not_depend_on_them(tmp_path: Path) -> None:
    seen = []
    for name, users, seed in (("few", 90, 1), ("many", 120, 2)):
        (tmp_path / name).mkdir()
        given: dict[str, Any] = {**SHOP, "source": {"id": "shop", "simulate": {"units": users, "seed": seed}}}
        path = tmp_path / name / "config.yaml"
        path.write_text(yaml.safe_dump(given))
        fit_to(read_config(path), tmp_path / name / "model", SilentReporter(), now=NOW)
        seen.append(content(tmp_path / name / "model"))
    assert any("events" in file for file in seen[0])
    assert seen[0].keys() == seen[1].keys()
    assert [file for file in seen[0] if seen[0][file] != seen[1][file]] == []

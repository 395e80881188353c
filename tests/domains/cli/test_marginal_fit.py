"""A private fit of the marginal engine through the command: paid for as it ran, and sampled without the package mbi."""

from __future__ import annotations

import csv
import json
import sys
from pathlib import Path

import numpy as np
import pytest

from domains.cli.main import main
from privacy.budget.accountant import epsilon
from privacy.budget.events import EpsilonDelta, Gaussian, from_records

SCHEMA = """
name: parcels
tables:
  - name: parcels
    columns:
      - {name: parcel, kind: identifier}  # rows without one are split by what they hold, all alike rows together
      - {name: colour, kind: categorical, categories: [red, green, blue]}
      - {name: size, kind: categorical, categories: [large, small]}
"""
CONFIG = """
source: {id: parcels, path: records.csv}
schema: schema.yaml
domain: plain
unit: parcel
units_about: 640
holdout: {fraction: 0.2}
engine:
  default: {name: marginal, rounds: 1, iterations: 200}
privacy: {epsilon: 2, rows: 1, cap: {epsilon: 3}}
sample: {units: 640}
seed: 1
"""


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("parcels")
    random = np.random.default_rng(0)
    with (folder / "records.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["parcel", "colour", "size"])
        for parcel in range(800):
            colour = random.choice(["red", "green", "blue"], p=[0.5, 0.3, 0.2])
            writer.writerow([parcel, colour, "large" if (colour == "red") == (random.random() < 0.9) else "small"])
    (folder / "schema.yaml").write_text(SCHEMA)
    (folder / "config.yaml").write_text(CONFIG)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SIMULACRA_LEDGER", str(folder / "ledger.sqlite"))
        assert main(["fit", str(folder / "config.yaml"), "--out", str(folder / "model")]) == 0
    return folder / "model"


def test_the_promise_names_the_mechanisms_that_ran(model):
    promise = json.loads((model / "model.json").read_text())["promise"]
    events = from_records(promise["mechanisms"])
    selections = [event for event in events if isinstance(event, EpsilonDelta)]
    assert [(event.delta, event.count) for event in selections] == [(0.0, 1)]
    assert sum(isinstance(event, Gaussian) for event in events) == 3  # histograms, single columns, a pair
    assert 1.98 < epsilon(events, promise["delta"]) <= 2.0


def test_samples_hold_the_pair_and_need_no_mbi(model, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "mbi", None)
    assert main(["sample", str(model), "--units", "2000", "--seed", "1", "--out", str(tmp_path / "out")]) == 0
    with (tmp_path / "out" / "parcels.csv").open() as file:
        rows = list(csv.DictReader(file))
    large = {
        colour: np.mean([row["size"] == "large" for row in rows if row["colour"] == colour])
        for colour in ("red", "green", "blue")
    }
    assert large["red"] > 0.75 > 0.35 > max(large["green"], large["blue"])

"""With the mechanisms answering the same whatever they see, the model is the same to the byte, whatever the records.

All that leaves of records must go through histograms, stable histograms and clipped sums; this test replaces these
three by constants and compares everything else.
"""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import yaml
from mute import mute

import domains.pipeline.flow as flow
from domains.pipeline.budgeting import plan
from domains.pipeline.config import read_config
from domains.pipeline.model import load_model
from privacy.access import PrivateAccess
from shared.training.reporter import SilentReporter

__all__ = ["mute"]


def _config(folder: Path, units: int, seed: int) -> Path:
    folder.mkdir()
    content: dict[str, Any] = {
        "source": {"id": "hospital", "simulate": {"units": units, "seed": seed, "layout": "tables"}},
        "domain": "medical", "unit": "patient_id", "units_about": 300, "holdout": 0.2, "seed": 3,
        "sample": {"units": 40},
        "engine": {"default": {"hidden": 8, "embedding": 4, "context": 8}},
        "privacy": {"epsilon": 3, "rows": {"encounters": 3, "diagnoses": 5}, "steps": 120, "batch_units": 16,
                    "cap": {"epsilon": 9}},
        "ledger": str(folder / "ledger.sqlite"),
    }  # fmt: skip
    (folder / "config.yaml").write_text(yaml.safe_dump(content))
    return folder / "config.yaml"


def test_what_no_mechanism_says_does_not_depend_on_records(
    tmp_path: Path, mute: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("SIMULACRA_LEDGER", raising=False)
    planned: list[Any] = []

    def once(config: Any, declaration: Any) -> Any:
        if not planned:
            planned.append(plan(config, declaration))
        return planned[0]

    monkeypatch.setattr(flow, "plan", once)
    accesses: list[Any] = []
    made = PrivateAccess.__init__

    def recorded(self: PrivateAccess, data: Any, *args: Any, **more: Any) -> None:
        accesses.append(data)
        made(self, data, *args, **more)

    monkeypatch.setattr(PrivateAccess, "__init__", recorded)
    seen = []
    for name, units, seed in (("few", 300, 1), ("many", 420, 2)):
        config = read_config(_config(tmp_path / name, units, seed))
        out = tmp_path / name / "model"
        flow.fit_to(config, out, SilentReporter(), now=datetime(2026, 1, 1, tzinfo=UTC))
        files = {str(p.relative_to(out)): p.read_bytes() for p in sorted(out.rglob("*")) if p.is_file()}
        model = load_model(out)
        samples = list(model.sample(model.provenance.units, seed=1, reporter=SilentReporter()))
        seen.append((files, samples))
    for place in (0, 3):  # patients, encounters, diagnoses: all are asked, drawn and clipped by patient
        patients = set(accesses[place].units)
        assert all(set(data.units) <= patients for data in accesses[place : place + 3])
        assert all(len(set(data.units)) == len(data) for data in accesses[place : place + 3])
    (few, first), (many, second) = seen
    assert few.keys() == many.keys()
    assert [name for name in few if few[name] != many[name]] == []
    for left, right in zip(first, second, strict=True):
        for table in left:
            assert left[table].equals(right[table]), table

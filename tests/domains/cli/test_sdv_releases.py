"""Releases that SDV's synthesizers make, for comparison."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pandas as pd
import pytest

from tests.domains.cli.clinic import Cli, Clinic


def engine(clinic: Clinic, name: str, **settings) -> None:
    gate = {"pair_agreement": 0.0, "utility_gap": 1.0, "membership_auc": 1.0, "nearest_neighbour_share": 1.0}
    clinic.configure(engine={"default": {"name": name, **settings}}, gate=gate | {"copies_above_holdout": 1.0})


def test_a_release_names_sdv_and_its_licence_and_its_model_draws_no_conditions(
    clinic: Clinic, cli: Cli, tmp_path: Path, sdv_python: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SIMULACRA_SDV", str(sdv_python))
    engine(clinic, "sdv-tvae", epochs=1)
    released = cli("release", clinic.config, "--out", tmp_path / "out", "--json")
    assert released.code == 0, released.err
    folder = Path(released.json["folder"])
    rows = pd.read_parquet(next((folder / "public").rglob("*.parquet")))
    assert rows["patient"].nunique() == 200
    assert rows["age"].dropna().between(0, 110).all()
    manifest = json.loads((folder / "public" / "manifest.json").read_text())
    terms = manifest["engines"]["visits"]
    assert terms["name"] == "sdv-tvae"
    assert terms["software"].startswith("SDV 2")
    assert terms["licence"] == "Business Source License 1.1"
    card = (folder / "public" / "README.md").read_text()
    assert "engine `sdv-tvae`: SDV 2" in card
    assert "Business Source License 1.1, which is no open source licence" in card
    model = folder / "internal" / "model"
    assert not [path for path in (folder / "public").rglob("*") if path.suffix == ".pkl"]
    cli("sample", model, "--where", "sex=F", "--out", tmp_path / "s").assert_refused("draws nothing under conditions")


def test_a_promise_with_sdv_is_refused_before_anything_is_spent(clinic: Clinic, cli: Cli, tmp_path, ledger) -> None:
    clinic.configure(
        engine={"default": {"name": "sdv-ctgan"}}, privacy={"epsilon": 3, "rows": 3, "cap": {"epsilon": 9}}
    )
    for command in ("fit", "release"):
        cli(command, clinic.config, "--out", tmp_path / "out").assert_refused(
            "engine.default: sdv-ctgan learns without differential privacy", "'privacy: none'"
        )
    assert not ledger.exists()
    assert not (tmp_path / "out").exists()


def test_only_the_first_of_several_tables_can_be_sdvs(clinic: Clinic, cli: Cli, tmp_path, monkeypatch, ledger) -> None:
    monkeypatch.setenv("SIMULACRA_SDV", sys.executable)
    clinic.configure(
        source={"id": "tables", "simulate": {"units": 20, "seed": 1, "layout": "tables"}},
        schema=None,
        domain="medical",
        unit="patient_id",
        engine={"default": {"name": "sdv-gaussian-copula"}},
    )
    cli("fit", clinic.config, "--out", tmp_path / "model").assert_refused(
        "the rows of encounters lie below those of another table", "write engine: {encounters: {name: sequence}}"
    )
    assert not ledger.exists()


def test_without_an_environment_the_variable_is_named(clinic: Clinic, cli: Cli, tmp_path, monkeypatch) -> None:
    monkeypatch.delenv("SIMULACRA_SDV", raising=False)
    engine(clinic, "sdv-gaussian-copula")
    cli("fit", clinic.config, "--out", tmp_path / "model").assert_refused("name the python", "SIMULACRA_SDV")
    engine(clinic, "sdv-gaussian-copula", epochs=3)
    cli("fit", clinic.config, "--out", tmp_path / "model").assert_refused("epochs is unknown", "default_distribution")

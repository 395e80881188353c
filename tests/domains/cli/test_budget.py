"""Budgets on the command line: reserved before records are touched, spent whatever becomes of the run."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.domains.cli.clinic import Cli, Clinic

PRIVACY = {"epsilon": 2, "rows": 2, "steps": 10, "batch_units": 140, "cap": {"epsilon": 2.5}}


@pytest.fixture
def private(clinic: Clinic) -> Clinic:
    clinic.configure(privacy=PRIVACY)
    return clinic


def test_the_same_run_again_is_refused_once_the_cap_is_reached(private: Clinic, cli: Cli) -> None:
    assert cli("fit", private.config, "--out", private.folder / "first").code == 0
    before = private.left()
    cli("fit", private.config, "--out", private.folder / "second").assert_refused(
        "source clinic has spent epsilon 2.00 of its cap 2.5", code=4
    )
    assert private.left() == before
    shown = cli("ledger", "show", "clinic", "--json").json["sources"][0]
    assert shown["releases"] == 1
    assert 1.9 < shown["spent"] <= 2.0
    assert shown["cap"] == {"epsilon": 2.5, "delta": 1e-4}


def test_a_model_says_what_it_promises(private: Clinic, cli: Cli) -> None:
    outcome = cli("fit", private.config, "--json", "--out", private.folder / "model")
    assert outcome.json["privacy"] == {"epsilon": 2.0, "delta": 1e-4}
    assert outcome.json["units"] == 200


def test_a_run_that_fails_stays_charged(private: Clinic, cli: Cli) -> None:
    private.write_lines([*private.lines, "V9999999,P999999,200,F,70.0,2021-01-01,true"])
    cli("fit", private.config, "--out", private.folder / "model").assert_refused("200 is above the declared high 110")
    charge = cli("ledger", "history", "clinic", "--json").json["charges"][0]
    assert (charge["state"], charge["reason"]) == ("failed", "DataError")
    cli("fit", private.config, "--out", private.folder / "again").assert_refused("has spent", code=4)


def test_a_promise_without_a_cap_is_not_begun(private: Clinic, cli: Cli) -> None:
    private.configure(privacy={key: value for key, value in PRIVACY.items() if key != "cap"})
    cli("fit", private.config, "--out", private.folder / "model").assert_refused("privacy.cap is missing")
    assert cli("ledger", "history", "clinic", "--json").json["charges"] == []


def test_the_ledger_may_be_stricter_than_the_configuration_and_not_looser(private: Clinic, cli: Cli) -> None:
    assert cli("ledger", "cap", "clinic", "--epsilon", 1, "--delta", 1e-4).code == 0
    cli("fit", private.config, "--out", private.folder / "model").assert_refused("of its cap 1 at", code=4)
    assert cli("ledger", "cap", "clinic", "--epsilon", 50, "--delta", 1e-4).code == 0
    cli("fit", private.config, "--out", private.folder / "model").assert_refused(
        "privacy.cap allows an epsilon of 2.5, but the ledger allows source 'clinic' 50"
    )


def test_a_subset_is_charged_to_its_parent(private: Clinic, cli: Cli) -> None:
    assert cli("fit", private.config, "--out", private.folder / "whole").code == 0
    private.configure(privacy=PRIVACY, source={"id": "women", "path": "visits.csv", "parent": "clinic"})
    cli("fit", private.config, "--out", private.folder / "part").assert_refused("source women has spent", code=4)


def test_two_at_once_never_overspend(private: Clinic, cli: Cli) -> None:
    """The cap allows one of them: whichever comes first, the other is refused."""
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    runs = [
        subprocess.Popen(
            [sys.executable, "-m", "domains.cli.main", "fit", str(private.config), "--out", str(private.folder / name)],
            stderr=subprocess.PIPE,
            text=True,
            env=environment,
        )
        for name in ("one", "two")
    ]
    errors = [run.communicate(timeout=180)[1] for run in runs]
    assert sorted(run.returncode for run in runs) == [0, 4], errors
    assert {"one", "two"} & private.left() in ({"one"}, {"two"})
    assert cli("ledger", "show", "clinic", "--json").json["sources"][0]["spent"] <= 2.5


def test_a_private_run_publishes_no_exact_count(private: Clinic, cli: Cli) -> None:
    """137 and the like stand nowhere: what a model says of sizes is declared or noisy."""
    assert cli("fit", private.config, "--out", private.folder / "model").code == 0
    text = (private.folder / "model" / "model.json").read_text()
    patients = {line.split(",")[1] for line in private.lines[1:]}
    assert f" {len(private.lines) - 1}" not in text
    assert len(patients) == 200  # which is what the configuration declares


def test_the_ledger_shows_lines_for_people(private: Clinic, cli: Cli, ledger: Path) -> None:
    assert cli("ledger", "show").out == "the ledger has no sources yet\n"
    assert cli("fit", private.config, "--out", private.folder / "model").code == 0
    assert "clinic: 1 release, ε = 2 spent of 2.5 at δ = 0.0001" in cli("ledger", "show").out
    line = cli("ledger", "history", "clinic").out
    assert "clinic-fit-" in line
    assert "spent  ε = 2 at δ = 0.0001" in line
    assert ledger.stat().st_mode & 0o077 == 0, "it holds secret keys"


def test_an_unknown_source_is_named(cli: Cli) -> None:
    cli("ledger", "history", "nobody").assert_refused("source nobody is not in the ledger")
    cli("ledger", "show", "nobody").assert_refused("source nobody is not in the ledger")


@pytest.mark.parametrize(
    ("epsilon", "delta", "message"), [(0, 1e-6, "epsilon of a cap is 0"), (3, 1, "delta of a cap is 1")]
)
def test_a_cap_that_is_none(epsilon: float, delta: float, message: str, cli: Cli) -> None:
    cli("ledger", "cap", "clinic", "--epsilon", epsilon, "--delta", delta).assert_refused(message)

"""One command line run inside the test process, and a small clinic to run it on."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from domains.cli.main import main
from tests.domains.cli.clinic import Cli, Clinic, Outcome, visits


@pytest.fixture(autouse=True)
def ledger(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Each test has a ledger of its own, outside the folder in which it works."""
    path = tmp_path / "ledger" / "ledger.sqlite"
    monkeypatch.setenv("SIMULACRA_LEDGER", str(path))
    return path


@pytest.fixture
def cli(capsys: pytest.CaptureFixture[str]) -> Cli:
    """Runs one command line; arguments may be paths and numbers."""

    def run(*arguments: object) -> Outcome:
        capsys.readouterr()
        code = main([str(argument) for argument in arguments])
        captured = capsys.readouterr()
        return Outcome(code, captured.out, captured.err)

    return run


@pytest.fixture
def clinic(tmp_path: Path) -> Clinic:
    """200 patients with a schema and a plain configuration of the smallest network."""
    folder = tmp_path / "clinic"
    folder.mkdir()
    made = Clinic(folder)
    made.write_lines(visits(200))
    made.declare(lambda table: None)
    made.configure()
    return made


@pytest.fixture(autouse=True)
def _one_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", os.environ.get("OMP_NUM_THREADS", "1"))

"""A full disk, Ctrl-C and SIGTERM: a clear line, the right exit code, and nothing left behind."""

from __future__ import annotations

import os
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from domains.cli.failures import explained
from domains.cli.main import main
from shared.errors import DataError
from tests.domains.cli.clinic import Cli, Clinic

COMMAND = [sys.executable, "-m", "domains.cli.main"]


def started(*arguments: object, before: Callable[[], None] | None = None) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [*COMMAND, *map(str, arguments)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        preexec_fn=before,
    )


def wait_for(condition: Callable[[], bool], process: subprocess.Popen[str]) -> None:
    until = time.monotonic() + 120
    while not condition():
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < until, "the command did not come to the point"
        time.sleep(0.02)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_fit_leaves_nothing(number: signal.Signals, clinic: Clinic) -> None:
    clinic.configure(engine={"default": {"epochs": 100_000}})
    before = clinic.left()
    process = started("fit", clinic.config, "--out", clinic.folder / "models" / "model")
    wait_for(lambda: len(clinic.left()) > len(before), process)
    time.sleep(0.5)
    process.send_signal(number)
    process.send_signal(number)  # the impatient press twice
    out, err = process.communicate(timeout=120)
    assert process.returncode == 5, err
    assert out == ""
    assert err == "simulacra: interrupted; nothing was left behind\n"
    assert clinic.left() == before


def test_an_interrupted_private_release_leaves_nothing_but_its_charge(clinic: Clinic, cli: Cli) -> None:
    privacy = {"epsilon": 2, "rows": 2, "steps": 100_000, "batch_units": 140, "cap": {"epsilon": 5}}
    clinic.configure(privacy=privacy)
    before = clinic.left()
    process = started("release", clinic.config, "--out", clinic.folder / "out")
    wait_for(lambda: len(clinic.left()) > len(before), process)
    time.sleep(2)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=120)
    assert process.returncode == 5, err
    assert clinic.left() == before
    (charge,) = cli("ledger", "history", "clinic", "--json").json["charges"]
    assert (charge["state"], charge["reason"]) == ("failed", "interrupted")


def test_ctrl_c_while_the_libraries_load(clinic: Clinic) -> None:
    process = started("fit", clinic.config, "--out", clinic.folder / "model")
    maps = Path(f"/proc/{process.pid}/maps")
    wait_for(lambda: "libtorch" in maps.read_text(), process)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=120)
    assert process.returncode == 5, err
    assert "Traceback" not in err


def small_files() -> None:
    resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000))


@pytest.mark.parametrize("command", ["fit", "simulate"])
def test_a_full_disk(command: str, clinic: Clinic) -> None:
    before = clinic.left()
    target = clinic.folder / "out"
    given = ["fit", clinic.config] if command == "fit" else ["simulate", "medical", "--units", 2000]
    process = started(*given, "--out", target, before=small_files)
    out, err = process.communicate(timeout=120)
    assert process.returncode == 2, err
    assert out == ""
    assert err.count("\n") == 1, err
    assert "disk" in err or "largest size" in err
    assert clinic.left() == before


def test_an_error_of_the_disk_is_told_whatever_library_meets_it() -> None:
    told = explained(RuntimeError("Error while serializing: I/O error: No space left on device (os error 28)"))
    assert told is not None
    assert told[0] == 2
    assert "the disk is full" in told[1]
    wrapped = DataError("a file is damaged")
    wrapped.__cause__ = OSError(28, "No space left on device", "/data/x")
    assert explained(wrapped) == (
        2,
        "the disk is full while writing /data/x; free space, or give an --out on another disk. Nothing was left behind",
    )


def test_too_little_memory_is_told() -> None:
    told = explained(MemoryError())
    assert told is not None
    assert told[0] == 2
    assert "memory" in told[1]


def test_a_fault_of_ours_is_one_line_and_a_traceback_only_with_debug(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    def broken(*arguments: object, **named: object) -> None:
        raise ZeroDivisionError("division by zero")

    monkeypatch.setattr("domains.cli.simulate.simulate_corpus", broken)
    given = ["simulate", "medical", "--units", "5", "--out", str(tmp_path / "x")]
    assert main(given) == 1
    err = capsys.readouterr().err
    assert err.startswith("simulacra: a fault in simulacra: ZeroDivisionError: division by zero")
    assert err.count("\n") == 1
    assert main(["--debug", *given]) == 1
    assert "Traceback" in capsys.readouterr().err

"""Who is compared, and how each is run: in a process of its own, on one thread, with a cap of CPU-seconds."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from benchmarks.tabular.data import ROOT, DataSet

ONE_THREAD = dict.fromkeys(
    ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMEXPR_NUM_THREADS", "LOKY_MAX_CPU_COUNT"), "1"
)
PEERS = ROOT / "benchmarks" / "peers"


@dataclass(frozen=True, kw_only=True)
class Contender:
    """``name`` is its key and file name, ``title`` what is printed; ``environment`` is under .venv-peers/."""

    name: str
    title: str
    environment: str | None = None
    script: str = ""
    kind: str = ""
    seeds: dict[str, int]

    def command(self, data: DataSet, out: Path, seed: int, cap: float) -> list[str]:
        train = str(data.folder / "train.parquet")
        if self.environment is None:
            return [sys.executable, "-m", "benchmarks.tabular.ours", data.name, train, str(out), str(seed)]
        metadata = str(data.folder / "metadata.json")
        script = str(PEERS / self.script)
        return [str(python_of(self.environment)), script, self.kind, train, metadata, str(out), str(seed), f"{cap:g}"]

    def version(self) -> str:
        """A digest of all code that makes its rows: what it was, a result is taken from an earlier run by."""
        if self.environment is None:
            return _digest([*sorted(_sources()), PEERS / "measure.py", *sorted((ROOT / "examples").rglob("*.yaml"))])
        return _digest([PEERS / self.script, PEERS / "measure.py"], _installed(self.environment))


ONE = {"adult": 1, "diabetes130": 1}
CONTENDERS = (
    Contender(name="ours", title="ours", seeds={"adult": 3, "diabetes130": 3}),
    Contender(
        name="copula", title="SDV GaussianCopula", environment="sdv", script="sdv_table.py", kind="copula", seeds=ONE
    ),
    Contender(name="ctgan", title="SDV CTGAN", environment="sdv", script="sdv_table.py", kind="ctgan", seeds=ONE),
    Contender(name="tvae", title="SDV TVAE", environment="sdv", script="sdv_table.py", kind="tvae", seeds=ONE),
    Contender(
        name="mostly",
        title="MOSTLY AI engine",
        environment="mostly",
        script="mostly_table.py",
        kind="protected",
        seeds=ONE,
    ),
    Contender(
        name="mostly-rare",
        title="MOSTLY AI, rare values kept",
        environment="mostly",
        script="mostly_table.py",
        kind="unprotected",
        seeds=ONE,
    ),
)


def run(contender: Contender, data: DataSet, out: Path, seed: int, cap: float) -> dict[str, Any]:
    """Fit and sample; what the contender measured, or ``{"failed": why}``."""
    environment = {**os.environ, **ONE_THREAD, "PYTHONPATH": str(ROOT) if contender.environment is None else ""}
    done = subprocess.run(
        contender.command(data, out, seed, cap), capture_output=True, text=True, env=environment, cwd=ROOT, check=False
    )
    if done.returncode < 0:
        return {"failed": f"capped at {cap / 60:g} CPU-minutes: no result"}
    if done.returncode:
        raise RuntimeError(f"{contender.title} ended with {done.returncode}:\n{done.stderr[-2000:]}")
    return json.loads(done.stdout.strip().splitlines()[-1])


def python_of(environment: str) -> Path:
    return ROOT / ".venv-peers" / environment / "bin" / "python"


@cache
def _installed(environment: str) -> str:
    command = [str(python_of(environment)), "-m", "pip", "freeze", "--disable-pip-version-check"]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


def _sources() -> list[Path]:
    """Our code that makes rows: all but judges and the command line."""
    return [path for room in ("domains", "privacy", "shared") for path in (ROOT / room).rglob("*.py")]


def _digest(files: list[Path], more: str = "") -> str:
    total = hashlib.sha256(more.encode())
    for path in files:
        total.update(path.relative_to(ROOT).as_posix().encode() + path.read_bytes())
    return total.hexdigest()[:16]


def scorer_version() -> str:
    """A digest of the code that scores."""
    rooms = [path for room in ("evaluation", "benchmarks/tabular") for path in (ROOT / room).rglob("*.py")]
    return _digest(sorted(path for path in rooms if path.name in {"scoring.py"} or "evaluation" in path.parts))

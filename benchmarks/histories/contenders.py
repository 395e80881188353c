"""Who is compared, and how each is run: in a process of its own, on one thread, with a cap of CPU-seconds."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.histories.data import ROOT, DataSet
from benchmarks.tabular.contenders import ONE_THREAD, PEERS, python_of

PAR_UNITS = {
    "diabetes130": 2_000,
    "sgd": 1_280,
}  # it holds all units one-hot, as long as the longest: 1.5 GB a thousand


@dataclass(frozen=True, kw_only=True)
class Contender:
    """``environment`` is under .venv-peers/; ``None``: ours."""

    name: str
    title: str
    seeds: int
    environment: str | None = None

    def command(self, data: DataSet, out: Path, seed: int, cap: float) -> list[str]:
        train = str(data.folder / "train.parquet")
        if self.environment is None:
            return [sys.executable, "-m", "benchmarks.histories.ours", data.name, train, str(out), str(seed)]
        metadata, most = str(data.folder / "metadata.json"), str(PAR_UNITS[data.name])
        script = str(PEERS / "sdv_par.py")
        return [str(python_of(self.environment)), script, train, metadata, str(out), str(seed), f"{cap:g}", most]


CONTENDERS = (
    Contender(name="ours", title="ours", seeds=3),
    Contender(name="par", title="SDV PAR", seeds=1, environment="sdv"),
)


def run(contender: Contender, data: DataSet, out: Path, *, seed: int, cap: float) -> dict[str, Any]:
    """Fit and sample; what the contender measured, or ``{"failed": why}``."""
    environment = {**os.environ, **ONE_THREAD, "PYTHONPATH": str(ROOT) if contender.environment is None else ""}
    done = subprocess.run(
        contender.command(data, out, seed, cap), capture_output=True, text=True, env=environment, cwd=ROOT, check=False
    )
    if done.returncode < 0:
        return {"failed": f"capped at {cap / 60:g} CPU-minutes, or out of memory: no result"}
    if done.returncode:
        raise RuntimeError(f"{contender.title} ended with {done.returncode}:\n{done.stderr[-2000:]}")
    return json.loads(done.stdout.strip().splitlines()[-1])


def run_version(contender: Contender) -> str:
    """A digest of the code that makes its rows: what it was, a result is taken from an earlier run by."""
    if contender.environment is not None:
        return _digest([PEERS / "sdv_par.py", PEERS / "measure.py"], str(PAR_UNITS))
    return _digest([*sorted((ROOT / "shared").rglob("*.py")), Path(__file__).parent / "ours.py"])


def scorer_version() -> str:
    """A digest of the code that scores."""
    files = [*(ROOT / "evaluation").rglob("*.py"), Path(__file__).parent / "scoring.py"]
    return _digest(sorted(files))


def _digest(files: list[Path], more: str = "") -> str:
    total = hashlib.sha256(more.encode())
    for path in files:
        total.update(path.relative_to(ROOT).as_posix().encode() + path.read_bytes())
    return total.hexdigest()[:16]

"""A folder with records, fits of them, and a reporter that kills its process at a step."""

from __future__ import annotations

import multiprocessing
import os
import random
import signal
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import yaml

from domains.pipeline import budgeting
from domains.pipeline.budgeting import plan
from domains.pipeline.config import Config, read_config
from domains.pipeline.declaring import declare
from domains.pipeline.flow import fit_to
from privacy.budget.calibration import calibrate_together
from privacy.budget.ledger import Ledger
from privacy.budget.promise import Mechanisms
from shared.training.reporter import SilentReporter, Stage

NOW = datetime(2026, 11, 24, tzinfo=UTC)
PRIVACY = {"epsilon": 2, "rows": 2, "steps": 20, "batch_units": 60, "cap": {"epsilon": 5}}
SCHEMA = {
    "name": "people",
    "tables": [
        {
            "name": "visits",
            "unit": "person",
            "columns": [
                {"name": "person", "kind": "identifier"},
                {"name": "ward", "kind": "categorical", "categories": ["a", "b", "c"]},
                {"name": "age", "kind": "integer", "low": 0, "high": 99, "step": 1},
            ],
        }
    ],
}


_CALIBRATED: dict[str, list[Mechanisms]] = {}


def calibrated_once(*given: Any) -> list[Mechanisms]:
    """What the calibration gives, computed once: it takes seconds, and these tests ask the same again and again."""
    asked = repr(given)
    if asked not in _CALIBRATED:
        _CALIBRATED[asked] = calibrate_together(*given)
    return _CALIBRATED[asked]


class Killing(SilentReporter):
    """Kills its process, or raises, when the training comes to a step."""

    def __init__(self, step: int, error: BaseException | None = None) -> None:
        self._step = step
        self._error = error

    @contextmanager
    def stage(self, name: str, total: int) -> Iterator[Stage]:
        with super().stage(name, total) as stage:
            yield _Countdown(stage, self._step, self._error) if name == "training" else stage


class _Countdown:
    def __init__(self, stage: Stage, step: int, error: BaseException | None) -> None:
        self._stage, self._step, self._error = stage, step, error

    def advance(self, amount: int = 1) -> None:
        self._step -= amount
        if self._step < 0:
            if self._error is not None:
                raise self._error
            os.kill(os.getpid(), signal.SIGKILL)
        self._stage.advance(amount)

    def log(self, **measures: float) -> None:
        self._stage.log(**measures)


def killed_in(target: Callable[..., None], *given: Any) -> None:
    """Call in a process of its own, which is killed."""
    # A server that forks has no other library's threads, as the process of the tests may have. Its environment is
    # that of the first call.
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["domains.pipeline.flow", "domains.pipeline.imaging"])
    process = context.Process(target=target, args=given)
    process.start()
    process.join(60)
    assert process.exitcode == -signal.SIGKILL


class World:
    """A folder with records, and fits of them."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        if not (folder / "visits.csv").is_file():
            self.records(seed=1)

    def records(self, seed: int) -> None:
        luck = random.Random(seed)
        lines = [f"p{n},{luck.choice('abc')},{luck.randrange(100)}" for n in range(150) for _ in range(1 + n % 2)]
        (self.folder / "visits.csv").write_text("\n".join(["person,ward,age", *lines]) + "\n")

    def config(self, **changes: Any) -> Config:
        content = {
            "source": {"id": "people", "path": "visits.csv"},
            "schema": "schema.yaml",
            "domain": "plain",
            "unit": "person",
            "units_about": 150,
            "holdout": {"fraction": 0.4},  # of 150: by any key more than the fewest that are needed
            "engine": {"default": {"epochs": 8, "batch_units": 60, "hidden": 8, "context": 8}},
            "privacy": "none",
            "ledger": "ledger.sqlite",
            **changes,
        }
        (self.folder / "schema.yaml").write_text(yaml.safe_dump(SCHEMA))
        path = self.folder / "config.yaml"
        path.write_text(yaml.safe_dump(content))
        return read_config(path)

    def fit(self, name: str = "model", reporter: SilentReporter | None = None, **changes: Any) -> bytes:
        out = self.folder / name
        fit_to(self.config(**changes), out, reporter or SilentReporter(), now=NOW, checkpoint_seconds=0.0)
        return next(out.rglob("weights.safetensors")).read_bytes()

    def killed(self, step: int, **changes: Any) -> None:
        """A fit in a process of its own that is killed."""
        config = self.config(**changes)
        if config.privacy is not None:
            plan(config, declare(config))  # calibrated here, and known there
        killed_in(_fit, self.folder, step, changes, _CALIBRATED)

    def left(self) -> set[str]:
        return {path.name for path in self.folder.iterdir() if path.name.startswith(".")}

    def charges(self) -> list[str]:
        return [entry.state for entry in Ledger.open(self.folder / "ledger.sqlite").history("people")]


def _fit(folder: Path, step: int, changes: Mapping[str, Any], calibrated: Mapping[str, list[Mechanisms]]) -> None:
    _CALIBRATED.update(calibrated)
    budgeting.calibrate_together = calibrated_once  # type: ignore[assignment]
    World(folder).fit(reporter=Killing(step), **changes)

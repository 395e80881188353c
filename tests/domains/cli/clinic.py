"""A small clinic to run commands on, and how a command ended."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import yaml

HEADER = "visit,patient,age,sex,weight,day,smoker"
SCHEMA: dict[str, Any] = {
    "name": "clinic",
    "tables": [
        {
            "name": "visits",
            "primary_key": "visit",
            "unit": "patient",
            "order_by": "day",
            "columns": [
                {"name": "visit", "kind": "identifier", "pattern": "V9999999", "nullable": False},
                {"name": "patient", "kind": "identifier", "pattern": "P999999", "nullable": False},
                {"name": "age", "kind": "integer", "low": 0, "high": 110},
                {"name": "sex", "kind": "categorical", "categories": ["F", "M"], "of_unit": True},
                {"name": "weight", "kind": "real", "low": 2, "high": 250, "step": 0.1},
                {"name": "day", "kind": "date", "low": "2020-01-01", "high": "2023-12-31", "nullable": False},
                {"name": "smoker", "kind": "boolean"},
            ],
        }
    ],
}


@dataclass(frozen=True)
class Outcome:
    """How a command ended."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> dict[str, Any]:
        """What --json printed."""
        return json.loads(self.out)

    def assert_refused(self, *parts: str, code: int = 2) -> None:
        """It ended with that code and one line on standard error that says all of ``parts``."""
        assert self.code == code, self.err
        assert self.out == ""
        assert self.err.count("\n") == 1, self.err
        assert self.err.startswith("simulacra: ")
        for part in parts:
            assert part in self.err, self.err


Cli = Callable[..., Outcome]


@dataclass(frozen=True)
class Clinic:
    """A folder with records, their schema and a configuration, each of which a test may spoil."""

    folder: Path

    @property
    def config(self) -> Path:
        return self.folder / "config.yaml"

    @property
    def records(self) -> Path:
        return self.folder / "visits.csv"

    @property
    def lines(self) -> list[str]:
        return self.records.read_text().splitlines()

    def write_lines(self, lines: list[str]) -> None:
        self.records.write_text("\n".join(lines) + "\n")

    def configure(self, **changes: Any) -> None:
        """Write the configuration anew, with top-level keys changed (``None`` takes one away)."""
        content = {
            "source": {"id": "clinic", "path": "visits.csv"},
            "schema": "schema.yaml",
            "unit": "patient",
            "units_about": 200,
            "holdout": 0.3,
            "engine": {"default": {"epochs": 2, "hidden": 8, "embedding": 4}},
            "privacy": "none",
            "seed": 1,
        } | changes
        self.config.write_text(yaml.safe_dump({key: value for key, value in content.items() if value is not None}))

    def declare(self, change: Callable[[dict[str, Any]], object]) -> None:
        """Write the schema anew, after ``change`` was made to its table."""
        schema = json.loads(json.dumps(SCHEMA))
        change(schema["tables"][0])
        (self.folder / "schema.yaml").write_text(yaml.safe_dump(schema, sort_keys=False))

    def left(self) -> set[str]:
        """Everything that is on disk under the folder, hidden files too."""
        return {str(path.relative_to(self.folder)) for path in self.folder.rglob("*")}


def visits(patients: int, seed: int = 0) -> list[str]:
    """Lines of a CSV file: one to three visits of each patient; weight depends on sex, and so does what is missing."""
    random = np.random.default_rng(seed)
    lines = [HEADER]
    for patient in range(patients):
        sex = "FM"[random.integers(2)]
        age = int(random.integers(18, 90))
        for day in np.sort(random.integers(0, 1400, size=random.integers(1, 4))):
            weight = "" if random.random() < 0.1 else f"{random.normal(70 if sex == 'F' else 84, 8):.1f}"
            smoker = "true" if random.random() < (0.2 if sex == "F" else 0.4) else "false"
            date = np.datetime64("2020-01-01") + int(day)
            lines.append(f"V{len(lines):07d},P{patient:06d},{age},{sex},{weight},{date},{smoker}")
    return lines

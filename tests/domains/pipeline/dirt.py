"""A simulated hospital with errors planted in it, and the truth about each."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pandas as pd

from domains.medical import MedicalDomain
from shared.corpus.schema import Schema
from shared.corpus.writing import write_corpus
from shared.training.reporter import SilentReporter

TABLE = "encounters"
Cell = tuple[int, str]


@dataclass
class Dirt:
    """``truth`` has what each spoilt cell held, by row (from 1) and column; ``kinds`` what was done to it."""

    schema: Schema
    folder: Path
    rows: int
    truth: dict[Cell, str] = field(default_factory=dict)
    kinds: dict[Cell, str] = field(default_factory=dict)
    duplicates: frozenset[int] = frozenset()


def clean_hospital(folder: Path, units: int, seed: int) -> Schema:
    """A simulated hospital in a new folder."""
    corpus = MedicalDomain().simulate(units, seed=seed, reporter=SilentReporter())
    folder.mkdir()
    write_corpus(corpus, folder)
    return corpus.schema


def dirty_hospital(folder: Path, units: int, seed: int) -> Dirt:
    """The hospital with cells spoilt in eleven ways and rows entered twice."""
    schema = clean_hospital(folder, units, seed)
    path = folder / f"{TABLE}.csv"
    table = pd.read_csv(path, dtype=str, keep_default_na=False)
    random = np.random.default_rng(seed)
    dirt = Dirt(schema, folder, len(table))

    def spoil(kind: str, column: str, count: int, change) -> None:  # type: ignore[no-untyped-def]
        free = [
            row for row in np.flatnonzero((table[column] != "").to_numpy()) if (int(row) + 1, column) not in dirt.truth
        ]
        for row in random.choice(free, size=count, replace=False):
            cell = (int(row) + 1, column)
            dirt.truth[cell] = str(table.at[row, column])
            dirt.kinds[cell] = kind
            table.at[row, column] = change(dirt.truth[cell])

    def misspelt(word: str) -> str:
        place = int(random.integers(1, len(word) - 1))
        return word[:place] + word[place + 1 :]

    spoil("case", "sex", 12, str.upper)
    spoil("blank", "sex", 12, lambda word: f" {word} ")
    spoil("abbreviation", "sex", 12, lambda word: word[0])
    spoil("typing error", "department", 25, misspelt)
    spoil("decimal comma", "bmi", 20, lambda word: f"{float(word):.1f}".replace(".", ","))
    spoil("negative", "length_of_stay", 15, lambda word: f"-{word}")
    spoil("unit", "systolic_bp", 20, lambda word: f"{word} mmHg")
    spoil("other unit", "systolic_bp", 30, lambda word: f"{float(word) * 0.133322:.1f}")
    spoil("other unit", "hba1c", 30, lambda word: f"{(float(word) - 2.152) / 0.09148:.0f}")
    spoil("future", "encounter_date", 8, lambda word: "2031-05-06")
    spoil("other date format", "encounter_date", 20, lambda word: pd.Timestamp(word).strftime("%d.%m.%Y"))
    spoil("wrong derived value", "age", 15, lambda word: str(int(word) + 7))

    twice = table.iloc[random.choice(len(table), size=25, replace=False)]
    renumbered = table.iloc[random.choice(len(table), size=15, replace=False)].copy()
    renumbered["encounter_id"] = [f"E{number:09d}" for number in range(15)]
    whole = pd.concat([table, twice, renumbered], ignore_index=True)
    dirt.duplicates = frozenset(range(len(table) + 1, len(whole) + 1))
    whole.to_csv(path, index=False)
    return dirt

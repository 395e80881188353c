"""The two data sets of histories: the same units for every contender, one half to learn from, the other to judge by."""

from __future__ import annotations

import hashlib
import json
import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from domains.customer_service.sgd_acts import ACTS, sgd_acts
from domains.medical.diabetes import DRUGS
from domains.medical.diabetes_histories import DIAGNOSES, diabetes_histories
from evaluation.fidelity.codes import CodeColumns
from shared.corpus.corpus import DTYPES, Corpus
from shared.corpus.schema import Table
from shared.corpus.units import UnitFrame, by_unit
from shared.corpus.values import to_text
from shared.randomness import numpy_generator

ROOT = Path(__file__).parent.parent.parent
SPLIT_SEED = 20_262
CODES = {
    "diabetes130": CodeColumns(
        groups={"diagnosis": DIAGNOSES, **{drug: (drug,) for drug in DRUGS}}, absent=frozenset({"No"})
    ),
    "sgd": CodeColumns(groups={"act": ACTS, "service": ("service",), "intent": ("intent",)}),
}
RUNS = {
    "diabetes130": "diabetes130: patients with several encounters; of each three diagnosis codes and 23 drugs",
    "sgd": "SGD: dialogues as turns; of each the speaker, service, intent and up to seven acts with their slots",
}


@dataclass(frozen=True, eq=False)
class DataSet:
    """Two halves of a data set, and the files that contenders read."""

    name: str
    table: Table
    train: UnitFrame
    holdout: UnitFrame
    folder: Path

    @property
    def codes(self) -> CodeColumns:
        return CODES[self.name]

    @property
    def digest(self) -> str:
        """SHA-256 of the rows of both halves."""
        total = hashlib.sha256()
        for part in (self.train, self.holdout):
            total.update(part.frame.to_csv(index=False).encode())
        return total.hexdigest()[:16]


def real_data() -> Path:
    return Path(os.environ.get("REAL_DATA", str(ROOT.parent / "shared" / "data")))


def corpus(name: str) -> Corpus:
    if name == "sgd":
        return sgd_acts(real_data() / "dialogue" / "sgd")
    return diabetes_histories(real_data() / "medical" / "diabetes130" / "diabetic_data.csv.gz")


def read_data(name: str, folder: Path) -> DataSet:
    """Read a data set, cut it in halves at random and write ``train.parquet`` and ``metadata.json``."""
    folder.mkdir(parents=True, exist_ok=True)
    whole = corpus(name)
    table = whole.schema.tables[0]
    units = by_unit(table, whole.tables[table.name])
    order = numpy_generator(SPLIT_SEED, "bench-histories", name).permutation(len(units))
    half = len(units) // 2
    train, holdout = units.take(np.sort(order[:half])), units.take(np.sort(order[half : 2 * half]))
    _write(train, folder)
    return DataSet(name, table, train, holdout, folder)


def _write(train: UnitFrame, folder: Path) -> None:
    """The rows as every version of pandas reads them, and what a peer must be told of their columns."""
    table = train.table
    columns: dict[str, object] = {str(table.unit): train.frame[str(table.unit)].astype(object)}
    told: dict[str, object] = {"unit": table.unit}
    for column in table.columns:
        if column.kind != "identifier":
            values = train.frame[column.name]
            columns[column.name] = to_text(values).astype(object).where(values.notna().to_numpy(), None)
    plain = [column for column in table.columns if column.kind != "identifier"]
    told["of_unit"] = [column.name for column in plain if column.of_unit]
    told["columns"] = [column.name for column in plain if not column.of_unit]
    half = folder / f"{os.getpid()}.half"  # runs of several contenders may share the folder
    pd.DataFrame(columns).to_parquet(half, index=False)
    half.replace(folder / "train.parquet")
    half.write_text(json.dumps(told, indent=1), encoding="utf-8")
    half.replace(folder / "metadata.json")


def units_of(path: Path, table: Table) -> UnitFrame:
    """What a contender wrote, rows in order; what it was not given is made up."""
    made = pd.read_parquet(path)
    frame = pd.DataFrame(index=made.index)
    for column in table.columns:
        if column.name not in made:
            frame[column.name] = pd.Series(range(len(made)), index=made.index).astype("str")
        else:
            missing = made[column.name].isna().to_numpy()
            frame[column.name] = made[column.name].astype("str").mask(missing)
        frame[column.name] = frame[column.name].astype(DTYPES[column.kind])
    return by_unit(table, frame)

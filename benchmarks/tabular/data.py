"""The data sets: the same rows for every contender."""

from __future__ import annotations

import hashlib
import json
import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from domains.base.contract import Task
from domains.pipeline.config import Config, read_config
from domains.pipeline.declaring import Declaration, declare
from domains.pipeline.records import units_at
from shared.corpus.corpus import DTYPES
from shared.corpus.schema import Column, Table
from shared.corpus.scratch import Scratch
from shared.corpus.units import UnitFrame, by_unit
from shared.corpus.values import to_text
from shared.randomness import numpy_generator

ROOT = Path(__file__).parent.parent.parent
DRAW_SEED = 20_261
PATIENTS = 10_000  # to learn from, and as many others held out
EXAMPLES = {"adult": "examples/tabular/adult.yaml", "diabetes130": "examples/medical/diabetes130.yaml"}
RUNS = {
    "adult": "Adult: the publisher's split, 32,561 rows to learn from, 16,281 held out; every row is a unit",
    "diabetes130": (
        f"diabetes130: {PATIENTS:,} patients drawn at random to learn from, {PATIENTS:,} others held out; ours learns "
        "and gives whole patients, the peers are given the rows without encounter and patient numbers"
    ),
}


@dataclass(frozen=True, eq=False)
class DataSet:
    """Train and holdout of one data set, and the files that contenders read."""

    name: str
    declaration: Declaration
    train: UnitFrame
    holdout: UnitFrame
    folder: Path

    @property
    def task(self) -> Task:
        return self.declaration.only.tasks[0]

    @property
    def derived(self) -> frozenset[str]:
        """Columns that are functions of others: no targets of the every-column score."""
        return frozenset(self.declaration.only.derived)

    @property
    def digest(self) -> str:
        """SHA-256 of the rows of both parts."""
        total = hashlib.sha256()
        for part in (self.train, self.holdout):
            total.update(part.frame.to_csv(index=False).encode())
        return total.hexdigest()[:16]


def example(name: str) -> Config:
    """The configuration under examples/ that the benchmark runs with."""
    os.environ.setdefault("REAL_DATA", str(ROOT.parent / "shared" / "data"))
    return read_config(ROOT / EXAMPLES[name])


def read_data(name: str, folder: Path) -> DataSet:
    """Read a data set and write ``train.parquet`` and ``metadata.json`` into ``folder``."""
    folder.mkdir(parents=True, exist_ok=True)
    config = example(name)
    declaration = declare(config)
    assert config.source.path is not None
    train = in_memory(config.source.path, declaration, folder)
    if config.holdout.path is not None:
        holdout = in_memory(config.holdout.path, declaration, folder)
    else:
        order = numpy_generator(DRAW_SEED, "bench-tabular").permutation(len(train))
        train, holdout = train.take(order[:PATIENTS]), train.take(order[PATIENTS : 2 * PATIENTS])
    plain = {column.name: _plain(train.frame[column.name], column) for column in declaration.only.table.columns}
    half = folder / f"{os.getpid()}.half"  # runs of several contenders may share the folder
    pd.DataFrame(plain).to_parquet(half, index=False)
    half.replace(folder / "train.parquet")
    columns = {
        c.name: {"sdtype": "numerical" if c.kind == "integer" else "categorical"}
        for c in compared(declaration.only.table)
    }
    metadata = {"tables": {"table": {"columns": columns}}, "relationships": []}
    half.write_text(json.dumps(metadata, indent=1), encoding="utf-8")
    half.replace(folder / "metadata.json")
    return DataSet(name, declaration, train, holdout, folder)


def in_memory(path: Path | str, declaration: Declaration, folder: Path) -> UnitFrame:
    """All units at a path; ``folder`` is for scratch."""
    units = units_at(path, declaration, Scratch(folder))[declaration.only.name]
    return units.take(np.arange(len(units)))


def compared(table: Table) -> list[Column]:
    """All columns but keys and identifiers: what a generator of single tables is given."""
    return [column for column in table.columns if column.kind != "identifier"]


def _plain(values: pd.Series, column: Column) -> pd.Series:
    """Whole numbers or text, as every version of pandas reads them."""
    if column.kind == "integer":
        return values.astype("int64")
    return to_text(values).astype(object).where(values.notna().to_numpy(), None)


def units_of(path: Path, table: Table) -> UnitFrame:
    """What a contender wrote. Rows without keys get them: every row is then a unit of its own."""
    made = pd.read_parquet(path)
    frame = pd.DataFrame(index=made.index)
    for column in table.columns:
        if column.name not in made:
            frame[column.name] = pd.Series(range(len(made)), index=made.index).astype("str")
        elif column.kind == "integer":
            frame[column.name] = made[column.name].astype("float64").round().astype("Int64")
        else:
            missing = made[column.name].isna().to_numpy()
            frame[column.name] = made[column.name].astype("str").mask(missing)
        frame[column.name] = frame[column.name].astype(DTYPES[column.kind])
    return by_unit(table, frame)

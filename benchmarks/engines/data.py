"""The data sets: those of ``bench-tabular``, and scikit-learn's breast cancer table."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import yaml
from sklearn.datasets import load_breast_cancer

from benchmarks.tabular.data import RUNS as TABULAR
from benchmarks.tabular.data import DataSet, compared, in_memory, read_data
from domains.pipeline.config import read_config
from domains.pipeline.declaring import declare
from shared.corpus.schema import Column, Schema, Table
from shared.corpus.schema_file import write_schema
from shared.randomness import numpy_generator

CANCER = "breast-cancer"
SPLIT_SEED, HELD_OUT = 20_261, 0.3
RUNS = {
    **TABULAR,
    CANCER: "Breast cancer (scikit-learn): 30 measured numbers and a diagnosis, 398 rows to learn from, 171 held out",
}


def data_of(name: str, folder: Path) -> DataSet:
    """Read a data set; ``train.parquet`` and ``metadata.json`` are written into ``folder``."""
    return _breast_cancer(folder) if name == CANCER else read_data(name, folder)


def _breast_cancer(folder: Path) -> DataSet:
    folder.mkdir(parents=True, exist_ok=True)
    frame = load_breast_cancer(as_frame=True).frame
    frame.columns = [name.replace(" ", "_") for name in frame.columns]
    frame["target"] = np.where(frame["target"] == 1, "benign", "malignant")
    order = numpy_generator(SPLIT_SEED, CANCER).permutation(len(frame))
    held = round(HELD_OUT * len(frame))
    numbers = [name for name in frame.columns if name != "target"]
    columns = [Column(name=name, kind="real", nullable=False) for name in numbers]
    target = Column(name="target", kind="categorical", nullable=False, categories=("benign", "malignant"))
    schema = Schema(name="breast_cancer", tables=(Table(name="breast_cancer", columns=(*columns, target)),))
    write_schema(schema, folder / "schema.yaml")
    parts = {"holdout": frame.iloc[order[:held]], "train": frame.iloc[order[held:]]}
    for part, rows in parts.items():
        rows.to_csv(folder / f"{part}.csv", index=False)
    config = {
        "source": {"id": CANCER, "path": "train.csv"},
        "schema": "schema.yaml",
        "domain": "plain",
        "unit": "row",
        "holdout": {"path": "holdout.csv"},
        "privacy": "none",
        "tasks": [{"name": "malignant", "target": "target", "positive": ["malignant"]}],
    }
    (folder / "config.yaml").write_text(yaml.safe_dump(config), encoding="utf-8")
    declaration = declare(read_config(folder / "config.yaml"))
    train, holdout = (in_memory(folder / f"{part}.csv", declaration, folder) for part in ("train", "holdout"))
    train.frame.to_parquet(folder / "train.parquet", index=False)
    kinds = {c.name: "numerical" if c.kind == "real" else "categorical" for c in compared(declaration.only.table)}
    metadata = {"tables": {"table": {"columns": {name: {"sdtype": kind} for name, kind in kinds.items()}}}}
    (folder / "metadata.json").write_text(json.dumps({**metadata, "relationships": []}), encoding="utf-8")
    return DataSet(CANCER, declaration, train, holdout, folder)


def flat(table: Table) -> Table:
    """The table as the peers are given it: every row a unit, without keys and what is the unit's own."""
    columns = tuple(replace(column, of_unit=False) for column in compared(table))
    return replace(table, columns=columns, unit=None, primary_key=None, order_by=None)

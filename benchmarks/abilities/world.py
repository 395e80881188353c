"""Adult, models of parts of it, and one classifier for all comparisons."""

from __future__ import annotations

import dataclasses
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.metrics import f1_score, roc_auc_score

from benchmarks.tabular.data import DataSet, example, read_data
from domains.pipeline.budgeting import Charge
from domains.pipeline.config import Config
from domains.pipeline.declaring import Declaration
from domains.pipeline.model import Model
from domains.pipeline.training import fit_model
from shared.corpus.schema import Table
from shared.corpus.scratch import Scratch
from shared.corpus.units import UnitFrame, by_unit
from shared.corpus.values import to_text
from shared.training.reporter import SilentReporter

QUIET = SilentReporter()
TARGET, POSITIVE = "income", ">50K"


@dataclass(frozen=True, eq=False)
class World:
    """Adult as the configuration under examples/ has it, and a folder for scratch."""

    config: Config
    data: DataSet
    folder: Path

    @classmethod
    def read(cls) -> World:
        """Reads the files."""
        folder = Path(tempfile.mkdtemp(prefix="abilities-"))
        return cls(example("adult"), read_data("adult", folder / "adult"), folder)

    @property
    def table(self) -> Table:
        return self.data.train.table

    @property
    def declaration(self) -> Declaration:
        return self.data.declaration

    def units(self, frame: pd.DataFrame) -> UnitFrame:
        """Rows as units."""
        return by_unit(self.table, frame.reset_index(drop=True))

    def fitted(
        self, frame: pd.DataFrame, seed: int, *, start: Model | None = None, table: Table | None = None, **settings: Any
    ) -> tuple[Model, float]:
        """A model of some rows, and the CPU-seconds of its fit; ``start`` goes on learning."""
        default: Any = self.config.engines["default"]
        engine = dataclasses.replace(default, **settings)
        config = dataclasses.replace(self.config, engines={"default": engine}, seed=seed)
        declaration = self.declaration
        if table is not None:
            view = dataclasses.replace(declaration.only.view, source=table, history=table, table=table)
            only = dataclasses.replace(declaration.only, view=view)
            declaration = dataclasses.replace(declaration, tables=(only,))
        units = by_unit(table or self.table, frame.reset_index(drop=True))
        began = time.process_time()
        fitted = fit_model(
            config, declaration, {units.table.name: units}, Charge(key=b""), Scratch(self.folder), QUIET, start=start
        )
        return fitted.model, time.process_time() - began

    def saved(self, model: Model, name: str) -> Path:
        """The folder of a model; what it learns on the way may be kept there."""
        folder = self.folder / name
        folder.mkdir()
        model.save(folder)
        return folder


def sample(model: Model, rows: int, seed: int) -> pd.DataFrame:
    """Rows of a model."""
    return pd.concat(list(model.frames(rows, seed=seed, reporter=QUIET)), ignore_index=True)


def positive(frame: pd.DataFrame) -> NDArray[np.bool_]:
    """Who earns more."""
    return (to_text(frame[TARGET]) == POSITIVE).to_numpy(dtype=bool)


class Coder:
    """Numbers as they are, categories as numbers by their frequency among some rows."""

    def __init__(self, table: Table, frame: pd.DataFrame) -> None:
        self.names = [column.name for column in table.columns if column.name != TARGET]
        self.numeric = [table.column(name).kind == "integer" for name in self.names]
        self.words = {
            name: list(to_text(frame[name]).value_counts().index)
            for name, number in zip(self.names, self.numeric, strict=True)
            if not number
        }

    def matrix(self, frame: pd.DataFrame) -> NDArray[np.float64]:
        """Shape ``(rows, columns)``; NaN for what is missing or unknown."""
        parts = []
        for name, number in zip(self.names, self.numeric, strict=True):
            if number:
                parts.append(frame[name].astype("Float64").to_numpy(dtype=np.float64, na_value=np.nan))
            else:
                places = {word: float(place) for place, word in enumerate(self.words[name])}
                parts.append(to_text(frame[name]).map(places).to_numpy(dtype=np.float64, na_value=np.nan))
        return np.stack(parts, axis=1)


def classifier(coder: Coder, seed: int) -> HistGradientBoostingClassifier:
    """The one that judges: 100 trees."""
    few = [not number and len(coder.words[name]) < 255 for name, number in zip(coder.names, coder.numeric, strict=True)]
    return HistGradientBoostingClassifier(
        max_iter=100, early_stopping=False, categorical_features=few, random_state=seed
    )


def trained_auc(coder: Coder, train: pd.DataFrame, test: pd.DataFrame, seed: int) -> float:
    """AUC on test rows of what learned from train rows."""
    model = classifier(coder, seed).fit(coder.matrix(train), positive(train))
    return float(roc_auc_score(positive(test), model.predict_proba(coder.matrix(test))[:, 1]))


def trained_f1(
    coder: Coder, features: NDArray[np.float64], labels: NDArray[np.bool_], test: pd.DataFrame, seed: int
) -> float:
    """F1 of the positive class on test rows."""
    model = classifier(coder, seed).fit(features, labels)
    return float(f1_score(positive(test), model.predict(coder.matrix(test))))

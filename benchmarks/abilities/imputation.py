"""One value in five taken out of 8,000 rows, and filled in: pair agreement with the rows as they were."""

from __future__ import annotations

import dataclasses

import numpy as np
import pandas as pd
from sklearn.experimental import enable_iterative_imputer  # noqa: F401  (makes the import below possible)
from sklearn.impute import IterativeImputer

from benchmarks.abilities.lines import Line
from benchmarks.abilities.world import World
from domains.pipeline.completing import completed
from evaluation.comparison import Comparison
from evaluation.effort import Effort
from evaluation.fidelity.pair_agreement import pair_agreement
from shared.corpus.schema import Table
from shared.corpus.units import by_unit
from shared.corpus.values import to_text
from shared.training.reporter import SilentReporter

ROWS, GAPS = 8_000, 0.2


def with_gaps(frame: pd.DataFrame, seed: int) -> pd.DataFrame:
    """The rows with values taken out completely at random."""
    random = np.random.default_rng(seed)
    return frame.assign(**{name: frame[name].mask(random.random(len(frame)) < GAPS) for name in frame.columns})


def by_mean_and_mode(table: Table, gaps: pd.DataFrame) -> pd.DataFrame:
    """The mean of numbers, the most frequent category."""
    filled = {}
    for column in table.columns:
        values = gaps[column.name]
        fill = round(values.mean()) if column.kind == "integer" else values.mode().iloc[0]
        filled[column.name] = values.fillna(fill)
    return pd.DataFrame(filled)


def by_iterative_imputer(table: Table, gaps: pd.DataFrame, seed: int) -> pd.DataFrame:
    """scikit-learn's, drawing from the posterior; categories are numbers by frequency, rounded to the nearest after."""
    words = {c.name: list(to_text(gaps[c.name]).value_counts().index) for c in table.columns if c.kind != "integer"}
    matrix = np.stack(
        [
            to_text(gaps[name])
            .map({word: float(i) for i, word in enumerate(words[name])})
            .to_numpy(np.float64, na_value=np.nan)
            if name in words
            else gaps[name].astype("Float64").to_numpy(dtype=np.float64, na_value=np.nan)
            for name in table.names
        ],
        axis=1,
    )
    low, high = np.nanmin(matrix, axis=0), np.nanmax(matrix, axis=0)
    imputer = IterativeImputer(sample_posterior=True, max_iter=10, random_state=seed, min_value=low, max_value=high)
    made = np.clip(np.rint(imputer.fit_transform(matrix)), low, high)
    filled = gaps.copy()
    for place, name in enumerate(table.names):
        values: list[object] = (
            [words[name][int(v)] for v in made[:, place]] if name in words else made[:, place].tolist()
        )
        filled[name] = gaps[name].fillna(pd.Series(values, index=gaps.index).astype(gaps[name].dtype))
    return filled


def run(world: World, seeds: range) -> list[Line]:
    """Ours beside both."""
    table = dataclasses.replace(
        world.table, columns=tuple(dataclasses.replace(column, nullable=True) for column in world.table.columns)
    )
    found: dict[str, list[float]] = {"ours": [], "mean and mode": [], "IterativeImputer": []}
    for seed in seeds:
        complete = world.data.train.frame.dropna().sample(ROWS, random_state=seed).reset_index(drop=True)
        gaps = with_gaps(complete, seed)
        model, _ = world.fitted(gaps, seed, table=table, epochs=10)
        folder = world.saved(model, f"imputation-{seed}")
        (ours,) = completed(model, folder, gaps, 1, seed=seed, reporter=SilentReporter())
        made = {
            "ours": ours,
            "mean and mode": by_mean_and_mode(table, gaps),
            "IterativeImputer": by_iterative_imputer(table, gaps, seed),
        }
        for name, frame in made.items():
            real, filled = by_unit(table, complete), by_unit(table, frame)
            found[name].append(pair_agreement(Comparison(table, real, real, filled, Effort()), seed=0).value)
    return [
        Line(
            "imputation, pair agreement",
            found["ours"],
            found[name],
            name,
            np.mean(found["ours"]) > np.mean(found[name]),
        )
        for name in ("mean and mode", "IterativeImputer")
    ]

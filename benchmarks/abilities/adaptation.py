"""1,000 women after training on men, beside the 1,000 alone; and a warm start on newer rows, beside a refit."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from benchmarks.abilities.lines import Line, say
from benchmarks.abilities.world import Coder, World, sample, trained_auc
from evaluation.comparison import Comparison
from evaluation.effort import Effort
from evaluation.fidelity.pair_agreement import pair_agreement
from evaluation.fidelity.two_sample import two_sample_auc
from shared.corpus.values import to_text

FEW, GAIN = 1_000, 0.01
TUNED: dict[str, Any] = {
    "epochs": 8.0,
    "learning_rate": 2e-3,
    "batch_units": 128,
}  # for a thousand rows, from weights that know much
ALONE: dict[str, Any] = {
    "epochs": 30.0,
    "batch_units": 128,
}  # about as many steps as would be best for a thousand rows alone
WARM: dict[str, Any] = {"epochs": 1.25, "learning_rate": 5e-3, "averaging": (0.1, 0.02)}  # chosen on training rows
OLD = 0.8  # of the rows: what the model knew before the newer ones came
TOLERANCE = 0.003  # of a score: what counts as reached


def women(frame: pd.DataFrame) -> pd.Series:
    """Which rows are of women."""
    return to_text(frame["sex"]) == "Female"


def adaptation(world: World, seeds: range) -> list[Line]:
    """TSTR AUC on unseen women."""
    train, test = world.data.train.frame, world.data.holdout.frame
    test, coder = test[women(test)], Coder(world.table, train)
    adapted, alone = [], []
    for seed in seeds:
        few = train[women(train)].sample(FEW, random_state=seed)
        source, _ = world.fitted(train[~women(train)], seed)
        tuned, _ = world.fitted(few, seed, start=source, **TUNED)
        own, _ = world.fitted(few, seed, **ALONE)
        adapted.append(trained_auc(coder, sample(tuned, 20_000, seed), test, seed))
        alone.append(trained_auc(coder, sample(own, 20_000, seed), test, seed))
        real = trained_auc(coder, few, test, seed)
        say(
            f"adaptation, seed {seed}: adapted {adapted[-1]:.4f}, alone {alone[-1]:.4f}, the 1,000 real rows {real:.4f}"
        )
    met = float(np.mean(adapted) - np.mean(alone)) >= GAIN
    return [Line(f"adaptation, TSTR AUC, at least {GAIN} more", adapted, alone, "the thousand alone", met)]


def warm_start(world: World, seeds: range) -> list[Line]:
    """Scores and CPU-seconds of a model of four fifths of the rows that goes on with all, and of a refit on all."""
    train, test = world.data.train.frame, world.data.holdout.frame
    coder = Coder(world.table, train)
    found: dict[str, dict[str, list[float]]] = {name: {} for name in ("warm", "refit")}
    for seed in seeds:
        old, _ = world.fitted(train.iloc[: round(OLD * len(train))], seed)
        for name, start, settings in (("refit", None, {}), ("warm", old, WARM)):
            model, seconds = world.fitted(train, seed + 100, start=start, **settings)
            made = sample(model, len(train), seed)
            compared = Comparison(world.table, world.data.train, world.data.holdout, world.units(made), Effort())
            scores = {
                "pair agreement": pair_agreement(compared, seed=seed).value,
                "two-sample AUC": two_sample_auc(compared, seed=seed).value,
                "TSTR AUC": trained_auc(coder, made, test, seed),
                "fit, CPU-seconds": seconds,
            }
            for score, value in scores.items():
                found[name].setdefault(score, []).append(value)
    lines = []
    for score, warm in found["warm"].items():
        refit = found["refit"][score]
        ours, other = float(np.mean(warm)), float(np.mean(refit))
        met = {
            "two-sample AUC": ours <= other + TOLERANCE,
            "fit, CPU-seconds": ours <= other / 3,
        }.get(score, ours >= other - TOLERANCE)
        lines.append(Line(f"warm start, {score}", warm, refit, "refit", met))
    return lines

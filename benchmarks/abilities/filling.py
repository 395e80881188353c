"""A minority class filled from 2 % to 20 %: F1 of that class on real rows, beside SMOTE."""

from __future__ import annotations

import numpy as np
import pandas as pd
from imblearn.over_sampling import SMOTENC
from numpy.typing import NDArray

from benchmarks.abilities.lines import Line, say
from benchmarks.abilities.world import POSITIVE, TARGET, Coder, World, positive, trained_f1
from domains.pipeline.fusing import fill_counts
from domains.pipeline.mixing import draw_with_classes
from shared.training.reporter import SilentReporter

RARE, FILLED = 0.02, 0.2


def rare(frame: pd.DataFrame, seed: int) -> pd.DataFrame:
    """The rows with so few positives that they are ``RARE`` of all."""
    positives, negatives = frame[positive(frame)], frame[~positive(frame)]
    kept = round(len(negatives) * RARE / (1 - RARE))
    return pd.concat([negatives, positives.sample(kept, random_state=seed)]).sample(frac=1, random_state=seed)


def filled_by_us(world: World, frame: pd.DataFrame, seed: int) -> pd.DataFrame:
    """The rows and synthetic positives."""
    model, _ = world.fitted(frame, seed)
    folder = world.saved(model, f"filling-{seed}")
    counts = {POSITIVE: int(positive(frame).sum()), "<=50K": int((~positive(frame)).sum())}
    lacking = fill_counts(counts, {POSITIVE: FILLED, "<=50K": 1 - FILLED})
    words = {TARGET: [POSITIVE] * lacking[POSITIVE]}
    drawn = draw_with_classes(model, folder, words, seed=seed, reporter=SilentReporter())
    return pd.concat([frame, drawn], ignore_index=True)


def filled_by_smote(coder: Coder, frame: pd.DataFrame, seed: int) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Features and labels; what is missing is a category of its own, or the median, since SMOTE takes no gaps."""
    features = coder.matrix(frame)
    for place, number in enumerate(coder.numeric):
        gap = np.isnan(features[:, place])
        features[gap, place] = np.nanmedian(features[:, place]) if number else len(coder.words[coder.names[place]])
    nominal = [place for place, number in enumerate(coder.numeric) if not number]
    smote = SMOTENC(nominal, sampling_strategy=FILLED / (1 - FILLED), random_state=seed)
    made, labels = smote.fit_resample(features, positive(frame))
    for place in nominal:
        made[made[:, place] == len(coder.words[coder.names[place]]), place] = np.nan
    return made, labels.astype(bool)


def run(world: World, seeds: range) -> list[Line]:
    """Three ways on the same rows: as they are, SMOTE, ours."""
    train, test = world.data.train.frame, world.data.holdout.frame
    coder = Coder(world.table, train)
    found: dict[str, list[float]] = {"as it is": [], "SMOTE": [], "ours": []}
    for seed in seeds:
        few = rare(train, seed)
        found["as it is"].append(trained_f1(coder, coder.matrix(few), positive(few), test, seed))
        found["SMOTE"].append(trained_f1(coder, *filled_by_smote(coder, few, seed), test, seed))
        ours = filled_by_us(world, few, seed)
        found["ours"].append(trained_f1(coder, coder.matrix(ours), positive(ours), test, seed))
    say(f"filling 2 % to 20 %, unfilled: F1 {np.mean(found['as it is']):.4f}")
    met = bool(np.mean(found["ours"]) >= np.mean(found["SMOTE"]))
    return [Line("filling, F1 of the minority class", found["ours"], found["SMOTE"], "SMOTE", met)]

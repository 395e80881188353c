"""Nearest-neighbour share: do synthetic rows lie nearer to the rows that were learned from than to unseen ones?"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.special import gammaln

from evaluation.comparison import Comparison
from evaluation.leakage.space import SAME, Points, Space, distances, nearest_unit
from evaluation.score import Score
from evaluation.statistics import clustered_both_ways, normal_interval

WEAKNESS = (
    "This share finds copies and near-copies and nothing more: a generator can give away single records while it "
    "stays at 0.5. It is no proof of privacy."
)


def nearest_neighbour_share(data: Comparison, *, seed: int) -> Score:
    """Share of synthetic rows nearer to a sample of train than to one of the holdout of equal size; ties count half.

    0.5 where train has no pull of its own. Where there are more units in train than in the holdout, the share is the
    mean over all samples of train of the holdout's size, which follows from how many of the train units
    lie nearer than the holdout does: one random sample would only add noise. Rows whose nearest holdout unit is
    the same stand or fall together, and so do rows of one synthetic unit: the interval clusters both ways.

    Known weakness: Yao et al. 2025, "The DCR Delusion", arXiv:2505.01524.
    """
    space = Space(data)
    queries = data.sample_rows("synthetic", data.effort.queries, seed=seed, consumer="neighbours")
    points = space.points("synthetic", queries)
    train, holdout = (
        data.sample_rows(part, data.effort.references, seed=seed, consumer="neighbours")
        for part in ("train", "holdout")
    )
    units = {"train": data.unit_of_row["train"][train], "holdout": data.unit_of_row["holdout"][holdout]}
    radius, cell = nearest_unit(points, space.points("holdout", holdout), units["holdout"])
    nearer, level = _units_within(points, space.points("train", train), units["train"], radius)
    counts = {part: len(np.unique(unit)) for part, unit in units.items()}
    size = min(counts.values())
    none_nearer = _none_drawn(nearer, counts["train"], size)
    none_level = _none_drawn(nearer + level, counts["train"], size)
    chance = 1 - (none_nearer + none_level) / 2
    share = float(chance.mean())
    influence = (chance - share) / len(chance)
    return Score(
        name="nearest-neighbour share",
        value=share,
        interval=normal_interval(share, clustered_both_ways(influence, data.unit_of_row["synthetic"][queries], cell)),
        baseline=0.5,
        better="lower",
        detail={
            "weakness": WEAKNESS,
            "train_nearer": round(float((1 - none_nearer).sum())),
            "holdout_nearer": round(float(none_level.sum())),
            "references": size,
        },
    )


def _units_within(
    queries: Points, references: Points, unit: NDArray[np.int64], radius: NDArray[np.float64]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """How many units have a row nearer than ``radius``, and how many one just as near, each of shape ``(queries,)``."""
    starts = np.flatnonzero(np.concatenate([[True], unit[1:] != unit[:-1]]))
    nearer, within = np.empty(len(queries), dtype=np.int64), np.empty(len(queries), dtype=np.int64)
    for some, squared in distances(queries, references):
        if len(starts) < len(unit):
            squared = np.minimum.reduceat(squared, starts, axis=1)
        nearer[some] = (squared < radius[some, None] - SAME).sum(axis=1)
        within[some] = (squared <= radius[some, None] + SAME).sum(axis=1)
    return nearer, within - nearer


def _none_drawn(marked: NDArray[np.int64], units: int, size: int) -> NDArray[np.float64]:
    """Chance that ``size`` of ``units``, drawn without replacement, hold none of the ``marked`` (hypergeometric)."""
    rest = units - marked
    possible = rest >= size
    logs = gammaln(rest + 1.0) - gammaln(np.where(possible, rest - size, 0) + 1.0)
    logs -= gammaln(units + 1.0) - gammaln(units - size + 1.0)
    return np.where(possible, np.exp(np.where(possible, logs, 0.0)), 0.0)

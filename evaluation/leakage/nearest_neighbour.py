"""Nearest-neighbour share: do synthetic rows lie nearer to the rows that were learned from than to unseen ones?"""

from __future__ import annotations

import numpy as np

from evaluation.comparison import Comparison
from evaluation.leakage.space import Space, nearest
from evaluation.score import Score
from evaluation.statistics import normal_interval, variance_by_unit

WEAKNESS = (
    "This share finds copies and near-copies and nothing more: a generator can give away single records while it "
    "stays at 0.5. It is no proof of privacy."
)


def nearest_neighbour_share(data: Comparison, *, seed: int) -> Score:
    """Share of synthetic rows nearer to a sample of train than to one of the holdout of equal size; ties count half.

    0.5 where train has no pull of its own. Known weakness: Yao et al. 2025, "The DCR Delusion", arXiv:2505.01524.
    """
    size = min(data.effort.references, len(data.holdout.frame), len(data.train.frame))
    space = Space(data)
    queries = data.sample_rows("synthetic", data.effort.queries, seed=seed, consumer="neighbours")
    points = space.points("synthetic", queries)
    to_train, to_holdout = (
        nearest(points, space.points(part, data.sample_rows(part, size, seed=seed, consumer="neighbours")))
        for part in ("train", "holdout")
    )
    nearer = np.where(to_train < to_holdout, 1.0, np.where(to_train > to_holdout, 0.0, 0.5))
    share = float(nearer.mean())
    variance = variance_by_unit((nearer - share) / len(nearer), data.unit_of_row["synthetic"][queries])
    return Score(
        name="nearest-neighbour share",
        value=share,
        interval=normal_interval(share, variance),
        baseline=0.5,
        better="lower",
        detail={
            "weakness": WEAKNESS,
            "train_nearer": int((nearer == 1).sum()),
            "holdout_nearer": int((nearer == 0).sum()),
            "references": size,
        },
    )
